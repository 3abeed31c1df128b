"use strict";
// The guided tour: ten steps that drive the page on the models at hand. "#tour-3" links to the third.

// What each step does to the page, and its equation; its words are "tour.N.title" and "tour.N.text".
const STEPS = [
  { at: "sentence" },
  { at: "sentence", equation: "surprise(u) = \u2212log_{2} P(u)", act: () => reading.select(longest(readPieces(READERS[0]))) },
  { at: "sentence", needs: () => GPT, equation: "L_{1}(U) = \u03a3_{i} log P(u_{i} | u_{1}, \u2026, u_{i\u22121}; \u0398)", act: () => reading.select(longest(readPieces(READERS[0]))) },
  { at: "arcs", equation: "Attention(Q, K, V) = softmax(QK^{T} / \u221ad_{k}) V", act: () => reading.select(longest(readPieces(READERS[0]))) },
  { at: "matrices", equation: "GPT: a_{ij} = 0 for j > i  \u00b7  BERT: every a_{ij} > 0", act: () => reading.select(Math.floor(readPieces(READERS[0]).length / 2)) },
  { at: "sentence", needs: () => BERT, equation: "L_{MLM} = \u2212\u03a3_{i \u2208 M} log P(w_{i} | w_{1}, \u2026, [MASK], \u2026, w_{n})", act: maskOne },
  { at: "write", equation: "P(u) = softmax(h_{n} W_{e}^{T})  \u00b7  P_{T}(u) \u221d P(u)^{1/T}", act: writeAndFill },
  { at: "second", needs: () => BERT, equation: "P(IsNext) = softmax(W_{2} tanh(W_{1} h_{[CLS]} + b_{1}) + b_{2})_{1}", act: askNext },
  { at: "answers", equation: "L_{3}(C) = L_{2}(C) + \u03bb \u00b7 L_{1}(C)" },
  { at: "differences", equation: "\u0394 = mean(right_{GPT} \u2212 right_{BERT})" },
];

const tour = {
  step: 0, // from 1; 0 while it is closed

  // Shows the step that the address names.
  follow() {
    const [, name] = location.hash.match(/^#tour-(\d+)$/) ?? [];
    const wanted = Math.min(Number(name ?? 0), STEPS.length);
    if (!wanted) {
      this.step = 0;
      $("tour").hidden = true;
      document.body.classList.remove("touring");
      return;
    }
    const isNew = wanted !== this.step;
    this.step = wanted;
    this.show();
    if (isNew) this.drive();
  },

  go(step) {
    location.hash = step >= 1 && step <= STEPS.length ? `tour-${step}` : "top";
  },

  show() {
    if (!this.step) return;
    const { equation: said, needs } = STEPS[this.step - 1];
    $("tour").hidden = false;
    document.body.classList.add("touring");
    const lacks = needs && !needs();
    fill($("tour-step"),
      el("p", { class: "kicker", text: t("tour.count", { step: this.step, all: STEPS.length }) }),
      el("h2", { id: "tour-title", tabindex: "-1", text: t(`tour.${this.step}.title`) }),
      el("p", { text: t(`tour.${this.step}.text`) }),
      said && equation(said),
      this.step === STEPS.length && DATA.verdict.length ? el("ul", { class: "verdict", lang: "en" }, ...DATA.verdict.slice(0, 3).map((text) => el("li", { dir: "auto", text }))) : null,
      lacks ? el("p", { class: "note", text: t("tour.lacks") }) : null);
    $("tour-back").disabled = this.step === 1;
    $("tour-next").textContent = t(this.step === STEPS.length ? "tour.end" : "tour.next");
  },

  async drive() {
    const { at, act, needs } = STEPS[this.step - 1];
    await page.isReady;
    if (act && (!needs || needs())) await act();
    const place = $(at).hidden ? $("tasks") : $(at);
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    place.scrollIntoView({ behavior: isCalm ? "auto" : "smooth", block: "start" });
    $("tour-title").focus({ preventScroll: true });
  },
};

function maskOne() {
  if (state.masks.size) return;
  const pieces = readPieces(BERT);
  if (!pieces.length) return;
  const number = longest(pieces);
  toggleMask(number);
  page.changed();
}

async function writeAndFill() {
  for (const about of READERS) for (let i = 0; i < 3; i++) await writing.step(about);
}

function askNext() {
  if ($("second").value) return;
  const other = DATA.examples.find((text) => text !== state.text);
  $("second").value = other ?? state.text;
  page.changed();
}
