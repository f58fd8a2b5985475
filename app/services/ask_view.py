"""What waits for a person, as its card shows it."""

from collections.abc import Mapping
from typing import Any, Final

from app.services import values
from app.services.approvals import Approval
from app.services.shown import Record, ms

MOST_FACTS: Final = 12
_WORDS: Final = {
    "approve": "Approve",
    "reject": "Reject",
    "again": "Do it again",
    "done": "It was done",
    "fail": "Fail the step",
    "raise": "Give it as much again",
    "end": "End the run",
}
_MAIN: Final = ("approve", "raise")
_ICONS: Final = {"approval": "badge-check", "unknown": "circle-help", "budget": "gauge"}
_AFTERWARDS: Final = {
    "fail": "; then the step fails",
    "approve": "; then it counts as approved",
    "reject": "; then it counts as rejected",
    "expired": "; then the run goes on without",
}


def card(one: Approval) -> Record:
    """The record that ``ask_card`` takes. Whoever may not decide sees whom it waits for instead of buttons."""
    evidence = one.evidence
    facts = _facts(evidence) if isinstance(evidence, Mapping) and "$file" not in evidence else []
    others = "" if one.mine else f"Waits for {', '.join(one.people) if one.people else 'others'}."
    return {
        "id": one.id,
        "node": one.node_id,
        "title": one.title,
        "about": " · ".join(part for part in (one.workflow, one.label, _place(one), _starter(one)) if part),
        "icon": _ICONS[one.kind],
        "facts": facts,
        "text": "" if evidence is None or facts else values.text(evidence),
        "deadline": ms(one.deadline),
        "on_deadline": _AFTERWARDS.get(one.on_deadline, ""),
        "at": ms(one.asked_at),
        "href": f"/runs/{one.run_id}",
        "choices": [_button(choice) for choice in _order(one)] if one.mine else [],
        "for_others": others,
        "takes_note": one.kind == "approval" and one.mine,
    }


def _order(one: Approval) -> list[str]:
    """The main choice stands last, where the thumb is."""
    return sorted(one.choices, key=lambda choice: choice in _MAIN)


def _button(choice: str) -> dict[str, str]:
    return {"choice": choice, "word": _WORDS[choice], "main": "yes" if choice in _MAIN else ""}


def _facts(evidence: Mapping[str, Any]) -> list[dict[str, str]]:
    told = [{"name": str(name), "text": values.cell(value)} for name, value in evidence.items()]
    return told if len(told) <= MOST_FACTS else []


def _place(one: Approval) -> str:
    rounds = [part.rpartition(".")[2] for part in one.scope.split("/") if part]
    told = [f"round {int(index) + 1:,}" for index in rounds if index.isdigit()]
    if one.item.isdigit():
        told.append(f"item {int(one.item) + 1:,}")
    return ", ".join(told)


def _starter(one: Approval) -> str:
    return f"started by {one.asked_by}" if one.asked_by else ""
