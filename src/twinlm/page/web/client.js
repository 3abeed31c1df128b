"use strict";
// Who answers the page's questions: the models of the page, in a worker, or a server. Same routes, same answers.

const SERVER = document.body.dataset.server; // undefined: the page computes by itself
const TOKEN = "twinlm-token";

// Runs engine.js in a worker, so that typing never waits; without workers, in this thread, question by question.
class LocalClient {
  constructor() {
    this.waiting = new Map();
    this.next = 0;
    this.differences = {};
    try {
      this.worker = startedWorker((event) => this.take(event.data));
    } catch {
      this.engine = new Engine(DATA);
    }
  }

  // Unpacks the models, one after another, so that the first can answer at once.
  async load(name) {
    const text = $(`weights-${name}`).textContent;
    this.differences[name] = await this.call("load", name, text);
  }

  ask(route, body) {
    return this.call(route, body);
  }

  async call(route, ...values) {
    if (this.engine) {
      await new Promise((resolve) => setTimeout(resolve));
      return this.engine[route](...values);
    }
    const id = this.next++;
    this.worker.postMessage({ id, route, values });
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  take({ id, answer, error }) {
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(answer);
  }
}

function startedWorker(take) {
  const code = [...document.querySelectorAll("script.engine")].map((script) => script.textContent);
  const url = URL.createObjectURL(new Blob([...code, `(${answering})();`], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onmessage = take;
  const { title, verdict, words, disagreements, ...facts } = DATA;
  worker.postMessage(facts);
  return worker;
}

// The worker's own code, behind that of the engine.
function answering() {
  let engine;
  self.onmessage = async ({ data }) => {
    if (!engine) {
      engine = new Engine(data);
      return;
    }
    const { id, route, values } = data;
    try {
      self.postMessage({ id, answer: await engine[route](...values) });
    } catch (error) {
      self.postMessage({ id, error: String(error.message || error) });
    }
  };
}

// Asks a server (docs/page.md), with a token if it wants one.
class RemoteClient {
  constructor() {
    this.differences = {};
  }

  async load() {}

  async ask(route, body) {
    const token = sessionStorage.getItem(TOKEN);
    const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(`${SERVER}/${route}`, { method: "POST", headers, body: JSON.stringify({ ...body, model: DATA.served[body.model] ?? body.model }) });
    if (answer.status === 401) {
      const given = window.prompt(t("server.token"));
      if (given) {
        sessionStorage.setItem(TOKEN, given);
        return this.ask(route, body);
      }
    }
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(String(said.error || `${answer.status} ${answer.statusText}`).slice(0, 300));
    return said;
  }
}

const client = SERVER === undefined ? new LocalClient() : new RemoteClient();
