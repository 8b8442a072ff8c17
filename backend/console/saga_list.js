// The live list of sagas: filters, pages, and rows that stay where the keyboard's focus is.

import { call, now } from "./api.js";
import { commandLine, el, fill, notice, paced } from "./dom.js";
import { age, clockTime, duration, STATES } from "./words.js";

const GAP = 500; // ms between looks
const LIMIT = 25; // rows of a page

export function stateChip(state) {
  const known = STATES[state] ?? { mark: "?", word: state, says: "" };
  return el("span", { class: "chip", "data-state": state, title: known.says },
    el("span", { "aria-hidden": "true" }, known.mark), known.word);
}

export function sagaList(filters) {
  const rows = new Map();
  const state = el("select", { id: "state", change: filter }, el("option", { value: "" }, "any state"),
    Object.entries(STATES).map(([value, { word }]) => el("option", { value }, word)));
  state.value = filters.get("state") ?? "";
  const project = el("input", {
    id: "project", type: "search", placeholder: "any project", maxlength: "100", autocomplete: "off",
    value: filters.get("project") ?? "", input: () => { clearTimeout(typing); typing = setTimeout(filter, 300); },
  });
  const body = el("tbody");
  const table = el("table", { class: "sagas" }, el("caption", { class: "unseen" }, "Sagas, newest first"),
    el("thead", {}, el("tr", {}, ["State", "Saga", "Project", "User", "Started", "Took"].map((name) =>
      el("th", { scope: "col", class: `is-${name.toLowerCase()}` }, name)))), body);
  const says = el("div", {});
  const newer = el("button", { type: "button", click: () => { cursors.pop(); ask(); } }, "← Newer");
  const older = el("button", { type: "button", click: () => { cursors.push(next); ask(); } }, "Older →");
  const node = el("section", { "aria-labelledby": "list" },
    el("div", { class: "bar" }, el("h2", { id: "list" }, "Sagas"),
      el("div", { class: "filters", role: "search" },
        el("label", { class: "inline", for: "state" }, "State ", state),
        el("label", { class: "inline", for: "project" }, "Project ", project))),
    says, table, el("div", { class: "pages" }, newer, older));
  let cursors = [], next = null, typing = null, stopped = false;

  function filter() {
    cursors = [];
    const wanted = new URLSearchParams();
    if (state.value) wanted.set("state", state.value);
    if (project.value.trim()) wanted.set("project", project.value.trim());
    history.replaceState(null, "", `#/${wanted.size ? `?${wanted}` : ""}`);
    ask();
  }

  async function load() {
    const query = new URLSearchParams({ limit: LIMIT });
    if (state.value) query.set("state", state.value);
    if (project.value.trim()) query.set("project", project.value.trim());
    if (cursors.length) query.set("before", cursors.at(-1));
    try {
      const page = await call(`/api/sagas?${query}`);
      if (stopped) return;
      next = page.next;
      draw(page.sagas);
    } catch (error) {
      if (!stopped) fill(says, notice(error.message));
    }
  }

  function draw(sagas) {
    const shown = sagas.map((saga) => {
      const row = rows.get(saga.saga_id) ?? newRow(saga);
      row.update(saga);
      return row;
    });
    rows.clear();
    for (const row of shown) rows.set(row.id, row);
    if (shown.length !== body.children.length || shown.some((row, index) => body.children[index] !== row.node)) {
      fill(body, shown.map((row) => row.node));
    }
    fill(says, sagas.length ? null : nothing());
    table.hidden = !sagas.length;
    newer.disabled = !cursors.length;
    older.disabled = !next;
    newer.parentElement.hidden = !cursors.length && !next;
  }

  function nothing() {
    if (cursors.length) return el("p", { class: "empty" }, "There are no older ones.");
    if (state.value || project.value.trim()) return el("p", { class: "empty" }, "No saga matches these filters. Choose any state and any project to see all.");
    return el("div", { class: "empty" }, el("p", {}, "No saga yet. Give a project some documents, then start a generation above:"),
      commandLine("testbed ingest --corpus python-topics --project demo\ntestbed generate demo --wait"));
  }

  const ask = paced(load, GAP);
  const clock = setInterval(() => { for (const row of rows.values()) row.tick(); }, 1000);
  ask();
  return { node, refresh: ask, stop() { stopped = true; ask.stop(); clearInterval(clock); clearTimeout(typing); } };
}

function newRow(first) {
  const cell = (name) => el("td", { class: `is-${name}` });
  const [state, started, took] = [cell("state"), cell("started"), cell("took")];
  const link = el("a", { href: `#/sagas/${encodeURIComponent(first.saga_id)}` }, first.saga_id);
  const node = el("tr", {}, state, el("td", { class: "is-saga" }, link),
    el("td", { class: "is-project" }, first.project_id), el("td", { class: "is-user" }, first.user_id), started, took);
  started.title = clockTime(first.created_at);
  let saga = null;
  const row = {
    id: first.saga_id, node,
    update(fresh) {
      if (fresh.state !== saga?.state) {
        fill(state, stateChip(fresh.state));
        node.dataset.state = fresh.state;
      }
      saga = fresh;
      row.tick();
    },
    tick() {
      started.textContent = age(now() - saga.created_at);
      const open = !saga.closed;
      took.textContent = duration(open ? Math.floor(Math.max(0, now() - saga.created_at)) : saga.updated_at - saga.created_at) + (open ? " …" : "");
    },
  };
  return row;
}
