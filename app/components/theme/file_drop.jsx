import { useRef, useState } from "react";

const Icon = ({ name, className = "" }) => (
  <svg className={`i ${className}`} viewBox="0 0 24 24" aria-hidden="true"><use href={`/icons.svg#${name}`} /></svg>
);

function send(action, file, onProgress) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", action);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(Math.round((100 * event.loaded) / event.total));
    const answer = () => { try { return JSON.parse(request.responseText); } catch { return {}; } };
    request.onload = () => resolve(request.status < 300 ? { file: answer() } : { fault: answer().detail ?? `The upload was refused (${request.status}).` });
    request.onerror = () => resolve({ fault: "The upload broke off. Check the connection, then choose the file again." });
    const body = new FormData();
    body.append("file", file);
    request.send(body);
  });
}

// Uploads one file by REST, by drop or by choosing; the page is told the reference that the server gave out.
export function FileDrop({ action, accept, inputId, fileName, said, describedBy, onFile }) {
  const input = useRef(null);
  const [over, setOver] = useState(false);
  const [percent, setPercent] = useState(null);
  const [fault, setFault] = useState("");

  const take = async (file) => {
    if (!file || percent != null) return;
    setFault("");
    setPercent(0);
    const answer = await send(action, file, setPercent);
    setPercent(null);
    if (answer.fault) setFault(answer.fault);
    else onFile?.(answer.file);
  };
  const drop = (event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files[0]); };
  const choose = (event) => { const [file] = event.target.files; event.target.value = ""; take(file); };

  return (
    <div className={`drop ${over ? "over" : ""}`} onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop}>
      <input ref={input} id={inputId} type="file" accept={accept || undefined} onChange={choose} aria-describedby={describedBy} />
      <span className="drop-face" aria-hidden="true">
        {percent != null ? <><Icon name="loader" className="spin" />Uploading, {percent} %</>
          : fileName ? <span><b className="strong">{fileName}</b>{said ? ` · ${said}` : ""}</span>
          : <><Icon name="upload" />Drop a file here, or choose one</>}
      </span>
      <span className="sr-only" role="status">{percent != null ? `Uploading, ${percent} %` : fileName ? `${fileName}, ${said}` : ""}</span>
      {fault ? <span className="error" role="alert"><Icon name="circle-alert" />{fault}</span> : null}
    </div>
  );
}
