"""A node is one declaration: a function whose signature says everything.

The first parameter's model gives form, validation, docs and input ports; the return annotation gives the output;
further parameters say by their type which service the engine hands in; the docstring is the help text.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.contract.fields import Code, Inside, KeyValue, Multiline, PerItem, Port, Rank, Whole
from engine.contract.lists import Streamed


class Params(BaseModel):
    """The settings of one call: what the form edits and the wires fill. Unknown fields are refused."""

    # A number on a wire into a text field becomes text, as in a spreadsheet.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Effect(StrEnum):
    """What a call does to the world outside; decides what may be repeated after a crash."""

    none = "none"
    read = "read"
    write = "write"


@dataclass(frozen=True)
class Output:
    """A named way out of a node. Only outputs that fire carry a value.

    What is known of the value before any run: `passes` names the field whose value leaves here as it is (an If's
    `value`, a container's `result`), `listed` says that a list of them does, one for each round of a container's body.
    `type` is the annotation of a value that is made anew, where that is not the function's own. What leaves through an
    `early` output goes on while the node still waits for an answer (`engine.contract.asking`).
    """

    name: str
    label: str = ""
    description: str = ""
    passes: str = ""
    listed: bool = False
    type: Any = None
    early: bool = False


@dataclass(frozen=True)
class Fired:
    """Which output a call chose, and the value that leaves through it.

    A call may return a tuple of them: a router whose rules all count deals one item out to several outputs.
    """

    output: str
    value: Any


@dataclass(frozen=True)
class Waiting:
    """Park the run until then; `value` is the main output when it goes on."""

    until: datetime
    value: Any = None


@dataclass(frozen=True)
class Respond:
    """The answer to the synchronous caller of a run. The value is also the node's main output."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


MAIN = Output("main")


@dataclass(frozen=True)
class FieldSpec:
    """One field of a node's form, as engine and editor need it."""

    name: str
    title: str
    description: str
    required: bool
    rank: Rank
    levels: int
    port: bool
    literal: bool
    default: Any
    per_item: str = ""
    inside: bool = False
    streams: bool = False
    sent: bool = False


OutputsOf = Callable[[Any], Sequence[Output]]
EffectOf = Callable[[Any], Effect]


@dataclass(frozen=True, eq=False)
class NodeType:
    """What the catalogue knows of a node. Calling it calls the declared function.

    A `container` is run by the engine itself: its function says what it asks (`engine.contract.bodies`). `body`: other
    nodes can stand in it.
    `gives`: the names that its body knows beside those around it, each with the field that it comes from.
    `spends`: of a type that reports costs, whether a call with these params will have any; without it each call may.
    """

    id: str
    version: int
    title: str
    category: str
    icon: str
    params: type[Params]
    function: Callable[..., Any]
    services: Mapping[str, Any]
    result: Any
    outputs: tuple[Output, ...] | OutputsOf = (MAIN,)
    effect: Effect | EffectOf = Effect.none
    kind: Literal["action", "trigger", "container", "note"] = "action"
    trigger: Literal["manual", "webhook", "schedule", ""] = ""
    cpu: bool = False
    batch: int = 0
    honors_idempotency: bool = False
    time_limit: float = 300.0
    subtitle: str = ""
    keywords: tuple[str, ...] = ()
    body: bool = False
    gives: Mapping[str, str] = field(default_factory=dict)
    spends: Callable[[Any], bool] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @cached_property
    def doc(self) -> str:
        return inspect.cleandoc(self.function.__doc__ or "")

    @cached_property
    def fields(self) -> Mapping[str, FieldSpec]:
        return types.MappingProxyType({n: _field_spec(n, f) for n, f in self.params.model_fields.items()})

    @cached_property
    def params_schema(self) -> dict[str, Any]:
        return self.params.model_json_schema()

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """JSON Schema of the main output; empty where the declaration promises nothing."""
        if self.kind == "container" or self.result in (
            Any,
            None,
            inspect.Parameter.empty,
            Fired,
            tuple[Fired, ...],
            Waiting,
            Respond,
        ):
            return {}
        if Fired in typing.get_args(self.result):
            return {}
        if typing.get_origin(self.result) in (Iterator, AsyncIterator):
            items: Any = list[typing.get_args(self.result)[0]]  # type: ignore[misc]
            return TypeAdapter(items).json_schema(mode="serialization")
        return TypeAdapter(self.result).json_schema(mode="serialization")

    @property
    def dynamic_outputs(self) -> bool:
        return callable(self.outputs)

    def outputs_for(self, params: Any) -> tuple[Output, ...]:
        """The outputs under these settings: `params` is the validated model or, while editing, the raw mapping."""
        return tuple(self.outputs(params)) if callable(self.outputs) else self.outputs

    def effect_for(self, params: Any) -> Effect:
        """The effect under these settings: an HTTP GET reads, a POST writes."""
        return self.effect(params) if callable(self.effect) else self.effect


def action(
    node_id: str,
    *,
    title: str,
    category: str,
    icon: str,
    version: int = 1,
    outputs: Sequence[Output] | OutputsOf = (MAIN,),
    effect: Effect | EffectOf = Effect.none,
    cpu: bool = False,
    batch: int = 0,
    honors_idempotency: bool = False,
    time_limit: float = 300.0,
    subtitle: str = "",
    keywords: Sequence[str] = (),
    kind: Literal["action", "note"] = "action",
    spends: Callable[[Any], bool] | None = None,
) -> Callable[[Callable[..., Any]], NodeType]:
    """Declare a node.

    `cpu`: the function is a plain `def` that burns CPU or blocks, and runs in the process pool. A function that yields
    gives a list, which is stored while it comes about (`engine.contract.lists`). `batch`: the function
    takes up to that many params at once and returns as many results, each a value or a `NodeError`; what it means stays
    per item. An effect is recorded before its call, so a node that may write takes no batches (TypeError).
    `kind="note"`: it stands on the canvas and is never called. `spends`: of a node that reports costs, whether a call
    with these params will have any; a call that spends is not made once the day's budget is used up.
    """

    def declare(function: Callable[..., Any]) -> NodeType:
        params, services, result = _signature(function, batch)
        if batch and (callable(effect) or effect is Effect.write):
            raise TypeError(f"{function.__qualname__}: a node that may write takes one item at a time")
        return NodeType(
            id=node_id, version=version, title=title, category=category, icon=icon, params=params, function=function,
            services=services, result=result, outputs=outputs if callable(outputs) else tuple(outputs), effect=effect,
            cpu=cpu, batch=batch, honors_idempotency=honors_idempotency, time_limit=time_limit, subtitle=subtitle,
            keywords=tuple(keywords), kind=kind, spends=spends,
        )  # fmt: skip

    return declare


def trigger(
    node_id: str,
    *,
    kind: Literal["manual", "webhook", "schedule"],
    title: str,
    icon: str,
    category: str = "trigger",
    version: int = 1,
    subtitle: str = "",
    keywords: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], NodeType]:
    """Declare what starts a run. The function takes the params and the raw event and returns the main output."""

    def declare(function: Callable[..., Any]) -> NodeType:
        params, services, result = _signature(function, 0)
        services = {name: kind_ for name, kind_ in services.items() if name != "event"}
        return NodeType(
            id=node_id, version=version, title=title, category=category, icon=icon, params=params, function=function,
            services=services, result=result, kind="trigger", trigger=kind, subtitle=subtitle, keywords=tuple(keywords),
        )  # fmt: skip

    return declare


def container(
    node_id: str,
    *,
    title: str,
    icon: str,
    category: str = "flow",
    version: int = 1,
    body: bool = True,
    gives: Mapping[str, str] | None = None,
    outputs: Sequence[Output] | OutputsOf = (MAIN,),
    effect: Effect | EffectOf = Effect.none,
    subtitle: str = "",
    keywords: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], NodeType]:
    """Declare a node that the engine itself runs; the function returns what it asks of it (`engine.contract.bodies`).

    `gives`: the names that templates in the body know, each with the field that it comes from: `{"item": "items"}`.
    """

    def declare(function: Callable[..., Any]) -> NodeType:
        params, services, result = _signature(function, 0)
        return NodeType(
            id=node_id, version=version, title=title, category=category, icon=icon, params=params, function=function,
            services=services, result=result, outputs=outputs if callable(outputs) else tuple(outputs), effect=effect,
            kind="container", subtitle=subtitle, keywords=tuple(keywords), body=body,
            gives=types.MappingProxyType(dict(gives or {})),
        )  # fmt: skip

    return declare


def _signature(function: Callable[..., Any], batch: int) -> tuple[type[Params], dict[str, Any], Any]:
    hints = typing.get_type_hints(function, include_extras=True)
    result = hints.pop("return", Any)
    names = list(inspect.signature(function).parameters)
    first = hints.pop(names[0])
    if batch:
        first, result = _element(first), _element(result)
    if not (isinstance(first, type) and issubclass(first, Params)):
        raise TypeError(f"{function.__qualname__}: the first parameter must be a Params model")
    return first, hints, result


def _element(annotation: Any) -> Any:
    """`list[T]` → T; in a result `T | NodeError` → T."""
    (inner,) = typing.get_args(annotation)
    if isinstance(inner, types.UnionType):
        kept = [a for a in typing.get_args(inner) if not (isinstance(a, type) and issubclass(a, Exception))]
        inner = kept[0] if len(kept) == 1 else typing.Union[tuple(kept)]  # noqa: UP007  built at run time
    return inner


def _field_spec(name: str, info: FieldInfo) -> FieldSpec:
    levels = _levels(info.annotation)
    whole = any(isinstance(m, Whole) for m in info.metadata)
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    return FieldSpec(
        name=name,
        title=info.title or name.replace("_", " ").capitalize(),
        description=info.description or "",
        required=info.is_required(),
        rank="whole" if whole else "list" if levels else "single",
        levels=levels,
        port=any(isinstance(m, Port) for m in info.metadata),
        literal=any(isinstance(m, Code | Multiline) and m.literal for m in info.metadata),
        default=None if default is PydanticUndefined else default,
        per_item=next((m.per_item for m in info.metadata if isinstance(m, PerItem)), ""),
        inside=any(isinstance(m, Inside) for m in info.metadata),
        sent=any(isinstance(m, KeyValue) and m.sent for m in info.metadata),
        streams=any(isinstance(m, Streamed) for m in info.metadata) or _streams(info.annotation),
    )


def _streams(annotation: Any) -> bool:
    """Whether long lists may stand inside, as in `list[Items[Any]]`."""
    if any(isinstance(m, Streamed) for m in getattr(annotation, "__metadata__", ())):
        return True
    return any(_streams(inner) for inner in typing.get_args(annotation))


def _levels(annotation: Any) -> int:
    """How many list levels the annotation takes whole: `list[list[T]]` → 2, `list[T] | None` → 1, others 0."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _levels(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return max(_levels(a) for a in typing.get_args(annotation))
    if origin in (list, Sequence, tuple) or annotation is list:
        inner = [a for a in typing.get_args(annotation) if a is not Ellipsis]
        return 1 + max((_levels(a) for a in inner), default=0)
    return 0


@dataclass(frozen=True)
class Integration:
    """A family of nodes: the manifest that an integration's package exposes as `integration`."""

    id: str
    name: str
    description: str
    nodes: tuple[NodeType, ...]
    credentials: tuple[Any, ...] = ()
