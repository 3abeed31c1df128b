"use strict";
// The third view: GPT writes on, token by token; BERT fills gaps, the most certain first.

const CANDIDATES = 40; // GPT draws from so many, as twinlm generate does
const SHOWN = 6;
const GAPS = 6; // [MASK]s behind the text if nobody masked a word
const PAUSE_MS = 380;

const writing = {
  temperature: 0.8,
  playing: null, // the name of the model that goes on by itself

  reset() {
    this.playing = null;
    if (GPT) this.begin();
    if (BERT) this.gaps();
  },

  // GPT begins before the first gap, if there is one.
  begin() {
    const { ids, pieces } = textOf(GPT);
    const gap = pieces.find(isMasked);
    const begin = gap ? ids.slice(0, gap.tokens[0]) : [...ids];
    this.gpt = { begin: begin.slice(0, room(GPT) - 1), written: [], shares: [], next: null };
  },

  gaps() {
    const { ids } = textOf(BERT);
    const kept = ids.slice(0, room(BERT));
    const masked = maskedTokens().filter((position) => position < kept.length);
    const { mask } = tokenizerOf(BERT).specials;
    if (masked.length) {
      this.bert = { ids: kept.map((id, i) => (masked.includes(i) ? mask : id)), open: masked, filled: new Map(), guesses: null };
      return;
    }
    const begin = kept.slice(0, room(BERT) - GAPS);
    const open = Array.from({ length: GAPS }, (_, i) => begin.length + i);
    this.bert = { ids: [...begin, ...open.map(() => mask)], open, filled: new Map(), guesses: null };
  },

  show() {
    if (GPT) this.showGpt();
    if (BERT) this.showBert();
  },

  showGpt() {
    const { begin, written, shares, next } = this.gpt;
    const box = $("write-gpt");
    const tokenizer = tokenizerOf(GPT);
    const given = el("bdi", { class: "given", text: tokenizer.decode(begin) });
    const seen = grown(tokenizer, begin, written).map((text, i) =>
      el("ins", { title: percent(shares[i]), text, class: i === written.length - 1 ? "newest" : null }));
    const isFull = begin.length + written.length >= room(GPT);
    fill(box.querySelector(".writing"), given, seen, el("span", { class: "caret", "aria-hidden": "true" }));
    box.querySelector(".writing").dir = isFromRight(state.text) ? "rtl" : "ltr";
    const list = next ? candidates(GPT, next.slice(0, SHOWN), null, (id) => this.take(id)) : el("p", { class: "note", text: t("write.start") });
    const last = written.length ? t("write.last", { token: shownToken(GPT, written.at(-1)), share: percent(shares.at(-1)) }) : "";
    fill(box.querySelector(".choices"), el("p", { class: "facts", text: last, "aria-live": "polite" }), list, isFull && el("p", { class: "note", text: t("write.full", { room: room(GPT) }) }) || null);
    this.buttons(box, GPT, isFull);
  },

  buttons(box, about, isDone) {
    const [step, play] = [box.querySelector(".step"), box.querySelector(".play")];
    step.disabled = isDone;
    play.disabled = isDone;
    play.textContent = t(this.playing === about.name ? "write.pause" : "write.play");
  },

  // Reads what stands there and draws the next token from the best candidates.
  async stepGpt() {
    const now = this.gpt;
    if (!now.next) await this.readGpt(now);
    if (now !== this.gpt || now.begin.length + now.written.length >= room(GPT)) return;
    await this.take(drawn(this.warmed(now.next)));
  },

  async readGpt(now) {
    const ids = [...now.begin, ...now.written];
    const { next } = await client.ask("surprise", { model: GPT.name, ids, positions: [], top: CANDIDATES, next: true });
    now.next = next.filter(([id]) => !tokenizerOf(GPT).special.has(id));
  },

  async take(id) {
    const now = this.gpt;
    now.shares.push(now.next.find(([other]) => other === id)[1]);
    now.written.push(id);
    now.next = null;
    if (now.begin.length + now.written.length < room(GPT)) await this.readGpt(now);
    if (now === this.gpt) this.showGpt();
  },

  // Candidates with their weights at the chosen temperature.
  warmed(next) {
    const weights = next.map(([id, share]) => [id, (share / next[0][1]) ** (1 / Math.max(this.temperature, 1e-3))]);
    return this.temperature < 0.05 ? weights.slice(0, 1) : weights;
  },

  showBert() {
    const { ids, filled, open, guesses } = this.bert;
    const box = $("write-bert");
    const order = [...filled.keys()];
    const tokens = ids.map((id, position) => {
      const shown = tokenizerOf(BERT).display(id).text;
      const isApart = position > 0 && !tokenizerOf(BERT).continues(id) ? " " : "";
      if (open.includes(position)) {
        const best = guesses?.get(position)?.[0];
        const text = best ? `${shownToken(BERT, best[0])} ${percent(best[1])}` : "[MASK]";
        return [" ", el("span", { class: "gap", text })];
      }
      if (!filled.has(position)) return [isApart, el("bdi", { text: shown.trimStart() })];
      const badge = el("sup", { text: String(order.indexOf(position) + 1) });
      return [isApart, el("ins", { title: percent(filled.get(position)), class: position === order.at(-1) ? "newest" : null }, shown.trimStart(), badge)];
    });
    fill(box.querySelector(".writing"), tokens);
    box.querySelector(".writing").dir = isFromRight(state.text) ? "rtl" : "ltr";
    const last = order.at(-1);
    const told = order.length ? t("write.filled", { number: order.length, token: shownToken(BERT, ids[last]), share: percent(filled.get(last)) }) : t(state.masks.size ? "write.gaps" : "write.behind", { count: GAPS });
    const surest = open.length && guesses ? this.surest() : null;
    const next = surest ? [el("p", { class: "note", text: t("write.next") }), candidates(BERT, guesses.get(surest.position).slice(0, SHOWN), null, (id) => this.put(surest.position, id))] : [];
    fill(box.querySelector(".choices"), el("p", { class: "facts", text: told, "aria-live": "polite" }), next);
    this.buttons(box, BERT, !open.length);
  },

  async stepBert() {
    const now = this.bert;
    if (!now.open.length) return;
    if (!now.guesses) await this.guess(now);
    if (now !== this.bert) return;
    const { position, id } = this.surest();
    await this.put(position, id);
  },

  // What BERT would put into each gap, given all that stands; a special token is no word.
  async guess(now) {
    const { special } = tokenizerOf(BERT);
    const answer = await client.ask("surprise", { model: BERT.name, ids: now.ids, masked: now.open, positions: now.open, top: SHOWN + special.size });
    now.guesses = new Map(answer.positions.map((position, i) => [position, answer.top[i].filter(([id]) => !special.has(id))]));
  },

  surest() {
    const [position, top] = [...this.bert.guesses].reduce((best, each) => (each[1][0][1] > best[1][0][1] ? each : best));
    return { position, id: top[0][0] };
  },

  async put(position, id) {
    const now = this.bert;
    const share = now.guesses.get(position).find(([other]) => other === id)[1];
    now.ids[position] = id;
    now.open = now.open.filter((other) => other !== position);
    now.filled.set(position, share);
    now.guesses = null;
    if (now.open.length) await this.guess(now);
    if (now === this.bert) this.showBert();
  },

  async step(about) {
    await (about === GPT ? this.stepGpt() : this.stepBert());
    this.show();
  },

  // Goes on step by step until it is done or told to pause.
  async play(about) {
    this.playing = this.playing === about.name ? null : about.name;
    this.show();
    const isOpen = () => (about === GPT ? this.gpt.begin.length + this.gpt.written.length < room(GPT) : this.bert.open.length > 0);
    while (this.playing === about.name && isOpen()) {
      await this.step(about);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    if (this.playing === about.name) this.playing = null;
    this.show();
  },
};

function drawn(weights) {
  let left = Math.random() * weights.reduce((sum, [, weight]) => sum + weight, 0);
  return (weights.find(([, weight]) => (left -= weight) < 0) ?? weights[0])[0];
}

// The text that each new token adds; half a character waits for its other half.
function grown(tokenizer, begin, written) {
  let before = tokenizer.decode(begin).replace(/\ufffd+$/, "");
  return written.map((_, i) => {
    const whole = tokenizer.decode([...begin, ...written.slice(0, i + 1)]).replace(/\ufffd+$/, "");
    const added = whole.slice(before.length);
    before = whole;
    return added;
  });
}
