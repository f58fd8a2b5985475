// The workflow as a list of steps in the order they run: the phone's first view, and a plain way through for a screen reader.
import { useMemo } from "react";
import { around } from "./containers.js";
import { Icon, Tile } from "./icons.jsx";
import { StatusChip, stateWords } from "./nodes.jsx";
import { board, commands, live, useKeyed, useStore } from "./store.js";

// Level by level: each container is followed by what stands in it.
export function inOrder(all, edges, parent = "") {
  const level = new Map([...all.values()].filter((node) => (all.has(node.parent) ? node.parent : "") === parent).map((node) => [node.id, node]));
  if (!level.size) return [];
  const stands = (id) => [id, ...around(id, all)].find((one) => level.has(one));
  const lifted = [...edges.values()].filter((edge) => edge.kind !== "result")
    .map((edge) => ({ source: stands(edge.source), target: stands(edge.target) }))
    .filter((edge) => edge.source && edge.target && edge.source !== edge.target);
  return levelInOrder(level, lifted).flatMap((node) => [node, ...(node.body ? inOrder(all, edges, node.id) : [])]);
}

// Kahn's algorithm; among what is ready, what stands further left and up comes first.
function levelInOrder(nodes, edges) {
  const waits = new Map([...nodes.keys()].map((id) => [id, 0]));
  const next = new Map();
  for (const edge of edges) {
    waits.set(edge.target, waits.get(edge.target) + 1);
    next.set(edge.source, [...(next.get(edge.source) ?? []), edge.target]);
  }
  const place = (a, b) => nodes.get(a).x - nodes.get(b).x || nodes.get(a).y - nodes.get(b).y;
  const ready = [...nodes.keys()].filter((id) => waits.get(id) === 0).sort(place);
  const order = [];
  while (ready.length) {
    const id = ready.shift();
    order.push(nodes.get(id));
    const freed = (next.get(id) ?? []).filter((other) => { waits.set(other, waits.get(other) - 1); return waits.get(other) === 0; });
    ready.push(...freed.sort(place));
  }
  const seen = new Set(order.map((node) => node.id));
  return [...order, ...[...nodes.values()].filter((node) => !seen.has(node.id))];
}

function Step({ node, depth, within, onOpen }) {
  const state = useKeyed(live, node.id);
  const problem = node.problems?.[0]?.message;
  return (
    <li>
      <button type="button" className="fc-step" style={{ paddingLeft: 14 + 22 * depth }} data-level={depth} onClick={() => { commands.get().select?.([node.id]); onOpen?.(node.id); }}>
        <Tile icon={node.icon} kind={node.kind} />
        <span className="fc-title"><b>{node.label}</b>{within ? <span className="sr-only">, in {within}</span> : null}<small className={problem ? "bad" : ""}>{problem || stateWords(state) || node.sub}</small></span>
        <StatusChip state={state} />
        <Icon name="chevron-right" className="fc-chevron" />
      </button>
    </li>
  );
}

export function StepList({ onOpen }) {
  const { nodes, edges, loaded } = useStore(board);
  const steps = useMemo(() => inOrder(nodes, edges).filter((node) => node.text === undefined), [nodes, edges]);
  if (!loaded) return <div className="fc-skeleton" aria-label="Loading">{[1, 2, 3, 4].map((row) => <i key={row} />)}</div>;
  if (!steps.length) return <p className="hint fc-none">No steps yet. Add the first one: how does this start?</p>;
  return <ol className="card fc-steps" aria-label="Steps">{steps.map((node) => <Step key={node.id} node={node} depth={around(node.id, nodes).length} within={nodes.get(node.parent)?.label} onOpen={onOpen} />)}</ol>;
}
