// Ends the session, which only REST can do (the cookie is httpOnly), forgets what the tab knew, and loads the sign-in page.
export function SignOut({ label }) {
  const leave = async () => {
    try { await fetch("/api/v1/session", { method: "DELETE" }); } finally {
      sessionStorage.clear();
      location.assign("/login");
    }
  };
  return (
    <button type="button" className="btn" onClick={leave}>
      <svg className="i" viewBox="0 0 24 24" aria-hidden="true"><use href="/icons.svg#log-out" /></svg>{label}
    </button>
  );
}
