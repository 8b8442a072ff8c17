// The timeline's drawing: one lane a step, the way down and the way back up.

import { el } from "./dom.js";
import { scaleOf } from "./timeline.js";
import { duration, offset } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const GLYPHS = {
  "do done": "✓", "do refused": "✗", "do unclear": "?", "do lost": "?", "do running": "…",
  "undo done": "↩", "undo failed": "✗", "undo running": "↩", "undo lost": "?",
  "confirm done": "✓✓", "confirm failed": "✗", "confirm running": "…", "confirm lost": "?", "prepare failed": "✗",
};
const WORDS = { do: "action", undo: "compensation", confirm: "confirm", wait: "wait", parked: "parked", queue: "pending", prepare: "steps 1 to 3" };
const MARKS = {
  "saga.requested": "●", "saga.begun": "◆", "saga.committed": "✓", "saga.rollback_began": "↩", "saga.rolled_back": "■",
  "saga.finished": "■", "saga.parked": "‖", "saga.retry_requested": "↻", "saga.cancel_requested": "⊘",
  takeover: "⚡", "saga.claimed": "◇", "undo.skipped": "⤼",
};
const LEGEND = [["do", "done", "action done"], ["do", "refused", "refused"], ["do", "unclear", "unclear"], ["wait", "done", "waits for a retry"],
  ["undo", "done", "compensation"], ["undo", "failed", "compensation failed"], ["parked", "done", "waits as a dead letter"], ["confirm", "done", "confirm"]];
const LABEL = 78; // pixels that a time on the axis takes
const MARK_LEGEND = [["saga.begun", "intents durable"], ["takeover", "taken over from a lost worker"],
  ["saga.cancel_requested", "cancel requested"], ["saga.parked", "parked"], ["saga.retry_requested", "retry requested"], ["undo.skipped", "compensation skipped"]];
let even = true; // the reader's choice stays while the timeline is drawn again

export function drawTimeline(timeline) {
  const room = el("div", { class: "timeline-room" });
  const draw = () => room.replaceChildren(chart(timeline));
  const choice = el("label", { class: "inline" }, el("input", {
    type: "checkbox", id: "even", change: (event) => { even = event.target.checked; draw(); },
  }), " shorten long waits");
  choice.firstChild.checked = even;
  draw();
  const left = timeline.leftOut ? el("p", { class: "muted" }, `${timeline.leftOut.toLocaleString()} events in the middle are not drawn.`) : null;
  return el("figure", { class: "timeline" }, room,
    el("figcaption", {}, legend(timeline), choice), left);
}

function chart(timeline) {
  const scale = scaleOf(timeline, even);
  const lanes = [timeline.saga, ...timeline.steps];
  const tracks = el("div", { class: "tracks" }, bands(timeline, scale), path(timeline, scale), lanes.map((row) => track(row, scale)), axis(timeline, scale));
  tracks.style.minWidth = `${scale.points.length * 13}px`;
  const labels = el("div", { class: "labels" }, lanes.map((row) => el("div", {}, el("b", {}, row.name),
    el("span", {}, row.kind === "saga" ? "the whole" : [row.participant, row.kind].filter(Boolean).join(" · ")))));
  return el("div", { class: "chart", role: "img", "aria-label": inWords(timeline) }, labels,
    el("div", { class: "scroll" }, tracks));
}

function track(row, scale) {
  return el("div", { class: "track", "data-lane": row.name }, row.bars.map((bar) => {
    const node = el("span", { class: "seg", "data-kind": bar.kind, "data-outcome": bar.outcome, title: tell(bar) },
      GLYPHS[`${bar.kind} ${bar.outcome}`] ?? "");
    node.style.left = `${scale.place(bar.from) * 100}%`;
    node.style.width = `${(scale.place(bar.to) - scale.place(bar.from)) * 100}%`;
    return node;
  }), row.marks.map((mark) => {
    const node = el("span", { class: "mark", "data-type": mark.type, title: mark.says }, MARKS[mark.type] ?? "•");
    node.style.left = `${scale.place(mark.at) * 100}%`;
    return node;
  }));
}

function tell(bar) {
  const outcome = ["wait", "parked", "queue"].includes(bar.kind) ? "" : bar.outcome === "lost" ? "unclear: its worker was lost" : bar.outcome;
  return [`${WORDS[bar.kind]} ${outcome}`.trim(), duration(bar.to - bar.from), bar.says].filter(Boolean).join(" · ");
}

function bands(timeline, scale) {
  const block = (name, from, to, text) => {
    const node = el("div", { class: `band ${name}` }, el("span", {}, text));
    node.style.left = `${scale.place(from) * 100}%`;
    node.style.width = `${(scale.place(to) - scale.place(from)) * 100}%`;
    return node;
  };
  const committed = timeline.committedAt;
  return [
    ...timeline.rollbacks.map((band) => block("back", band.from, band.to, "◀ rollback")),
    committed === null ? null : block("forward", committed, timeline.end, "committed ▶"),
  ];
}

// The line through the steps: down as they were done, up again as they were undone.
function path(timeline, scale) {
  const lanes = timeline.steps.length + 1;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "way");
  svg.setAttribute("viewBox", `0 0 100 ${lanes}`);
  svg.setAttribute("preserveAspectRatio", "none");
  for (const kind of ["do", "undo"]) {
    const bars = timeline.steps.flatMap((row, index) => row.bars.filter((bar) => bar.kind === kind)
      .map((bar) => ({ at: (scale.place(bar.from) + scale.place(bar.to)) * 50, from: bar.from, y: index + 1.5 })));
    if (bars.length < 2) continue;
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("class", kind);
    line.setAttribute("points", bars.sort((one, other) => one.from - other.from || one.at - other.at).map(({ at, y }) => `${at},${y}`).join(" "));
    svg.append(line);
  }
  return svg;
}

function axis(timeline, scale) {
  const points = even ? scale.points : [0, 0.25, 0.5, 0.75, 1].map((share) => timeline.start + share * (timeline.end - timeline.start));
  const apart = LABEL / Math.max(scale.points.length * 13, Math.min(innerWidth, 1250) - (innerWidth < 704 ? 90 : 340));
  const ticks = [];
  let last = -1;
  for (const point of points) {
    const at = scale.place(point);
    if (at < 1 && (at - last < apart || at > 1 - 2 * apart)) continue;
    const tick = el("span", { class: at === 1 ? "tick last" : "tick" }, point === timeline.start ? "0" : offset(point - timeline.start));
    tick.style.left = `${at * 100}%`;
    ticks.push(tick);
    last = at;
  }
  return el("div", { class: "axis", "aria-hidden": "true" }, ticks);
}

function legend(timeline) {
  const used = new Set([timeline.saga, ...timeline.steps].flatMap((row) => row.bars.map((bar) => `${bar.kind} ${bar.outcome}`)));
  if (used.has("do lost") || used.has("undo lost")) used.add("do unclear");
  const kinds = new Set([...used].map((each) => each.split(" ")[0]));
  const marks = new Set([timeline.saga, ...timeline.steps].flatMap((row) => row.marks.map((mark) => mark.type)));
  return el("ul", { class: "legend" }, LEGEND.filter(([kind, outcome]) => used.has(`${kind} ${outcome}`) || (["wait", "parked"].includes(kind) && kinds.has(kind)))
    .map(([kind, outcome, text]) => el("li", {}, el("span", { class: "seg", "data-kind": kind, "data-outcome": outcome, "aria-hidden": "true" }, GLYPHS[`${kind} ${outcome}`] ?? ""), text)),
    MARK_LEGEND.filter(([type]) => marks.has(type))
      .map(([type, text]) => el("li", {}, el("span", { class: "mark", "data-type": type, "aria-hidden": "true" }, MARKS[type]), text)));
}

function inWords(timeline) {
  const parts = timeline.steps.map((row) => {
    const told = row.bars.filter((bar) => bar.kind !== "wait").map((bar) => `${WORDS[bar.kind]} ${bar.kind === "parked" ? "" : bar.outcome}`.trim());
    return `${row.name}: ${told.join(", ") || "never started"}`;
  });
  return parts.length ? `Timeline. ${parts.join(". ")}.` : "Timeline. No step was begun.";
}
