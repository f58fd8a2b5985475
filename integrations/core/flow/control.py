"""Respond and Stop."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from engine.contract import (
    Expression,
    KeyValue,
    Multiline,
    Params,
    Port,
    Respond,
    Stopped,
    Whole,
    action,
)
from integrations.core.values import truth


class Answer(Params):
    body: Annotated[Any, Port(), Whole()] = Field(
        description="What is sent back: a record or list goes as JSON, a text as it is", examples=[{"ok": True}]
    )
    status: int = Field(default=200, ge=200, le=599, description="The HTTP status code", examples=[200])
    headers: Annotated[dict[str, str], KeyValue(add="Add header")] = Field(
        default_factory=dict, description="Further headers of the answer", examples=[{"Cache-Control": "no-store"}]
    )


@action(
    "flow.respond",
    title="Respond",
    category="flow",
    icon="reply",
    subtitle="Answer the caller",
    keywords=("webhook", "reply", "answer", "return"),
)
def respond(params: Answer) -> Respond:
    """Answer whoever started this run and waits for it: a webhook set to answer with the result, or a REST call.

    The first answer of a run counts. The body is also this node's output.

    With a list: the list is sent whole, as one JSON answer.
    """
    return Respond(status=params.status, headers=params.headers, body=params.body)


UNSAID = "The workflow was stopped, and the step says no reason."


class Stop(Params):
    message: Annotated[str, Multiline(rows=2)] = Field(
        description="Why the run stops: shown on its page and sent to the caller", examples=["The order has no lines."]
    )
    when: Annotated[Any, Expression()] = Field(
        default=True, description="Stop only when this holds", examples=["{{ order.lines | length == 0 }}"]
    )
    value: Annotated[Any, Port()] = Field(
        default=None, description="What goes on when the run does not stop", examples=[{"id": 7}]
    )


@action(
    "flow.stop",
    title="Stop with error",
    category="flow",
    icon="octagon-x",
    subtitle="End the run as failed",
    keywords=("fail", "error", "throw", "abort", "assert"),
)
def stop(params: Stop) -> Any:
    """Stop the run as failed, with a message of your own. If the condition does not hold, the value goes on.

    With a list: each item is asked by itself. The first that stops stops the run, unless this node sends its failed
    items to the error output: then only those leave the list.
    """
    if truth(params.when):
        message = params.message.strip() or UNSAID
        raise Stopped(message, hint="The workflow stops here on purpose; see the node's condition.")
    return params.value
