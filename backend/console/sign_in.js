// The way in: a token that the command line prints.

import { commandLine, el, fill, notice } from "./dom.js";
import { remember } from "./session.js";

export function showSignIn(root, done, why) {
  const field = el("input", {
    id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "how",
  });
  const form = el("form", {
    class: "sign-in card",
    submit: (event) => {
      event.preventDefault();
      if (!field.value.trim()) return;
      remember(field.value);
      done();
    },
  },
    el("h1", {}, "Sign in"),
    why ? notice(why) : null,
    el("div", { id: "how" }, el("p", {}, "Print a token in a terminal and paste it here:"), commandLine("testbed token --user NAME")),
    el("label", { for: "token" }, "Token"),
    field,
    el("button", { class: "primary" }, "Sign in"),
    el("p", { class: "muted" }, "It stays in this browser tab and is sent to this backend only. ",
      "Or put it behind the address of this page: #token=TOKEN."),
  );
  fill(root, form);
  field.focus();
}
