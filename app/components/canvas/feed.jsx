// Renders nothing: puts what the server told into the stores, so that the canvas itself never renders for it.
import { memo, useEffect } from "react";
import { openFolds, placeOf } from "./containers.js";
import { acknowledge, openQueue, setDeliver } from "./queue.js";
import { board, catalog, commands, live, showCatalog, showPatch, showSnapshot, toast, ui } from "./store.js";

export const CanvasFeed = memo(function CanvasFeed({
  types, snapshot, snapshotSeq, patch, patchSeq, answer, answerSeq, targets, targetsSeq, onBatch,
}) {
  useEffect(() => { if (types?.length && catalog.get().types !== types) showCatalog(types); }, [types]);
  useEffect(() => { setDeliver(onBatch); }, [onBatch]);
  useEffect(() => {
    if (!snapshot?.workflow) return;
    openFolds(snapshot.workflow);
    showSnapshot(snapshot);
    const kept = openQueue(snapshot.workflow, onBatch);
    if (kept && snapshotSeq <= 1) toast(`${kept === 1 ? "An edit" : `${kept} edits`} from before the connection broke: saved now.`);
  }, [snapshotSeq]);
  useEffect(() => { if (patchSeq) showPatch(patch); }, [patchSeq]);
  useEffect(() => {
    if (!answerSeq || !answer?.key) return;
    acknowledge(answer.key);
    if (answer.message) toast(answer.message, { tone: answer.tone ?? "bad" });
  }, [answerSeq]);
  useEffect(() => {
    if (!targetsSeq || !targets) return;
    ui.set((state) => {
      const same = state.connecting?.source === targets.source && state.connecting?.port === targets.port;
      const adding = state.adding?.link?.source === targets.source ? { ...state.adding, following: targets.following } : state.adding;
      return { ...state, adding, connecting: same ? { ...state.connecting, targets: targets.targets } : state.connecting, lastTargets: targets };
    });
  }, [targetsSeq]);
  return null;
});

export const StatusFeed = memo(function StatusFeed({ statuses, statusesSeq, patch, patchSeq, marks, marksSeq }) {
  useEffect(() => { live.clear(); live.patch(statuses ?? {}); live.patch(marks ?? {}); }, [statusesSeq]);
  useEffect(() => { if (marksSeq) live.patch(marks ?? {}); }, [marksSeq]);
  useEffect(() => { if (patchSeq) live.patch(patch ?? {}); }, [patchSeq]);
  return null;
});

// Lets the page select a node and bring it into view; an empty list lets go.
export const FocusFeed = memo(function FocusFeed({ focus, seq }) {
  useEffect(() => {
    const { select, flow } = commands.get();
    if (!seq || !select) return;
    const ids = focus?.ids ?? [];
    select(ids);
    const place = board.get().nodes.has(ids[0]) ? placeOf(ids[0]) : null;
    if (place && flow) flow.setCenter(place.x + 118, place.y + 60, { zoom: Math.max(0.8, flow.getZoom()), duration: 200 });
  }, [seq]);
  return null;
});
