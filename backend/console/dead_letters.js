// Sagas whose rollback is stuck: the evidence, and what an operator can do.

import { call, now } from "./api.js";
import { el, fill, notice, paced } from "./dom.js";
import { operateButton } from "./operate.js";
import { showDeadCount } from "./statistics.js";
import { age, clockTime, count, duration } from "./words.js";

export function showDeadLetters(root) {
  document.title = "Dead letters · saga testbed";
  const body = el("div", {});
  let stopped = false, known = "";

  async function load() {
    try {
      const { dead_letters: letters } = await call("/api/dead-letters");
      if (stopped) return;
      showDeadCount(letters.length);
      const fresh = JSON.stringify(letters);
      if (fresh !== known) fill(body, letters.length ? letters.map((letter) => card(letter, ask)) : nothing());
      known = fresh;
    } catch (error) {
      known = "";
      if (!stopped) fill(body, notice(error.message));
    }
  }

  const ask = paced(load, 1000);
  const clock = setInterval(() => { for (const part of body.querySelectorAll("[data-at]")) tick(part); }, 1000);
  root.append(el("h1", {}, "Dead letters"),
    el("p", { class: "lead" }, "Rollbacks that are stuck. None is dropped: each is tried again slowly by itself, ",
      "or by you, once what it waits for works again; one of type inline by the process that executes it again."), body);
  ask();
  return { refresh: ask, stop() { stopped = true; ask.stop(); clearInterval(clock); } };
}

function nothing() {
  return el("p", { class: "empty" }, "No rollback is stuck. There is nothing to do here.");
}

function card(letter, done) {
  const fact = (name, ...values) => el("div", {}, el("dt", {}, name), el("dd", {}, ...values));
  const time = (at, kind) => {
    const part = el("span", { "data-at": at ?? "", "data-kind": kind, title: at ? clockTime(at) : "" });
    tick(part);
    return part;
  };
  return el("article", { class: "letter card" },
    el("h2", {}, `Stuck at: ${letter.step}`),
    el("p", { class: "mono" }, el("a", { href: `#/sagas/${encodeURIComponent(letter.saga_id)}` }, letter.saga_id)),
    el("p", { class: "evidence" }, letter.problem ?? "no evidence was recorded"),
    el("dl", { class: "facts" },
      fact("Project", letter.project_id),
      fact("Compensation called", count(letter.attempts, "time", "times")),
      fact("Parked", time(letter.parked_at, "past")),
      fact("Next try by itself", time(letter.retry_at, "future"))),
    el("div", { class: "buttons" }, letter.saga_type === "inline" ? null : operateButton("retry", letter.saga_id, done), operateButton("skip", letter.saga_id, done)));
}

function tick(part) {
  const at = Number(part.dataset.at);
  if (!at) part.textContent = "never";
  else if (part.dataset.kind === "past") part.textContent = age(now() - at);
  else part.textContent = at <= now() ? "due, as soon as a worker is free" : `in ${duration(Math.ceil(at - now()))}`;
}
