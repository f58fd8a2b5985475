// Copy, cut and paste as plain text: nodes as JSON of the document, so they travel between tabs, workflows and editors.
// The browser's own copy and paste events are used: they need no permission and work without https.
import { announce, board } from "./store.js";

export function nodesAsText(ids) {
  const all = board.get().nodes;
  const nodes = ids.map((id) => all.get(id)).filter(Boolean);
  return JSON.stringify(
    {
      weft: 1,
      nodes: Object.fromEntries(nodes.map((node) => [node.id, node.doc ?? { type: node.type, with: {} }])),
      layout: Object.fromEntries(nodes.map((node) => [node.id, [Math.round(node.x), Math.round(node.y)]])),
    },
    null,
    2,
  );
}

// The nodes in a pasted text, or null when it is something else.
export function nodesIn(text) {
  const trimmed = (text ?? "").trim();
  if (!trimmed.startsWith("{")) return null;
  try {
    const data = JSON.parse(trimmed);
    const nodes = data?.nodes;
    if (!nodes || typeof nodes !== "object" || Array.isArray(nodes)) return null;
    const wellFormed = Object.values(nodes).every((node) => typeof node?.type === "string");
    return wellFormed && Object.keys(nodes).length ? { nodes, layout: data.layout ?? {} } : null;
  } catch {
    return null;
  }
}

export function copied(ids, event) {
  event.clipboardData.setData("text/plain", nodesAsText(ids));
  event.preventDefault();
  announce(ids.length === 1 ? "Node copied" : `${ids.length} nodes copied`);
}
