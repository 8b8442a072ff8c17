// One saga: how it stands, its timeline, its events.

import { call, now } from "./api.js";
import { el, fill, notice, paced } from "./dom.js";
import { eventTable } from "./event_table.js";
import { operateButton } from "./operate.js";
import { stateChip } from "./saga_list.js";
import { readTimeline } from "./timeline.js";
import { drawTimeline } from "./timeline_view.js";
import { clockTime, duration, STATES } from "./words.js";

const GAP = 250; // ms between looks

export function showSaga(root, sagaId) {
  document.title = `${sagaId} · saga testbed`;
  const address = `/api/sagas/${encodeURIComponent(sagaId)}`;
  const head = el("div", {}), chart = el("div", {}), says = el("div", {});
  const table = eventTable();
  const events = [];
  let saga = null, stopped = false;

  async function load() {
    try {
      const fresh = await call(address);
      const { events: more } = await call(`${address}/events?after=${events.at(-1)?.seq ?? 0}`);
      if (stopped) return;
      saga = fresh;
      events.push(...more);
      fill(says);
      fill(head, summary(saga, events, ask));
      if (more.length) table.add(more, events[0].at);
      draw();
    } catch (error) {
      if (!stopped) fill(says, notice(error.message, " ", el("a", { href: "#/" }, "All sagas")));
    }
  }

  function draw() {
    if (events.length) fill(chart, drawTimeline(readTimeline(events, saga.closed ? null : now())));
  }

  const ask = paced(load, GAP);
  // A running step's bar grows with the time, not only with the events.
  const clock = setInterval(() => { if (saga && !saga.closed) draw(); }, 500);
  root.append(
    el("p", { class: "back" }, el("a", { href: "#/" }, "← All sagas")),
    el("h1", { class: "mono" }, sagaId), says, head,
    el("section", { "aria-labelledby": "timeline" }, el("h2", { id: "timeline" }, "Timeline"), chart),
    el("section", { "aria-labelledby": "events" }, el("h2", { id: "events" }, "Events"), table.node));
  ask();
  return {
    refresh(fresh) { if (!fresh.length || fresh.some((event) => event.saga_id === sagaId)) ask(); },
    stop() { stopped = true; ask.stop(); clearInterval(clock); },
  };
}

function summary(saga, events, done) {
  const fact = (name, ...values) => el("div", {}, el("dt", {}, name), el("dd", {}, ...values));
  const waits = saga.state === "committed" && !saga.closed;
  const parked = saga.state === "failed" ? events.findLast((event) => event.type === "saga.parked") : null;
  return el("div", { class: "summary card" },
    el("p", { class: "standing" }, stateChip(saga.state), el("span", {}, STATES[saga.state]?.says ?? "",
      waits ? " It holds its project until every participant has confirmed." : "")),
    saga.error && saga.state !== "committed" ? el("p", { class: "evidence" }, saga.failed_step ? `Rolled back because of ${saga.failed_step}: ` : "Rolled back because: ", saga.error) : null,
    parked ? el("p", { class: "evidence" }, `Stuck at ${parked.step}: ${parked.data.problem}`) : null,
    el("dl", { class: "facts" },
      fact("Project", el("a", { href: `#/?project=${encodeURIComponent(saga.project_id)}` }, saga.project_id)),
      fact("User", saga.user_id),
      fact("Started", clockTime(saga.created_at)),
      fact(saga.closed ? "Took" : "Open for", duration((saga.closed ? saga.updated_at : now()) - saga.created_at)),
      fact("Steps done", saga.total_steps ? `${saga.completed_steps} of ${saga.total_steps}` : "none was begun"),
      saga.snapshot_id ? fact("Stored", `${saga.files_created} files in `, el("code", {}, saga.snapshot_id)) : null),
    buttons(saga, done));
}

function buttons(saga, done) {
  if (saga.state === "failed") {
    return el("div", { class: "buttons" }, saga.saga_type === "inline" ? null : operateButton("retry", saga.saga_id, done), operateButton("skip", saga.saga_id, done));
  }
  if (saga.state === "pending" || saga.state === "executing") {
    return el("div", { class: "buttons" }, operateButton("cancel", saga.saga_id, done));
  }
  return null;
}
