import { useEffect, useState } from "react";

// Moments arrive as milliseconds since 1970 UTC and are said in the reader's own time zone and language.

const UNITS = [["y", 31536e6], ["mo", 2592e6], ["d", 864e5], ["h", 36e5], ["min", 6e4], ["s", 1e3]];
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit" });
const DAY = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
const SHORT = new Intl.DateTimeFormat(undefined, DAY);
const WITH_YEAR = new Intl.DateTimeFormat(undefined, { ...DAY, year: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

export function duration(ms) {
  if (ms == null || ms < 0) return "";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.round(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

function relative(ms, now) {
  const delta = ms - now;
  if (Math.abs(delta) < 5000) return delta <= 0 ? "just now" : "now";
  const [unit, size] = UNITS.find(([, size]) => Math.abs(delta) >= size) ?? UNITS[5];
  const said = `${Math.floor(Math.abs(delta) / size)} ${unit}`;
  return delta < 0 ? `${said} ago` : `in ${said}`;
}

export function useNow(every) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

function short(date) {
  return (date.getFullYear() === new Date().getFullYear() ? SHORT : WITH_YEAR).format(date);
}

// kind: "ago" (ticks), "clock" (9:14:02 AM), "short" (Nov 23, 9:14 AM; with the year if it is another)
export function Moment({ at, kind = "ago" }) {
  const [shown, setShown] = useState(false);
  useEffect(() => setShown(true), []);
  const fresh = Math.abs(Date.now() - at) < 3600e3;
  const now = useNow(kind === "ago" ? (fresh ? 5000 : 60000) : 0);
  if (!at || !shown) return null;
  const date = new Date(at);
  const text = kind === "clock" ? CLOCK.format(date) : kind === "short" ? short(date) : relative(at, now);
  return <time dateTime={date.toISOString()} title={FULL.format(date)}>{text}</time>;
}

// How long it took, or has been taking since `since` while there is no `until`.
export function Elapsed({ since, until, ms }) {
  const now = useNow(ms == null && since && !until ? 500 : 0);
  if (ms != null) return <span className="num">{duration(ms)}</span>;
  if (!since) return <span className="num">–</span>;
  return <span className="num">{duration(Math.max(0, (until || Math.max(now, since)) - since))}</span>;
}

export function Greeting({ name }) {
  const [word, setWord] = useState("Hello");
  useEffect(() => {
    const hour = new Date().getHours();
    setWord(hour < 5 ? "Good evening" : hour < 12 ? "Good morning" : hour < 18 ? "Good afternoon" : "Good evening");
  }, []);
  return <>{name ? `${word}, ${name}` : word}</>;
}
