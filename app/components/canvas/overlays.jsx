// What lies over the canvas: how it starts when it is empty, the keys, the reason of a refusal, and short messages.
import { useEffect, useRef } from "react";
import { Icon, Tile } from "./icons.jsx";
import { KEYS } from "./keyboard.js";
import { announcer, catalog, dismiss, toasts, ui, useStore } from "./store.js";

const STARTS = [
  ["flow.input", "Form", "Someone fills in a form, or you press Run"],
  ["trigger.schedule", "Schedule", "Every morning, every Monday, every 5 minutes"],
  ["trigger.webhook", "Webhook", "Another system calls an address"],
  ["trigger.manual", "Run button", "Only when you say so"],
];

export function EmptyCanvas({ onAdd, onSearch }) {
  const types = useStore(catalog, (state) => state.byType);
  return (
    <div className="fc-empty">
      <h2>How does this start?</h2>
      <div className="fc-starts">
        {STARTS.filter(([type]) => types.has(type)).map(([type, title, text]) => (
          <button key={type} type="button" className="card fc-start" onClick={() => onAdd(type)}>
            <Tile icon={types.get(type).icon} kind={types.get(type).kind} />
            <b>{title}</b>
            <span className="hint">{text}</span>
          </button>
        ))}
      </div>
      <p className="hint">or <button type="button" className="fc-link" onClick={onSearch}>add any node</button> with <kbd>/</kbd>, or paste nodes with <kbd>Ctrl V</kbd></p>
    </div>
  );
}

export function KeysHelp() {
  const open = useStore(ui, (state) => Boolean(state.keys));
  const dialog = useRef(null);
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open && dialog.current?.open) dialog.current.close();
  }, [open]);
  return (
    <dialog className="fc-keys" ref={dialog} aria-label="Keys" onClose={() => ui.set({ keys: false })}>
      <header><h2>Keys</h2><form method="dialog"><button className="btn ghost icon" aria-label="Close"><Icon name="x" /></button></form></header>
      <div className="fc-keys-columns">
        {KEYS.map(([title, rows]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>{rows.map(([key, text]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{text}</dd></div>)}</dl>
          </section>
        ))}
      </div>
      <p className="hint">On a Mac, Ctrl is ⌘. Single letters act while the canvas has the focus.</p>
    </dialog>
  );
}

export function Refusal({ pointer, toLocal }) {
  const reason = useStore(ui, (state) => state.refusal);
  if (!reason) return null;
  const at = toLocal(pointer);
  return <div className="fc-refusal" role="status" style={{ left: at.x + 14, top: at.y + 14 }}>{reason}</div>;
}

export function Toasts() {
  const list = useStore(toasts, (state) => state.list);
  const text = useStore(announcer, (state) => state.text);
  return (
    <>
      <div className="fc-toasts">
        {list.map((one) => (
          <div key={one.id} className={`card fc-toast ${one.tone}`}>
            <span>{one.text}</span>
            {one.action ? <button type="button" className="btn ghost" onClick={() => { dismiss(one.id); one.action.run(); }}>{one.action.label}</button> : null}
            <button type="button" className="btn ghost icon" aria-label="Dismiss" onClick={() => dismiss(one.id)}><Icon name="x" /></button>
          </div>
        ))}
      </div>
      <div className="sr-only" role="status" aria-live="polite">{text}</div>
    </>
  );
}
