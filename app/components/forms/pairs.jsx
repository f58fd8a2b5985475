// Named values: a name and a template each. The order is the document's.
import { Icon } from "$/public/external/app/components/canvas/canvas/icons.jsx";
import { setField, TemplateField } from "./field.jsx";
import { TemplateInput } from "./template.jsx";
import { fromText, toText, useDraft } from "./values.js";

const asPairs = (value) => Object.entries(value ?? {});

// A second pair of the same name would be lost in an object: it waits here until its name is its own.
const asObject = (pairs) => Object.fromEntries(pairs.filter(([name]) => name.trim() !== "").reverse().reverse());

export function PairsField({ node, path, value, addLabel, inputId, placeholder }) {
  const object = value && typeof value === "object" && !Array.isArray(value) ? value : value ? null : {};
  const [pairs, setPairs, focus] = useDraft(asPairs(object));
  if (object === null) return <TemplateField node={node} path={path} value={value} type="any" inputId={inputId} />;
  const save = (next, quiet) => { setPairs(next); setField(node, path, asObject(next), quiet); };
  const names = pairs.map(([name]) => name);
  return (
    <div className="nf-pairs" id={inputId}>
      {pairs.map(([name, item], index) => (
        <div className="nf-pair" key={index}>
          <input className="input" aria-label={`Name ${index + 1}`} value={name} placeholder={placeholder || "name"} aria-invalid={names.indexOf(name) !== index}
            onFocus={focus.start} onBlur={focus.end}
            onChange={(event) => save(pairs.map((pair, at) => (at === index ? [event.target.value, pair[1]] : pair)))} />
          <TemplateInput id={`${inputId}-${index}`} label={`Value of ${name || index + 1}`} text={toText(item)} placeholder="value" onFocus={focus.start} onBlur={focus.end}
            onChange={(text, quiet) => save(pairs.map((pair, at) => (at === index ? [pair[0], fromText(text, "any") ?? ""] : pair)), quiet)} />
          <button type="button" className="btn ghost icon" aria-label={`Remove ${name || `field ${index + 1}`}`} onClick={() => save(pairs.filter((_, at) => at !== index), 0)}><Icon name="x" /></button>
        </div>
      ))}
      <button type="button" className="btn ghost small" onClick={() => setPairs([...pairs, ["", ""]])}><Icon name="plus" />{addLabel || "Add field"}</button>
    </div>
  );
}
