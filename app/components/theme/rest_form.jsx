import { useRef, useState } from "react";

// A form that talks to REST, for what a page's state must not touch: passwords go in a request body over HTTP, and the
// answer may set the httpOnly session cookie. Refusals arrive as problem details (RFC 9457) and stand at their fields.

const Icon = ({ name, className = "" }) => (
  <svg className={`i ${className}`} viewBox="0 0 24 24" aria-hidden="true"><use href={`/icons.svg#${name}`} /></svg>
);

async function ask(method, action, body) {
  let response;
  try {
    response = await fetch(action, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    return { detail: "Weft cannot be reached. Check that it is running, then try again.", problems: [] };
  }
  if (response.ok) return null;
  const problem = await response.json().catch(() => ({}));
  return { detail: problem.detail ?? `Weft answered ${response.status}. Try again in a moment.`, problems: problem.problems ?? [] };
}

function Password({ field, ...props }) {
  const [shown, show] = useState(false);
  return (
    <span className="with-button">
      <input {...props} type={shown ? "text" : "password"} />
      <button type="button" className="btn icon ghost" aria-pressed={shown} aria-label={shown ? "Hide the password" : "Show the password"} onClick={() => show(!shown)}>
        <Icon name={shown ? "eye-off" : "eye"} />
      </button>
    </span>
  );
}

export function RestForm({ action, method = "POST", fields, submit, busy: busyWord, next, done, id = "form" }) {
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState(null);
  const [success, setSuccess] = useState(false);
  const form = useRef(null);

  const send = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setRefusal(null);
    setSuccess(false);
    const problem = await ask(method, action, Object.fromEntries(new FormData(form.current)));
    if (!problem && next) return location.assign(next);
    setBusy(false);
    setRefusal(problem);
    if (!problem) { setSuccess(true); form.current.reset(); return; }
    const first = fields.find((field) => problem.problems.some((one) => one.field === field.name));
    form.current.querySelector(first ? `[name="${first.name}"]` : "input")?.focus();
  };
  const wrong = (name) => refusal?.problems.filter((one) => one.field === name).map((one) => one.message).join(" ");
  const atFields = refusal && fields.some((field) => wrong(field.name));

  return (
    <form ref={form} onSubmit={send} noValidate={false} aria-busy={busy}>
      {refusal && !atFields ? (
        <div className="notice bad" role="alert"><Icon name="octagon-alert" /><div>{refusal.detail}</div></div>
      ) : null}
      {success && done ? <div className="notice ok" role="status"><Icon name="circle-check" /><div>{done}</div></div> : null}
      {fields.map((field) => {
        const error = wrong(field.name);
        const at = `${id}-${field.name}`;
        const props = {
          id: at, name: field.name, className: "input", autoComplete: field.autocomplete, required: true,
          defaultValue: field.value ?? "", "aria-invalid": error ? "true" : "false", minLength: field.minlength || undefined,
          "aria-describedby": `${at}-error ${at}-help`, autoFocus: field.autofocus || undefined, maxLength: 254,
        };
        return (
          <div className="field" key={field.name}>
            <label htmlFor={at}>{field.label}</label>
            {field.type === "password" ? <Password {...props} /> : <input {...props} type={field.type} />}
            {field.help ? <span className="hint help" id={`${at}-help`}>{field.help}</span> : null}
            {error ? <span className="error" id={`${at}-error`} role="alert"><Icon name="circle-alert" />{error}</span> : null}
          </div>
        );
      })}
      <button type="submit" className="btn primary large block" disabled={busy}>
        {busy ? <Icon name="loader" className="spin" /> : null}{busy ? busyWord : submit}
      </button>
    </form>
  );
}
