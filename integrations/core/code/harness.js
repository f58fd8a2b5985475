// Runs a piece of user code inside one fresh V8 context. Evaluated by child.py as `harness(request)`.
// What is called here is taken before user code runs, so that overwriting a built-in changes nothing but the user's own result.
((request) => {
  "use strict";
  const { stringify, parse } = JSON;
  const { apply, ownKeys } = Reflect;
  const { freeze, fromEntries } = Object;
  const then = Promise.prototype.then;
  const slice = String.prototype.slice;
  const AsyncFunction = (async () => {}).constructor;
  const cut = (text, most) => apply(slice, text, [0, most]);

  // No clocks to wait for, no memory outside of the counted heap that threads could share.
  for (const name of ["setTimeout", "clearTimeout", "__timer_manager", "WebAssembly", "SharedArrayBuffer", "Atomics"]) {
    globalThis[name] = undefined;
  }

  const lines = [];
  let printed = 0;
  const text = (value) => {
    if (typeof value === "string") return value;
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    try {
      return stringify(value) ?? `${typeof value === "symbol" ? "Symbol" : value}`;
    } catch {
      return "[a value that cannot be shown]";
    }
  };
  const print = (level) => (...values) => {
    if (printed > request.most_printed) return;
    let line = "";
    for (let i = 0; i < values.length; i++) line += (i ? " " : "") + cut(text(values[i]), request.most_printed);
    printed += line.length + 1;
    lines[lines.length] = freeze([level, cut(line, request.most_printed)]);
  };
  globalThis.console = freeze({
    log: print("info"), info: print("info"), debug: print("info"), warn: print("warning"), error: print("warning"),
  });

  const state = { done: false, value: null, failed: null };
  const fail = (error) => {
    state.failed = { name: "Error", message: "", stack: "" };
    try {
      if (error instanceof Error) {
        state.failed = { name: `${error.name}`, message: `${error.message}`, stack: `${error.stack}` };
      } else {
        state.failed = { name: "", message: text(error), stack: "" };
      }
    } catch {
      state.failed.message = "an error that cannot be shown";
    }
    state.done = true;
  };

  // A syntax error leaves from here on purpose: only uncaught does V8 tell its line.
  const names = ownKeys(request.inputs);
  const body = new AsyncFunction("items", "inputs", ...names, `"use strict";\n${request.code}\n//# sourceURL=code.js`);
  const values = [];
  for (let i = 0; i < names.length; i++) values[i] = request.inputs[names[i]];
  apply(then, apply(body, undefined, [request.items, request.inputs, ...values]), [
    (value) => {
      try {
        state.value = stringify(value);
        state.nothing = value === undefined;
        state.done = true;
      } catch (error) {
        fail(error);
        state.unfit = true;
      }
    },
    fail,
  ]);

  return () => {
    const value = state.value ?? "null";
    if (value.length > request.most_result) return stringify({ lines, printed, too_large: value.length });
    return stringify({ lines, printed, ...state, value });
  };
})
