// A saga's events as the log has them.

import { el } from "./dom.js";
import { clockTime, offset } from "./words.js";

const SHOWN = 500; // rows at most; a saga that stayed parked for days has more events than a page can carry
const SHORT = 120; // characters of data that fit beside an event

export function eventTable() {
  const body = el("tbody");
  const left = el("p", { class: "muted", hidden: true });
  const node = el("div", {}, left, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Events" },
    el("table", { class: "events" }, el("caption", { class: "unseen" }, "The saga’s events in order"),
      el("thead", {}, el("tr", {}, ["#", "Time", "Event", "Step", "Data"].map((name) => el("th", { scope: "col" }, name)))),
      body)));
  let hidden = 0;
  return {
    node,
    add(events, start) {
      body.append(...events.slice(-SHOWN).map((event) => row(event, start)));
      hidden += Math.max(0, events.length - SHOWN);
      for (; body.children.length > SHOWN; hidden += 1) body.firstElementChild.remove();
      left.hidden = !hidden;
      left.textContent = `The first ${hidden.toLocaleString()} events are not shown here; the API has them all.`;
    },
  };
}

function row(event, start) {
  const kind = event.type.split(".")[0];
  return el("tr", { "data-kind": kind },
    el("td", { class: "number" }, event.seq),
    el("td", { class: "number", title: clockTime(event.at) }, offset(event.at - start)),
    el("td", { class: "mono" }, event.type), el("td", {}, event.step ?? ""), el("td", {}, data(event.data, start)));
}

const TIMES = new Set(["deadline", "retry_at"]);

function data(values, start) {
  const known = Object.entries(values).filter(([, value]) => value !== null);
  if (!known.length) return "";
  const line = known.map(([name, value]) => `${name}: ${short(name, value, start)}`).join(" · ");
  if (line.length <= SHORT) return line;
  return el("details", {}, el("summary", {}, `${line.slice(0, SHORT)} …`), el("pre", {}, JSON.stringify(values, null, 2)));
}

function short(name, value, start) {
  if (TIMES.has(name) && typeof value === "number") return offset(value - start);
  return typeof value === "string" ? value : JSON.stringify(value);
}
