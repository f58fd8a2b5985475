// Every edit goes up through here, in order, one batch in flight: kept in this browser until the server has
// answered for it, sent again when it has not, and numbered by a key so that the server applies it once.
import { createStore } from "./store.js";

const QUIET_MS = 120;
const PATIENCE_MS = 5000;

export const saving = createStore({ waiting: 0, state: "saved" });

let workflow = "";
let deliver = null;
let ready = false;
let batches = [];
let open = null;
let sealing = null;
let patience = null;
let inFlight = "";
let after = [];

const storageKey = () => `weft:unsent:${workflow}`;
const newKey = () => (crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`).replaceAll("-", "");

function remember() {
  try {
    const all = open ? [...batches, open] : batches;
    if (all.length) localStorage.setItem(storageKey(), JSON.stringify(all));
    else localStorage.removeItem(storageKey());
  } catch {
    // Storage may be full or forbidden; the edits are still in memory and on their way.
  }
  const waiting = batches.length + (open ? 1 : 0);
  const offline = saving.get().state === "offline";
  saving.set({ waiting, state: waiting ? (offline ? "offline" : "saving") : "saved" });
}

function restored() {
  try {
    const found = JSON.parse(localStorage.getItem(storageKey()) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => one && typeof one.key === "string") : [];
  } catch {
    return [];
  }
}

// Called when a workflow's snapshot has arrived: what an earlier visit could not deliver goes first.
export function openQueue(workflowId, send) {
  deliver = send;
  if (workflow !== workflowId) {
    workflow = workflowId;
    batches = restored();
    open = null;
    after = [];
  }
  ready = true;
  inFlight = "";
  saving.set((state) => ({ ...state, state: batches.length ? "saving" : "saved" }));
  remember();
  sendNext();
  return batches.length;
}

export const setDeliver = (send) => {
  deliver = send;
};

// True while the browser holds edits of this node that the server has not answered for.
export const pending = () => batches.length > 0 || open !== null;

export function push(ops, quiet = QUIET_MS) {
  if (!ops.length) return;
  if (!open) open = { key: newKey(), kind: "edit", ops: [] };
  open.ops = merged(open.ops, ops);
  remember();
  clearTimeout(sealing);
  if (quiet === 0) seal();
  else sealing = setTimeout(seal, quiet);
}

// Typing sets the same field again and again: only the last value of a run of them is sent.
function merged(before, ops) {
  const all = [...before];
  for (const op of ops) {
    const last = all[all.length - 1];
    if (last && op.op === "set_field" && last.op === "set_field" && last.node === op.node
        && JSON.stringify(last.path) === JSON.stringify(op.path)) all[all.length - 1] = op;
    else all.push(op);
  }
  return all;
}

export function pushCommand(kind, extra = {}) {
  seal();
  batches.push({ key: newKey(), kind, ops: [], ...extra });
  remember();
  sendNext();
}

function seal() {
  clearTimeout(sealing);
  if (!open) return;
  batches.push(open);
  open = null;
  remember();
  sendNext();
}

// Everything typed so far is on its way, then `next` runs: how Run and Publish see the draft as it is on screen.
export function flush(next = null) {
  if (document.activeElement?.dataset?.draft === "true") document.activeElement.dispatchEvent(new Event("weft:commit"));
  seal();
  if (!next) return;
  if (batches.length) after.push(next);
  else next();
}

function sendNext() {
  if (!ready || !deliver || inFlight || !batches.length) return;
  inFlight = batches[0].key;
  deliver(batches[0]);
  clearTimeout(patience);
  patience = setTimeout(retry, PATIENCE_MS);
}

function retry() {
  if (!inFlight) return;
  inFlight = "";
  saving.set((state) => ({ ...state, state: "offline" }));
  sendNext();
}

// The server's counter: this batch is in the draft's log (or was refused, and told so).
export function acknowledge(key) {
  const index = batches.findIndex((one) => one.key === key);
  if (index < 0) return false;
  batches.splice(0, index + 1);
  clearTimeout(patience);
  inFlight = "";
  saving.set((state) => ({ ...state, state: batches.length || open ? "saving" : "saved" }));
  remember();
  if (!batches.length && !open) after.splice(0).forEach((next) => next());
  else sendNext();
  return true;
}

if (typeof window !== "undefined") {
  window.addEventListener("online", () => { inFlight = ""; sendNext(); });
  window.addEventListener("offline", () => saving.set((state) => ({ ...state, state: "offline" })));
  window.addEventListener("pagehide", () => { seal(); remember(); });
}
