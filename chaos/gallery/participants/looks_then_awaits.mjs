// Another language: the "one thread, so no races" of Node. The key is looked up, the value is fetched (await), the key
// is stored: at the await the next request runs, finds no key, and acts as well. One request after another is right.
//
// Seen: https://github.com/thesongzhu/Friday/pull/403 (two requests with one key both ran, between look-up and store),
// https://github.com/mastodon/mastodon/pull/37879 (the same, in Ruby).
//
//   node looks_then_awaits.mjs [PORT] [SECRET]      prints its address; state lives in memory

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const [port = "0", secret = "not-a-secret-but-32-bytes-long-0123"] = process.argv.slice(2);
const PROJECT = "gallery";
const WORK = 20; // milliseconds that the database takes
const items = new Map(); // item -> {item, value, version}
const steps = new Map(); // saga and item -> {saga, item, effect, value, answer, before}

class Refused extends Error {
  constructor(status, word) {
    super(word);
    this.status = status;
  }
}

const text = (value) => {
  if (typeof value !== "string" || !/^[\x20-\x7e]+$/.test(value)) throw new Refused(400, "invalid-request");
  return value;
};

const admit = (token = "") => {
  const [head, claims, signature] = token.split(".");
  const wanted = createHmac("sha256", secret).update(`${head}.${claims}`).digest();
  const given = Buffer.from(signature ?? "", "base64url");
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new Refused(401, "unauthorized");
  const { exp, project } = JSON.parse(Buffer.from(claims, "base64url"));
  if (exp * 1000 < Date.now()) throw new Refused(401, "unauthorized");
  if (project !== PROJECT && project !== "*") throw new Refused(403, "forbidden");
};

const parse = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  try {
    const body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts)));
    return { saga: text(body.saga_id), value: text(body.value) };
  } catch {
    throw new Refused(400, "invalid-request");
  }
};

const act = async (request, item) => {
  const { saga, value } = await parse(request);
  const key = JSON.stringify([saga, item]);
  const known = () => steps.get(key);
  if (known()?.effect === "undone") throw new Refused(409, "saga-compensated");
  if (known() && known().value !== value) throw new Refused(409, "conflict");
  if (known()) return [201, known().answer];
  const holds = (step) => step.item === item && step.effect === "done" && step.saga !== saga;
  if ([...steps.values()].some(holds)) throw new Refused(409, "locked");
  await sleep(WORK); // the bug: whoever looks now finds no key
  if (known()?.effect === "undone") throw new Refused(409, "saga-compensated");
  const before = items.get(item);
  const answer = { item, value, version: (before?.version ?? 0) + 1 };
  items.set(item, answer);
  steps.set(key, { saga, item, effect: "done", value, answer, before });
  return [201, answer];
};

const undo = (saga, item) => {
  const key = JSON.stringify([text(saga), item]);
  const step = steps.get(key) ?? { saga, item, effect: "undone" };
  if (step.effect === "confirmed") throw new Refused(409, "conflict");
  if (step.effect === "done") step.before ? items.set(item, step.before) : items.delete(item);
  steps.set(key, { ...step, effect: "undone" });
  return [204];
};

const confirm = (saga) => {
  const mine = [...steps.values()].filter((step) => step.saga === saga && step.effect !== "undone");
  for (const step of mine) step.effect = "confirmed";
  return [200, { saga_id: saga, confirmed: mine.map((step) => step.item) }];
};

const read = (item) => {
  if (!items.has(item)) throw new Refused(404, "not-found");
  return [200, items.get(item)];
};

const answer = async (request) => {
  admit(request.headers["x-internal-token"]);
  let path;
  try {
    path = request.url.split("/").slice(1).map(decodeURIComponent);
  } catch {
    throw new Refused(400, "invalid-request");
  }
  const [kind, name, last] = path;
  if (kind === "items" && request.method === "POST") return act(request, text(name));
  if (kind === "items" && request.method === "DELETE") return undo(request.headers["x-saga-id"], text(name));
  if (kind === "items" && request.method === "GET") return read(text(name));
  if (kind === "saga" && last === "confirm" && request.method === "POST") return confirm(text(name));
  throw new Refused(404, "not-found");
};

const server = createServer(async (request, response) => {
  let found;
  try {
    found = await answer(request);
  } catch (error) {
    const status = error instanceof Refused ? error.status : 500;
    found = [status, { type: error.message, title: error.message, status }];
  }
  response.writeHead(found[0], { "Content-Type": "application/json" });
  response.end(found[1] ? JSON.stringify(found[1]) : undefined);
});

server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
