import { useEffect, useRef } from "react";

// The browser's own modal dialog: it traps the focus, closes on Escape and gives the focus back.
export function Modal({ open, onClose, label, className, children }) {
  const ref = useRef(null);
  useEffect(() => {
    const dialog = ref.current;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  const cancel = (event) => { event.preventDefault(); onClose?.(); };
  const outside = (event) => { if (event.target === ref.current) onClose?.(); };
  return (
    <dialog ref={ref} className={className} aria-label={label} onCancel={cancel} onMouseDown={outside}>
      {open ? children : null}
    </dialog>
  );
}
