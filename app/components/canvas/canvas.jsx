// The canvas. The browser owns what moves every frame; each finished gesture goes up as one small operation (queue.js);
// the drawing changes from outside only through the board (store.js), whose parts the feed keeps up to date.
import { memo, useCallback, useEffect, useMemo, useRef } from "react";
import {
  Background, BackgroundVariant, ConnectionLineType, Controls, MiniMap, ReactFlow, ReactFlowProvider, SelectionMode,
  getViewportForBounds, useEdgesState, useNodesState, useReactFlow, useStore as useFlowStore,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import "./canvas.css";
import { CardGuides, useGuides } from "./guides.jsx";
import { bindKeys } from "./actions.js";
import { copied, nodesIn } from "./clipboard.js";
import { EmptyCanvas, KeysHelp, Refusal, Toasts } from "./overlays.jsx";
import { addNode, bestField, CARD_WIDTH, connect, disconnect, moveNodes, paste, refusalOf, removeNodes } from "./gestures.js";
import { nodeTypes } from "./nodes.jsx";
import { ConnectMenu, QuickAdd } from "./quickadd.jsx";
import { pushCommand, setDeliver } from "./queue.js";
import { announce, board, commands, isTyping, toast, ui, useStore } from "./store.js";
import { edgeTypes } from "./wires.jsx";

const GRID = [11, 11];
const MANY = 150;
const lastPointer = { x: 0, y: 0 };

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
function useBoard() {
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

function useConnecting(onConnectStart) {
  const refused = useRef(null);
  const start = useCallback((_, { nodeId, handleId, handleType }) => {
    refused.current = null;
    ui.set({ connecting: { source: nodeId, port: handleId, type: handleType, targets: null }, armed: { node: nodeId, port: handleId } });
    if (handleType === "source") onConnectStart?.(nodeId, handleId);
  }, [onConnectStart]);
  const valid = useCallback(({ source, target, targetHandle }) => {
    const reason = source === target ? "A node cannot feed itself" : refusalOf(target, targetHandle);
    refused.current = reason;
    ui.set((state) => (state.refusal === reason ? state : { ...state, refusal: reason }));
    return !reason;
  }, []);
  const finish = useCallback(() => {
    const reason = refused.current;
    refused.current = null;
    ui.set({ connecting: null, refusal: null, armed: null });
    if (reason) toast(reason, { tone: "bad" });
    return reason;
  }, []);
  return { start, valid, finish };
}

// The first look: all of it where that stays readable, else its beginning.
function showFromStart(flow, box) {
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

function keepInView(flow, box) {
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

const pointOf = (event) => {
  const touch = event.changedTouches?.[0] ?? event;
  return { x: touch.clientX, y: touch.clientY };
};

function Inner({ onBatch, onSelect, onConnectStart, onRun, colorMode, readOnly }) {
  const flow = useReactFlow();
  const wrapper = useRef(null);
  const { nodes, edges, onNodesChange, onEdgesChange, select, loaded } = useBoard();
  const { start, valid, finish } = useConnecting(onConnectStart);
  const { guides, withGuides, clearGuides } = useGuides();
  const far = useFlowStore((state) => state.transform[2] < 0.6);
  const selectTimer = useRef(null);
  const touched = useRef(false);

  useEffect(() => setDeliver(onBatch), [onBatch]);
  useEffect(() => { ui.set({ readOnly: Boolean(readOnly) }); }, [readOnly]);
  useEffect(() => { if (loaded) showFromStart(flow, wrapper.current); }, [loaded, flow]);

  useEffect(() => {
    // A panel that opens beside the canvas must not cover what is selected.
    const observer = new ResizeObserver(() => (touched.current ? keepInView : showFromStart)(flow, wrapper.current));
    observer.observe(wrapper.current);
    return () => observer.disconnect();
  }, [flow]);

  const canvasPoint = useCallback((point) => {
    const box = wrapper.current.getBoundingClientRect();
    return { x: point.x - box.x, y: point.y - box.y };
  }, []);
  const centre = useCallback(() => {
    const box = wrapper.current.getBoundingClientRect();
    return flow.screenToFlowPosition({ x: box.x + box.width / 2 - CARD_WIDTH / 2, y: box.y + box.height / 3 });
  }, [flow]);
  const openQuickAdd = useCallback((link = null, at = null) => {
    const box = wrapper.current.getBoundingClientRect();
    const inside = lastPointer.x > box.x && lastPointer.x < box.right && lastPointer.y > box.y && lastPointer.y < box.bottom;
    const screen = at ?? (inside ? { ...lastPointer } : { x: box.x + box.width / 2 - 150, y: box.y + box.height / 4 });
    const point = canvasPoint(screen);
    ui.set({ adding: { x: point.x, y: point.y, spot: flow.screenToFlowPosition(screen), link, following: null } });
  }, [canvasPoint, flow]);

  const undo = useCallback(() => pushCommand("undo"), []);
  const selectedIds = useCallback(() => flow.getNodes().filter((node) => node.selected).map((node) => node.id), [flow]);

  useEffect(() => {
    commands.set({ flow, wrapper, select, selectedIds, centre, openQuickAdd, undo, run: onRun, startConnect: onConnectStart });
    return bindKeys(commands);
  }, [flow, select, selectedIds, centre, openQuickAdd, undo, onRun, onConnectStart]);

  useClipboard({ wrapper, selectedIds, select, flow, undo });

  const onSelectionChange = useCallback(({ nodes: chosen }) => {
    const ids = chosen.map((node) => node.id);
    const before = ui.get().selected;
    if (before.length === ids.length && before.every((id, index) => id === ids[index])) return;
    ui.set({ selected: ids });
    clearTimeout(selectTimer.current);
    selectTimer.current = setTimeout(() => onSelect?.(ids), 40);
  }, [onSelect]);

  const onConnectEnd = useCallback((event, state) => {
    const connecting = ui.get().connecting;
    if (finish() || !connecting || state.isValid || connecting.type !== "source") return;
    const point = pointOf(event);
    const card = document.elementFromPoint(point.x, point.y)?.closest?.(".react-flow__node");
    const source = connecting.source;
    if (card) {
      const target = card.dataset.id;
      if (target !== source) connect(source, connecting.port, target, bestField(target, connecting.targets));
      return;
    }
    openQuickAdd({ source, port: connecting.port }, point);
  }, [finish, openQuickAdd]);

  const onChoose = useCallback((type, adding) => {
    ui.set({ adding: null });
    const link = adding.link ? { ...adding.link, field: type.field } : null;
    const id = addNode(type.type, { x: adding.spot.x, y: adding.spot.y - 30 }, link);
    if (id) select([id]);
    wrapper.current?.focus();
  }, [select]);

  const onDrop = useCallback((event) => {
    event.preventDefault();
    const type = event.dataTransfer.getData("application/x-weft-node");
    if (!type) return;
    const spot = flow.screenToFlowPosition({ x: event.clientX - 40, y: event.clientY - 20 });
    const id = addNode(type, { x: Math.round(spot.x / 11) * 11, y: Math.round(spot.y / 11) * 11 });
    if (id) select([id]);
    wrapper.current?.focus();
  }, [flow, select]);

  const many = nodes.length > MANY;
  const deletable = useMemo(() => (readOnly ? null : ["Delete", "Backspace"]), [readOnly]);
  return (
    <div
      className={`fc-canvas ${far ? "far" : ""}`} ref={wrapper} tabIndex={-1}
      onPointerMove={(event) => { lastPointer.x = event.clientX; lastPointer.y = event.clientY; }}
    >
      <ReactFlow
        nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} colorMode={colorMode || "light"}
        onNodesChange={(changes) => onNodesChange(withGuides(changes, flow))} onEdgesChange={onEdgesChange}
        onNodeDragStop={(_, __, moved) => { touched.current = true; clearGuides(); moveNodes(moved); }}
        onSelectionDragStop={(_, moved) => { clearGuides(); moveNodes(moved); }}
        onBeforeDelete={async ({ nodes: goneNodes, edges: goneEdges }) => {
          const ids = goneNodes.map((node) => node.id);
          if (ids.length) removeNodes(ids, undo);
          else disconnect(goneEdges.map((edge) => edge.data));
          return false;
        }}
        onConnect={({ source, sourceHandle, target, targetHandle }) => connect(source, sourceHandle, target, targetHandle)}
        onConnectStart={start} onConnectEnd={onConnectEnd} isValidConnection={valid}
        onClickConnectStart={start} onClickConnectEnd={finish}
        onSelectionChange={onSelectionChange}
        onMoveStart={(event) => { if (event) touched.current = true; }}
        onPaneClick={() => wrapper.current?.focus({ preventScroll: true })}
        onNodeDoubleClick={(_, node) => { select([node.id]); document.getElementById("inspector")?.querySelector("input, textarea, select, [role=textbox]")?.focus(); }}
        onDrop={onDrop} onDragOver={(event) => { event.preventDefault(); event.dataTransfer.dropEffect = "copy"; }}
        deleteKeyCode={deletable} selectionKeyCode="Shift" multiSelectionKeyCode={["Shift", "Meta", "Control"]}
        selectionMode={SelectionMode.Partial} panOnDrag={[0, 1]} panOnScroll zoomActivationKeyCode={["Control", "Meta"]}
        zoomOnDoubleClick={false} snapToGrid snapGrid={GRID} connectionRadius={28} connectionLineType={ConnectionLineType.Bezier}
        nodesDraggable={!readOnly} nodesConnectable={!readOnly} disableKeyboardA11y minZoom={0.05} maxZoom={2}
        onlyRenderVisibleElements={many} elevateNodesOnSelect={!many} proOptions={{ hideAttribution: false }}
        aria-label="Canvas: the nodes of this workflow"
      >
        <Background variant={BackgroundVariant.Dots} gap={22} size={1.6} color="var(--dot)" />
        <Controls position="bottom-right" showInteractive={false} fitViewOptions={{ padding: 0.16, maxZoom: 1 }} />
        {nodes.length > 12 ? <MiniMap position="top-right" pannable zoomable ariaLabel="Map of the whole drawing" nodeColor={mapColor} nodeBorderRadius={8} /> : null}
        <CardGuides guides={guides} />
      </ReactFlow>
      {loaded && !nodes.length && !readOnly ? <EmptyCanvas onAdd={(type) => { const id = addNode(type, centre()); if (id) select([id]); }} onSearch={() => openQuickAdd()} /> : null}
      <Refusal pointer={lastPointer} toLocal={canvasPoint} />
      <QuickAdd onChoose={onChoose} />
      <ConnectMenu
        onClose={() => { ui.set({ connectMenu: null }); wrapper.current?.focus(); }}
        onConnect={(choice) => { const { source, port } = ui.get().connectMenu; ui.set({ connectMenu: null }); connect(source, port, choice.node, choice.field); wrapper.current?.focus(); }}
      />
      <KeysHelp />
      <Toasts />
    </div>
  );
}

const KIND_COLORS = { files: "data", http: "app" };
const mapColor = (node) => `var(--k-${KIND_COLORS[node.data?.kind] ?? node.data?.kind ?? "flow"}, var(--control))`;

function useClipboard({ wrapper, selectedIds, select, flow, undo }) {
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
      const inside = lastPointer.x > box.x && lastPointer.x < box.right && lastPointer.y > box.y && lastPointer.y < box.bottom;
      select(paste(found, inside ? flow.screenToFlowPosition(lastPointer) : null));
    };
    document.addEventListener("copy", onCopy);
    document.addEventListener("cut", onCut);
    document.addEventListener("paste", onPaste);
    return () => {
      document.removeEventListener("copy", onCopy);
      document.removeEventListener("cut", onCut);
      document.removeEventListener("paste", onPaste);
    };
  }, [wrapper, selectedIds, select, flow, undo]);
}

export const FlowCanvas = memo(function FlowCanvas(props) {
  return (
    <ReactFlowProvider>
      <Inner {...props} />
    </ReactFlowProvider>
  );
});

export { CanvasFeed, FocusFeed, StatusFeed } from "./feed.jsx";
export { Palette } from "./palette.jsx";
export { StepList } from "./steps.jsx";
export { SaveState, HistoryButtons, FlushButton } from "./controls.jsx";
