// The small window that adds a node where the pointer is, or what may follow a wire dropped into the void.
import { useEffect, useMemo, useRef, useState } from "react";
import { Icon, Tile } from "./icons.jsx";
import { catalog, ui, useStore } from "./store.js";

export function matching(types, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return types;
  const scored = types.map((type) => ({ type, score: scoreOf(type, words) })).filter((one) => one.score > 0);
  return scored.sort((a, b) => b.score - a.score).map((one) => one.type);
}

function scoreOf(type, words) {
  const title = type.title.toLowerCase();
  const text = `${title} ${type.type} ${type.keywords} ${type.subtitle} ${type.categoryTitle}`.toLowerCase();
  let score = 0;
  for (const word of words) {
    if (!text.includes(word)) return 0;
    score += title.startsWith(word) ? 8 : title.includes(word) ? 4 : (type.keywords ?? "").includes(word) ? 2 : 1;
  }
  return score;
}

function useChoices(adding, query) {
  const types = useStore(catalog, (state) => state.types);
  return useMemo(() => {
    if (!adding) return [];
    const follow = adding.link ? followers(types, adding) : types.map((type) => ({ ...type, note: type.subtitle }));
    return matching(follow, query).slice(0, 40);
  }, [adding, query, types]);
}

// What can stand behind an output, with the port it would use; the server said which types fit.
function followers(types, { following, wire }) {
  return types.filter((type) => !type.trigger && (!wire || type.outs.length)).map((type) => {
    const answer = following?.[type.type];
    const field = answer?.field ?? type.ins[0]?.name ?? "after";
    // What goes into a wire must take what it brings.
    if (wire && wire.kind !== "after" && field === "after") return null;
    const note = answer?.note || (field === "after" ? "runs afterwards" : `takes it as ${titleOf(type, field)}`);
    return answer && answer.fits === false ? null : { ...type, field, note };
  }).filter(Boolean);
}

const titleOf = (type, field) => (type.ins.find((port) => port.name === field)?.title ?? field).toLowerCase();

export function QuickAdd({ onChoose }) {
  const adding = useStore(ui, (state) => state.adding);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const box = useRef(null);
  const list = useRef(null);
  const choices = useChoices(adding, query);
  useEffect(() => { setQuery(""); setAt(0); if (adding) box.current?.focus(); }, [adding]);
  useEffect(() => { list.current?.children[at]?.scrollIntoView({ block: "nearest" }); }, [at]);
  if (!adding) return null;
  const close = () => { ui.set({ adding: null }); document.querySelector(".fc-canvas .react-flow")?.focus(); };
  const onKeyDown = (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") setAt((now) => Math.min(now + 1, choices.length - 1));
    else if (event.key === "ArrowUp") setAt((now) => Math.max(now - 1, 0));
    else if (event.key === "Enter" && choices[at]) onChoose(choices[at], adding);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <div className="fc-veil" onPointerDown={close} />
      <div
        className="card fc-quick" role="dialog" aria-label="Add a node" onKeyDown={onKeyDown}
        style={{ left: `clamp(8px, ${adding.x}px, calc(100% - 308px))`, top: `clamp(8px, ${adding.y}px, calc(100% - 380px))` }}
      >
        <label className="fc-search">
          <Icon name="search" />
          <input
            ref={box} value={query} placeholder={adding.wire ? "What goes in between?" : adding.link ? "What comes next?" : "Find a node"} aria-label="Find a node"
            role="combobox" aria-expanded="true" aria-controls="fc-quick-list" aria-autocomplete="list"
            aria-activedescendant={choices[at] ? `fc-quick-${at}` : undefined}
            onChange={(event) => { setQuery(event.target.value); setAt(0); }}
          />
          <kbd>esc</kbd>
        </label>
        <div className="fc-quick-list" role="listbox" id="fc-quick-list" aria-label="Nodes" ref={list}>
          {choices.map((type, index) => (
            <div
              key={type.type} id={`fc-quick-${index}`} role="option" aria-selected={index === at}
              className={`fc-pal ${index === at ? "on" : ""}`}
              onPointerMove={() => setAt(index)} onClick={() => onChoose(type, adding)}
            >
              <Tile icon={type.icon} kind={type.kind} />
              <span><b>{type.title}</b><small>{type.note}</small></span>
            </div>
          ))}
        </div>
        {choices.length ? null : <p className="hint fc-none">Nothing here is called “{query}”.</p>}
        {adding.link ? <p className="hint fc-foot">{adding.wire ? "Only what takes this value is offered" : "Only what can follow is offered"}</p> : null}
      </div>
    </>
  );
}

// G: the container that the selected nodes go into.
export function GroupMenu({ onChoose, onClose }) {
  const menu = useStore(ui, (state) => state.groupMenu);
  const types = useStore(catalog, (state) => state.types);
  const first = useRef(null);
  useEffect(() => { first.current?.focus(); }, [menu]);
  if (!menu) return null;
  const onKeyDown = (event) => {
    if (event.key === "Escape") { onClose(); event.stopPropagation(); }
    const step = event.key === "ArrowDown" ? "nextElementSibling" : event.key === "ArrowUp" ? "previousElementSibling" : null;
    if (step) { document.activeElement?.[step]?.focus(); event.preventDefault(); }
  };
  return (
    <>
      <div className="fc-veil" onPointerDown={onClose} />
      <div className="card fc-quick fc-center" role="dialog" aria-label="Group into a container" onKeyDown={onKeyDown}>
        <p className="fc-quick-title"><b>Group {menu.ids.length === 1 ? "1 node" : `${menu.ids.length} nodes`}</b> <span className="hint">into</span></p>
        <div className="fc-quick-list">
          {types.filter((type) => type.body).map((type, index) => (
            <button key={type.type} type="button" ref={index ? null : first} className="fc-pal" onClick={() => onChoose(type.type)}>
              <Tile icon={type.icon} kind={type.kind} />
              <span><b>{type.title}</b><small>{type.subtitle}</small></span>
            </button>
          ))}
        </div>
      </div>
    </>
  );
}

// C on a node: the ports that its output fits, to connect from the keyboard.
export function ConnectMenu({ onConnect, onClose }) {
  const menu = useStore(ui, (state) => state.connectMenu);
  const first = useRef(null);
  useEffect(() => { first.current?.focus(); }, [menu]);
  if (!menu) return null;
  const onKeyDown = (event) => {
    if (event.key === "Escape") { onClose(); event.stopPropagation(); }
    const step = event.key === "ArrowDown" ? "nextElementSibling" : event.key === "ArrowUp" ? "previousElementSibling" : null;
    if (step) { document.activeElement?.[step]?.focus(); event.preventDefault(); }
  };
  return (
    <>
      <div className="fc-veil" onPointerDown={onClose} />
      <div className="card fc-quick fc-center" role="dialog" aria-label={`Connect ${menu.label}`} onKeyDown={onKeyDown}>
        <p className="fc-quick-title"><b>Connect {menu.label}</b> <span className="hint">to</span></p>
        <div className="fc-quick-list">
          {menu.choices.map((choice, index) => (
            <button
              key={`${choice.node}.${choice.field}`} type="button" ref={index ? null : first} className="fc-pal"
              onClick={() => onConnect(choice)}
            >
              <Tile icon={choice.icon} kind={choice.kind} />
              <span><b>{choice.label}</b><small>{choice.note}</small></span>
            </button>
          ))}
        </div>
        {menu.choices.length ? null : <p className="hint fc-none">No other node can take this value.</p>}
      </div>
    </>
  );
}
