// Containers on the canvas: how large they are, where things stand in them, which of them lies under a point.
// A card's place is that of the body it stands in; BODY and MARGIN are those of engine/graph.py and engine/layout.py.
import { board, createStore } from "./store.js";

export const BODY = { x: 24, y: 124 };
export const MARGIN = 24;
export const CARD = { width: 236, height: 116 };
const ROOM = { width: 236, height: 100 };
const HEAD = 52;
const ROW = 24;

// How large a card will be that was not drawn yet.
export function estimated(view) {
  const rows = Math.max(view.ins?.length ?? 0, view.outs?.length ?? 0);
  const text = view.text ? 14 + 18 * view.text.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / 36), 0) : 0;
  return { width: CARD.width, height: HEAD + (view.times ? 26 : 0) + (rows ? 11 + ROW * rows : 0) + text };
}

// The containers that are folded up, per workflow, kept in this browser.
export const folded = createStore({ workflow: "", ids: new Set() });

export function openFolds(workflow) {
  let ids = [];
  try {
    ids = JSON.parse(localStorage.getItem(`weft:folded:${workflow}`) ?? "[]");
  } catch {
    // Storage may be forbidden: then everything is open.
  }
  folded.set({ workflow, ids: new Set(Array.isArray(ids) ? ids : []) });
}

export function toggleFold(id) {
  const { workflow, ids } = folded.get();
  const next = new Set(ids);
  if (!next.delete(id)) next.add(id);
  folded.set({ workflow, ids: next });
  try {
    localStorage.setItem(`weft:folded:${workflow}`, JSON.stringify([...next]));
  } catch {
    // As above.
  }
  return next.has(id);
}

export const isBox = (view) => Boolean(view?.body);

// The containers around a node, innermost first.
export function around(id, nodes = board.get().nodes) {
  const found = [];
  let parent = nodes.get(id)?.parent;
  while (parent && nodes.has(parent) && !found.includes(parent)) {
    found.push(parent);
    parent = nodes.get(parent).parent;
  }
  return found;
}

export const standsIn = (id, container, nodes = board.get().nodes) => around(id, nodes).includes(container);

// The outermost folded container around a node, which stands for it; the node itself where none is folded.
export function shownAs(id, nodes, ids) {
  const hidden = around(id, nodes).filter((box) => ids.has(box));
  return hidden.length ? hidden[hidden.length - 1] : id;
}

export function inside(id, nodes = board.get().nodes) {
  return [...nodes.keys()].filter((other) => standsIn(other, id, nodes));
}

// Those that stand in none of the others.
export const topmost = (ids, nodes = board.get().nodes) => ids.filter((id) => !around(id, nodes).some((box) => ids.includes(box)));

// Where a body starts on the canvas.
export function originOf(container, nodes = board.get().nodes) {
  if (!container || !nodes.has(container)) return { x: 0, y: 0 };
  return [container, ...around(container, nodes)].reduce((sum, id) => {
    const view = nodes.get(id);
    return { x: sum.x + view.x + BODY.x, y: sum.y + view.y + BODY.y };
  }, { x: 0, y: 0 });
}

export function placeOf(id, nodes = board.get().nodes) {
  const view = nodes.get(id);
  const start = originOf(view?.parent, nodes);
  return { x: start.x + (view?.x ?? 0), y: start.y + (view?.y ?? 0) };
}

// A place on the canvas as seen from a body, where nothing stands left of or above its start.
export function within(container, spot, nodes = board.get().nodes) {
  const start = originOf(container, nodes);
  const seen = { x: Math.round(spot.x - start.x), y: Math.round(spot.y - start.y) };
  return container ? { x: Math.max(0, seen.x), y: Math.max(0, seen.y) } : seen;
}

// The size of each open container, from what stands in it; the deepest first, since the outer ones hold them.
export function sizesOf(nodes, ids, measured = () => null) {
  const sizes = new Map();
  const boxes = [...nodes.values()].filter(isBox).sort((a, b) => around(b.id, nodes).length - around(a.id, nodes).length);
  const bodies = new Map();
  for (const view of nodes.values()) if (view.parent) bodies.set(view.parent, [...(bodies.get(view.parent) ?? []), view]);
  for (const box of boxes) {
    if (ids.has(box.id)) continue;
    let { width, height } = ROOM;
    for (const view of bodies.get(box.id) ?? []) {
      const size = sizes.get(view.id) ?? measured(view.id) ?? estimated(view);
      width = Math.max(width, view.x + size.width);
      height = Math.max(height, view.y + size.height);
    }
    sizes.set(box.id, { width: BODY.x + width + MARGIN, height: BODY.y + height + MARGIN });
  }
  return sizes;
}

// The innermost open container under a point of the canvas; never one of `but`, nor what stands in these.
export function boxAt(point, but = []) {
  const { nodes } = board.get();
  const { ids } = folded.get();
  const sizes = sizesOf(nodes, ids);
  let best = null;
  for (const [id, size] of sizes) {
    if (but.includes(id) || but.some((other) => standsIn(id, other, nodes)) || shownAs(id, nodes, ids) !== id) continue;
    const place = placeOf(id, nodes);
    const hit = point.x >= place.x && point.y >= place.y && point.x <= place.x + size.width && point.y <= place.y + size.height;
    const depth = around(id, nodes).length;
    if (hit && (!best || depth > best.depth)) best = { id, depth };
  }
  return best?.id ?? "";
}
