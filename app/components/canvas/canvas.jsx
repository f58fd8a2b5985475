// The canvas. The browser owns what moves every frame; each finished gesture goes up as one small operation (queue.js);
// the drawing changes from outside only through the board (store.js), whose parts the feed keeps up to date.
import { memo, useCallback, useEffect, useMemo, useRef } from "react";
import {
  Background, BackgroundVariant, ConnectionLineType, ControlButton, Controls, ReactFlow, ReactFlowProvider, SelectionMode,
  useReactFlow, useStore as useFlowStore,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import "./canvas.css";
import { CardGuides, useGuides } from "./guides.jsx";
import { ABOVE_POINTER, bindKeys } from "./actions.js";
import { keepInView, showFromStart, useBoard } from "./board.js";
import { useClipboard } from "./clipboard.js";
import { EmptyCanvas, KeysHelp, Refusal, Toasts } from "./overlays.jsx";
import { ContainerNode } from "./container.jsx";
import { boxAt, topmost } from "./containers.js";
import { addNode, bestField, CARD_WIDTH, connect, disconnect, group, moveInto, moveNodes, refusalOf, removeNodes, spotInside } from "./gestures.js";
import { Icon } from "./icons.jsx";
import { Overview } from "./map.jsx";
import { CardNode } from "./nodes.jsx";
import { ConnectMenu, GroupMenu, QuickAdd } from "./quickadd.jsx";
import { pushCommand, setDeliver } from "./queue.js";
import { addIntoWire, cardSizes, isLoose, onGrid, putIntoWire, wireAt } from "./splice.js";
import { board, commands, toast, ui } from "./store.js";
import { edgeTypes } from "./wires.jsx";

const nodeTypes = { card: CardNode, box: ContainerNode };
const GRID = [11, 11];
const MANY = 150;
const lastPointer = { x: 0, y: 0 };

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

const pointOf = (event) => {
  const touch = event.changedTouches?.[0] ?? event;
  return { x: touch.clientX, y: touch.clientY };
};

function Inner({ onBatch, onSelect, onConnectStart, onRun, onRunFrom, onKeep, colorMode, readOnly }) {
  const flow = useReactFlow();
  const wrapper = useRef(null);
  const { nodes, edges, onNodesChange, onEdgesChange, select, loaded } = useBoard();
  const { start, valid, finish } = useConnecting(onConnectStart);
  const { guides, withGuides, clearGuides } = useGuides();
  const far = useFlowStore((state) => state.transform[2] < 0.6);
  const selectTimer = useRef(null);
  const touched = useRef(false);
  const inHand = useRef(false);

  useEffect(() => setDeliver(onBatch), [onBatch]);
  useEffect(() => { ui.set({ readOnly: Boolean(readOnly) }); }, [readOnly]);
  // Before React Flow has measured its pane it takes no view.
  const ready = flow.viewportInitialized;
  useEffect(() => { if (loaded && ready) showFromStart(flow, wrapper.current); }, [loaded, ready, flow]);

  useEffect(() => {
    // A panel that opens beside the canvas must not cover what is selected.
    // A frame later: a view that changes in the observer's own breath makes the browser report a loop.
    let frame = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        if (!inHand.current && wrapper.current) (touched.current ? keepInView : showFromStart)(flow, wrapper.current);
      });
    });
    observer.observe(wrapper.current);
    return () => { observer.disconnect(); cancelAnimationFrame(frame); };
  }, [flow]);

  const canvasPoint = useCallback((point) => {
    const box = wrapper.current.getBoundingClientRect();
    return { x: point.x - box.x, y: point.y - box.y };
  }, []);
  const centre = useCallback(() => {
    const box = wrapper.current.getBoundingClientRect();
    return flow.screenToFlowPosition({ x: box.x + box.width / 2 - CARD_WIDTH / 2, y: box.y + box.height / 3 });
  }, [flow]);
  const openQuickAdd = useCallback((link = null, at = null, wire = null) => {
    const box = wrapper.current.getBoundingClientRect();
    const inside = lastPointer.x > box.x && lastPointer.x < box.right && lastPointer.y > box.y && lastPointer.y < box.bottom;
    const screen = at ?? (inside ? { ...lastPointer } : { x: box.x + box.width / 2 - 150, y: box.y + box.height / 4 });
    const point = canvasPoint(screen);
    const spot = flow.screenToFlowPosition(screen);
    const known = ui.get().lastTargets;
    const following = link && known?.source === link.source && known?.port === link.port ? known.following : null;
    ui.set({ adding: { x: point.x, y: point.y, spot, link, wire, following, container: boxAt(spot) } });
  }, [canvasPoint, flow]);
  const leaving = useRef(null);
  const overWire = useCallback((id) => {
    clearTimeout(leaving.current);
    if (id) ui.set((state) => (state.overWire === id ? state : { ...state, overWire: id }));
    else leaving.current = setTimeout(() => ui.set({ overWire: "" }), 250);
  }, []);
  const openIntoWire = useCallback((wire, at = null) => {
    const { source, port } = wire;
    onConnectStart?.(source, port);
    openQuickAdd({ source, port }, at, wire);
  }, [onConnectStart, openQuickAdd]);
  const selectedWire = useCallback(() => {
    const chosen = flow.getEdges().filter((edge) => edge.selected);
    return chosen.length === 1 && !flow.getNodes().some((node) => node.selected) ? chosen[0].data : null;
  }, [flow]);
  const pointerSpot = useCallback(() => {
    const box = wrapper.current.getBoundingClientRect();
    const over = lastPointer.x > box.x && lastPointer.x < box.right && lastPointer.y > box.y && lastPointer.y < box.bottom;
    return over ? flow.screenToFlowPosition(lastPointer) : null;
  }, [flow]);
  const tidy = useCallback(() => pushCommand("tidy", { sizes: cardSizes(flow) }), [flow]);
  const touch = useCallback(() => { touched.current = true; }, []);
  const addInside = useCallback((container) => {
    const spot = spotInside(container);
    const point = canvasPoint(flow.flowToScreenPosition(spot));
    ui.set({ adding: { x: point.x, y: point.y, spot: { x: spot.x, y: spot.y + 30 }, link: null, following: null, container } });
  }, [canvasPoint, flow]);

  const undo = useCallback(() => pushCommand("undo"), []);
  const selectedIds = useCallback(() => flow.getNodes().filter((node) => node.selected).map((node) => node.id), [flow]);

  useEffect(() => {
    commands.set({
      flow, wrapper, select, selectedIds, selectedWire, centre, openQuickAdd, addInside, undo, tidy, touch, pointerSpot, overWire, addIntoWire: openIntoWire,
      run: onRun, runFrom: onRunFrom, keep: onKeep, startConnect: onConnectStart,
    });
    return bindKeys(commands);
  }, [flow, select, selectedIds, selectedWire, centre, openQuickAdd, openIntoWire, addInside, undo, tidy, touch, pointerSpot, overWire, onRun, onRunFrom, onKeep, onConnectStart]);

  useClipboard({ wrapper, selectedIds, select, flow, undo, pointer: lastPointer });

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
    const spot = { x: adding.spot.x, y: adding.spot.y - ABOVE_POINTER };
    const id = adding.wire ? addIntoWire(type.type, adding.wire, spot, type.field) : addNode(type.type, spot, link, adding.container);
    if (id) select([id]);
    wrapper.current?.focus();
  }, [select]);

  const onDrop = useCallback((event) => {
    event.preventDefault();
    const type = event.dataTransfer.getData("application/x-weft-node");
    if (!type) return;
    const spot = flow.screenToFlowPosition({ x: event.clientX - 40, y: event.clientY - 20 });
    const under = boxAt(flow.screenToFlowPosition(pointOf(event)));
    const place = { x: onGrid(spot.x), y: onGrid(spot.y) };
    const wire = wireAt(pointOf(event));
    ui.set({ intoWire: "" });
    const id = wire ? addIntoWire(type, wire, place) : addNode(type, place, null, under);
    if (id) select([id]);
    wrapper.current?.focus();
  }, [flow, select]);

  const onDragOver = useCallback((event) => {
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    const id = wireAt(pointOf(event))?.id ?? "";
    if ((ui.get().intoWire || "") !== id) ui.set({ intoWire: id });
  }, []);

  // What is dragged: the cards themselves, not what stands in them, and the container that they would go into.
  const dragged = useCallback((event, moved) => {
    const ids = topmost(moved.map((node) => node.id).filter((id) => board.get().nodes.has(id)));
    return { ids, under: boxAt(flow.screenToFlowPosition(pointOf(event)), ids) };
  }, [flow]);
  const onDragStart = useCallback(() => { inHand.current = true; }, []);
  const onDrag = useCallback((event, _, moved) => {
    const { ids, under } = dragged(event, moved);
    const into = ids.every((id) => (board.get().nodes.get(id)?.parent || "") === under) ? "" : under;
    const wire = ids.length === 1 && isLoose(ids[0]) ? wireAt(pointOf(event)) : null;
    const state = ui.get();
    if (state.dropInto !== into || (state.intoWire || "") !== (wire?.id ?? "")) ui.set({ dropInto: into, intoWire: wire?.id ?? "" });
  }, [dragged]);
  const onDragStop = useCallback((event, moved) => {
    touched.current = true;
    inHand.current = false;
    clearGuides();
    ui.set({ dropInto: "", intoWire: "" });
    const { ids, under } = dragged(event, moved);
    const known = board.get().nodes;
    const going = ids.filter((id) => (known.get(id).parent || "") !== under);
    const spots = Object.fromEntries(going.map((id) => [id, flow.getInternalNode(id).internals.positionAbsolute]));
    const gone = going.length > 0 && moveInto(going, under, spots) ? going : [];
    const staying = moved.filter((node) => ids.includes(node.id) && !gone.includes(node.id));
    if (staying.length) moveNodes(staying);
    const wire = ids.length === 1 && isLoose(ids[0]) ? wireAt(pointOf(event)) : null;
    if (wire) putIntoWire(ids[0], wire);
  }, [dragged, clearGuides, flow]);

  // While the view moves it is a layer of its own, which is shifted and not painted anew; afterwards text is sharp again.
  const onMoveStart = useCallback((event) => {
    if (event) touched.current = true;
    wrapper.current?.classList.add("moving");
  }, []);
  const onMoveEnd = useCallback(() => wrapper.current?.classList.remove("moving"), []);

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
        onNodeDragStart={onDragStart} onSelectionDragStart={onDragStart} onNodeDrag={onDrag} onNodeDragStop={(event, _, moved) => onDragStop(event, moved)}
        onSelectionDragStop={onDragStop}
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
        onMoveStart={onMoveStart} onMoveEnd={onMoveEnd}
        onPaneClick={() => wrapper.current?.focus({ preventScroll: true })}
        onNodeDoubleClick={(_, node) => { select([node.id]); document.getElementById("inspector")?.querySelector("input, textarea, select, [role=textbox]")?.focus(); }}
        onDrop={onDrop} onDragOver={onDragOver}
        onEdgeMouseEnter={(_, edge) => overWire(edge.id)} onEdgeMouseLeave={() => overWire("")}
        deleteKeyCode={deletable} selectionKeyCode="Shift" multiSelectionKeyCode={["Shift", "Meta", "Control"]}
        selectionMode={SelectionMode.Partial} panOnDrag={[0, 1]} panOnScroll zoomActivationKeyCode={["Control", "Meta"]}
        zoomOnDoubleClick={false} snapToGrid snapGrid={GRID} connectionRadius={28} connectionLineType={ConnectionLineType.Bezier}
        nodesDraggable={!readOnly} nodesConnectable={!readOnly} disableKeyboardA11y minZoom={0.05} maxZoom={2}
        onlyRenderVisibleElements={many} elevateNodesOnSelect={!many} proOptions={{ hideAttribution: false }}
        aria-label="Canvas: the nodes of this workflow"
      >
        <Background variant={BackgroundVariant.Dots} gap={22} size={1.6} color="var(--dot)" />
        <Controls position="bottom-right" showInteractive={false} fitViewOptions={{ padding: 0.16, maxZoom: 1 }} onZoomIn={touch} onZoomOut={touch} onFitView={touch}>
          {readOnly ? null : <ControlButton onClick={tidy} title="Tidy up (Shift Alt T)" aria-label="Tidy up"><Icon name="wand" /></ControlButton>}
        </Controls>
        {nodes.length > 12 ? <Overview onLook={touch} /> : null}
        <CardGuides guides={guides} />
      </ReactFlow>
      {loaded && !nodes.length && !readOnly ? <EmptyCanvas onAdd={(type) => { const id = addNode(type, centre()); if (id) select([id]); }} onSearch={() => openQuickAdd()} /> : null}
      <Refusal pointer={lastPointer} toLocal={canvasPoint} />
      <QuickAdd onChoose={onChoose} />
      <ConnectMenu
        onClose={() => { ui.set({ connectMenu: null }); wrapper.current?.focus(); }}
        onConnect={(choice) => { const { source, port } = ui.get().connectMenu; ui.set({ connectMenu: null }); connect(source, port, choice.node, choice.field); wrapper.current?.focus(); }}
      />
      <GroupMenu
        onClose={() => { ui.set({ groupMenu: null }); wrapper.current?.focus(); }}
        onChoose={(type) => { const { ids } = ui.get().groupMenu; ui.set({ groupMenu: null }); select([group(ids, type)]); wrapper.current?.focus(); }}
      />
      <KeysHelp />
      <Toasts />
    </div>
  );
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
