// A container: its head and ports above, the body below, whose nodes React Flow draws as children of this one.
import { memo } from "react";
import { Handle, Position } from "@xyflow/react";
import { folded, toggleFold } from "./containers.js";
import { Icon, Tile } from "./icons.jsx";
import { AfterPort, Chip, counted, PortRows, problemClass, stateWords, useShape } from "./nodes.jsx";
import { announce, board, commands, live, ui, useKeyed, useStore } from "./store.js";

const countOf = (state, id) => [...state.nodes.values()].filter((view) => view.parent === id).length;
const nodesIn = (count) => (count === 1 ? "1 node" : `${count} nodes`);

function Fold({ id, label, shut }) {
  return (
    <button
      type="button" className="btn ghost icon fc-fold nodrag" aria-expanded={!shut} aria-label={`${shut ? "Open" : "Fold up"} ${label}`}
      title={shut ? "Open" : "Fold up"}
      onClick={(event) => { event.stopPropagation(); announce(toggleFold(id) ? `${label} folded up` : `${label} opened`); }}
    >
      <Icon name={shut ? "chevron-right" : "chevron-down"} />
    </button>
  );
}

// On the inside of the right edge: what the body ends with, when a wire says so.
function Result({ port }) {
  return (
    <span className={`fc-result ${port.wired ? "wired" : ""}`}>
      <Handle type="target" position={Position.Left} id={port.name} className={`fc-port ${port.wired ? "wired" : ""}`}
        title={`${port.title}: what leaves the body; empty: what its last node gives`} data-port={port.name} />
    </span>
  );
}

export const ContainerNode = memo(function ContainerNode({ id, data, selected }) {
  const state = useKeyed(live, id);
  const shut = useStore(folded, (one) => one.ids.has(id));
  const count = useStore(board, (one) => countOf(one, id));
  const target = useStore(ui, (one) => one.dropInto === id);
  useShape(id, data, shut);
  const status = data.off ? "off" : state.status || "idle";
  const classes = ["fc-node", "fc-box", status, selected ? "sel" : "", problemClass(data), shut ? "shut" : "", target ? "into" : ""];
  return (
    <div className={classes.join(" ")} data-testid={`node-${id}`} data-status={status} role="group" aria-label={`${data.label}, ${nodesIn(count)}`}>
      <header className="fc-box-head">
        <AfterPort data={data} />
        <Tile icon={data.icon} kind={data.kind} />
        <span className="fc-title"><b title={data.label}>{data.label}</b><small title={data.sub}>{counted(state) || (shut ? nodesIn(count) : data.sub)}</small></span>
        <Chip data={data} state={state} />
        <Fold id={id} label={data.label} shut={shut} />
      </header>
      <PortRows ins={data.ins} outs={data.outs} nodeId={id} />
      {state.status === "running" && state.total > 1
        ? <div className="fc-progress"><i style={{ width: `${Math.round((100 * (state.done ?? 0)) / state.total)}%` }} /></div> : null}
      {shut ? null : (
        <div className="fc-body">
          {count ? null : (
            <button type="button" className="fc-drop nodrag" onClick={() => commands.get().addInside?.(id)}>
              <Icon name="plus" /><b>Nothing stands here yet</b><small>Drag nodes in, or add one</small>
            </button>
          )}
          {data.results.map((port) => <Result key={port.name} port={port} />)}
        </div>
      )}
      <span className="sr-only">{data.off ? "Off" : stateWords(state)}</span>
    </div>
  );
});
