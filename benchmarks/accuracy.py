"""How well the offline model sorts real messages: `python -m benchmarks.accuracy` prints what docs/accuracy.md states.

The 3,080 labeled messages of BANKING77's test part are cut in two by a hash of the text. Everything was chosen (wording
of the descriptions, constants of the scoring) on the development half. The figures are of the other half. Example
messages are drawn from the development half, so no example is ever counted in its own test.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from integrations.core.ai.categorize import Categorize, Categorized, Category, categorize

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "templates" / "samples"
URGENT_INTENTS = frozenset(
    {
        "card_payment_not_recognised",
        "card_swallowed",
        "cash_withdrawal_not_recognised",
        "compromised_card",
        "direct_debit_payment_not_recognised",
        "lost_or_stolen_card",
        "lost_or_stolen_phone",
    }
)


@dataclass(frozen=True)
class Message:
    text: str
    intent: str
    department: str

    @property
    def for_test(self) -> bool:
        return hashlib.sha256(self.text.encode()).digest()[0] % 2 == 1


def departments() -> list[Category]:
    """As the template ships them."""
    return [Category.model_validate(row) for row in json.loads((SAMPLES / "departments.json").read_text())]


def messages() -> list[Message]:
    by_department = json.loads((Path(__file__).parent / "intents.json").read_text())
    department_of = {intent: name for name, intents in by_department.items() for intent in intents}
    with (SAMPLES / "messages.csv").open(newline="") as file:
        return [Message(r["text"], r["category"], department_of[r["category"]]) for r in csv.DictReader(file)]


def sort(texts: Sequence[str], categories: Sequence[Category]) -> list[Categorized]:
    """Through the node itself, in batches of its size."""
    return _categorize([Categorize(text=text, categories=list(categories)) for text in texts])


def _categorize(calls: Sequence[Categorize]) -> list[Categorized]:
    batch = categorize.batch
    results = [result for i in range(0, len(calls), batch) for result in categorize(list(calls[i : i + batch]))]
    assert all(isinstance(result, Categorized) for result in results)
    return results


def with_examples(count: int, seed: int, known: Sequence[Message]) -> list[Category]:
    """The departments with `count` messages each of the development half as examples."""
    chooser = random.Random(seed)
    return [
        category.model_copy(
            update={"examples": chooser.sample([m.text for m in known if m.department == category.name], count)}
        )
        for category in departments()
    ]


def accuracy(results: Sequence[Categorized], truth: Sequence[Message]) -> float:
    return statistics.fmean(r.category == m.department for r, m in zip(results, truth, strict=True))


def urgency(truth: Sequence[Message]) -> tuple[float, float]:
    """Precision and recall of the template's mark "Urgent", against seven intents that a bank would call urgent."""
    document = json.loads((ROOT / "templates" / "sort_customer_messages.json").read_text())["document"]
    settings = document["nodes"]["department"]["with"]
    calls = [
        Categorize(text=m.text, categories=departments(), marks=settings["marks"], mark_above=settings["mark_above"])
        for m in truth
    ]
    marked = [result.marks["Urgent"] for result in _categorize(calls)]
    right = sum(mark and m.intent in URGENT_INTENTS for mark, m in zip(marked, truth, strict=True))
    return right / sum(marked), right / sum(m.intent in URGENT_INTENTS for m in truth)


def main() -> None:
    everything = messages()
    known = [m for m in everything if not m.for_test]
    test = [m for m in everything if m.for_test]
    texts = [m.text for m in test]
    sort(["Warm up, please."], departments())
    start = time.perf_counter()
    sort([m.text for m in everything], departments())
    seconds = time.perf_counter() - start
    print(f"{len(known)} messages to develop on, {len(test)} to test on")
    print(f"whole file in one process: {seconds:.1f} s, {seconds / len(everything) * 1000:.1f} ms a message\n")

    results = sort(texts, departments())
    print(f"descriptions alone          {accuracy(results, test):.1%}")
    for count in (3, 10, 50):
        scores = [accuracy(sort(texts, with_examples(count, seed, known)), test) for seed in range(5)]
        spread = f"five draws: {min(scores):.1%} to {max(scores):.1%}"
        print(f"and {count:2} examples each     {statistics.fmean(scores):.1%} ({spread})")

    print("\nconfidence   messages   right")
    for low, high in ((0, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.01)):
        inside = [(r, m) for r, m in zip(results, test, strict=True) if low <= r.confidence < high]
        right = statistics.fmean(r.category == m.department for r, m in inside)
        print(f"{low:.2f} to {min(high, 1):.2f}   {len(inside):6}   {right:.1%}")
    print("\ndepartment   messages   found   right when named")
    for name in [category.name for category in departments()]:
        of, named = (
            [r for r, m in zip(results, test, strict=True) if m.department == name],
            [m for r, m in zip(results, test, strict=True) if r.category == name],
        )
        found = statistics.fmean(r.category == name for r in of)
        print(f"{name:10} {len(of):8}   {found:.1%}   {statistics.fmean(m.department == name for m in named):.1%}")
    precision, recall = urgency(test)
    print(f"\nurgent: {recall:.0%} of the urgent messages are marked; {precision:.0%} of the marked are urgent")


if __name__ == "__main__":
    main()
