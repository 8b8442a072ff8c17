// The log as it grows. Not EventSource: that one cannot send the Authorization header.

import { headers, signedOut } from "./api.js";

const SILENCE = 40_000; // ms; the server says something every 15 s, so a longer silence is a dead connection
const FIRST_PAUSE = 500, LONGEST_PAUSE = 15_000; // ms between attempts

export class EventStream {
  // `onEvents(events)`: new ones, in order. `onState(word)`: "live" or "reconnecting".
  constructor(onEvents, onState) {
    Object.assign(this, { onEvents, onState, lastId: null, run: null });
  }

  start() {
    if (!this.run) this.#keepReading(this.run = new AbortController());
  }

  stop() {
    this.run?.abort();
    this.run = null;
  }

  async #keepReading(run) {
    let pause = FIRST_PAUSE;
    while (!run.signal.aborted) {
      try {
        await this.#read(run, () => { pause = FIRST_PAUSE; });
      } catch (error) {
        if (error?.name === "Unwelcome") return;
      }
      if (run.signal.aborted) return;
      this.onState("reconnecting");
      await new Promise((done) => setTimeout(done, pause * (0.5 + Math.random() / 2)));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  async #read(run, welcome) {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    run.signal.addEventListener("abort", stop);
    let watchdog = setTimeout(stop, SILENCE);
    try {
      const reader = await this.#open(attempt.signal);
      welcome();
      this.onState("live");
      const decoder = new TextDecoder();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(stop, SILENCE);
        const blocks = (text + decoder.decode(value, { stream: true })).split("\n\n");
        text = blocks.pop();
        this.#take(blocks);
      }
    } finally {
      clearTimeout(watchdog);
      run.signal.removeEventListener("abort", stop);
    }
  }

  async #open(signal) {
    const resume = this.lastId === null ? {} : { "Last-Event-ID": this.lastId };
    const address = this.lastId === null ? "/api/events?after=latest" : "/api/events";
    const response = await fetch(address, { headers: headers(resume), cache: "no-store", signal });
    if (response.status === 401) {
      signedOut();
      throw Object.assign(new Error("signed out"), { name: "Unwelcome" });
    }
    if (!response.ok) throw new Error(`the stream answered ${response.status}`);
    return response.body.getReader();
  }

  #take(blocks) {
    const events = [];
    for (const block of blocks) {
      const fields = new Map();
      for (const line of block.split("\n")) {
        const colon = line.indexOf(": ");
        if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
      }
      if (fields.has("data")) events.push(JSON.parse(fields.get("data")));
      if (fields.has("id")) this.lastId = fields.get("id");
    }
    if (events.length) this.onEvents(events);
  }
}
