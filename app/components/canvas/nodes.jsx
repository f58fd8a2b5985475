// The card of one node. It subscribes to its own status, so a running workflow re-renders cards, never the canvas.
import { memo, useEffect, useMemo, useRef } from "react";
import { Handle, Position, useUpdateNodeInternals } from "@xyflow/react";
import { Icon, Tile } from "./icons.jsx";
import { live, ui, useKeyed, useStore } from "./store.js";

const STATES = {
  queued: ["Queued", "circle-dashed", ""],
  running: ["Running", "loader", "run"],
  done: ["Done", "check", "ok"],
  failed: ["Failed", "x", "bad"],
  skipped: ["Skipped", "skip-forward", ""],
  waiting: ["Waiting", "clock", "wait"],
  paused: ["Paused", "pause", "wait"],
  needs_you: ["Needs you", "hand", "wait"],
  cancelled: ["Cancelled", "ban", ""],
};

export const number = (value) => Number(value).toLocaleString("en-US");

export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 1000) return `${Math.max(1, Math.round(ms))} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
  return `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
}

// What the second line of the card says while items go through.
export function counted(state) {
  if (["running", "paused"].includes(state.status) && state.total > 1) return `${number(state.done ?? 0)} of ${number(state.total)}`;
  if (state.rounds && state.total > 1) return `${number(state.total)} rounds${state.failed ? `, ${number(state.failed)} failed` : ""}`;
  if (state.failed) return `${number(state.failed)} of ${number(state.total ?? state.failed)} failed`;
  return "";
}

export function stateWords(state) {
  const [word] = STATES[state.status] ?? [""];
  const parts = [word];
  const what = state.rounds ? "rounds" : "items";
  if (state.total > 1) parts.push(["running", "paused"].includes(state.status) ? `${number(state.done ?? 0)} of ${number(state.total)}` : `${number(state.total)} ${what}`);
  if (state.failed) parts.push(`${number(state.failed)} failed`);
  if (state.ms) parts.push(duration(state.ms));
  return parts.filter(Boolean).join(" · ");
}

export function StatusChip({ state }) {
  const known = STATES[state.status];
  if (!known) return null;
  const [word, mark, tone] = known;
  const timed = state.status === "done" && state.ms;
  return (
    <span className={`chip fc-chip ${tone}`} title={stateWords(state)} data-state={state.status}>
      <Icon name={mark} className={state.status === "running" ? "spin" : ""} />
      <span className="fc-chip-text">{timed ? duration(state.ms) : word}</span>
      {timed ? <span className="sr-only">{word}</span> : null}
    </span>
  );
}

// What a card says beside its state: its output is kept, or no longer holds.
function Marks({ state }) {
  return (
    <>
      {state.kept ? <span className="chip fc-chip fc-mark" title="Its output is kept: runs of the draft do not call it"><Icon name="pin" /><span className="sr-only">Output kept</span></span> : null}
      {state.stale ? <span className="chip fc-chip fc-mark" title={`Stale. ${state.stale}`} data-stale="true"><Icon name="refresh-cw" /><span className="sr-only">{`Stale: ${state.stale}`}</span></span> : null}
    </>
  );
}

function Port({ side, port, nodeId, connectable }) {
  const fit = useStore(ui, (state) => fitOf(state, nodeId, port.name, side));
  const input = side === "in";
  const armed = useStore(ui, (state) => state.armed && !input && state.armed.node === nodeId && state.armed.port === port.name);
  return (
    <Handle
      type={input ? "target" : "source"} position={input ? Position.Left : Position.Right} id={port.name}
      isConnectable={connectable}
      className={`fc-port ${port.wired ? "wired" : ""} ${fit} ${armed ? "armed" : ""}`}
      title={`${port.title || port.name}${port.type ? `: ${port.type}` : ""}${port.required && !port.wired && input ? " (needed)" : ""}`}
      data-port={port.name}
    />
  );
}

// While a wire is being drawn: which ports take it. The reason of a refusal stands in the hint beside the pointer.
function fitOf(state, nodeId, field, side) {
  const connecting = state.connecting;
  if (!connecting || side !== "in") return "";
  if (connecting.source === nodeId) return "no-fit";
  if (!connecting.targets) return "";
  const answer = connecting.targets[nodeId]?.[field];
  return answer === undefined ? "" : answer.fits ? "fits" : "no-fit";
}

export const PortRows = memo(function PortRows({ ins, outs, nodeId }) {
  const count = Math.max(ins.length, outs.length);
  if (!count) return null;
  return (
    <div className="fc-ports">
      {Array.from({ length: count }, (_, index) => {
        const left = ins[index];
        const right = outs[index];
        return (
          <div className="fc-row" key={index}>
            <span className={left?.problem ? "fc-name bad" : "fc-name"}>{left?.title}{left?.given ? <small className="fc-given">{left.given}</small> : null}</span>
            <span className="fc-name out">{right?.title}</span>
            {left ? <Port side="in" port={left} nodeId={nodeId} connectable /> : null}
            {right ? <Port side="out" port={right} nodeId={nodeId} connectable /> : null}
          </div>
        );
      })}
    </div>
  );
});

// React Flow looks for the ports of a card again when they have changed.
export function useShape(id, data, more = "") {
  const update = useUpdateNodeInternals();
  const ports = useMemo(() => [...data.ins, "|", ...data.outs].map((port) => port.name ?? port).join(), [data.ins, data.outs]);
  const shape = `${ports}${more}`;
  const measured = useRef(shape);
  useEffect(() => {
    // React Flow measures a new card by itself; asked for each of a thousand, it would look at all of them each time.
    if (measured.current !== shape) update(id);
    measured.current = shape;
  }, [shape, id, update]);
}

export function AfterPort({ data }) {
  if (data.trigger) return null;
  return <Handle type="target" position={Position.Left} id="after" className={`fc-port fc-after ${data.after ? "wired" : ""}`} title="Runs after: drop a wire here for order only" />;
}

// What is wrong keeps the draft from running, or is only a warning.
const toneOf = (data) => (data.problems.some((one) => !one.warning) ? "bad" : "wait");
export const problemClass = (data) => (!data.problems?.length ? "" : toneOf(data) === "bad" ? "has-problem" : "has-warning");

// Off, what is wrong, or how far it is.
export function Chip({ data, state }) {
  const problem = data.problems?.[0]?.message;
  if (data.off) return <span className="chip fc-chip">Off</span>;
  // A warning keeps nobody from running: what the run says of the node comes first.
  if (!problem || (toneOf(data) === "wait" && state.status)) return <StatusChip state={state} />;
  return (
    <span className={`chip fc-chip ${toneOf(data)}`} title={data.problems.map((one) => one.message).join("\n")}>
      <Icon name="triangle-alert" /><span className="sr-only">{problem}</span>{data.problems.length > 1 ? data.problems.length : ""}
    </span>
  );
}

export const CardNode = memo(function CardNode({ id, data, selected }) {
  const state = useKeyed(live, id);
  useShape(id, data);
  const status = data.off ? "off" : state.status || "idle";
  const words = data.off ? "Off" : stateWords(state);
  const note = data.text !== undefined;
  return (
    <div
      className={`fc-node ${status} ${selected ? "sel" : ""} ${problemClass(data)} ${note ? `note ${data.color ?? ""}` : ""}`}
      data-testid={`node-${id}`} data-status={status}
    >
      <header>
        <AfterPort data={data} />
        {note ? null : <Tile icon={data.icon} kind={data.kind} />}
        <span className="fc-title"><b title={data.label}>{data.label}</b>{note ? null : <small title={data.sub}>{counted(state) || data.sub}</small>}</span>
        <Chip data={data} state={state} />
        {data.off ? null : <Marks state={state} />}
      </header>
      {data.times || (data.writes && state.total > 1) ? <div className={`fc-times ${data.writes ? "wait" : ""}`}><Icon name="repeat" />{state.total > 1 && !state.rounds ? `runs ${number(state.total)}×` : data.times}</div> : null}
      {data.html ? <div className="fc-text" dangerouslySetInnerHTML={{ __html: data.html }} /> : null}
      <PortRows ins={data.ins} outs={data.outs} nodeId={id} />
      {state.status === "running" && state.total > 1
        ? <div className="fc-progress"><i style={{ width: `${Math.round((100 * (state.done ?? 0)) / state.total)}%` }} /></div> : null}
      {state.preview ? <div className="fc-out mono" title={state.preview}>{state.preview}</div> : null}
      {state.error ? <div className="fc-out fc-error" title={state.error}>{state.error}</div> : null}
      {words ? <span className="sr-only">{words}</span> : null}
    </div>
  );
});
