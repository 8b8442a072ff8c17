// Events become lanes of bars and marks, and times become places. Pure: no page, no clock.

const LEFT_OUT = { head: 120, tail: 180 }; // events drawn of a very long history
const FAST = 0.005; // seconds; waits beyond it are drawn ever shorter, so that 5 ms and 60 s fit on one axis
const ENDS = {
  "step.done": ["do", "done"], "step.refused": ["do", "refused"], "step.unclear": ["do", "unclear"],
  "undo.done": ["undo", "done"], "undo.failed": ["undo", "failed"],
  "confirm.done": ["confirm", "done"], "confirm.failed": ["confirm", "failed"],
};
const STARTS = { "step.started": "do", "undo.started": "undo", "confirm.started": "confirm" };
const MARKS = {
  "saga.requested": "requested", "saga.cancel_requested": "cancel requested", "saga.rollback_began": "rollback began",
  "saga.parked": "parked: a dead letter", "saga.retry_requested": "retry requested", "saga.rolled_back": "rolled back",
  "saga.committed": "committed", "saga.finished": "finished", "saga.begun": "begun: the intents are durable",
};

// `now`: seconds, for a saga that runs; null for one at rest.
export function readTimeline(all, now) {
  const { head, tail } = LEFT_OUT;
  const long = all.length > head + tail;
  const events = monotone(long ? [...all.slice(0, head), ...all.slice(-tail)] : all);
  const timeline = {
    start: events[0].at, end: Math.max(events.at(-1).at, now ?? 0), running: now !== null,
    leftOut: long ? all.length - head - tail : 0, cutAt: long ? events[head].at : null,
    rollbacks: [], committedAt: null, saga: lane("Saga", "saga"), steps: [],
  };
  for (const event of events) apply(timeline, event);
  for (const each of [timeline.saga, ...timeline.steps]) close(each, timeline.end, "running");
  const last = timeline.rollbacks.at(-1);
  if (last) last.to ??= timeline.end;
  return timeline;
}

// Several workers' clocks may disagree; the log's order is the truth.
function monotone(events) {
  let last = -Infinity;
  return events.map((event) => ({ ...event, at: (last = Math.max(last, event.at)) }));
}

function lane(name, kind, more = {}) {
  return { name, kind, bars: [], marks: [], open: null, attempts: { do: 0, undo: 0, confirm: 0 }, ...more };
}

function apply(timeline, event) {
  const { type, at, data, step } = event;
  if (type === "saga.begun") {
    timeline.steps = data.steps.map((each) => lane(each.name, each.kind, { group: each.group, participant: each.intent?.participant }));
  }
  if (type === "saga.rollback_began" || type === "saga.retry_requested") timeline.rollbacks.push({ from: at, to: null });
  if (type === "saga.rolled_back" || type === "saga.parked") {
    const band = timeline.rollbacks.at(-1);
    if (band) band.to = at;
  }
  if (type === "saga.committed") timeline.committedAt = at;
  if (type in MARKS) timeline.saga.marks.push({ at, type, says: explain(MARKS[type], data) });
  const row = step ? stepLane(timeline, step) : timeline.saga;
  if (row === timeline.saga) applyToSaga(timeline, event);
  else applyToStep(row, event);
}

function stepLane(timeline, name) {
  let found = timeline.steps.find((each) => each.name === name);
  if (!found) timeline.steps.push(found = lane(name, "compensable"));
  return found;
}

function applyToSaga(timeline, { type, at, data }) {
  const { saga } = timeline;
  if (type === "saga.requested") open(saga, "queue", at, "waits for a worker");
  if (type === "saga.claimed") {
    const before = saga.open?.kind;
    if (before === "queue") close(saga, at, "done");
    if (before === "queue") open(saga, "prepare", at, `worker ${data.worker}: documents, pages, relationships`);
    else saga.marks.push({ at, type: data.lost ? "takeover" : type, says: explain(data.lost ? `taken over from ${data.lost}` : "claimed again", data) });
    // Whoever ran them is gone: nobody knows what became of the calls that were under way.
    for (const row of timeline.steps) if (["do", "undo", "confirm"].includes(row.open?.kind)) close(row, at, "lost");
  } else if (type !== "saga.requested" && ["prepare", "queue"].includes(saga.open?.kind)) {
    if (["saga.prepared", "saga.begun", "saga.rolled_back", "saga.rollback_began"].includes(type)) {
      close(saga, at, type === "saga.rolled_back" ? "failed" : "done", explain("", data));
    }
  }
  if (type === "saga.retry_requested") for (const row of timeline.steps) if (row.open?.kind === "parked") close(row, at, "done");
}

function applyToStep(row, { type, at, data }) {
  if (type in STARTS) {
    close(row, at, "done");
    const kind = STARTS[type];
    row.attempts[kind] += 1;
    open(row, kind, at, `attempt ${row.attempts[kind]}`);
  } else if (type in ENDS) {
    const [kind, outcome] = ENDS[type];
    if (!row.open) open(row, kind, at, "");
    close(row, at, outcome, data.problem ?? "");
    if (data.retry_at) open(row, "wait", at, "waits for the next attempt");
  } else if (type === "saga.parked") {
    close(row, at, "done");
    open(row, "parked", at, "parked: a dead letter");
  } else if (type === "undo.skipped") {
    close(row, at, "done");
    row.marks.push({ at, type, says: explain("undo skipped: what it left stays", data) });
  }
}

function open(row, kind, from, says) {
  row.open = { kind, from, to: null, outcome: "running", says };
  row.bars.push(row.open);
}

function close(row, at, outcome, says = "") {
  if (!row.open) return;
  Object.assign(row.open, { to: at, outcome, says: [row.open.says, says].filter(Boolean).join(" · ") });
  row.open = null;
}

function explain(text, { reason, by, problem, error, worker, lost: _lost, ...numbers }) {
  const counts = Object.entries(numbers).filter(([, value]) => typeof value === "number" && value < 1e9);
  const said = [reason ?? problem ?? error, by ? `by ${by}` : null, worker ? `by worker ${worker}` : null];
  return [text, ...said, counts.map(([name, value]) => `${value} ${name}`).join(", ")].filter(Boolean).join(" · ");
}

// A function from seconds to a share of the width (0 to 1). `even`: long waits are drawn shorter than they were.
export function scaleOf(timeline, even) {
  const span = timeline.end - timeline.start;
  if (!even) return { place: (at) => (span ? (at - timeline.start) / span : 0), points: [timeline.start, timeline.end] };
  const points = [...new Set([timeline.start, ...times(timeline), timeline.end])].sort((one, other) => one - other);
  const sums = [0];
  for (let index = 1; index < points.length; index += 1) {
    sums.push(sums.at(-1) + 0.7 + Math.log1p((points[index] - points[index - 1]) / FAST));
  }
  const whole = sums.at(-1) || 1;
  const places = new Map(points.map((point, index) => [point, sums[index] / whole]));
  return { place: (at) => places.get(at) ?? 0, points };
}

function times(timeline) {
  return [timeline.saga, ...timeline.steps].flatMap((row) => [
    ...row.bars.flatMap((bar) => [bar.from, bar.to]), ...row.marks.map((mark) => mark.at),
  ]).concat(timeline.rollbacks.flatMap((band) => [band.from, band.to]));
}
