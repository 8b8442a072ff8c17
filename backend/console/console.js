// The console: who is signed in, which page is shown, and the one stream of events that keeps it up to date.

import { showDeadLetters } from "./dead_letters.js";
import { el, fill } from "./dom.js";
import { showOverview } from "./overview.js";
import { showSaga } from "./saga.js";
import { claims, forget, takeFromAddress, token } from "./session.js";
import { showSignIn } from "./sign_in.js";
import { EventStream } from "./stream.js";

const POLL = 5000; // ms between looks while the stream is away
const main = document.getElementById("main");
let page = null; // what is shown: {refresh(events), stop()}
let live = false;

const stream = new EventStream(
  (events) => page?.refresh(events),
  (state) => {
    live = state === "live";
    const mark = document.getElementById("live");
    mark.dataset.state = state;
    mark.textContent = state;
    if (live) page?.refresh([]); // what happened before the stream was open
  },
);

function pageOf(hash) {
  const [path, query] = hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  if (parts[0] === "sagas" && parts[1]) return { name: "saga", show: (root) => showSaga(root, parts[1]) };
  if (parts[0] === "dead-letters") return { name: "dead-letters", show: showDeadLetters };
  return { name: "overview", show: (root) => showOverview(root, new URLSearchParams(query)) };
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function route() {
  if (takeFromAddress()) stream.stop();
  page?.stop();
  page = null;
  const signedIn = Boolean(token());
  for (const id of ["nav", "who"]) document.getElementById(id).hidden = !signedIn;
  if (!signedIn) return signIn();
  const { user, project } = claims();
  const where = project === "*" ? "all projects" : `project ${project}`;
  document.getElementById("user").textContent = `${user} · ${where}`;
  const wanted = pageOf(location.hash);
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.dataset.page === wanted.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const root = el("div", { class: `page ${wanted.name}` });
  fill(main, root);
  page = wanted.show(root);
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
  if (!document.hidden) stream.start();
}

function signIn(why) {
  stream.stop();
  stream.lastId = null;
  document.title = "Sign in · saga testbed";
  showSignIn(main, route, why);
}

document.addEventListener("signed-out", () => {
  if (!token()) return;
  forget();
  page?.stop();
  page = null;
  for (const id of ["nav", "who"]) document.getElementById(id).hidden = true;
  signIn("The backend did not accept the token: it is expired or was made with other keys.");
});
document.getElementById("sign-out").addEventListener("click", () => { forget(); route(); });
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
// A stream holds one of the server's threads: a page that nobody looks at gives it back.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stream.stop();
  else if (token()) stream.start();
});
addEventListener("hashchange", route);
setInterval(() => { if (!live && !document.hidden) page?.refresh([]); }, POLL);
route();
