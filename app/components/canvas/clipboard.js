// Copy, cut and paste as plain text: nodes as JSON of the document, so they travel between tabs, workflows and editors.
// The browser's own copy and paste events are used: they need no permission and work without https.
import { useEffect } from "react";
import { boxAt, inside, topmost } from "./containers.js";
import { paste, removeNodes } from "./gestures.js";
import { announce, board, isTyping, ui } from "./store.js";

export function nodesAsText(ids) {
  const all = board.get().nodes;
  const whole = [...new Set(topmost(ids).flatMap((id) => [id, ...inside(id)]))];
  const nodes = whole.map((id) => all.get(id)).filter(Boolean);
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

// `pointer` is where a paste goes while it is over the canvas.
export function useClipboard({ wrapper, selectedIds, select, flow, undo, pointer }) {
  useEffect(() => {
    const ours = (event) => !isTyping(event.target) && !String(window.getSelection()) && (wrapper.current?.contains(document.activeElement) || document.activeElement === document.body);
    const onCopy = (event) => { if (ours(event) && selectedIds().length) copied(selectedIds(), event); };
    const onCut = (event) => {
      if (!ours(event) || !selectedIds().length || ui.get().readOnly) return;
      copied(selectedIds(), event);
      removeNodes(selectedIds(), undo);
    };
    const onPaste = (event) => {
      if (!ours(event) || ui.get().readOnly) return;
      const found = nodesIn(event.clipboardData.getData("text/plain"));
      if (!found) return announce("There are no nodes on the clipboard");
      event.preventDefault();
      const box = wrapper.current.getBoundingClientRect();
      const over = pointer.x > box.x && pointer.x < box.right && pointer.y > box.y && pointer.y < box.bottom;
      const spot = over ? flow.screenToFlowPosition(pointer) : null;
      select(paste(found, spot, spot ? boxAt(spot) : ""));
    };
    document.addEventListener("copy", onCopy);
    document.addEventListener("cut", onCut);
    document.addEventListener("paste", onPaste);
    return () => {
      document.removeEventListener("copy", onCopy);
      document.removeEventListener("cut", onCut);
      document.removeEventListener("paste", onPaste);
    };
  }, [wrapper, selectedIds, select, flow, undo, pointer]);
}
