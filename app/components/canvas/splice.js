// A node goes into a wire: added there with the wire's plus, dropped from the palette, or dragged onto it.
import { CARD, estimated, folded, placeOf, sizesOf } from "./containers.js";
import { addNode, CARD_WIDTH, labelOf } from "./gestures.js";
import { push } from "./queue.js";
import { announce, board, showPatch } from "./store.js";

const GAP = 64;
const GRID = 11;

export const onGrid = (value) => Math.round(value / GRID) * GRID;

// The wire under a point of the screen, also where a card that is being dragged lies over it; a mention is no wire.
export function wireAt(point) {
  const hit = document.elementsFromPoint(point.x, point.y).map((one) => one.closest?.(".react-flow__edge")).find(Boolean);
  const view = hit && board.get().edges.get(hit.dataset.id);
  return view && view.kind !== "mention" ? view : null;
}

// Whether a node can go into a wire by being dragged onto it: only one that hangs on nothing yet.
export function isLoose(id) {
  const { nodes, edges } = board.get();
  const view = nodes.get(id);
  return Boolean(view) && !view.trigger && view.outs.length > 0 && ![...edges.values()].some((edge) => edge.source === id || edge.target === id);
}

// Between the two cards; what stands behind moves right as far as there is no room.
function makeRoom(wire, width = CARD_WIDTH) {
  const { nodes, edges } = board.get();
  const source = nodes.get(wire.source);
  const target = nodes.get(wire.target);
  const level = source.parent || "";
  if ((target.parent || "") !== level) return null;
  const sizes = sizesOf(nodes, folded.get().ids);
  const right = source.x + (sizes.get(source.id) ?? CARD).width;
  if (target.x < right) return null;
  const spot = { x: onGrid(right + GAP), y: onGrid((source.y + target.y) / 2) };
  const missing = onGrid(Math.max(0, spot.x + width + GAP - target.x) + GRID / 2);
  const ops = missing ? behind(target.id, edges).filter((id) => (nodes.get(id)?.parent || "") === level && nodes.get(id).x >= target.x)
    .map((id) => ({ op: "move", node: id, x: nodes.get(id).x + missing, y: nodes.get(id).y })) : [];
  return { spot, ops };
}

function behind(start, edges) {
  const found = new Set([start]);
  for (const id of found) for (const edge of edges.values()) if (edge.source === id) found.add(edge.target);
  return [...found];
}

const spliceOp = (id, { source, port, target, field }, into) => ({ op: "splice", node: id, source, port, target, field, ...(into && into !== "after" ? { into } : {}) });

// `into`: the field that the server said fits. `at`: where the pointer was, for ends that stand on different levels.
export function addIntoWire(typeName, wire, at, into = "") {
  const { nodes } = board.get();
  if (!nodes.has(wire.source) || !nodes.has(wire.target)) return null;
  const room = makeRoom(wire);
  const level = nodes.get(wire.source).parent || "";
  const start = placeOf(wire.source, nodes);
  const spot = room ? { x: start.x + room.spot.x - nodes.get(wire.source).x, y: start.y + room.spot.y - nodes.get(wire.source).y } : at;
  const id = addNode(typeName, spot, null, level, (fresh) => [...(room?.ops ?? []), spliceOp(fresh, wire, into)]);
  if (!id) return null;
  showPatch({
    nodes: Object.fromEntries((room?.ops ?? []).map((op) => [op.node, { x: op.x, y: op.y }])),
    edges: { [wire.id]: null },
  });
  announce(`${labelOf(id)} put between ${labelOf(wire.source)} and ${labelOf(wire.target)}`);
  return id;
}

export function putIntoWire(id, wire) {
  const { nodes } = board.get();
  const room = makeRoom(wire, (sizesOf(nodes, folded.get().ids).get(id) ?? CARD).width);
  const moved = room ? [...room.ops, { op: "move", node: id, ...room.spot }] : [];
  showPatch({ nodes: Object.fromEntries(moved.map((op) => [op.node, { x: op.x, y: op.y }])), edges: { [wire.id]: null } });
  push([...moved, spliceOp(id, wire)], 0);
  announce(`${labelOf(id)} put between ${labelOf(wire.source)} and ${labelOf(wire.target)}`);
}

// The size of every card as it is drawn, for the server that tidies up; what was never drawn is reckoned.
export function cardSizes(flow) {
  const { nodes } = board.get();
  const { ids } = folded.get();
  const sizes = {};
  for (const view of nodes.values()) {
    if (view.body && !ids.has(view.id)) continue;
    const measured = flow.getInternalNode(view.id)?.measured;
    const size = measured?.height ? measured : estimated(view);
    sizes[view.id] = [Math.ceil(size.width), Math.ceil(size.height)];
  }
  return sizes;
}

