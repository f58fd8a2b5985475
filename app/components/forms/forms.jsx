// The fields of a node's form. Each keeps what is being typed and hands finished values to the draft's queue as `set_field`.
import { useEffect, useId, useRef, useState } from "react";
import { Icon } from "$/public/external/app/components/canvas/canvas/icons.jsx";
import { push } from "$/public/external/app/components/canvas/canvas/queue.js";
import "./forms.css";
import { setField, TemplateField, TYPING_MS } from "./field.jsx";
import { TemplateInput } from "./template.jsx";
import { fromText, toText, useDraft } from "./values.js";

export { TemplateField } from "./field.jsx";
export { Completions } from "./template.jsx";
export { PairsField } from "./pairs.jsx";
export { RowsField } from "./rows.jsx";
export { FileField } from "./upload.jsx";

export function ChoiceField({ node, path, value, options, inputId, invalid, describedBy, required }) {
  const [chosen, setChosen] = useDraft(toText(value));
  const known = options.some((option) => option.value === chosen);
  return (
    <select
      className="input" id={inputId} value={chosen} aria-invalid={Boolean(invalid)} aria-describedby={describedBy || undefined}
      onChange={(event) => {
        setChosen(event.target.value);
        const option = options.find((one) => one.value === event.target.value);
        setField(node, path, option && "raw" in option ? option.raw : event.target.value || null, 0);
      }}
    >
      {required && known ? null : <option value="">{required ? "Choose" : "None"}</option>}
      {chosen && !known ? <option value={chosen}>{chosen}</option> : null}
      {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
    </select>
  );
}

export function SwitchField({ node, path, value, label, inputId }) {
  const text = toText(value);
  const [on, setOn] = useState(value === true);
  useEffect(() => setOn(value === true), [value]);
  if (text.includes("{{")) return <TemplateField node={node} path={path} value={value} type="boolean" inputId={inputId} />;
  return (
    <label className="nf-switch">
      <input type="checkbox" role="switch" className="switch" id={inputId} checked={on} onChange={(event) => { setOn(event.target.checked); setField(node, path, event.target.checked, 0); }} />
      <span>{label}</span>
    </label>
  );
}

const CRONS = [["0 9 * * *", "Every day at 9:00"], ["0 9 * * 1-5", "Weekdays at 9:00"], ["0 9 * * 1", "Mondays at 9:00"], ["0 * * * *", "Every hour"], ["*/15 * * * *", "Every 15 minutes"], ["0 8 1 * *", "First of the month at 8:00"]];

export function SuggestField({ node, path, value, suggestions, placeholder, inputId, invalid, describedBy, mono }) {
  const [text, setText, focus] = useDraft(toText(value));
  const list = useId();
  const options = suggestions?.length ? suggestions : CRONS;
  return (
    <>
      <input
        className={`input ${mono ? "code" : ""}`} id={inputId} list={list} value={text} placeholder={placeholder} autoComplete="off" spellCheck={false}
        aria-invalid={Boolean(invalid)} aria-describedby={describedBy || undefined} onFocus={focus.start} onBlur={focus.end}
        onChange={(event) => { setText(event.target.value); setField(node, path, event.target.value || null); }}
      />
      <datalist id={list}>{options.map(([option, words]) => <option key={option} value={option}>{words}</option>)}</datalist>
    </>
  );
}

export function ListField({ node, path, value, placeholder, inputId, addLabel }) {
  const items = Array.isArray(value) ? value : value === null || value === undefined || value === "" ? [] : null;
  const [local, setLocal, focus] = useDraft(items);
  const add = useRef(null);
  if (items === null) return <TemplateField node={node} path={path} value={value} type="any" inputId={inputId} placeholder={placeholder} />;
  const save = (next, quiet) => { setLocal(next); setField(node, path, next, quiet); };
  return (
    <div className="nf-list" id={inputId} onFocus={focus.start} onBlur={focus.end}>
      {local.map((item, index) => (
        <div className="nf-list-row" key={index}>
          <TemplateInput id={`${inputId}-${index}`} label={`Item ${index + 1}`} text={toText(item)} placeholder={placeholder} onChange={(next, quiet) => save(local.map((one, at) => (at === index ? fromText(next, "any") ?? "" : one)), quiet)} />
          <button type="button" className="btn ghost icon" aria-label={`Remove item ${index + 1}`} onClick={() => save(local.filter((_, at) => at !== index), 0)}><Icon name="x" /></button>
        </div>
      ))}
      <button type="button" className="btn ghost small" ref={add} onClick={() => save([...local, ""], 0)}><Icon name="plus" />{addLabel || "Add"}</button>
    </div>
  );
}

export function NameField({ node, value, inputId }) {
  const [text, setText, focus] = useDraft(value ?? "");
  return (
    <input
      id={inputId} className="nf-name" value={text} aria-label="Name of this node" maxLength={120} spellCheck={false}
      onFocus={focus.start} onBlur={() => { focus.end(); if (!text.trim()) setText(value); }}
      onKeyDown={(event) => { if (event.key === "Enter") event.currentTarget.blur(); }}
      onChange={(event) => { setText(event.target.value); if (event.target.value.trim()) push([{ op: "rename", node, label: event.target.value }], TYPING_MS); }}
    />
  );
}

// A choice beside the form that is an option of the node, not a field: failure path, time limit, each.
// JSON where it is some, else the text as it stands.
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function OptionField({ node, option, value, kind, options, inputId, placeholder }) {
  const [text, setText, focus] = useDraft(toText(value));
  const save = (next, quiet) => push([{ op: "set_option", node, key: option, value: next }], quiet);
  if (kind === "choice") {
    return (
      <select className="input" id={inputId} value={text} onChange={(event) => {
        setText(event.target.value);
        const found = options.find((one) => one.value === event.target.value);
        save(found && "raw" in found ? found.raw : event.target.value || null, 0);
      }}>
        {options.map((one) => <option key={one.value} value={one.value}>{one.label}</option>)}
      </select>
    );
  }
  if (kind === "number") {
    return (
      <input className="input" id={inputId} inputMode="decimal" value={text} placeholder={placeholder} onFocus={focus.start} onBlur={focus.end}
        onChange={(event) => {
          setText(event.target.value);
          const next = event.target.value.trim();
          if (next === "" || Number.isFinite(Number(next))) save(next === "" ? null : Number(next), TYPING_MS);
        }} />
    );
  }
  if (kind === "value") {
    return (
      <textarea className="input code" id={inputId} rows={2} value={text} placeholder={placeholder} spellCheck={false} onFocus={focus.start} onBlur={focus.end}
        onChange={(event) => { setText(event.target.value); save(event.target.value.trim() ? { value: read(event.target.value) } : null, TYPING_MS); }} />
    );
  }
  return (
    <textarea className="input" id={inputId} rows={3} value={text} placeholder={placeholder} onFocus={focus.start} onBlur={focus.end}
      onChange={(event) => { setText(event.target.value); save(event.target.value, TYPING_MS); }} />
  );
}

export function RetryField({ node, value, inputId }) {
  const [retry, setRetry, focus] = useDraft(value && typeof value === "object" ? value : {});
  const save = (key, text) => {
    const next = { ...retry, [key]: text };
    setRetry(next);
    const times = Number(next.times);
    if (!next.times || !Number.isInteger(times) || times < 0) return push([{ op: "set_option", node, key: "retry", value: null }], TYPING_MS);
    const wait = Number(next.wait);
    return push([{ op: "set_option", node, key: "retry", value: { times, ...(next.wait && Number.isFinite(wait) && wait >= 0 ? { wait } : {}) } }], TYPING_MS);
  };
  return (
    <div className="nf-two" onFocus={focus.start} onBlur={focus.end}>
      <input className="input" id={inputId} inputMode="numeric" aria-label="Times" placeholder="0 times" value={retry.times ?? ""} onChange={(event) => save("times", event.target.value)} />
      <input className="input" inputMode="decimal" aria-label="Seconds before the second try" placeholder="1 second" value={retry.wait ?? ""} onChange={(event) => save("wait", event.target.value)} />
    </div>
  );
}

// A value of the input or output that can be dragged or tapped into a setting as a reference.
export function DragValue({ reference, label, detail }) {
  return (
    <button
      type="button" className="nf-drag" draggable title={`Drag into a setting, or click to copy ${reference}`}
      onDragStart={(event) => { event.dataTransfer.setData("text/plain", reference); event.dataTransfer.setData("text/x-weft-reference", reference); event.dataTransfer.effectAllowed = "copy"; }}
      onClick={() => navigator.clipboard?.writeText(reference)}
    >
      <Icon name="grip-vertical" /><b>{label}</b><span className="hint mono">{detail}</span>
    </button>
  );
}
