"""The inspector: what comes in, the settings, and what went out of the node that is selected."""

import asyncio
from typing import Any

import reflex as rx

from app.pages.editor import batches, filling, form, names, ports, words
from app.pages.editor.filling import Sampled, Surroundings
from app.pages.editor.seen import Seen
from app.services import held_values, preview, result_view, rounds, run_data, run_view, unit, values
from app.services.errors import Invalid, NotFound
from app.session import SessionState, guarded
from engine.contract import NodeType
from engine.graph import Node

TABS = ("in", "settings", "out", "help")


class InspectorState(SessionState):
    """One node's form and values. The canvas says which; the draft and the run say when to look again."""

    selected: str = ""
    many: int = 0
    head: dict[str, Any] = {}
    fields: list[dict[str, Any]] = []
    options: dict[str, Any] = {}
    messages: list[str] = []
    completions: list[dict[str, str]] = []
    sources: list[dict[str, Any]] = []
    source: str = ""
    in_view: dict[str, Any] = values.EMPTY
    outs: list[dict[str, str]] = []
    out: str = ""
    out_view: dict[str, Any] = values.EMPTY
    failure: dict[str, str] = run_view.NO_ERROR
    log: list[dict[str, Any]] = []
    tab: str = "settings"
    item: int = 0
    items: int = 0
    has_run: bool = False
    levels: list[dict[str, Any]] = []

    _scope: str = ""
    _around: Surroundings = Surroundings()
    _seen: Seen | None = None
    _run_id: str = ""
    _mark: int = -1
    _sampled: Sampled = Sampled()

    async def _follow(self, seen: Seen) -> None:
        """The draft has changed: show the node as it is now."""
        self._seen = seen
        if self.selected and self.selected not in seen.graph.nodes:
            self._clear()
        if self.selected:
            await self._show()

    async def _ran(self, run_id: str, failed_node: str = "") -> None:
        """There are new values; a node that failed opens by itself."""
        self._run_id, self._sampled, self.has_run, self._scope = run_id, Sampled(), bool(run_id), ""
        self._mark = -1
        if failed_node and self._seen and failed_node in self._seen.graph.nodes and not self.selected:
            self.selected, self.tab = failed_node, "out"
        if self.selected:
            await self._show()
            await self._show_values()

    async def _goes_on(self, run_id: str, mark: int) -> None:
        """A run is under way, or waits: show what it has so far. `mark` differs when there is more."""
        if (run_id, mark) == (self._run_id, self._mark):
            return
        if run_id != self._run_id:
            self._scope = ""
        self._run_id, self._mark, self._sampled, self.has_run = run_id, mark, Sampled(), True
        if self.selected:
            await self._show()
            await self._show_values()

    def _clear(self) -> None:
        self.selected, self.head, self.fields, self.messages = "", {}, [], []

    @rx.event
    @guarded
    async def select(self, ids: list[str]) -> None:
        """What is selected on the canvas now."""
        chosen = batches.words(ids)
        self.many = len(chosen)
        if self._seen is None or len(chosen) != 1 or chosen[0] not in self._seen.graph.nodes:
            self._clear()
            return
        if chosen[0] != self.selected:
            self.item, self.source, self.out = 0, "", ""
        self.selected = chosen[0]
        await self._show()
        await self._show_values()

    @rx.event
    @guarded
    async def open_tab(self, tab: str) -> None:
        """In, Settings, Out or Help."""
        if tab not in TABS:
            raise Invalid("There is no such tab.")
        self.tab = tab

    @rx.event
    @guarded
    async def step_item(self, by: int) -> None:
        """Another item for the previews."""
        if by in (-1, 1) and self.items:
            self.item = (self.item + by) % self.items
            await self._show()

    @rx.event
    @guarded
    async def go_to_round(self, container: str, number: int) -> None:
        """Look at another round of a container around the node."""
        container, number = batches.word(container), batches.count(number)
        line = [one["container"] for one in self.levels]
        if container not in line or number >= self.levels[line.index(container)]["total"]:
            return
        outer = self.levels[: line.index(container)]
        self._scope = "/".join([*(f"{one['container']}.{one['index']}" for one in outer), f"{container}.{number}"])
        await self._show()
        await self._show_values()

    @rx.event
    @guarded
    async def look_at(self, side: str, key: str, start: int) -> None:
        """A page of an input (``node port``) or of an output (``port``)."""
        start = batches.count(max(0, start) if isinstance(start, int) else start)
        if batches.word(side, 5) == "in":
            self.source = batches.word(key)
            node, _, port = self.source.partition(" ")
            self.in_view = await self._page(node, port or "main", start)
        else:
            self.out = batches.word(key)
            self.out_view = await self._page(self.selected, self.out, start)

    async def _show(self) -> None:
        if self._seen is None or self.selected not in self._seen.graph.nodes:
            return
        node = self._seen.graph.nodes[self.selected]
        known = self._seen.catalog
        one = known.get(node.type, node.version) or known.get(node.type)
        self.head = filling.head(node, one)
        if one is None:
            self.fields, self.messages = [], [f"The node type {node.type} is not installed."]
            return
        await self._load_samples()
        self._around = Surroundings(await self._look_around(self._seen), self._around.before)
        self.sources = names.sources(
            names.before(self._seen.graph, self._seen.edges, node.id), known, self._sampled.values
        )
        around = names.around(self._seen.graph, known, node.id, self._around.given)
        self.completions = names.completions(self.sources, node.params, around)
        self._show_form(self._seen, node, one)
        self.fields = await filling.filled(await self._actor(), self.fields, self._seen, node, one)
        self.options = form.option_values(node)
        self._show_outs(node, one)

    def _show_form(self, seen: Seen, node: Node, one: NodeType) -> None:
        wrong: dict[str, tuple[str, str]] = {}
        for problem in seen.checked.problems:
            if problem.node == node.id:
                said = " ".join(part for part in (problem.message, problem.hint) if part)
                wrong.setdefault(words.field_of(problem), (said, problem.fix.label if problem.fix else ""))
        levels = {
            wire["field"].partition(".")[0]: wire["levels"]
            for wire in seen.drawing.edges.values()
            if wire["target"] == node.id
        }
        badges = {name: words.badge(seen.graph, value) for name, value in node.params.items()}
        found = preview.preview(node, one, self._sampled.values, self.item, self._around.given)
        self.items = found.calls
        views = form.fields(node=node, node_type=one, problems=wrong, references=badges, levels=levels)
        self.fields = [
            {**view, "preview": found.lines.get(view["name"], ""), "preview_bad": view["name"] in found.bad}
            for view in views
        ]
        self.messages = [message for name, (message, _) in wrong.items() if name not in one.fields]

    async def _load_samples(self) -> None:
        if self._seen is None:
            return
        scope = await self._choose_rounds(self._seen)
        if self._sampled.run_id == self._run_id and self._sampled.scope == scope:
            return
        actor = await self._actor()
        found = await unit.ask(preview.samples, actor, self._run_id, list(self._seen.graph.nodes), scope=scope)
        self._sampled = Sampled(self._run_id, found, scope)

    async def _choose_rounds(self, seen: Seen) -> str:
        """Which rounds of the containers around the node its values are of: those chosen before, if they are there."""
        if not self._run_id or not seen.graph.levels(self.selected):
            self.levels = []
            return ""
        actor = await self._actor()
        found = await unit.ask(
            rounds.chosen, actor, self._run_id, drawing=seen.graph, node_id=self.selected, scope=self._scope
        )
        self.levels = [
            {"container": one.container, "label": one.label, "index": one.index, "total": one.total} for one in found
        ]
        self._scope = rounds.path_of(found)
        before = {one.container: await held_values.whole(actor, one.before) for one in found if one.before}
        self._around = Surroundings(self._around.given, before)
        return self._scope

    async def _look_around(self, seen: Seen) -> dict[str, Any]:
        """What the containers around the node give its body, in the rounds that are looked at."""
        if not self.levels:
            return {}
        indexes = {one["container"]: one["index"] for one in self.levels}
        return await asyncio.to_thread(
            preview.given, seen.graph, self.selected, indexes, self._sampled.values, self._around.before
        )

    def _show_outs(self, node: Node, one: NodeType) -> None:
        known = self._sampled.values.get(node.id, {})
        self.outs = [
            {
                "port": port.name,
                "title": port.label or port.name,
                "count": f"{known[port.name].total or 1:,}" if port.name in known else "",
            }
            for port in ports.outputs_of(one, node.params)
        ]
        if self.out not in [port["port"] for port in self.outs]:
            fired = [port["port"] for port in self.outs if port["count"]]
            self.out = (fired or [port["port"] for port in self.outs] or [""])[0]

    async def _show_values(self) -> None:
        """The first pages of what came in and went out, and what went wrong."""
        if self._seen is None or self.selected not in self._seen.graph.nodes:
            return
        feeding = next(iter(self.sources), None)
        if not self.source and feeding:
            self.source = f"{feeding['id']} {feeding['port']}"
        node, _, port = self.source.partition(" ")
        self.in_view = await self._page(node, port or "main", 0) if node else values.EMPTY
        self.out_view = await self._page(self.selected, self.out, 0)
        await self._show_failure()

    async def _show_failure(self) -> None:
        self.failure, self.log = run_view.NO_ERROR, []
        if not self._run_id:
            return
        actor = await self._actor()
        try:
            steps = await unit.ask(run_data.steps, actor, self._run_id, scope=self._sampled.scope)
        except (NotFound, Invalid):
            return
        mine = next((one for one in steps if one.node_id == self.selected), None)
        if mine is not None:
            self.failure = run_view.error(mine.error)
            self.log = run_view.log_lines(mine.log)

    async def _page(self, node_id: str, port: str, start: int) -> dict[str, Any]:
        if not (self._run_id and node_id and port):
            return values.EMPTY
        actor = await self._actor()
        try:
            found = await unit.ask(
                run_data.items,
                actor,
                self._run_id,
                node_id,
                port=port,
                start=start,
                stop=start + values.PAGE,
                scope=self._sampled.scope,
            )
        except (NotFound, Invalid):
            return values.EMPTY
        return values.view(found.items, found.start, found.total, result_view.signed_in_href)
