// A list of records, one card per row: its first column is the card's name, the others stand below.
import { useId, useState } from "react";
import { Icon } from "$/public/external/app/components/canvas/canvas/icons.jsx";
import { setField, TemplateField } from "./field.jsx";
import { TemplateInput } from "./template.jsx";
import { fromText, toText, useDraft } from "./values.js";

const blank = (columns) => Object.fromEntries(columns.filter((column) => column.default !== undefined && column.default !== null).map((column) => [column.name, column.default]));
const lines = (value) => (Array.isArray(value) ? value.map(toText).join("\n") : toText(value));

function Cell({ column, value, onChange, id, onFocus, onBlur }) {
  const label = <label className="hint" htmlFor={id}>{column.title}</label>;
  if (column.widget === "select") {
    return (
      <div className="nf-cell">{label}
        <select className="input" id={id} value={toText(value ?? column.default)} onChange={(event) => onChange(event.target.value, 0)}>
          {column.options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
        </select>
      </div>
    );
  }
  if (column.widget === "boolean") {
    return <label className="check nf-cell"><input type="checkbox" id={id} checked={value === true} onChange={(event) => onChange(event.target.checked, 0)} /><span>{column.title}</span></label>;
  }
  const list = column.widget === "list";
  return (
    <div className="nf-cell">{label}
      <TemplateInput
        id={id} text={list ? lines(value) : toText(value)} multiline={list || column.widget === "multiline"} rows={2} mono={column.widget === "expression"}
        placeholder={list ? "One per line" : column.placeholder} onFocus={onFocus} onBlur={onBlur}
        onChange={(text, quiet) => onChange(list ? (text.includes("{{") ? text : text.split("\n").filter((line, index, all) => line !== "" || index === all.length - 1)) : fromText(text, column.type) ?? "", quiet)}
      />
    </div>
  );
}

function RowCard({ row, index, columns, onChange, onRemove, onMove, open, setOpen, id, count, focus }) {
  const [first, ...rest] = columns;
  const name = toText(row?.[first.name]);
  return (
    <div className={`nf-row ${open ? "open" : ""}`}>
      <div className="nf-row-head">
        <button type="button" className="nf-row-toggle" aria-expanded={open} aria-label={`${open ? "Fold" : "Unfold"} ${name || `row ${index + 1}`}`} onClick={() => setOpen(open ? -1 : index)}>
          <Icon name={open ? "chevron-down" : "chevron-right"} />
        </button>
        <input className="nf-row-name" aria-label={`${first.title} of row ${index + 1}`} value={name} placeholder={first.placeholder || first.title} onFocus={focus.start} onBlur={focus.end}
          onChange={(event) => onChange({ ...row, [first.name]: event.target.value })} />
        {index > 0 ? <button type="button" className="nf-row-act" aria-label={`Move ${name || "row"} up`} onClick={() => onMove(index, index - 1)}><Icon name="arrow-up" /></button> : null}
        {index < count - 1 ? <button type="button" className="nf-row-act" aria-label={`Move ${name || "row"} down`} onClick={() => onMove(index, index + 1)}><Icon name="arrow-down" /></button> : null}
        <button type="button" className="nf-row-act" aria-label={`Remove ${name || `row ${index + 1}`}`} onClick={onRemove}><Icon name="trash-2" /></button>
      </div>
      {open ? <div className="nf-row-body">{rest.map((column) => (
        <Cell key={column.name} column={column} value={row?.[column.name]} id={`${id}-${index}-${column.name}`} onFocus={focus.start} onBlur={focus.end}
          onChange={(value, quiet) => onChange({ ...row, [column.name]: value }, quiet)} />
      ))}</div> : <p className="hint nf-row-sum">{rest.map((column) => summary(row?.[column.name])).filter(Boolean).join(" · ")}</p>}
    </div>
  );
}

function summary(value) {
  if (Array.isArray(value)) return value.length ? `${value.length} ${value.length === 1 ? "example" : "examples"}` : "";
  return typeof value === "boolean" ? "" : toText(value);
}

export function RowsField({ node, path, value, columns, addLabel, inputId }) {
  const fallback = useId();
  const list = Array.isArray(value) ? value : value ? null : [];
  const [local, setLocal, focus] = useDraft(list);
  const [open, setOpen] = useState(-1);
  const shown = columns?.length ? columns : columnsOf(local ?? []);
  if (list === null) return <TemplateField node={node} path={path} value={value} type="any" inputId={inputId} />;
  const save = (next, quiet) => { setLocal(next); setField(node, path, next, quiet); };
  const move = (from, to) => { const next = [...local]; next.splice(to, 0, ...next.splice(from, 1)); save(next, 0); };
  return (
    <div className="nf-rows" id={inputId || fallback}>
      {(local ?? []).map((row, index) => (
        <RowCard
          key={index} row={row} index={index} columns={shown} count={local.length} id={inputId || fallback} open={open === index} setOpen={setOpen} focus={focus}
          onChange={(next, quiet) => save(local.map((one, at) => (at === index ? next : one)), quiet)}
          onRemove={() => { setOpen(-1); save(local.filter((_, at) => at !== index), 0); }} onMove={move}
        />
      ))}
      <button type="button" className="btn ghost small" onClick={() => { save([...(local ?? []), blank(shown)], 0); setOpen(local?.length ?? 0); }}><Icon name="plus" />{addLabel || "Add row"}</button>
    </div>
  );
}

function columnsOf(rows) {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row ?? {})))];
  return (keys.length ? keys : ["name", "value"]).map((name) => ({
    name, title: name.charAt(0).toUpperCase() + name.slice(1), widget: rows.some((row) => Array.isArray(row?.[name])) ? "list" : "text", type: "string",
  }));
}
