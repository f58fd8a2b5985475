// Alignment guides: a card that is dragged snaps to the edges of its neighbors, and a hairline says to which.
import { useCallback, useState } from "react";
import { ViewportPortal } from "@xyflow/react";

const NEAR = 5;
const NONE = { x: null, y: null };

function nearest(position, id, nodes) {
  const found = { x: null, y: null };
  let bestX = NEAR;
  let bestY = NEAR;
  const level = nodes.find((node) => node.id === id)?.parentId;
  for (const node of nodes) {
    if (node.id === id || node.selected || node.hidden || node.parentId !== level) continue;
    const dx = Math.abs(node.position.x - position.x);
    const dy = Math.abs(node.position.y - position.y);
    if (dx <= bestX && dy < 1500) { bestX = dx; found.x = node.position.x; }
    if (dy <= bestY && dx < 2500) { bestY = dy; found.y = node.position.y; }
  }
  return found;
}

export function useGuides() {
  const [guides, setGuides] = useState(NONE);
  const withGuides = useCallback((changes, flow) => {
    const [change] = changes;
    if (changes.length !== 1 || change.type !== "position" || !change.dragging || !change.position) return changes;
    const found = nearest(change.position, change.id, flow.getNodes());
    // The lines are drawn on the canvas, the positions are those of the level.
    const own = flow.getInternalNode(change.id);
    const dx = own ? own.internals.positionAbsolute.x - own.position.x : 0;
    const dy = own ? own.internals.positionAbsolute.y - own.position.y : 0;
    const lines = { x: found.x === null ? null : found.x + dx, y: found.y === null ? null : found.y + dy };
    setGuides((before) => (before.x === lines.x && before.y === lines.y ? before : lines));
    return [{ ...change, position: { x: found.x ?? change.position.x, y: found.y ?? change.position.y } }];
  }, []);
  const clearGuides = useCallback(() => setGuides(NONE), []);
  return { guides, withGuides, clearGuides };
}

export function CardGuides({ guides }) {
  if (guides.x === null && guides.y === null) return null;
  return (
    <ViewportPortal>
      {guides.x === null ? null : <i className="fc-guide vertical" style={{ transform: `translate(${guides.x}px, -20000px)` }} />}
      {guides.y === null ? null : <i className="fc-guide horizontal" style={{ transform: `translate(-20000px, ${guides.y}px)` }} />}
    </ViewportPortal>
  );
}
