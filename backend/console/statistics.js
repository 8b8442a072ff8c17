// Rates, latencies and step failures of a window of time.

import { call } from "./api.js";
import { el, fill, notice, paced } from "./dom.js";
import { count, duration, percent, STATES } from "./words.js";

const GAP = 3000; // ms between looks, however much happens
const WINDOWS = [["900", "15 minutes"], ["3600", "hour"], ["86400", "24 hours"], ["604800", "7 days"], ["2678400", "31 days"]];
const KEPT = "testbed-window";

export function statisticsPanel() {
  const window = el("select", { id: "window", change: () => { sessionStorage.setItem(KEPT, window.value); ask(); } },
    WINDOWS.map(([seconds, words]) => el("option", { value: seconds }, words)));
  window.value = sessionStorage.getItem(KEPT) ?? "3600";
  const body = el("div", { "aria-busy": "true" });
  let stopped = false;

  async function load() {
    const wanted = window.value;
    try {
      const figures = await call(`/api/stats?window=${wanted}`);
      if (stopped || wanted !== window.value) return;
      fill(body, tiles(figures), outcomes(figures), failures(figures));
      showDeadCount(figures.dead_letters);
    } catch (error) {
      if (!stopped) fill(body, notice(error.message));
    }
    body.setAttribute("aria-busy", "false");
  }

  const ask = paced(load, GAP);
  ask();
  const node = el("section", { "aria-labelledby": "figures" },
    el("div", { class: "bar" }, el("h2", { id: "figures" }, "How it goes"),
      el("label", { class: "inline", for: "window" }, "of the last ", window)),
    body);
  return { node, refresh: ask, stop() { stopped = true; ask.stop(); } };
}

export function showDeadCount(number) {
  const mark = document.getElementById("dead-count");
  mark.hidden = !number;
  mark.textContent = number;
}

function tiles(figures) {
  const of = count(figures.sagas, "saga", "sagas");
  const latency = (title, values) => el("div", { class: "tile card" },
    el("h3", {}, title),
    el("dl", { class: "percentiles" }, ["p50", "p95", "p99"].map((name) =>
      el("div", {}, el("dt", {}, name), el("dd", {}, duration(values?.[name]))))));
  const single = (title, value, under, tone, href) => el(href ? "a" : "div", { class: "tile card", href, "data-tone": tone },
    el("h3", {}, title), el("p", { class: "figure" }, value), el("p", { class: "muted" }, under));
  const dead = figures.dead_letters;
  return el("div", { class: "tiles" },
    single("Success rate", percent(figures.success_rate), `of ${of}`, figures.success_rate === null ? "" : "good"),
    single("Rollback rate", percent(figures.rollback_rate), "clean rollbacks", figures.rollback_rate ? "back" : ""),
    latency("Generation", figures.generation_seconds),
    latency("Rollback", figures.rollback_seconds),
    single("Dead letters", dead.toLocaleString(), dead ? "rollbacks are stuck: look" : "no rollback is stuck", dead ? "bad" : "", "#/dead-letters"));
}

const OUTCOMES = [["committed", "committed"], ["rolled_back", "rolled back"], ["failed", "failed"], ["open", "open"]];

function outcomes(figures) {
  const found = OUTCOMES.filter(([name]) => figures.by_outcome[name]);
  if (!found.length) return el("p", { class: "muted" }, "No saga was started in this time.");
  const bar = el("div", { class: "share", "aria-hidden": "true" }, found.map(([name]) => {
    const part = el("span", { "data-state": name });
    part.style.flexGrow = figures.by_outcome[name];
    return part;
  }));
  return el("div", {}, bar, el("ul", { class: "legend" }, found.map(([name, word]) =>
    el("li", { "data-state": name }, `${STATES[name]?.mark ?? "▶"} ${figures.by_outcome[name].toLocaleString()} ${word}`))));
}

function failures(figures) {
  const found = Object.entries(figures.step_failures).sort((one, other) => other[1] - one[1]);
  if (!figures.sagas) return null;
  if (!found.length) return el("p", { class: "muted" }, "No call of a step failed in this time.");
  const most = found[0][1];
  return el("div", { class: "failures" }, el("h3", {}, "Failed calls by step (actions, compensations, confirms)"),
    el("ul", {}, found.map(([step, number]) => {
      const bar = el("span", { class: "bar-mark", "aria-hidden": "true" });
      bar.style.width = `${(number / most) * 100}%`;
      return el("li", {}, el("span", {}, step), el("span", { class: "bar-room" }, bar), el("b", {}, number.toLocaleString()));
    })));
}
