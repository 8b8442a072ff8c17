// The operators' verbs. What a verb would do is asked for first; it is done with a reason, which is recorded.

import { call } from "./api.js";
import { el, fill, notice } from "./dom.js";

const VERBS = {
  retry: { title: "Retry the rollback", button: "Retry now", says: "A repeated compensation is safe: participants know it by its key." },
  skip: { title: "Skip the stuck step", button: "Skip the step", danger: true,
    says: "Only this step’s compensation is given up. What it left stays where it is, on record, and somebody has to tidy it up by hand." },
  cancel: { title: "Cancel the saga", button: "Cancel and roll back", danger: true, says: "Every step that started is undone, last in, first out." },
};

export function operateButton(verb, sagaId, done) {
  return el("button", { type: "button", class: VERBS[verb].danger ? "danger" : "", click: () => ask(verb, sagaId, done) },
    `${VERBS[verb].button} …`);
}

function ask(verb, sagaId, done) {
  const { title, button, danger, says } = VERBS[verb];
  const address = `/api/sagas/${encodeURIComponent(sagaId)}/${verb}`;
  const plan = el("p", { class: "plan", role: "status" }, "Asking what it would do …");
  const reason = el("textarea", { id: "reason", rows: "2", required: true, minlength: "3", maxlength: "500" });
  const errors = el("div", {});
  const go = el("button", { class: danger ? "danger" : "primary", disabled: true }, button);
  const dialog = el("dialog", { "aria-labelledby": "verb", close: () => dialog.remove() },
    el("form", { submit },
      el("h2", { id: "verb" }, title), el("p", { class: "mono" }, sagaId),
      el("h3", {}, "What would be done"), plan, el("p", { class: "muted" }, says),
      el("label", { for: "reason" }, "Reason, for the record"), reason, errors,
      el("div", { class: "buttons" }, el("button", { type: "button", click: () => dialog.close() }, "Leave it as it is"), go)));

  async function submit(event) {
    event.preventDefault();
    if (reason.value.trim().length < 3) {
      fill(errors, notice("Say why, in three characters or more."));
      return reason.focus();
    }
    go.disabled = true;
    try {
      await call(address, { method: "POST", body: { reason: reason.value } });
      dialog.close();
      done();
    } catch (error) {
      fill(errors, notice(error.message));
      go.disabled = false;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
  call(address, { method: "POST", body: { reason: "asked by the console", dry_run: true } }).then(
    (answer) => { plan.textContent = `It would ${answer.would}${answer.takes_effect ? `; it takes effect ${answer.takes_effect}` : ""}.`; go.disabled = false; },
    (error) => { plan.textContent = `It cannot be done: ${error.message}`; },
  );
}
