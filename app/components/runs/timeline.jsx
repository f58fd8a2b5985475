import { useEffect, useReducer, useRef } from "react";
import { duration, useNow } from "$/public/external/app/components/theme/time/time.jsx";

const WORDS = {
  queued: ["Waiting", "clock", ""], waiting: ["Waiting", "hourglass", "wait"], paused: ["Paused", "pause", "wait"],
  running: ["Running", "loader", "run"], done: ["Done", "check", "ok"], failed: ["Failed", "x", "bad"],
  skipped: ["Skipped", "skip-forward", ""], cancelled: ["Cancelled", "ban", ""], "": ["Not started", "circle-dashed", ""],
};

const Icon = ({ name, className = "" }) => (
  <svg className={`i ${className}`} viewBox="0 0 24 24" aria-hidden="true"><use href={`/icons.svg#${name}`} /></svg>
);

// The snapshot is the truth; patches of changed steps come after it, each with the next number.
function merge(rows, change) {
  if (change.rows) return change.rows;
  const changed = new Map(change.patch.map((row) => [row.id, row]));
  const merged = rows.map((row) => (changed.has(row.id) ? { ...row, ...changed.get(row.id) } : row));
  return merged;
}

function Bar({ row, start, span, now }) {
  if (!row.start) return <span className="track" />;
  const left = Math.min(99, Math.max(0, ((row.start - start) / span) * 100));
  const width = Math.max(0.8, (((row.end || now) - row.start) / span) * 100);
  const tone = { failed: "bad", running: "run", waiting: "wait", paused: "wait", done: "ok" }[row.status] ?? "control";
  return (
    <span className="track">
      <em style={{ left: `${left}%`, width: `${Math.min(width, 100 - left)}%`, background: `var(--${tone})` }} />
    </span>
  );
}

export function Timeline({ rows: snapshot, rev, patch, patchSeq, start, end, selected, onSelect, onToggle }) {
  const [rows, change] = useReducer(merge, snapshot ?? []);
  const list = useRef(null);
  useEffect(() => change({ rows: snapshot ?? [] }), [rev]);
  useEffect(() => { if (patch?.length) change({ patch }); }, [patchSeq]);
  const now = useNow(end ? 0 : 250);
  const until = end || Math.max(now, start + 1);
  const span = Math.max(1, until - start);

  const walk = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...list.current.querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (next) { event.preventDefault(); next.focus(); }
  };

  return (
    <ol className="timeline" ref={list} onKeyDown={walk} aria-label="Steps">
      {rows.map((row) => {
        const [word, icon, tone] = WORDS[row.status] ?? WORDS[""];
        const indent = row.depth ? { "--depth": row.depth } : undefined;
        if (row.status === "more") {
          return <li key={row.id} className="kid" style={indent}><button type="button" className="more" onClick={() => onToggle?.(row.id)}>{row.label}</button></li>;
        }
        return (
          <li key={row.id} className={row.depth ? "kid" : ""} style={indent}>
            {row.fold ? (
              <button type="button" className="fold" aria-expanded={row.fold === "open"} aria-label={`${row.fold === "open" ? "Close" : "Open"} ${row.label}`} onClick={() => onToggle?.(row.id)}>
                <Icon name={row.fold === "open" ? "chevron-down" : "chevron-right"} />
              </button>
            ) : null}
            <button type="button" data-step={row.id} data-state={row.status} aria-pressed={row.id === selected}
              className={row.id === selected ? "sel" : ""} onClick={() => onSelect?.(row.id)}>
              <span className={`tile small k-${row.category}`}><Icon name={row.icon} /></span>
              <span className="name"><b className="strong truncate">{row.label}</b>
                <span className="hint narrow-only">{[row.items, row.start ? duration((row.end || now) - row.start) : ""].filter(Boolean).join(" · ")}</span></span>
              <Bar row={row} start={start} span={span} now={now} />
              <span className="mono muted num took">{row.start ? duration((row.end || now) - row.start) : ""}</span>
              <span className="hint items truncate" title={row.items}>{row.items}</span>
              <span className={`chip ${tone}`}><Icon name={icon} className={row.status === "running" ? "spin" : ""} />{word}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
