// React Flow's own lists, kept equal to the board; and where the view looks when nobody has moved it.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { getViewportForBounds, useEdgesState, useNodesState } from "@xyflow/react";
import { around, BODY, CARD, folded, isBox, placeOf, shownAs, sizesOf } from "./containers.js";
import { CARD_WIDTH } from "./gestures.js";
import { board, ui, useStore } from "./store.js";

function asFlowNode(view, before, nodes, ids) {
  const parentId = view.parent && nodes.has(view.parent) ? view.parent : undefined;
  const start = parentId ? BODY : { x: 0, y: 0 };
  const position = before?.dragging ? before.position : { x: view.x + start.x, y: view.y + start.y };
  const hidden = shownAs(view.id, nodes, ids) !== view.id;
  const same = before && before.data === view && before.hidden === hidden && before.parentId === parentId;
  if (same && before.position.x === position.x && before.position.y === position.y) return before;
  const base = before ?? { id: view.id, type: isBox(view) ? "box" : "card", initialWidth: CARD_WIDTH, initialHeight: 92 };
  const level = parentId ? `, in ${nodes.get(parentId).label}` : "";
  return { ...base, position, parentId, hidden, data: view, dragHandle: isBox(view) ? ".fc-box-head" : undefined, ariaLabel: `${view.label}${view.sub ? `, ${view.sub}` : ""}${level}` };
}

// A wire of what is folded up ends at the container that shows in its place.
function asFlowEdge(view, before, selected, nodes, ids) {
  const source = shownAs(view.source, nodes, ids);
  const target = shownAs(view.target, nodes, ids);
  const unseen = view.kind === "mention" && !selected.has(view.source) && !selected.has(view.target);
  const hidden = unseen || (source === target && view.source !== view.target) || (view.kind === "result" && ids.has(view.target));
  if (before && before.data === view && before.hidden === hidden && before.source === source && before.target === target) return before;
  return {
    ...before, id: view.id, type: "wire", source, target, sourceHandle: source === view.source ? view.port : null,
    targetHandle: target === view.target ? view.handle : "after", data: view, hidden,
    selectable: view.kind !== "mention", focusable: view.kind !== "mention",
    ariaLabel: `Wire from ${view.source} to ${view.target}`,
  };
}

// React Flow wants each container before what stands in it.
function inDepth(nodes) {
  const views = [...nodes.values()];
  if (!views.some((view) => view.parent)) return views;
  const depth = new Map(views.map((view) => [view.id, around(view.id, nodes).length]));
  return views.sort((a, b) => depth.get(a.id) - depth.get(b.id));
}

// The sizes of the cards as React Flow measured them, a frame later: a container that grew while its cards are being
// measured would have to be measured in the same breath.
function useMeasured(nodes, wanted) {
  const [measured, setMeasured] = useState(new Map());
  useEffect(() => {
    if (!wanted) return undefined;
    const cards = nodes.filter((node) => node.measured?.height && !isBox(node.data));
    const same = (size, other) => size?.width === other.width && size?.height === other.height;
    if (cards.every((node) => same(measured.get(node.id), node.measured))) return undefined;
    const frame = requestAnimationFrame(() => setMeasured(new Map(cards.map((node) => [node.id, node.measured]))));
    return () => cancelAnimationFrame(frame);
  }, [nodes, wanted, measured]);
  return measured;
}

// The containers get the size of what stands in them now; while something is dragged they keep what they had for it.
function useSized(nodes, views, ids) {
  const last = useRef(new Map());
  const boxes = useMemo(() => [...views.values()].some(isBox), [views]);
  const measured = useMeasured(nodes, boxes);
  return useMemo(() => {
    if (!boxes) return nodes;
    const sizes = sizesOf(views, ids, (id) => measured.get(id));
    const kept = new Map();
    const sized = nodes.map((node) => {
      if (!isBox(node.data)) return node;
      const size = sizes.get(node.id);
      const before = last.current.get(node.id);
      const unchanged = before && before.from === node && before.width === size?.width && before.height === size?.height;
      const made = unchanged ? before : { from: node, width: size?.width, height: size?.height, node: { ...node, width: size?.width, height: size?.height } };
      kept.set(node.id, made);
      return made.node;
    });
    last.current = kept;
    return sized;
  }, [nodes, views, ids, boxes, measured]);
}

// React Flow's own lists follow the board; what did not change keeps its identity, so it does not render again.
export function useBoard() {
  const [nodes, setNodes, onNodesChange] = useNodesState([]);
  const [edges, setEdges, onEdgesChange] = useEdgesState([]);
  const state = useStore(board);
  const selected = useStore(ui, (one) => one.selected);
  const { ids } = useStore(folded);
  const toSelect = useRef(null);
  useEffect(() => {
    const chosen = toSelect.current;
    const here = chosen?.some((id) => state.nodes.has(id));
    if (here) toSelect.current = null;
    setNodes((before) => {
      const old = new Map(before.map((node) => [node.id, node]));
      return inDepth(state.nodes).map((view) => {
        const node = asFlowNode(view, old.get(view.id), state.nodes, ids);
        const on = here ? chosen.includes(view.id) : node.selected;
        return Boolean(node.selected) === Boolean(on) ? node : { ...node, selected: on };
      });
    });
  }, [state.nodes, ids, setNodes]);
  useEffect(() => {
    const chosen = new Set(selected);
    setEdges((before) => {
      const old = new Map(before.map((edge) => [edge.id, edge]));
      return [...state.edges.values()]
        .filter((view) => state.nodes.has(view.source) && state.nodes.has(view.target))
        .map((view) => asFlowEdge(view, old.get(view.id), chosen, state.nodes, ids));
    });
  }, [state.edges, state.nodes, selected, ids, setEdges]);
  const sized = useSized(nodes, state.nodes, ids);
  const select = useCallback((ids) => {
    const known = board.get().nodes;
    toSelect.current = ids.every((id) => known.has(id)) ? null : ids;
    setNodes((before) => before.map((node) => {
      const on = ids.includes(node.id);
      return Boolean(node.selected) === on ? node : { ...node, selected: on };
    }));
    toSelect.current = ids;
  }, [setNodes]);
  return { nodes: sized, edges, onNodesChange, onEdgesChange, select, loaded: state.loaded };
}

// The first look: all of it where that stays readable, else its beginning.
export function showFromStart(flow, box) {
  const all = board.get().nodes;
  const nodes = [...all.values()].filter((node) => !node.parent || !all.has(node.parent));
  if (!nodes.length || !box?.clientWidth) return;
  const sizes = sizesOf(all, folded.get().ids);
  const sizeOf = (node) => sizes.get(node.id) ?? { width: CARD.width, height: 130 };
  const x = Math.min(...nodes.map((node) => node.x));
  const y = Math.min(...nodes.map((node) => node.y));
  const width = Math.max(...nodes.map((node) => node.x + sizeOf(node).width)) - x;
  const height = Math.max(...nodes.map((node) => node.y + sizeOf(node).height)) - y;
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
  const left = placeOf(node.id).x * view.zoom + view.x;
  const right = left + Math.min(node.measured?.width ?? CARD_WIDTH, 600) * view.zoom;
  const margin = 24;
  const over = right + margin - box.clientWidth;
  const shift = left < margin ? margin - left : over > 0 && left > margin ? -Math.min(over, left - margin) : 0;
  if (shift) flow.setViewport({ ...view, x: view.x + shift }, { duration: 140 });
}
