// Between a field's JSON value and the text that a person edits.
import { useEffect, useRef, useState } from "react";

const REFERENCE = /^\s*\{\{\s*[a-z][a-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\])*\s*\}\}\s*$/;
export const isReference = (text) => typeof text === "string" && REFERENCE.test(text);

export function toText(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

// An empty field is unset (null). A number stays a number; `any` takes JSON where the text is JSON.
export function fromText(text, type) {
  if (text === "") return null;
  if (text.includes("{{")) return text;
  const trimmed = text.trim();
  if ((type === "number" || type === "integer") && trimmed !== "" && Number.isFinite(Number(trimmed))) return Number(trimmed);
  if (type === "boolean" && (trimmed === "true" || trimmed === "false")) return trimmed === "true";
  const looksLikeJson = type === "any" ? /^[[{\d-]|^(true|false|null)$/.test(trimmed) : (type === "object" || type === "array") && /^[[{]/.test(trimmed);
  if (looksLikeJson) {
    try {
      return JSON.parse(trimmed);
    } catch {
      return text;
    }
  }
  return text;
}

// Local while it has the focus, so that an answer from the server never takes a letter away; outside it follows the draft.
export function useDraft(value) {
  const [local, setLocal] = useState(value);
  const focused = useRef(false);
  const latest = useRef(value);
  const shape = typeof value === "string" ? value : JSON.stringify(value);
  useEffect(() => {
    latest.current = value;
    if (!focused.current) setLocal(value);
  }, [shape]);
  const focus = useRef({
    start: () => { focused.current = true; },
    end: () => { focused.current = false; },
  }).current;
  return [local, setLocal, focus];
}
