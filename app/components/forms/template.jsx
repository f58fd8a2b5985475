// Text with `{{ }}` inside: the templates are tinted, and `{{` opens the names that can stand there.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { createStore, useStore } from "$/public/external/app/components/canvas/canvas/store.js";

const names = createStore({ list: [] });
const MOST = 40;

// Renders nothing: keeps the names that the selected node can refer to.
export function Completions({ items }) {
  useEffect(() => names.set({ list: items ?? [] }), [items]);
  return null;
}

// The word being typed inside an open `{{`, or null when the caret stands outside of one.
export function openWord(text, caret) {
  const before = text.slice(0, caret);
  const start = before.lastIndexOf("{{");
  if (start < 0 || before.indexOf("}}", start) >= 0) return null;
  const word = /[A-Za-z0-9_.[\]]*$/.exec(before)[0];
  return { word, from: caret - word.length };
}

export function suggestions(list, word) {
  const wanted = word.toLowerCase();
  const starts = list.filter((one) => one.insert.toLowerCase().startsWith(wanted));
  const contains = list.filter((one) => !one.insert.toLowerCase().startsWith(wanted) && `${one.insert} ${one.label}`.toLowerCase().includes(wanted));
  return [...starts, ...contains].slice(0, MOST);
}

function Tinted({ text }) {
  const parts = text.split(/(\{\{[\s\S]*?\}\})/g);
  return <>{parts.map((part, index) => (index % 2 ? <mark key={index}>{part}</mark> : part))}{"\n"}</>;
}

export function TemplateInput({ id, text, onChange, multiline, mono, rows, placeholder, literal, invalid, describedBy, onFocus, onBlur, autoFocus, label }) {
  const area = useRef(null);
  const [open, setOpen] = useState(null);
  const [at, setAt] = useState(0);
  const list = useStore(names, (state) => state.list);
  const found = useMemo(() => (open ? suggestions(list, open.word) : []), [open, list]);
  useEffect(() => { if (autoFocus) { area.current?.focus(); area.current?.setSelectionRange(text.length, text.length); } }, [autoFocus]);
  useLayoutEffect(() => grow(area.current, multiline, rows), [text, multiline, rows]);
  const look = (value, caret) => { setOpen(literal ? null : openWord(value, caret)); setAt(0); };
  const change = (event) => { onChange(event.target.value); look(event.target.value, event.target.selectionStart); };
  const insert = (name) => {
    const caret = area.current.selectionStart;
    const tail = text.slice(caret);
    const closed = /^\s*\}\}/.test(tail);
    const lead = text.slice(0, open.from);
    const spaced = lead.endsWith("{{") ? `${lead} ` : lead;
    const next = `${spaced}${name}${closed ? "" : " }}"}${tail}`;
    onChange(next, 0);
    setOpen(null);
    const spot = spaced.length + name.length + (closed ? 0 : 3);
    requestAnimationFrame(() => { area.current?.focus(); area.current?.setSelectionRange(spot, spot); });
  };
  const onKeyDown = (event) => {
    if (!open || !found.length) {
      if (event.key === "Enter" && !multiline) event.preventDefault();
      return;
    }
    if (event.key === "ArrowDown") setAt((now) => Math.min(now + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt((now) => Math.max(now - 1, 0));
    else if (event.key === "Enter" || event.key === "Tab") insert(found[at].insert);
    else if (event.key === "Escape") setOpen(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onDrop = (event) => {
    const reference = event.dataTransfer.getData("text/x-weft-reference");
    if (!reference) return;
    event.preventDefault();
    const caret = area.current.selectionStart ?? text.length;
    onChange(text ? `${text.slice(0, caret)}${reference}${text.slice(caret)}` : reference, 0);
  };
  return (
    <div className={`nf-template ${mono ? "mono" : ""} ${open && found.length ? "open" : ""}`}>
      <div className="nf-back" aria-hidden="true">{literal ? null : <Tinted text={text} />}</div>
      <textarea
        ref={area} id={id} className="input" rows={1} value={text} placeholder={placeholder} spellCheck={!mono} aria-label={label || undefined}
        aria-invalid={Boolean(invalid)} aria-describedby={describedBy || undefined} aria-autocomplete={literal ? undefined : "list"}
        aria-controls={open && found.length ? `${id}-names` : undefined} aria-activedescendant={open && found[at] ? `${id}-name-${at}` : undefined}
        onChange={change} onKeyDown={onKeyDown} onDrop={onDrop}
        onFocus={onFocus} onBlur={(event) => { setOpen(null); onBlur?.(event); }}
        onClick={(event) => look(text, event.target.selectionStart)}
        onScroll={(event) => { event.target.previousSibling.scrollTop = event.target.scrollTop; }}
      />
      {open && found.length ? (
        <ul className="nf-names" role="listbox" id={`${id}-names`} aria-label="Names">
          {found.map((one, index) => (
            <li key={one.insert} id={`${id}-name-${index}`} role="option" aria-selected={index === at} className={index === at ? "on" : ""}
              ref={(element) => { if (index === at) element?.scrollIntoView({ block: "nearest" }); }}
              onPointerDown={(event) => { event.preventDefault(); insert(one.insert); }}>
              <b>{one.label}</b><span className="hint">{one.detail}</span>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

function grow(element, multiline, rows) {
  if (!element) return;
  element.style.height = "auto";
  const least = multiline ? (rows || 3) * 20 + 14 : 34;
  element.style.height = `${Math.min(Math.max(element.scrollHeight + 2, least), 360)}px`;
}
