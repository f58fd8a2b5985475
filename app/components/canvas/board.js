// React Flow's own lists, kept equal to the board; and where the view looks when nobody has moved it.
import { useCallback, useEffect, useRef } from "react";
import { getViewportForBounds, useEdgesState, useNodesState } from "@xyflow/react";
import { CARD_WIDTH } from "./gestures.js";
import { board, ui, useStore } from "./store.js";

function asFlowNode(view, before) {
  const position = before?.dragging ? before.position : { x: view.x, y: view.y };
  if (before && before.data === view && before.position.x === position.x && before.position.y === position.y) return before;
  const base = before ?? { id: view.id, type: "card", initialWidth: CARD_WIDTH, initialHeight: 92 };
  return { ...base, position, data: view, ariaLabel: `${view.label}${view.sub ? `, ${view.sub}` : ""}` };
}

function asFlowEdge(view, before, selected) {
  const hidden = view.kind === "mention" && !selected.has(view.source) && !selected.has(view.target);
  if (before && before.data === view && before.hidden === hidden) return before;
  return {
    ...before, id: view.id, type: "wire", source: view.source, target: view.target, sourceHandle: view.port,
    targetHandle: view.handle, data: view, hidden, selectable: view.kind !== "mention", focusable: view.kind !== "mention",
    ariaLabel: `Wire from ${view.source} to ${view.target}`,
  };
}

// React Flow's own lists follow the board; what did not change keeps its identity, so it does not render again.
export function useBoard() {
  const [nodes, setNodes, onNodesChange] = useNodesState([]);
  const [edges, setEdges, onEdgesChange] = useEdgesState([]);
  const state = useStore(board);
  const selected = useStore(ui, (one) => one.selected);
  const toSelect = useRef(null);
  useEffect(() => {
    const chosen = toSelect.current;
    const here = chosen?.some((id) => state.nodes.has(id));
    if (here) toSelect.current = null;
    setNodes((before) => {
      const old = new Map(before.map((node) => [node.id, node]));
      return [...state.nodes.values()].map((view) => {
        const node = asFlowNode(view, old.get(view.id));
        const on = here ? chosen.includes(view.id) : node.selected;
        return Boolean(node.selected) === Boolean(on) ? node : { ...node, selected: on };
      });
    });
  }, [state.nodes, setNodes]);
  useEffect(() => {
    const chosen = new Set(selected);
    setEdges((before) => {
      const old = new Map(before.map((edge) => [edge.id, edge]));
      return [...state.edges.values()]
        .filter((view) => state.nodes.has(view.source) && state.nodes.has(view.target))
        .map((view) => asFlowEdge(view, old.get(view.id), chosen));
    });
  }, [state.edges, state.nodes, selected, setEdges]);
  const select = useCallback((ids) => {
    const known = board.get().nodes;
    toSelect.current = ids.every((id) => known.has(id)) ? null : ids;
    setNodes((before) => before.map((node) => {
      const on = ids.includes(node.id);
      return Boolean(node.selected) === on ? node : { ...node, selected: on };
    }));
    toSelect.current = ids;
  }, [setNodes]);
  return { nodes, edges, onNodesChange, onEdgesChange, select, loaded: state.loaded };
}

// The first look: all of it where that stays readable, else its beginning.
export function showFromStart(flow, box) {
  const nodes = [...board.get().nodes.values()];
  if (!nodes.length || !box?.clientWidth) return;
  const x = Math.min(...nodes.map((node) => node.x));
  const y = Math.min(...nodes.map((node) => node.y));
  const width = Math.max(...nodes.map((node) => node.x)) + CARD_WIDTH - x;
  const height = Math.max(...nodes.map((node) => node.y)) + 130 - y;
  const room = box.clientHeight - (document.querySelector(".ed-under")?.offsetHeight ?? 0);
  const view = getViewportForBounds({ x, y, width, height }, box.clientWidth, Math.max(room, 200), 0.45, 1, 0.1);
  const clipped = width * view.zoom > box.clientWidth || height * view.zoom > room;
  flow.setViewport(clipped ? { x: 40 - x * view.zoom, y: 60 - y * view.zoom, zoom: view.zoom } : view);
}

export function keepInView(flow, box) {
  const chosen = flow.getNodes().filter((node) => node.selected);
  if (chosen.length !== 1 || !box) return;
  const [node] = chosen;
  const view = flow.getViewport();
  const left = node.position.x * view.zoom + view.x;
  const right = left + CARD_WIDTH * view.zoom;
  const margin = 24;
  const over = right + margin - box.clientWidth;
  const shift = left < margin ? margin - left : over > 0 && left > margin ? -Math.min(over, left - margin) : 0;
  if (shift) flow.setViewport({ ...view, x: view.x + shift }, { duration: 140 });
}
