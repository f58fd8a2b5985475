import { useRef } from "react";

// Reads a text file in the browser and hands its text over; nothing is uploaded.
export function FileText({ accept, label, maxBytes, onText }) {
  const input = useRef(null);
  const read = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    if (file.size > maxBytes) return onText("", `${file.name} is larger than ${Math.round(maxBytes / 1e6)} MB.`);
    onText(await file.text(), "");
  };
  return (
    <>
      <input ref={input} type="file" accept={accept} className="sr-only" tabIndex={-1} aria-hidden="true" onChange={read} />
      <button type="button" className="btn" onClick={() => input.current.click()}>
        <svg className="i" viewBox="0 0 24 24" aria-hidden="true"><use href="/icons.svg#folder-open" /></svg>{label}
      </button>
    </>
  );
}
