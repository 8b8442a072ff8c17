// Elements and texts. Everything that comes from the server becomes a text node here: no HTML is ever parsed.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// Replace what `parent` holds; whoever had the keyboard's focus keeps it, when it is still there.
export function fill(parent, ...children) {
  const focused = document.activeElement;
  parent.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

// Run `work` at once, and again at most every `gap` milliseconds however often it is asked for; never twice at a time,
// and no more than a fifth of the time, so that slow answers make fewer questions.
export function paced(work, gap) {
  let timer = null, running = false, again = false, last = -Infinity;
  async function run() {
    timer = null;
    running = true;
    last = performance.now();
    try { await work(); } finally { running = false; }
    last += 4 * (performance.now() - last);
    if (again) { again = false; ask(); }
  }
  function ask() {
    if (running) again = true;
    else if (timer === null) timer = setTimeout(run, Math.max(0, last + gap - performance.now()));
  }
  ask.stop = () => { clearTimeout(timer); timer = -1; };
  return ask;
}

export function notice(text, ...more) {
  return el("p", { class: "notice", role: "alert" }, text, ...more);
}

export function commandLine(text) {
  return el("pre", { class: "command" }, el("code", {}, text));
}
