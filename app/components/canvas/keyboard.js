// Keys of the canvas. Single letters act only while the canvas has the focus; Ctrl stands for Cmd on a Mac.
import { folded, placeOf, shownAs } from "./containers.js";
import { board } from "./store.js";

export const KEYS = [
  ["Add", [["/ or N", "Add a node at the pointer"], ["N or Enter on a wire", "Add a node in its middle"], ["C", "Connect the selected node"], ["Shift S", "Add a note"], ["Ctrl V", "Paste nodes"]]],
  ["Change", [["Delete", "Delete, and heal the wire"], ["Ctrl D", "Duplicate"], ["F2", "Rename"], ["D", "Turn off or on"], ["P", "Keep its output, or let go"],
    ["G", "Group into a container"], ["Shift G", "Ungroup"], ["Shift Alt T", "Tidy up"],
    ["Ctrl C", "Copy"], ["Ctrl X", "Cut"], ["Ctrl Z", "Undo"], ["Ctrl Shift Z", "Redo"]]],
  ["Look", [["0", "Fit everything"], ["1", "100 %"], ["+ and −", "Zoom"], ["Arrow keys", "Walk along the wires"], ["I and O", "Into a container and out"], ["Enter", "Open the settings"],
    ["Ctrl A", "Select everything"], ["Shift drag", "Select an area"], ["Esc", "Let go"]]],
  ["Run", [["Ctrl Enter", "Run the draft"], ["Ctrl Shift Enter", "Run on from the selected node"], ["?", "These keys"]]],
];

// The neighbor that an arrow key leads to: along a wire first, else the nearest card on that side.
export function neighbor(id, key) {
  const { nodes: all, edges } = board.get();
  const parent = all.get(id)?.parent;
  const { ids } = folded.get();
  const level = [...all.values()].filter((view) => view.parent === parent && shownAs(view.id, all, ids) === view.id);
  const nodes = new Map(level.map((view) => [view.id, { id: view.id, ...placeOf(view.id, all) }]));
  const here = nodes.get(id);
  if (!here) return null;
  const along = key === "ArrowRight" ? ["source", "target"] : key === "ArrowLeft" ? ["target", "source"] : null;
  if (along) {
    const wired = [...edges.values()].filter((edge) => edge[along[0]] === id && nodes.has(edge[along[1]]));
    if (wired.length) return closest(here, wired.map((edge) => nodes.get(edge[along[1]])));
  }
  return closest(here, [...nodes.values()].filter((other) => other.id !== id && onSide(here, other, key)));
}

function onSide(here, other, key) {
  const dx = other.x - here.x;
  const dy = other.y - here.y;
  if (key === "ArrowRight") return dx > 40 && Math.abs(dy) <= Math.abs(dx);
  if (key === "ArrowLeft") return dx < -40 && Math.abs(dy) <= Math.abs(dx);
  if (key === "ArrowDown") return dy > 20 && Math.abs(dx) <= Math.abs(dy) * 2 + 120;
  return dy < -20 && Math.abs(dx) <= Math.abs(dy) * 2 + 120;
}

function closest(here, others) {
  let best = null;
  for (const other of others) {
    const distance = Math.hypot(other.x - here.x, other.y - here.y);
    if (!best || distance < best.distance) best = { id: other.id, distance };
  }
  return best?.id ?? null;
}
