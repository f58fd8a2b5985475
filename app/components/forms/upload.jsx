// A file: chosen or dropped here, stored by the API, kept in the field as a reference.
import { useRef, useState } from "react";
import { Icon } from "$/public/external/app/components/canvas/canvas/icons.jsx";
import { setField, TemplateField } from "./field.jsx";

const UNITS = ["B", "kB", "MB", "GB"];
function sizeWords(bytes) {
  let size = Number(bytes);
  let unit = 0;
  while (size >= 1000 && unit < 3) { size /= 1000; unit += 1; }
  return `${size < 10 && unit ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}

async function upload(file) {
  const body = new FormData();
  body.append("file", file, file.name);
  const answer = await fetch("/api/v1/files", { method: "POST", body, credentials: "same-origin" });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(data.detail || data.title || "The file could not be stored. Try again.");
  return data;
}

export function FileField({ node, path, value, accept, inputId, onUploaded }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [over, setOver] = useState(false);
  const picker = useRef(null);
  if (typeof value === "string" && value.includes("{{")) return <TemplateField node={node} path={path} value={value} type="any" inputId={inputId} />;
  const take = async (file) => {
    if (!file) return;
    setBusy(true);
    setError("");
    try {
      const stored = await upload(file);
      const reference = { $file: stored.$file ?? stored.id, name: stored.name, media_type: stored.media_type, size: stored.size };
      if (onUploaded) onUploaded(reference);
      else setField(node, path, reference, 0);
    } catch (problem) {
      setError(problem.message);
    } finally {
      setBusy(false);
    }
  };
  const stored = value && typeof value === "object" && value.$file ? value : null;
  return (
    <div
      className={`nf-file ${over ? "over" : ""}`}
      onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
      onDrop={(event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files[0]); }}
    >
      <input ref={picker} type="file" id={inputId} accept={accept || undefined} className="sr-only" onChange={(event) => { take(event.target.files[0]); event.target.value = ""; }} />
      {stored ? <span className="nf-file-name"><Icon name="file-text" /><b title={stored.name}>{stored.name}</b><span className="hint">{sizeWords(stored.size)}</span></span>
        : <span className="hint">{busy ? "Storing the file" : "Drop a file here"}</span>}
      <button type="button" className="btn small" disabled={busy} onClick={() => picker.current.click()}>{busy ? <Icon name="loader" className="spin" /> : null}{stored ? "Replace" : "Choose a file"}</button>
      {stored && !onUploaded ? <button type="button" className="btn ghost icon small" aria-label={`Remove ${stored.name}`} onClick={() => setField(node, path, null, 0)}><Icon name="x" /></button> : null}
      {error ? <span className="error" role="alert">{error}</span> : null}
    </div>
  );
}
