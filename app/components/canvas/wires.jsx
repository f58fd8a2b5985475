// Wires leave right and enter left; one that would run backwards goes round in a lane below both cards.
import { memo } from "react";
import { BaseEdge, EdgeLabelRenderer, getBezierPath, useInternalNode } from "@xyflow/react";
import { number } from "./nodes.jsx";
import { Icon } from "./icons.jsx";
import { commands, live, ui, useKeyed, useStore } from "./store.js";

const REACH = 26;
const CORNER = 14;

// A polyline with round corners through the points.
function rounded(points) {
  const parts = [`M ${points[0][0]} ${points[0][1]}`];
  for (let i = 1; i < points.length - 1; i += 1) {
    const [x, y] = points[i];
    const before = points[i - 1];
    const after = points[i + 1];
    const into = Math.hypot(x - before[0], y - before[1]) || 1;
    const out = Math.hypot(after[0] - x, after[1] - y) || 1;
    const r = Math.min(CORNER, into / 2, out / 2);
    parts.push(`L ${x + ((before[0] - x) / into) * r} ${y + ((before[1] - y) / into) * r}`);
    parts.push(`Q ${x} ${y} ${x + ((after[0] - x) / out) * r} ${y + ((after[1] - y) / out) * r}`);
  }
  const [x, y] = points[points.length - 1];
  return `${parts.join(" ")} L ${x} ${y}`;
}

const topOf = (node) => node?.internals.positionAbsolute.y ?? 0;
const bottomOf = (node) => topOf(node) + (node?.measured.height ?? 0);

// The lane of a wire that runs backwards: between the two cards where they leave room, else below both.
function laneOf(sourceNode, targetNode) {
  const between = topOf(targetNode) - bottomOf(sourceNode);
  if (between > 30) return bottomOf(sourceNode) + between / 2;
  const above = topOf(sourceNode) - bottomOf(targetNode);
  if (above > 30) return bottomOf(targetNode) + above / 2;
  return Math.max(bottomOf(sourceNode), bottomOf(targetNode)) + 28;
}

function route(props, sourceNode, targetNode) {
  const { sourceX, sourceY, targetX, targetY } = props;
  if (targetX > sourceX + 8) {
    const [path, x, y] = getBezierPath(props);
    return { path, x, y };
  }
  const lane = laneOf(sourceNode, targetNode);
  const right = sourceX + REACH;
  const left = targetX - REACH;
  const path = rounded([[sourceX, sourceY], [right, sourceY], [right, lane], [left, lane], [left, targetY], [targetX, targetY]]);
  return { path, x: (sourceX + targetX) / 2, y: lane };
}

function wireState(source, target, port) {
  if (source.ports && port in source.ports && source.ports[port] === null) return "unfired";
  if (target.status === "running") return "live";
  if (source.status === "done" && target.status && target.status !== "skipped") return "done";
  return "";
}

const LEVELS = ["", "each item", "each item of each list"];

function labelOf(data, source) {
  const count = source.ports?.[data.port];
  const items = typeof count === "number" && count !== 1 ? number(count) : "";
  const levels = data.levels ? LEVELS[data.levels] ?? `${data.levels} levels deep` : "";
  return [items, levels].filter(Boolean).join(" · ");
}

// Over a wire that the pointer is at, or that is selected: add a node in its middle.
function Plus({ data }) {
  return (
    <button
      type="button" className="fc-plus nodrag nopan" title="Add a node here" aria-label={`Add a node between ${data.source} and ${data.target}`}
      onPointerEnter={() => commands.get().overWire?.(data.id)} onPointerLeave={() => commands.get().overWire?.("")}
      onClick={(event) => { event.stopPropagation(); commands.get().addIntoWire?.(data, { x: event.clientX, y: event.clientY }); }}
    >
      <Icon name="plus" />
    </button>
  );
}

export const Wire = memo(function Wire(props) {
  const { id, source, target, data, selected, markerEnd, label } = props;
  const from = useKeyed(live, source);
  const to = useKeyed(live, target);
  const { path, x, y } = route(props, useInternalNode(source), useInternalNode(target));
  const state = wireState(from, to, data.port);
  const words = label ?? labelOf(data, from);
  const room = Math.hypot(props.targetX - props.sourceX, props.targetY - props.sourceY);
  const text = room > words.length * 7 + 14 ? words : "";
  const over = useStore(ui, (one) => !one.readOnly && one.overWire === id);
  const into = useStore(ui, (one) => one.intoWire === id);
  const plus = (over || selected) && data.kind !== "mention";
  return (
    <>
      <BaseEdge
        id={id} path={path} markerEnd={markerEnd} interactionWidth={20}
        className={`fc-wire ${data.kind} ${state} ${selected ? "sel" : ""} ${into ? "into" : ""} ${data.refused ? "bad" : ""}`}
      />
      {(text || plus) && data.kind !== "mention" ? (
        <EdgeLabelRenderer>
          <span className="fc-on-wire" style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}>
            {text ? <span className="fc-label">{text}</span> : null}
            {plus ? <Plus data={data} /> : null}
          </span>
        </EdgeLabelRenderer>
      ) : null}
    </>
  );
});

export const edgeTypes = { wire: Wire };
