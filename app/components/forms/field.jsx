// One field that holds a value, a template or a reference, and the way its finished value takes to the draft's queue.
import { useState } from "react";
import { Icon } from "$/public/external/app/components/canvas/canvas/icons.jsx";
import { push } from "$/public/external/app/components/canvas/canvas/queue.js";
import { TemplateInput } from "./template.jsx";
import { fromText, isReference, toText, useDraft } from "./values.js";

export const TYPING_MS = 350;

export function setField(node, path, value, quiet = TYPING_MS) {
  push([{ op: "set_field", node, path, value }], quiet);
}

// A wire, seen from the field: where the value comes from. Removing it removes the wire, and the other way round.
function ReferenceBadge({ text, label, onRemove, onEdit }) {
  return (
    <span className="ref nf-ref">
      <button type="button" className="nf-ref-text" title={`${text}: click to edit as text`} onClick={onEdit}>{label || text.replace(/^\{\{\s*|\s*\}\}$/g, "")}</button>
      <button type="button" className="nf-ref-x" aria-label={`Remove ${label || text}`} onClick={onRemove}><Icon name="x" /></button>
    </span>
  );
}

export function TemplateField({ node, path, value, type, multiline, mono, rows, placeholder, label, inputId, invalid, describedBy, literal }) {
  const [text, setText, focus] = useDraft(toText(value));
  const [editing, setEditing] = useState(false);
  const change = (next, quiet) => { setText(next); setField(node, path, fromText(next, type), quiet); };
  const clear = () => { setEditing(false); change("", 0); };
  if (isReference(text) && !editing && !literal) {
    return (
      <div className="input nf-badges" id={inputId} aria-describedby={describedBy || undefined}>
        <ReferenceBadge text={text} label={label} onRemove={clear} onEdit={() => setEditing(true)} />
      </div>
    );
  }
  return (
    <TemplateInput
      id={inputId} text={text} onChange={change} multiline={multiline} mono={mono} rows={rows} placeholder={placeholder} literal={literal}
      invalid={invalid} describedBy={describedBy} autoFocus={editing}
      onFocus={focus.start} onBlur={() => { focus.end(); setEditing(false); }}
    />
  );
}
