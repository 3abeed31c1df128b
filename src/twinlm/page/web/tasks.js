"use strict";
// The fourth view: the fine-tuned models' answers to this text, next sentences, and where they differ on the test set.

const SHOWN_CLASSES = 6;

const tasks = {
  answers: new Map(), // by model

  async read(isOld) {
    this.answers.clear();
    for (const about of DATA.models.filter((model) => model.task)) {
      const inputs = about.task.texts > 1 ? [state.text, $("second").value] : state.text;
      if (!state.text.trim() || (about.task.texts > 1 && !$("second").value.trim())) continue;
      const answer = await client.ask("predict", { model: about.name, inputs });
      if (isOld()) return;
      this.answers.set(about.name, answer);
      this.show();
    }
    await this.readFollows(isOld);
  },

  async readFollows(isOld) {
    this.follows = null;
    const second = $("second").value.trim();
    if (!this.hasFollows() || !second || !state.text.trim()) return this.showFollows();
    const { probabilities } = await client.ask("follows", { model: BERT.name, pairs: [[state.text, second]] });
    if (!isOld()) [this.follows] = probabilities;
    return this.showFollows();
  },

  hasFollows() {
    const lacks = (part) => BERT.missing.includes(part);
    return BERT !== undefined && BERT.pairs === "next_sentence" && !lacks("pooler") && !lacks("next_sentence_head");
  },

  showFollows() {
    const told = !BERT ? "" : !this.hasFollows() ? t("follows.never") : this.follows === null || this.follows === undefined ? t("follows.hint") : t("follows.says", { share: percent(this.follows) });
    $("follows").textContent = told;
  },

  show() {
    fill($("answers"), DATA.tasks.length ? DATA.tasks.map((task) => this.task(task)) : el("p", { class: "note", text: t("tasks.none") }));
  },

  task(task) {
    const models = task.models.map((name) => ABOUT.get(name));
    const article = el("article", {}, el("h3", { text: task.name }));
    if (!models.length) return fill(article, [...article.children], el("p", { class: "note", text: t("tasks.other", { kind: task.kind }) }));
    const said = models.map((about) => this.answers.get(about.name));
    const needsSecond = models.some((about) => about.task.texts > 1);
    if (said.some((answer) => !answer)) return fill(article, [...article.children], el("p", { class: "note", text: t(needsSecond ? "tasks.second" : "read.open") }));
    article.append(el("p", { class: "agreement", text: this.agreement(models, said) }));
    const columns = models.map((about, i) => el("div", { class: kindClass(about) }, el("h4", { text: about.label }), this.classes(said[i])));
    article.append(el("div", { class: "pair" }, ...columns));
    const lost = models.map((about) => [about, textOf(READERS.find((reader) => reader.tokenizer === about.tokenizer) ?? READERS[0]).ids.length - (about.task.max_length - 2)]).filter(([, cut]) => cut > 0);
    if (lost.length) article.append(el("p", { class: "note", text: lost.map(([about, cut]) => t("read.cut", { label: about.label, room: about.task.max_length - 2, cut })).join(" ") }));
    return article;
  },

  agreement(models, said) {
    if (said.length < 2) return t("tasks.one", { label: models[0].label, answer: said[0][0].label, share: percent(said[0][0].score) });
    const [first, second] = said.map(([best]) => best);
    const values = { first: models[0].label, second: models[1].label, a: first.label, b: second.label, p: percent(first.score), q: percent(second.score) };
    return t(first.label === second.label ? "tasks.agree" : "tasks.differ", values);
  },

  classes(answer) {
    const rows = answer.slice(0, SHOWN_CLASSES).map(({ label, score }) =>
      el("li", {}, el("bdi", { class: "name", text: label }), el("span", { class: "bar", "aria-hidden": "true", style: { "--share": String(100 * score) } }), el("span", { class: "value", text: percent(score) })));
    const rest = answer.slice(SHOWN_CLASSES).reduce((sum, { score }) => sum + score, 0);
    if (answer.length > SHOWN_CLASSES) rows.push(el("li", { class: "rest" }, el("span", { class: "name", text: t("tasks.rest", { count: answer.length - SHOWN_CLASSES }) }), el("span", { class: "bar", style: { "--share": String(100 * rest) } }), el("span", { class: "value", text: percent(rest) })));
    return el("ol", { class: "candidates" }, ...rows);
  },

  // Where one is right and the other wrong, with the texts to try.
  showDifferences() {
    const parts = DATA.disagreements.map((pair) => {
      const names = [pair.first, pair.second].map((name) => ABOUT.get(name)?.label ?? name);
      const values = { first: names[0], second: names[1], count: pair.decisions.toLocaleString(language) };
      const cells = [["both_right", "both"], ["only_first", "gpt"], ["only_second", "bert"], ["neither", "none"]];
      const bar = el("div", { class: "quarters", "aria-hidden": "true" }, ...cells.map(([name, kind]) =>
        el("span", { class: kind, style: { "flex-grow": String(pair[name].estimate) } })));
      const list = el("ul", { class: "facts quarter-list" }, ...cells.map(([name, kind]) =>
        el("li", { class: kind, text: t(`differ.${name}`, { ...values, share: percent(pair[name].estimate) }) })));
      const told = pair.tellings.filter((telling) => telling.texts.length);
      const groups = [0, 1].map((side) => this.tellings(told.filter((telling) => (telling.rights[0] > telling.rights[1]) === (side === 0)), names, side, pair.models));
      return el("article", {}, el("h3", { text: pair.task }), el("p", { text: t("differ.about", values) }), bar, list, el("div", { class: "pair" }, ...groups));
    });
    $("differences").hidden = !parts.length;
    fill($("difference-list"), parts);
  },

  tellings(all, names, side, models) {
    const heading = el("h4", { class: side === 0 ? "gpt" : "bert", text: t("differ.only", { label: names[side] }) });
    const items = all.slice(0, 3).map((telling) => el("li", {},
      el("button", { type: "button", class: "try", dir: "auto", text: telling.texts.join(" / "), onclick: () => page.take(telling.texts[0].replace(/\u2026$/, "")) }),
      el("span", { class: "original", text: t("differ.told", { gold: telling.gold, a: telling.answers[0], b: telling.answers[1], first: names[0], second: names[1], p: telling.confidences.length ? percent(telling.confidences[0]) : "", q: telling.confidences.length ? percent(telling.confidences[1]) : "" }) })));
    return el("div", {}, heading, el("ul", { class: "samples" }, ...items));
  },
};
