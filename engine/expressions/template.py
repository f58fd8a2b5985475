"""Compiles a field's text once and evaluates it in the scope of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol

from engine.contract.lists import LongList, is_list
from engine.expressions.errors import Refused, TemplateError, did_you_mean
from engine.expressions.guards import MAX_TEXT
from engine.expressions.long import MAX_READ, Seen, streamed
from engine.expressions.reading import Edit, Order, Reading, Reference
from engine.expressions.sandbox import TARGET, Program, plain
from engine.expressions.statements import Statements
from engine.expressions.syntax import Parser
from engine.expressions.tokens import Segment, segments
from engine.expressions.values import to_text

MAX_SOURCE = 200_000
PLAIN = frozenset({str, bool})
Kind = Literal["literal", "reference", "text", "expression"]


class Scope(Protocol):
    """What a template is evaluated in: knows the value of each reference, bound to the item at hand."""

    def value_of(self, reference: Reference) -> Any:
        """Raises LookupError when there is nothing of that name."""
        ...


Read = Callable[[Reference], Any]


class Part:
    """One `{{ … }}`: a bare reference, or a program over its references."""

    __slots__ = ("position", "program", "references", "source", "streamed", "variables")

    def __init__(self, source: str, position: int, references: tuple[Reference, ...], program: Program | None) -> None:
        self.source, self.position, self.references, self.program = source, position, references, program
        self.variables = tuple((f"_r{number}", reference) for number, reference in enumerate(references))
        self.streamed = frozenset() if program is None else streamed(program.code, [name for name, _ in self.variables])

    def value(self, read: Read) -> Any:
        try:
            if self.program is None:
                return read(self.references[0])
            names = self._names(read)
        except LookupError as error:
            raise self.unknown(error) from None
        try:
            result = self.program.value(names)
        except TemplateError as error:
            raise self._with_cause(error, names) from None
        if result is None or type(result) in PLAIN:
            return result
        if isinstance(result, Seen):
            return result.items
        for given in names.values():
            if result is given and not isinstance(given, int | float):
                return result
        return plain(result, self.source, self.position)

    def as_text(self, read: Read) -> str:
        """The value as it stands inside a text."""
        try:
            return to_text(self.value(read))
        except Refused as error:
            raise TemplateError(self.source, self.position, str(error)) from None

    def _names(self, read: Read) -> dict[str, Any]:
        """What the program is given: a long list so that it is not read as a whole without its being noticed."""
        names: dict[str, Any] = {}
        for name, reference in self.variables:
            value = read(reference)
            if isinstance(value, LongList):
                value = Seen(value, str(reference), None if name in self.streamed else MAX_READ)
            names[name] = value
        return names

    def unknown(self, error: LookupError) -> TemplateError:
        """LookupError(name, names known) in words."""
        name, known = (*error.args, (), ())[:2]
        return TemplateError(
            self.source, self.position, f"There is nothing named “{name}” here.", did_you_mean(str(name), known)
        )

    def _with_cause(self, error: TemplateError, names: Mapping[str, Any]) -> TemplateError:
        empty = [str(ref) for ref, value in zip(self.references, names.values(), strict=True) if value is None]
        if not empty or "missing" not in error.hint:
            return error
        hint = f"{', '.join(f'“{e}”' for e in empty)} is empty: use |default(…), or check the name."
        return TemplateError(error.source, error.position, error.message, hint)


class Block(Part):
    """A whole text with statements in it."""

    __slots__ = ()

    def text(self, read: Read) -> str:
        if self.program is None:
            return self.source
        try:
            names = self._names(read)
        except LookupError as error:
            raise self.unknown(error) from None
        text = self.program.text(names)
        if len(text) > MAX_TEXT:
            raise TemplateError(self.source, 0, f"The text would have more than {MAX_TEXT:,} characters.")
        return text


class Template:
    """A compiled field. `references` are in the order of the source, each once."""

    __slots__ = ("_block", "_only", "_parts", "kind", "references", "source")

    def __init__(
        self,
        source: str,
        kind: Kind,
        references: tuple[Reference, ...],
        parts: tuple[str | Part, ...],
        block: Block | None,
    ) -> None:
        self.source, self.kind, self.references, self._parts, self._block = source, kind, references, parts, block
        first = parts[0] if kind in ("reference", "expression") else None
        self._only = first if isinstance(first, Part) else None

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    def evaluate(self, scope: Mapping[str, Any] | Scope) -> Any:
        """The value under `scope`: typed when the source is one `{{ … }}`, text otherwise. Raises TemplateError."""
        if self.kind == "literal":
            return self.source
        read = _reader(scope) if isinstance(scope, Mapping) else scope.value_of
        if self._block is not None:
            return self._block.text(read)
        if self._only is not None:
            return self._only.value(read)
        texts = [part if isinstance(part, str) else part.as_text(read) for part in self._parts]
        if sum(map(len, texts)) > MAX_TEXT:
            raise TemplateError(self.source, 0, f"The text would have more than {MAX_TEXT:,} characters.")
        return "".join(texts)


def _reader(scope: Mapping[str, Any]) -> Read:
    def read(reference: Reference) -> Any:
        if reference.node not in scope:
            raise LookupError(reference.node, list(scope))
        return walk(scope[reference.node], reference.path)

    return read


def walk(data: Any, path: Sequence[str | int]) -> Any:
    """Follows a path: a name on a list gives the list of what its elements hold under it; what is not there is null."""
    for at, step in enumerate(path):
        if isinstance(data, Mapping):
            data = data.get(step)
            if data is None and isinstance(step, int):
                return None
        elif is_list(data):
            if isinstance(step, int):
                data = data[step] if -len(data) <= step < len(data) else None
            elif isinstance(data, LongList):
                return Projected(data, path[at:])
            else:
                return [walk(element, path[at:]) for element in data]
        else:
            return None
    return data


class Projected(LongList):
    """What the items of a long list hold under a path."""

    def __init__(self, base: LongList, path: Sequence[str | int]) -> None:
        self._base, self._path = base, tuple(path)

    @property
    def flat(self) -> bool:  # type: ignore[override]
        return self._base.flat

    @property
    def portable(self) -> bool:  # type: ignore[override]
        return self._base.portable

    @property
    def size(self) -> int:  # type: ignore[override]
        return self._base.size

    def __len__(self) -> int:
        return len(self._base)

    def read(self, start: int, stop: int) -> list[Any]:
        return [walk(element, self._path) for element in self._base.read(start, stop)]

    def pieces(self) -> Iterator[list[Any]]:
        for piece in self._base.pieces():
            yield [walk(element, self._path) for element in piece]


@lru_cache(maxsize=8192)
def compile(source: str) -> Template:
    """Raises TemplateError with position and hint for what cannot be read."""
    if "{{" not in source and "{%" not in source and "{#" not in source:
        return Template(source, "literal", (), (source,), None)
    if len(source) > MAX_SOURCE:
        raise TemplateError(source[:200], 0, f"The template has more than {MAX_SOURCE:,} characters.", "Split it up.")
    found = list(segments(source))
    if any(s.kind == "statement" or s.trims for s in found):
        block = _block(source, found)
        return Template(source, "text", block.references, (), block)
    parts = tuple(_part(source, s) if s.kind == "expression" else source[s.start : s.end] for s in found)
    references = tuple(dict.fromkeys(ref for part in parts if isinstance(part, Part) for ref in part.references))
    spoken = [part for part in parts if isinstance(part, Part) or part.strip()]
    if len(spoken) == 1 and isinstance(spoken[0], Part):
        kind: Kind = "reference" if spoken[0].program is None else "expression"
        return Template(source, kind, references, (spoken[0],), None)
    return Template(source, "text", references, parts, None)


def _part(source: str, segment: Segment) -> Part:
    reading = Reading(source)
    parser = Parser(reading, segment.tokens)
    operand = parser.whole_expression()
    mention = operand.mention
    if (
        mention is not None
        and (operand.start, operand.end) == (mention.start, mention.end)
        and mention.node != "random"
    ):
        return Part(source, mention.start, (mention.reference,), None)
    references, code, offsets = rewrite(reading, segment.start, segment.end, "{{ " + TARGET + "(", ") }}")
    return Part(source, operand.start, references, Program(source, code, offsets, statements=False))


def _block(source: str, found: Sequence[Segment]) -> Block:
    reading = Reading(source)
    Statements(reading).read(found)
    references, code, offsets = rewrite(reading, 0, len(source), "", "")
    return Block(source, 0, references, Program(source, code, offsets, statements=True))


def rewrite(
    reading: Reading, start: int, end: int, before: str, after: str
) -> tuple[tuple[Reference, ...], str, list[tuple[int, int]]]:
    """The source with each reference as a variable `_r<n>` and all guards in place, and where each piece came from."""
    references = tuple(dict.fromkeys(mention.reference for mention in reading.mentions))
    names = {reference: f"_r{number}" for number, reference in enumerate(references)}
    variables = [Edit(m.start, Order.replacement, 0, m.end, names[m.reference]) for m in reading.mentions]
    code, offsets, at = [before], [(len(before), start)], start
    length = len(before)
    for edit in sorted(variables + reading.edits):
        kept = reading.source[at : edit.start]
        offsets.append((length + len(kept), edit.start))
        code += [kept, edit.text]
        length += len(kept) + len(edit.text)
        offsets.append((length, edit.end))
        at = edit.end
    return references, "".join([*code, reading.source[at:end], after]), offsets
