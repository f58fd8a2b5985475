// The parts of the top bar that know the queue: is everything saved, undo and redo, and Run after the last edit went up.
import { Icon } from "./icons.jsx";
import { flush, pushCommand, saving } from "./queue.js";
import { useStore } from "./store.js";

export function SaveState() {
  const { state, waiting } = useStore(saving);
  const [mark, text] = state === "offline"
    ? ["wifi-off", `No connection. ${waiting === 1 ? "1 edit is" : `${waiting} edits are`} kept here and will be sent`]
    : state === "saving" ? ["loader", "Saving"] : ["check", "Saved"];
  return (
    <span className={`hint ed-saved ${state}`} data-testid="saved" title={text}>
      <Icon name={mark} className={state === "saving" ? "spin s14" : "s14"} />
      <span className={state === "offline" ? "" : "ed-saved-text"}>{text}</span>
    </span>
  );
}

export function HistoryButtons({ canUndo, canRedo }) {
  return (
    <>
      <button type="button" className="btn ghost icon" aria-label="Undo" title="Undo (Ctrl Z)" disabled={!canUndo} onClick={() => pushCommand("undo")}><Icon name="undo-2" /></button>
      <button type="button" className="btn ghost icon" aria-label="Redo" title="Redo (Ctrl Shift Z)" disabled={!canRedo} onClick={() => pushCommand("redo")}><Icon name="redo-2" /></button>
    </>
  );
}

// Runs `onGo` when everything typed so far has reached the draft.
export function FlushButton({ onGo, className, disabled, children, label, testId }) {
  return (
    <button type="button" className={className} disabled={disabled} aria-label={label || undefined} data-testid={testId || undefined} onClick={() => flush(() => onGo?.())}>
      {children}
    </button>
  );
}
