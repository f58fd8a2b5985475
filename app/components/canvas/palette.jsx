// The palette: search, drag onto the canvas, or tap to add.
import { useMemo, useState } from "react";
import { isBox } from "./containers.js";
import { addNode, freeSpot, spotInside } from "./gestures.js";
import { Icon, Tile } from "./icons.jsx";
import { matching } from "./quickadd.jsx";
import { board, catalog, commands, useStore } from "./store.js";

export function addFromPalette(type) {
  const { centre, select, wrapper, selectedIds } = commands.get();
  if (!centre) return;
  const [chosen] = selectedIds();
  const into = isBox(board.get().nodes.get(chosen)) ? chosen : "";
  const id = addNode(type, into ? spotInside(into) : freeSpot(centre()), null, into);
  if (id) select([id]);
  wrapper.current?.focus({ preventScroll: true });
  return selectedIds;
}

function grouped(types) {
  const groups = new Map();
  for (const type of types) groups.set(type.categoryTitle, [...(groups.get(type.categoryTitle) ?? []), type]);
  return [...groups.entries()];
}

export function Palette({ onAdded }) {
  const types = useStore(catalog, (state) => state.types);
  const [query, setQuery] = useState("");
  const groups = useMemo(() => grouped(matching(types, query)), [types, query]);
  const add = (type) => { addFromPalette(type); onAdded?.(type); };
  return (
    <div className="fc-palette">
      <label className="fc-search">
        <Icon name="search" />
        <input value={query} onChange={(event) => setQuery(event.target.value)} placeholder="Find a node" aria-label="Find a node" type="search"
          onKeyDown={(event) => { if (event.key === "Enter" && groups[0]) add(groups[0][1][0].type); }} />
        <kbd>/</kbd>
      </label>
      <div className="fc-palette-list">
        {groups.map(([title, members]) => (
          <section key={title} aria-label={title}>
            <h2>{title}</h2>
            {members.map((type) => (
              <button
                key={type.type} type="button" className="fc-pal" draggable data-type={type.type} title={type.help}
                onDragStart={(event) => { event.dataTransfer.setData("application/x-weft-node", type.type); event.dataTransfer.effectAllowed = "copy"; }}
                onClick={() => add(type.type)}
              >
                <Tile icon={type.icon} kind={type.kind} />
                <span><b>{type.title}</b><small>{type.subtitle}</small></span>
              </button>
            ))}
          </section>
        ))}
        {types.length && !groups.length ? <p className="hint fc-none">Nothing is called “{query}”. Try what it does: “filter”, “call”, “wait”.</p> : null}
        {types.length ? null : <div className="fc-skeleton" aria-label="Loading the nodes">{[1, 2, 3, 4, 5, 6].map((row) => <i key={row} />)}</div>}
      </div>
    </div>
  );
}
