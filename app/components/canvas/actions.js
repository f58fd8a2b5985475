// What a key does. One listener on the window; typing in a field is never taken for a command.
import { inside, isBox, placeOf, topmost } from "./containers.js";
import { addNode, CARD_WIDTH, connect, disconnect, freeSpot, isShown, nudge, paste, removeNodes, rename, toggleOff, ungroup } from "./gestures.js";
import { neighbor } from "./keyboard.js";
import { flush, pushCommand } from "./queue.js";
import { announce, board, isTyping, ui } from "./store.js";

const WALK = ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"];
const NUDGE = 11;
const BESIDE = 64;
export const ABOVE_POINTER = 30; // a card that is added stands so that the pointer is on its head

export function duplicate(ids, select) {
  const all = board.get().nodes;
  const whole = [...new Set(topmost(ids).flatMap((id) => [id, ...inside(id)]))];
  const nodes = whole.map((id) => all.get(id)).filter((node) => node?.doc);
  if (!nodes.length) return;
  select(paste({
    nodes: Object.fromEntries(nodes.map((node) => [node.id, node.doc])),
    layout: Object.fromEntries(nodes.map((node) => [node.id, [node.x, node.y]])),
  }));
}

// The ports that the first output of this node fits, from what the server said or, before it has, from the cards.
export function connectChoices(id) {
  const { nodes, edges } = board.get();
  const source = nodes.get(id);
  const port = source?.outs[0]?.name;
  if (!port) return null;
  const taken = new Set([...edges.values()].map((edge) => `${edge.target}.${edge.field}`));
  const choices = [...nodes.values()].filter((node) => node.id !== id && !node.trigger).flatMap((node) => [
    ...node.ins.filter((input) => !taken.has(`${node.id}.${input.name}`)).map((input) => ({
      node: node.id, field: input.name, label: node.label, note: `into ${input.title}`, icon: node.icon, kind: node.kind,
    })),
    { node: node.id, field: "after", label: node.label, note: "runs afterwards, no value", icon: node.icon, kind: node.kind },
  ]);
  return { source: id, port, label: source.label, choices };
}

const SHORTCUTS = {
  z: (event) => pushCommand(event.shiftKey ? "redo" : "undo"),
  y: () => pushCommand("redo"),
  d: (_, { select, selectedIds }) => duplicate(selectedIds(), select),
  a: (_, { select }) => select([...board.get().nodes.keys()]),
  Enter: (event, { run, runFrom, selectedIds }) => {
    if (!event.shiftKey) return flush(run);
    return selectedIds().length === 1 ? flush(runFrom) : announce("Select the node to run from first");
  },
};

const LETTERS = {
  "/": (c) => quickAdd(c),
  n: (c) => quickAdd(c),
  s: (c, event) => (event.shiftKey ? addNote(c) : undefined),
  0: (c) => looked(c).fitView({ padding: 0.16, maxZoom: 1, duration: 140 }),
  1: (c) => looked(c).zoomTo(1, { duration: 140 }),
  "+": (c) => looked(c).zoomIn({ duration: 140 }),
  "-": (c) => looked(c).zoomOut({ duration: 140 }),
  "?": () => ui.set({ keys: true }),
  d: (c) => toggleOff(c.selectedIds()),
  c: (c) => openConnectMenu(c),
  p: (c) => (c.selectedIds().length === 1 ? flush(c.keep) : announce("Select the node whose output to keep first")),
  F2: (c) => askName(c),
  g: (c, event) => (event.shiftKey ? ungroup(c.selectedIds(), c.undo) : openGroupMenu(c)),
  i: (c) => stepIn(c),
  o: (c) => stepOut(c),
};

// Where a person has looked, the view no longer moves by itself.
function looked({ flow, touch }) {
  touch();
  return flow;
}

// The wire that has the focus.
function focusedWire() {
  const id = document.activeElement?.closest?.(".react-flow__edge")?.dataset.id;
  return (id && board.get().edges.get(id)) || null;
}

// Beside a wire that has the focus or is selected, the node goes into it.
function quickAdd(c) {
  const wire = focusedWire() ?? c.selectedWire();
  return wire ? c.addIntoWire(wire) : c.openQuickAdd(null, c.pointerSpot() ? null : rightOfSelected(c));
}

// Where a node goes that is added without the pointer: right of the one that is selected. A place on the screen.
function rightOfSelected({ selectedIds, flow }) {
  const ids = selectedIds();
  if (ids.length !== 1 || isBox(board.get().nodes.get(ids[0]))) return null;
  const place = placeOf(ids[0]);
  const spot = freeSpot({ x: place.x + CARD_WIDTH + BESIDE, y: place.y });
  return flow.flowToScreenPosition({ x: spot.x, y: spot.y + ABOVE_POINTER });
}

function addNote(c) {
  const spot = c.pointerSpot() ?? freeSpot(c.centre());
  const id = addNode("flow.note", spot);
  if (!id) return;
  c.select([id]);
}

function openGroupMenu({ selectedIds }) {
  const ids = topmost(selectedIds());
  if (!ids.length) return announce("Select the nodes to group first");
  return ui.set({ groupMenu: { ids } });
}

function stepIn(c) {
  const [id] = c.selectedIds();
  const { nodes } = board.get();
  const body = [...nodes.values()].filter((view) => view.parent === id && isShown(view.id));
  if (!isBox(nodes.get(id)) || !body.length) return announce("There is nothing inside");
  return goTo(body.sort((a, b) => a.x - b.x || a.y - b.y)[0].id, c);
}

function stepOut(c) {
  const parent = board.get().nodes.get(c.selectedIds()[0])?.parent;
  return parent ? goTo(parent, c) : announce("This is the top level");
}

export function openConnectMenu({ selectedIds, startConnect }) {
  const [id] = selectedIds();
  const menu = id ? connectChoices(id) : null;
  if (!menu) return announce("Select a node with an output first");
  startConnect?.(menu.source, menu.port);
  return ui.set({ connectMenu: menu, connecting: null });
}

function askName({ selectedIds }) {
  const [id] = selectedIds();
  const field = document.getElementById("node-name");
  if (id && field) { field.focus(); field.select?.(); }
}

function walk(event, { select, selectedIds, flow }) {
  const ids = selectedIds();
  if (event.altKey && ids.length) {
    const dx = event.key === "ArrowRight" ? NUDGE : event.key === "ArrowLeft" ? -NUDGE : 0;
    const dy = event.key === "ArrowDown" ? NUDGE : event.key === "ArrowUp" ? -NUDGE : 0;
    return nudge(ids, dx, dy);
  }
  const from = ids[0] ?? document.activeElement?.closest?.(".react-flow__node")?.dataset.id ?? [...board.get().nodes.keys()][0];
  const to = ids.length ? neighbor(from, event.key) : from;
  if (!to) return undefined;
  return goTo(to, { select, flow });
}

// Select a card, say what it is and where it stands, and bring it into view.
function goTo(to, { select, flow }) {
  select([to]);
  const { nodes } = board.get();
  const node = nodes.get(to);
  announce(`${node.label}. ${node.sub}${nodes.has(node.parent) ? `, in ${nodes.get(node.parent).label}` : ""}`);
  const place = placeOf(to);
  const card = document.querySelector(`.react-flow__node[data-id="${to}"]`);
  if (card) card.focus({ preventScroll: true });
  const view = flow.getViewport();
  const at = flow.flowToScreenPosition(place);
  const box = document.querySelector(".fc-canvas").getBoundingClientRect();
  if (at.x < box.x + 20 || at.x > box.right - 240 * view.zoom || at.y < box.y + 20 || at.y > box.bottom - 120) {
    flow.setCenter(place.x + 118, place.y + 60, { zoom: view.zoom, duration: 140 });
  }
  return undefined;
}

export function bindKeys(commands) {
  const onKeyDown = (event) => {
    const c = commands.get();
    const root = c.wrapper?.current;
    if (!root) return;
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key === "Enter") { event.preventDefault(); return SHORTCUTS.Enter(event, c); }
    if (isTyping(event.target) || ui.get().readOnly) return undefined;
    const within = root.contains(document.activeElement) || document.activeElement === document.body;
    if (!within) return undefined;
    return handle(event, control, c);
  };
  // Before React Flow hears of it, which would delete the nodes that are selected.
  const onDelete = (event) => {
    const wire = ["Delete", "Backspace"].includes(event.key) && !ui.get().readOnly ? focusedWire() : null;
    if (!wire) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    disconnect([wire]);
    commands.get().wrapper?.current?.focus({ preventScroll: true });
  };
  window.addEventListener("keydown", onDelete, { capture: true });
  window.addEventListener("keydown", onKeyDown);
  return () => {
    window.removeEventListener("keydown", onDelete, { capture: true });
    window.removeEventListener("keydown", onKeyDown);
  };
}

function handle(event, control, c) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  let action = null;
  if (control && key === "x") return;
  else if (control) action = SHORTCUTS[key] && (() => SHORTCUTS[key](event, c));
  else if (WALK.includes(event.key)) action = () => walk(event, c);
  else if (event.key === "Escape") action = () => { ui.set({ adding: null, keys: false, connectMenu: null, groupMenu: null }); c.select([]); };
  else if (event.key === "Enter" || event.key === " ") action = focusedCard(c);
  else if (event.altKey && event.shiftKey && event.code === "KeyT") action = () => c.tidy();
  else if (!event.altKey && LETTERS[key]) action = () => LETTERS[key](c, event);
  if (!action) return;
  event.preventDefault();
  action();
}

function focusedCard({ select, selectedIds, addIntoWire }) {
  const wire = focusedWire();
  if (wire) return () => addIntoWire(wire);
  const id = document.activeElement?.closest?.(".react-flow__node")?.dataset.id;
  if (!id) return null;
  return () => {
    if (selectedIds().includes(id)) document.getElementById("inspector")?.querySelector("input, textarea, select, button")?.focus();
    else select([id]);
  };
}

export { connect, freeSpot, removeNodes, rename };
