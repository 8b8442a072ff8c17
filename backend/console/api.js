// Calls of the backend's API. Every failure is one of two: the server said no, or there was no answer.

import { token } from "./session.js";

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The backend answered ${status}`);
    this.status = status;
    this.type = problem.type;
    this.holder = problem.holder;
  }
}

export class NoAnswer extends Error {
  constructor() {
    super("The backend does not answer. `testbed status` says whether it runs.");
  }
}

let skew = 0; // seconds that the server's clock is ahead of ours

export function now() {
  return Date.now() / 1000 + skew;
}

export function headers(more = {}) {
  return { ...more, Authorization: `Bearer ${token() ?? ""}` };
}

export async function call(path, { method = "GET", body, headers: more = {} } = {}) {
  const options = { method, headers: headers(more), cache: "no-store" };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response, answer;
  try {
    response = await fetch(path, options);
    answer = await response.json();
  } catch {
    throw new NoAnswer();
  }
  readClock(response);
  if (response.ok) return answer;
  if (response.status === 401) signedOut();
  throw new Refusal(response.status, answer);
}

export function signedOut() {
  document.dispatchEvent(new CustomEvent("signed-out"));
}

// The Date header is whole seconds: only a difference beyond that is a difference of clocks.
function readClock(response) {
  const ahead = Date.parse(response.headers.get("Date") ?? "") / 1000 + 0.5 - Date.now() / 1000;
  skew = Math.abs(ahead) > 2 ? ahead : 0;
}
