// The overview: what the system does, how well, and what runs right now.

import { el } from "./dom.js";
import { sagaList } from "./saga_list.js";
import { startForm } from "./start.js";
import { statisticsPanel } from "./statistics.js";

export function showOverview(root, filters) {
  document.title = "Overview · saga testbed";
  const figures = statisticsPanel();
  const list = sagaList(filters);
  root.append(
    el("section", { class: "hero" },
      el("div", {},
        el("h1", {}, "Wikis, all or nothing"),
        el("p", { class: "lead" },
          "A generation turns a project’s documents into a wiki and stores it in three services. The three writes are one ",
          el("b", {}, "saga"), ": when one of them fails, those that started are undone, and nothing is left behind.")),
      startForm(),
      pipeline()),
    figures.node,
    list.node,
  );
  return {
    refresh(events) { figures.refresh(); list.refresh(events); },
    stop() { figures.stop(); list.stop(); },
  };
}

function pipeline() {
  const chip = (text, where) => el("li", {}, el("b", {}, text), el("span", {}, where));
  return el("div", { class: "pipeline" },
    el("ol", { "aria-label": "Without effects" },
      chip("Fetch documents", "Chroma"), chip("Generate pages", "orchestrator"), chip("Extract relationships", "orchestrator")),
    el("span", { class: "then", "aria-hidden": "true" }, "→"),
    el("ol", { class: "atomic", start: "4", "aria-label": "The saga: all or nothing" },
      chip("Save relationships", "Neo4j"), chip("Save wiki files", "filesystem_server"), chip("Create git snapshot", "git_server · pivot")),
  );
}
