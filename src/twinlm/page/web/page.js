"use strict";
// Puts the page together: loads the models, follows typing, and shows what changes.

const THEMES = ["auto", "light", "dark"];
const PAUSE_BEFORE_READING_MS = 60;

const page = {
  waiting: 0,

  async start() {
    chooseLanguage(this.stored("language") ?? (navigator.language || "").slice(0, 2));
    this.theme(this.stored("theme") ?? "auto");
    this.listen();
    $("title").textContent = DATA.title;
    document.title = DATA.title;
    const examples = DATA.examples.length ? DATA.examples : [t("example")];
    $("text").value = examples[0];
    fill($("examples"), examples.map((text) => el("button", { type: "button", class: "plain", dir: "auto", text, onclick: () => this.take(text) })));
    setText(examples[0]);
    this.grow();
    this.showAll();
    this.isReady = this.load();
    tour.follow();
    await this.isReady;
  },

  // Loads the models that read, answers, then loads the fine-tuned ones.
  async load() {
    try {
      for (const about of READERS) await client.load(about.name);
      await this.read();
      for (const about of DATA.models) if (about.task) await client.load(about.name);
      this.showAbout();
      await tasks.read(this.since());
      tasks.show();
    } catch (error) {
      this.failed(error);
    }
  },

  since() {
    const { version } = state;
    return () => version !== state.version;
  },

  async read() {
    try {
      const isOld = this.since();
      const begin = performance.now();
      await readAll((about, what) => {
        if (what === "attention") return attention.show();
        if (about === READERS[0]) document.body.dataset.firstAnswer = String(Math.round(performance.now() - begin));
        return reading.show();
      });
      if (isOld()) return;
      writing.reset();
      if (GPT) await writing.readGpt(writing.gpt);
      if (BERT) await writing.guess(writing.bert);
      if (!isOld()) writing.show();
    } catch (error) {
      this.failed(error);
    }
  },

  // The text, its masks or the second text changed.
  async changed() {
    $("error").hidden = true;
    this.showAll();
    const isOld = this.since();
    await this.isReady;
    if (isOld()) return;
    await this.read();
    if (isOld()) return;
    try {
      await tasks.read(isOld);
    } catch (error) {
      this.failed(error);
    }
  },

  take(text) {
    $("text").value = text;
    this.grow();
    setText(text);
    this.changed();
    $("text").scrollIntoView({ block: "center" });
    $("text").focus({ preventScroll: true });
  },

  // Waits for a pause in typing, so that no work is begun in vain.
  typed() {
    clearTimeout(this.waiting);
    this.grow();
    this.waiting = setTimeout(() => {
      setText($("text").value);
      this.changed();
    }, PAUSE_BEFORE_READING_MS);
  },

  grow() {
    const text = $("text");
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  },

  showAll() {
    writing.reset();
    reading.show();
    attention.show();
    writing.show();
    tasks.show();
    tasks.showFollows();
    tasks.showDifferences();
    this.showAbout();
    tour.show();
  },

  showAbout() {
    const rows = DATA.models.map((about) => {
      const difference = client.differences[about.name];
      const checked = difference === undefined ? t(SERVER === undefined ? "about.loading" : "about.server") : number(difference, 5);
      const { layers, width, heads, max_length: most } = about.sizes;
      const cells = [about.task ? `${about.name.split("/")[0]}, ${about.label}` : about.label, `${layers} \u00d7 ${width}, ${heads}`, about.parameters.toLocaleString(language), String(most), checked];
      return el("tr", {}, el("th", { scope: "row", class: "text", text: cells[0] }), ...cells.slice(1).map((text) => el("td", { text })));
    });
    fill($("models"), rows);
    const bytes = Object.values(DATA.weightBytes).reduce((sum, size) => sum + size, 0);
    const lines = [SERVER === undefined ? t("about.here", { size: number(bytes / 2 ** 20) }) : t("about.there")];
    lines.push(SERVER === undefined ? t("about.precision") : "", t("about.version", { version: DATA.version }));
    fill($("about-text"), [...lines.filter(Boolean), ...DATA.attribution].map((text) => el("p", { text })));
    const worst = Math.max(0, ...Object.values(client.differences));
    $("wrong").hidden = !(worst > 0.05);
    $("wrong").textContent = t("about.wrong", { difference: number(worst, 3) });
    fill($("notes"), DATA.notes.map((text) => el("p", { class: "note", text })));
    $("report").hidden = !DATA.report;
    if (DATA.report) $("report").href = DATA.report;
  },

  failed(error) {
    $("error").hidden = false;
    $("error").textContent = t("failed", { error: error.message });
  },

  theme(name) {
    this.chosen = THEMES.includes(name) ? name : "auto";
    document.documentElement.dataset.theme = this.chosen;
    $("theme").textContent = t(`theme.${this.chosen}`);
  },

  // Storage may be closed to a page that is a file.
  stored(name) {
    try {
      return localStorage.getItem(`twinlm-${name}`);
    } catch {
      return null;
    }
  },

  store(name, value) {
    try {
      localStorage.setItem(`twinlm-${name}`, value);
    } catch {
      // Then the choice lasts as long as the page.
    }
  },

  listen() {
    $("text").addEventListener("input", () => this.typed());
    $("second").addEventListener("input", () => {
      clearTimeout(this.waitingSecond);
      this.waitingSecond = setTimeout(() => tasks.read(this.since()).catch((error) => this.failed(error)), PAUSE_BEFORE_READING_MS);
    });
    $("theme").addEventListener("click", () => {
      this.theme(THEMES[(THEMES.indexOf(this.chosen) + 1) % THEMES.length]);
      this.store("theme", this.chosen);
    });
    for (const name of LANGUAGES) {
      $("languages").append(el("button", { type: "button", class: "plain", lang: name, text: DATA.words[name].language, onclick: () => this.speak(name) }));
    }
    $("temperature").addEventListener("input", ({ target }) => {
      writing.temperature = Number(target.value);
      $("temperature-value").textContent = number(writing.temperature);
    });
    for (const about of [GPT, BERT]) {
      const box = $(about === GPT ? "write-gpt" : "write-bert");
      if (!about) {
        box.hidden = true;
        continue;
      }
      box.querySelector(".step").addEventListener("click", () => writing.step(about).catch((error) => this.failed(error)));
      box.querySelector(".play").addEventListener("click", () => writing.play(about).catch((error) => this.failed(error)));
      box.querySelector(".again").addEventListener("click", () => {
        writing.playing = null;
        if (about === GPT) writing.begin();
        else writing.gaps();
        writing.show();
      });
    }
    $("tour-start").addEventListener("click", () => tour.go(1));
    $("tour-back").addEventListener("click", () => tour.go(tour.step - 1));
    $("tour-next").addEventListener("click", () => tour.go(tour.step + 1));
    $("tour-close").addEventListener("click", () => tour.go(0));
    $("unmask").addEventListener("click", () => {
      while (state.masks.size) toggleMask([...state.masks][0]);
      this.changed();
    });
    window.addEventListener("hashchange", () => tour.follow());
    window.addEventListener("resize", () => attention.showArcs());
    document.addEventListener("keydown", (event) => event.key === "Escape" && tour.step && tour.go(0));
  },

  speak(name) {
    chooseLanguage(name);
    this.store("language", name);
    this.theme(this.chosen);
    this.showAll();
  },
};

page.start();
