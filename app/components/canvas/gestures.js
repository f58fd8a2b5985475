// What a gesture means as operations of the draft, and what the canvas shows until the server has answered.
import { announce, board, catalog, freshId, showPatch, toast, ui } from "./store.js";
import { BODY, CARD, folded, inside, isBox, originOf, placeOf, shownAs, sizesOf, standsIn, topmost, within } from "./containers.js";
import { push } from "./queue.js";

export const CARD_WIDTH = 236;

export const takenIds = () => new Set([...board.get().nodes.keys(), "trigger", "run", "vars", "item", "index", "previous", "now"]);

export function labelOf(id) {
  return board.get().nodes.get(id)?.label ?? id;
}

const pick = (types, type) => types.get(type);

// A card as it will be, drawn at once; the server's answer brings summary, problems and ports as they are.
function provisional(id, type, at, parent) {
  return {
    id, type: type.type, label: type.title, icon: type.icon, kind: type.kind, sub: type.subtitle ?? "", x: at.x, y: at.y,
    ins: type.ins, outs: type.outs, problems: [], starts: type.trigger, trigger: type.trigger, off: false, times: "", writes: false, after: false,
    body: type.body, results: type.results, parent,
  };
}

// `at` is a place on the canvas; in a container the card stands where that is as seen from its body.
// `more`: further operations on the new node, in the same gesture.
export function addNode(typeName, at, link = null, container = "", more = null) {
  const type = pick(catalog.get().byType, typeName);
  if (!type) return null;
  const id = freshId(typeName, takenIds());
  const parent = type.trigger ? "" : seenFrom(link, container);
  const spot = within(parent, at);
  showPatch({ nodes: { [id]: provisional(id, type, spot, parent) } });
  const ops = [{ op: "add_node", id, type: typeName, label: type.title, x: spot.x, y: spot.y, ...(parent ? { in: parent } : {}) }];
  if (link) ops.push(...linkOps(link, id));
  push(more ? [...ops, ...more(id)] : ops, 0);
  announce(`${type.title} added`);
  return id;
}

// What a wire out of a body leads to stands in that body too: from outside nobody sees into it.
function seenFrom(link, container) {
  const level = link ? board.get().nodes.get(link.source)?.parent ?? "" : "";
  return level && container !== level && !standsIn(container, level) ? level : container;
}

function linkOps({ source, port, field }, target) {
  showEdge(source, port, target, field);
  return [{ op: "connect", source, port, target, field }];
}

export const edgeId = (source, port, target, field) => `${source}.${port}>${target}.${field}`;

function showEdge(source, port, target, field) {
  const id = edgeId(source, port, target, field);
  const kind = field === "after" ? "after" : "value";
  showPatch({ edges: { [id]: { id, source, port, target, field, handle: field, kind, levels: 0 } } });
}

export function connect(source, port, target, field) {
  showEdge(source, port, target, field);
  push([{ op: "connect", source, port, target, field }], 0);
  announce(`${labelOf(source)} connected to ${labelOf(target)}`);
}

export function disconnect(edges) {
  if (!edges.length) return;
  showPatch({ edges: Object.fromEntries(edges.map((edge) => [edge.id, null])) });
  push(edges.map(({ source, port, target, field }) => ({ op: "disconnect", source, port, target, field })), 0);
  announce(edges.length === 1 ? "Wire removed" : `${edges.length} wires removed`);
}

export function removeNodes(chosen, undo) {
  if (!chosen.length) return;
  const ids = topmost(chosen);
  const gone = new Set([...ids, ...ids.flatMap((id) => inside(id))]);
  const edges = [...board.get().edges.values()].filter((edge) => gone.has(edge.source) || gone.has(edge.target));
  const within_ = gone.size - ids.length;
  const name = `${ids.length === 1 ? labelOf(ids[0]) : `${ids.length} nodes`}${within_ ? ` and the ${within_ === 1 ? "node" : `${within_} nodes`} inside` : ""}`;
  showPatch({
    nodes: Object.fromEntries([...gone].map((id) => [id, null])),
    edges: Object.fromEntries(edges.map((edge) => [edge.id, null])),
  });
  push(ids.map((id) => ({ op: "remove_node", node: id, heal: true })), 0);
  toast(`${name} deleted`, { action: { label: "Undo", run: undo } });
}

// `moved`: React Flow's nodes as they were let go.
export function moveNodes(moved) {
  const { nodes } = board.get();
  placeNodes(moved.filter((node) => nodes.has(node.id)).map((node) => {
    const start = nodes.get(node.id).parent ? BODY : { x: 0, y: 0 };
    return [node.id, { x: node.position.x - start.x, y: node.position.y - start.y }];
  }));
}

export function nudge(ids, dx, dy) {
  const { nodes } = board.get();
  placeNodes(topmost(ids).map((id) => [id, { x: nodes.get(id).x + dx, y: nodes.get(id).y + dy }]));
}

function placeNodes(places) {
  const { nodes } = board.get();
  const ops = places.map(([id, { x, y }]) => {
    const least = nodes.get(id).parent ? 0 : -Infinity;
    return { op: "move", node: id, x: Math.max(least, Math.round(x)), y: Math.max(least, Math.round(y)) };
  });
  showPatch({ nodes: Object.fromEntries(ops.map((op) => [op.node, { x: op.x, y: op.y }])) });
  push(ops);
}

// Into a container, or out of it to the level of another; `spots`: where each card was let go on the canvas.
export function moveInto(ids, container, spots) {
  const { nodes } = board.get();
  const start = ids.find((id) => nodes.get(id).starts);
  if (container && start) {
    toast(`${labelOf(start)} starts runs and cannot stand in a container`, { tone: "bad" });
    return false;
  }
  const places = Object.fromEntries(ids.map((id) => [id, within(container, spots[id])]));
  showPatch({ nodes: Object.fromEntries(ids.map((id) => [id, { parent: container, ...places[id] }])) });
  push([{ op: "move_into", nodes: ids, container: container || null, places: Object.fromEntries(ids.map((id) => [id, [places[id].x, places[id].y]])) }], 0);
  announce(`${ids.length === 1 ? labelOf(ids[0]) : `${ids.length} nodes`} ${container ? `into ${labelOf(container)}` : "out of the container"}`);
  return true;
}

export function group(ids, typeName) {
  const type = pick(catalog.get().byType, typeName);
  const id = freshId(typeName, takenIds());
  push([{ op: "group", nodes: ids, type: typeName, id, label: type.title }], 0);
  announce(`${ids.length === 1 ? labelOf(ids[0]) : `${ids.length} nodes`} grouped into ${type.title}`);
  return id;
}

export function ungroup(ids, undo) {
  const boxes = ids.filter((id) => isBox(board.get().nodes.get(id)));
  if (!boxes.length) return announce("Select a container first");
  push(boxes.map((id) => ({ op: "ungroup", node: id })), 0);
  return toast(`${boxes.length === 1 ? labelOf(boxes[0]) : `${boxes.length} containers`} ungrouped`, { action: { label: "Undo", run: undo } });
}

export function toggleOff(ids) {
  const nodes = ids.map((id) => board.get().nodes.get(id)).filter(Boolean);
  if (!nodes.length) return;
  const off = !nodes.every((node) => node.off);
  showPatch({ nodes: Object.fromEntries(nodes.map((node) => [node.id, { off }])) });
  push(nodes.map((node) => ({ op: "set_option", node: node.id, key: "off", value: off })), 0);
  announce(off ? "Turned off" : "Turned on");
}

export function rename(id, label) {
  const before = labelOf(id);
  const next = label.trim();
  if (!next || next === before) return;
  showPatch({ nodes: { [id]: { label: next } } });
  push([{ op: "rename", node: id, label: next }], 0);
}

// Which field of `target` a wire from this output goes to when it was dropped on the card and not on a port.
export function bestField(target, targets) {
  const node = board.get().nodes.get(target);
  const answers = targets?.[target] ?? {};
  const fits = node?.ins.filter((port) => answers[port.name]?.fits !== false) ?? [];
  return (fits.find((port) => !port.wired && answers[port.name]?.fits) ?? fits.find((port) => !port.wired) ?? null)?.name ?? "after";
}

export function refusalOf(target, field) {
  const answer = ui.get().connecting?.targets?.[target]?.[field];
  return answer && !answer.fits ? answer.reason : null;
}

// A place to the right of what is selected, or where the eye is; never on top of another card.
export function freeSpot(around) {
  const { nodes } = board.get();
  const { ids } = folded.get();
  const sizes = sizesOf(nodes, ids);
  const cards = [...nodes.values()].filter((node) => !node.parent).map((node) => ({ ...node, ...(sizes.get(node.id) ?? CARD) }));
  let { x, y } = around;
  const covers = () => cards.find((card) => x < card.x + card.width + 20 && x + CARD_WIDTH + 20 > card.x && y < card.y + card.height && y + 110 > card.y);
  for (let tries = 0; tries < 60 && covers(); tries += 1) y = covers().y + covers().height + 16;
  return { x, y };
}

// Where the next card stands in a container, on the canvas: right of what stands there already.
export function spotInside(container) {
  const { nodes } = board.get();
  const start = originOf(container, nodes);
  const sizes = sizesOf(nodes, folded.get().ids);
  const body = [...nodes.values()].filter((view) => view.parent === container);
  const right = Math.max(-64, ...body.map((view) => view.x + (sizes.get(view.id) ?? CARD).width));
  return { x: start.x + right + 64, y: start.y + Math.min(...body.map((view) => view.y), 0) };
}

export const isShown = (id) => shownAs(id, board.get().nodes, folded.get().ids) === id;
export { placeOf };

// Pasted nodes get fresh ids; the server renames the references among them the same way.
// Only those that stand in no other of them are moved; the rest stand in their containers. With `at`, a place on the
// canvas, they go into `container`; without, they stay on their level.
export function paste({ nodes: copied, layout }, at = null, container = "") {
  const taken = takenIds();
  const nodes = Object.fromEntries(Object.entries(copied).map(([id, node]) => [id, at && !copied[node.in] ? { ...node, in: undefined } : node]));
  const names = {};
  for (const [id, node] of Object.entries(nodes)) {
    const fresh = /^[a-z][a-z0-9_]{0,49}$/.test(id) && !taken.has(id) ? id : freshId(id.replace(/_\d+$/, ""), taken);
    taken.add(fresh);
    names[id] = fresh;
  }
  const moved = Object.keys(nodes).filter((id) => !nodes[nodes[id].in]);
  const spots = moved.map((id) => layout[id] ?? [0, 0]);
  const left = Math.min(...spots.map(([x]) => x));
  const top = Math.min(...spots.map(([, y]) => y));
  const to = at ? within(container, at) : { x: left + 44, y: top + 44 };
  const placed = Object.fromEntries(Object.keys(nodes).map((id) => {
    const [x, y] = layout[id] ?? [0, 0];
    return [id, !moved.includes(id) ? [x, y] : [Math.round(to.x + x - left), Math.round(to.y + y - top)]];
  }));
  push([{ op: "paste", nodes, layout: placed, names, ...(at && container ? { in: container } : {}) }], 0);
  const fresh = Object.values(names);
  announce(fresh.length === 1 ? "Node pasted" : `${fresh.length} nodes pasted`);
  return fresh;
}
