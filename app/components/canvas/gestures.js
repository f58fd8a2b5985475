// What a gesture means as operations of the draft, and what the canvas shows until the server has answered.
import { announce, board, catalog, freshId, showPatch, toast, ui } from "./store.js";
import { push } from "./queue.js";

export const CARD_WIDTH = 236;

export const takenIds = () => new Set([...board.get().nodes.keys(), "trigger", "run", "vars", "item", "index", "previous", "now"]);

export function labelOf(id) {
  return board.get().nodes.get(id)?.label ?? id;
}

const pick = (types, type) => types.get(type);

// A card as it will be, drawn at once; the server's answer brings summary, problems and ports as they are.
function provisional(id, type, at) {
  return {
    id, type: type.type, label: type.title, icon: type.icon, kind: type.kind, sub: type.subtitle ?? "", x: at.x, y: at.y,
    ins: type.ins, outs: type.outs, problems: [], trigger: type.trigger, off: false, times: "", writes: false, after: false,
  };
}

export function addNode(typeName, at, link = null) {
  const type = pick(catalog.get().byType, typeName);
  if (!type) return null;
  const id = freshId(typeName, takenIds());
  const spot = { x: Math.round(at.x), y: Math.round(at.y) };
  showPatch({ nodes: { [id]: provisional(id, type, spot) } });
  const ops = [{ op: "add_node", id, type: typeName, label: type.title, x: spot.x, y: spot.y }];
  if (link) ops.push(...linkOps(link, id));
  push(ops, 0);
  announce(`${type.title} added`);
  return id;
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

export function removeNodes(ids, undo) {
  if (!ids.length) return;
  const gone = new Set(ids);
  const edges = [...board.get().edges.values()].filter((edge) => gone.has(edge.source) || gone.has(edge.target));
  const name = ids.length === 1 ? labelOf(ids[0]) : `${ids.length} nodes`;
  showPatch({
    nodes: Object.fromEntries(ids.map((id) => [id, null])),
    edges: Object.fromEntries(edges.map((edge) => [edge.id, null])),
  });
  push(ids.map((id) => ({ op: "remove_node", node: id, heal: true })), 0);
  toast(`${name} deleted`, { action: { label: "Undo", run: undo } });
}

export function moveNodes(moved) {
  const ops = moved.map((node) => ({
    op: "move", node: node.id, x: Math.round(node.position.x), y: Math.round(node.position.y),
  }));
  showPatch({ nodes: Object.fromEntries(ops.map((op) => [op.node, { x: op.x, y: op.y }])) });
  push(ops);
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
  const nodes = [...board.get().nodes.values()];
  let { x, y } = around;
  const covers = () => nodes.some((node) => Math.abs(node.x - x) < CARD_WIDTH + 20 && Math.abs(node.y - y) < 110);
  for (let tries = 0; tries < 60 && covers(); tries += 1) y += 132;
  return { x, y };
}

// Pasted nodes get fresh ids; the server renames the references among them the same way.
export function paste({ nodes, layout }, at = null) {
  const taken = takenIds();
  const names = {};
  for (const [id, node] of Object.entries(nodes)) {
    const fresh = /^[a-z][a-z0-9_]{0,49}$/.test(id) && !taken.has(id) ? id : freshId(id.replace(/_\d+$/, ""), taken);
    taken.add(fresh);
    names[id] = fresh;
  }
  const spots = Object.keys(nodes).map((id) => layout[id] ?? [0, 0]);
  const left = Math.min(...spots.map(([x]) => x));
  const top = Math.min(...spots.map(([, y]) => y));
  const to = at ?? { x: left + 44, y: top + 44 };
  const placed = Object.fromEntries(Object.keys(nodes).map((id) => {
    const [x, y] = layout[id] ?? [0, 0];
    return [id, [Math.round(to.x + x - left), Math.round(to.y + y - top)]];
  }));
  push([{ op: "paste", nodes, layout: placed, names }], 0);
  const fresh = Object.values(names);
  announce(fresh.length === 1 ? "Node pasted" : `${fresh.length} nodes pasted`);
  return fresh;
}
