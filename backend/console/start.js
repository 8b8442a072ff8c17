// Start a generation. A press that got no answer may have had its effect: the next one repeats it under the same key.

import { call, NoAnswer } from "./api.js";
import { el, fill, notice } from "./dom.js";
import { claims } from "./session.js";

const LAST = "testbed-project";

export function startForm() {
  const own = claims().project;
  const field = el("input", {
    id: "start-project", name: "project", required: true, maxlength: "100", autocomplete: "off", spellcheck: "false",
    placeholder: "demo", value: own && own !== "*" ? own : sessionStorage.getItem(LAST) ?? "",
  });
  const button = el("button", { class: "primary" }, "Start a generation");
  const says = el("div", {});
  let key = null, keyOf = null;

  async function start(event) {
    event.preventDefault();
    const project = field.value.trim();
    if (!project || button.disabled) return;
    if (keyOf !== project) [key, keyOf] = [randomKey(), project];
    button.disabled = true;
    fill(says);
    try {
      const saga = await call(`/api/projects/${encodeURIComponent(project)}/wiki`, {
        method: "POST", headers: { "Idempotency-Key": key },
      });
      sessionStorage.setItem(LAST, project);
      location.hash = `#/sagas/${encodeURIComponent(saga.saga_id)}`;
    } catch (error) {
      fill(says, notice(explain(error)));
      if (!(error instanceof NoAnswer)) keyOf = null;
    } finally {
      button.disabled = false;
    }
  }

  return el("form", { class: "start card", submit: start },
    el("label", { for: "start-project" }, "Project"), el("div", {}, field, button), says,
    el("p", { class: "muted" }, "From the project’s documents (", el("code", {}, "testbed ingest"), ")."));
}

function explain(error) {
  if (error instanceof NoAnswer) return `${error.message} Starting again is safe: it repeats the same request.`;
  return error.message;
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
