// What the parts of the editor share in the browser: the drawing as the server last told it, the status of each
// node, the catalogue, and what is open. Plain stores, so that a change re-renders only the part that shows it.
import { useCallback, useSyncExternalStore } from "react";

export function createStore(initial) {
  let state = initial;
  const listeners = new Set();
  return {
    get: () => state,
    set(change) {
      const next = typeof change === "function" ? change(state) : { ...state, ...change };
      if (next === state) return;
      state = next;
      listeners.forEach((listener) => listener());
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore(store, select = (state) => state) {
  return useSyncExternalStore(store.subscribe, () => select(store.get()), () => select(store.get()));
}

// A map whose readers subscribe to one key each: a thousand nodes, one re-render per change.
export function createKeyed(empty) {
  const values = new Map();
  const listeners = new Map();
  const tell = (key) => listeners.get(key)?.forEach((listener) => listener());
  return {
    get: (key) => values.get(key) ?? empty,
    entries: () => values,
    patch(changes) {
      for (const [key, value] of Object.entries(changes)) {
        values.set(key, { ...values.get(key), ...value });
        tell(key);
      }
    },
    clear() {
      const keys = [...values.keys()];
      values.clear();
      keys.forEach(tell);
    },
    subscribe(key, listener) {
      if (!listeners.has(key)) listeners.set(key, new Set());
      listeners.get(key).add(listener);
      return () => listeners.get(key)?.delete(listener);
    },
  };
}

export function useKeyed(keyed, key) {
  return useSyncExternalStore(
    useCallback((listener) => keyed.subscribe(key, listener), [keyed, key]),
    () => keyed.get(key),
    () => keyed.get(key),
  );
}

export const IDLE = Object.freeze({ status: "" });
export const live = createKeyed(IDLE);

// nodes and edges: Map of id to view, as app/pages/editor/view.py builds them.
export const board = createStore({ nodes: new Map(), edges: new Map(), loaded: false });
export const catalog = createStore({ types: [], byType: new Map() });
export const ui = createStore({ adding: null, connecting: null, refusal: null, selected: [], armed: null, readOnly: false });
export const toasts = createStore({ list: [] });
// What the canvas can be asked from outside it: select, openQuickAdd, centre and so on, once it is there.
export const commands = createStore({});
export const announcer = createStore({ text: "" });

export const announce = (text) => announcer.set({ text });

let toastNumber = 0;
export function toast(text, { tone = "", action = null, seconds = 6 } = {}) {
  toastNumber += 1;
  const id = toastNumber;
  toasts.set((state) => ({ list: [...state.list.slice(-2), { id, text, tone, action }] }));
  setTimeout(() => dismiss(id), seconds * 1000);
  announce(text);
}
export const dismiss = (id) => toasts.set((state) => ({ list: state.list.filter((one) => one.id !== id) }));

export function showSnapshot(snapshot) {
  board.set({
    nodes: new Map(snapshot.nodes.map((node) => [node.id, node])),
    edges: new Map(snapshot.edges.map((edge) => [edge.id, edge])),
    loaded: true,
  });
}

// A patch names only what changed; null removes.
export function showPatch({ nodes = {}, edges = {} }) {
  board.set((state) => ({
    ...state,
    nodes: patched(state.nodes, nodes),
    edges: patched(state.edges, edges),
  }));
}

function patched(before, changes) {
  const entries = Object.entries(changes);
  if (!entries.length) return before;
  const after = new Map(before);
  for (const [id, value] of entries) {
    if (value === null) after.delete(id);
    else after.set(id, { ...after.get(id), ...value });
  }
  return after;
}

export function showCatalog(types) {
  catalog.set({ types, byType: new Map(types.map((one) => [one.type, one])) });
}

// A name for a new node: the type's own word, numbered where it is taken; templates use it, so it is a plain word.
export function freshId(type, taken) {
  const word = type.split(".").pop().replace(/[^a-z0-9_]/g, "_").replace(/^[^a-z]+/, "") || "node";
  const base = word.slice(0, 50);
  if (!taken.has(base)) return base;
  let number = 2;
  while (taken.has(`${base}_${number}`)) number += 1;
  return `${base}_${number}`;
}

export const isTyping = (target) =>
  Boolean(target?.closest?.("input, textarea, select, [contenteditable=true], [role=textbox], dialog"));
