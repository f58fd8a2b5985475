// The map of the whole drawing. A few paths in all: React Flow's own has a part per node, each of which looks at the
// store again with every frame of a pan.
import { useCallback, useMemo, useRef } from "react";
import { Panel, useReactFlow, useStore as useFlowStore } from "@xyflow/react";
import { estimated, folded, isBox, originOf, shownAs, sizesOf } from "./containers.js";
import { board, useStore } from "./store.js";

const KIND_COLORS = { lists: "data", text: "data", dates: "data", security: "data", values: "data", files: "data", images: "data", http: "app" };
const AROUND = 0.08;

const outline = ({ x, y, width, height }) => `M${x} ${y}h${width}v${height}h${-width}z`;

// The cards as they stand on the canvas: one outline per color, and those of the open containers.
function drawn(nodes, ids) {
  const sizes = sizesOf(nodes, ids);
  const origins = new Map();
  const paths = new Map();
  const bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const view of nodes.values()) {
    if (shownAs(view.id, nodes, ids) !== view.id) continue;
    const parent = view.parent || "";
    if (!origins.has(parent)) origins.set(parent, originOf(parent, nodes));
    const start = origins.get(parent);
    const box = { x: start.x + view.x, y: start.y + view.y, ...(sizes.get(view.id) ?? estimated(view)) };
    const key = isBox(view) && sizes.has(view.id) ? "box" : KIND_COLORS[view.kind] ?? view.kind;
    paths.set(key, `${paths.get(key) ?? ""}${outline(box)}`);
    bounds.left = Math.min(bounds.left, box.x);
    bounds.top = Math.min(bounds.top, box.y);
    bounds.right = Math.max(bounds.right, box.x + box.width);
    bounds.bottom = Math.max(bounds.bottom, box.y + box.height);
  }
  const margin = AROUND * Math.max(bounds.right - bounds.left, bounds.bottom - bounds.top);
  const frame = {
    x: bounds.left - margin, y: bounds.top - margin,
    width: bounds.right - bounds.left + 2 * margin, height: bounds.bottom - bounds.top + 2 * margin,
  };
  return { frame, paths: [...paths.entries()].sort(([a], [b]) => (b === "box") - (a === "box")) };
}

// What lies outside the view is veiled; far beyond the frame too, where the map is wider than the drawing.
function Veil({ frame }) {
  const [x, y, zoom] = useFlowStore((state) => state.transform);
  const width = useFlowStore((state) => state.width);
  const height = useFlowStore((state) => state.height);
  const far = Math.max(frame.width, frame.height);
  const all = { x: frame.x - far, y: frame.y - far, width: frame.width + 2 * far, height: frame.height + 2 * far };
  const seen = { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom };
  return <path className="fc-map-veil" fillRule="evenodd" d={outline(all) + outline(seen)} />;
}

export function Overview({ onLook }) {
  const flow = useReactFlow();
  const nodes = useStore(board, (state) => state.nodes);
  const ids = useStore(folded, (state) => state.ids);
  const { frame, paths } = useMemo(() => drawn(nodes, ids), [nodes, ids]);
  const held = useRef(false);
  const look = useCallback((event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(event.currentTarget.getScreenCTM().inverse());
    onLook();
    flow.setCenter(at.x, at.y, { zoom: flow.getZoom() });
  }, [flow, onLook]);
  const onWheel = useCallback((event) => { onLook(); flow.zoomTo(flow.getZoom() * 2 ** (-event.deltaY / 400)); }, [flow, onLook]);
  return (
    <Panel position="top-right" className="fc-map nowheel">
      <svg
        viewBox={`${frame.x} ${frame.y} ${frame.width} ${frame.height}`} role="img" aria-label="Map of the whole drawing"
        onPointerDown={(event) => { held.current = true; event.currentTarget.setPointerCapture(event.pointerId); look(event); }}
        onPointerMove={(event) => { if (held.current) look(event); }}
        onPointerUp={() => { held.current = false; }} onPointerCancel={() => { held.current = false; }} onWheel={onWheel}
      >
        {paths.map(([key, d]) => <path key={key} className={`fc-map-${key === "box" ? "box" : "card"}`} style={key === "box" ? undefined : { fill: `var(--k-${key}, var(--control))` }} d={d} />)}
        <Veil frame={frame} />
      </svg>
    </Panel>
  );
}
