"use strict";
// The first view: every piece of the text between what GPT and BERT say of it, and the candidates at one place.

const MOST_BITS = 16; // from here on the colour is full

const reading = {
  // GPT above the text and BERT below it, if both cut it alike; else one line for each.
  lines() {
    return READERS.every((about) => about.tokenizer === READERS[0].tokenizer) ? [READERS] : READERS.map((about) => [about]);
  },

  show() {
    const sentence = $("sentence");
    const had = sentence.contains(document.activeElement) ? document.activeElement.dataset.at : null;
    fill(sentence, this.lines().map((readers, line) => this.line(readers, line)));
    if (had !== null) sentence.querySelector(`[data-at="${had}"]`)?.focus({ preventScroll: true });
    this.showSums();
    this.showDetail();
  },

  line(readers, line) {
    const { pieces } = textOf(readers[0]);
    const most = Math.max(...readers.map((about) => readPieces(about).length));
    const direction = isFromRight(state.text) ? "rtl" : "ltr";
    const buttons = pieces.slice(0, most).map((piece, number) => this.piece(readers, piece, number, line));
    const labels = el("div", { class: "legend", "aria-hidden": "true" },
      ...readers.map((about) => el("span", { class: kindClass(about), text: about.label })));
    const group = el("div", { class: `pieces ${readers.length > 1 ? "both" : "one"}`, dir: direction, role: "group", "aria-label": t("read.pieces") }, ...buttons);
    if (!buttons.length) group.append(el("p", { class: "note", text: t("read.empty") }));
    arrowKeys(group, ".piece");
    return el("div", { class: "interlinear" }, labels, group);
  },

  piece(readers, piece, number, line) {
    const isHidden = isMasked(piece);
    const chip = (about) => this.chip(about, piece, isHidden);
    const [above, below] = readers.length > 1 ? readers : [readers[0], null];
    const isSelected = line === 0 ? number === state.selected : this.isBeside(piece);
    const button = el("button", {
      class: `piece${piece.isApart ? " apart" : ""}${isHidden ? " masked" : ""}${isSelected ? " selected" : ""}`,
      type: "button",
      "data-at": `${line}:${number}`,
      tabindex: isSelected ? "0" : "-1",
      "aria-pressed": String(isHidden),
    }, chip(above), el("bdi", { class: "word", text: isHidden ? "\u2007\u2007\u2007" : piece.text }), isHidden && el("span", { class: "unseen-text", text: `${t("read.masked")}: ${piece.text} ` }) || null, below && chip(below));
    this.listen(button, number, line);
    return button;
  },

  // Hovering, focus and a tap select a piece; a click, or a second tap, masks it.
  listen(button, number, line) {
    let wasSelected = false;
    button.addEventListener("pointerdown", () => (wasSelected = button.classList.contains("selected")));
    button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && this.select(number, line));
    button.addEventListener("focus", () => this.select(number, line));
    button.addEventListener("click", (event) => {
      const isTap = event.pointerType === "touch" || event.pointerType === "pen";
      if (!isTap || wasSelected) this.mask(number, line);
    });
  },

  select(number, line = 0) {
    const first = line === 0 ? number : this.partner(number, line);
    if (first === state.selected) return;
    state.selected = first;
    for (const button of $("sentence").querySelectorAll(".piece")) {
      const [ofLine, at] = button.dataset.at.split(":").map(Number);
      const isSelected = ofLine === 0 ? at === first : this.isBeside(textOf(this.lines()[ofLine][0]).pieces[at]);
      button.classList.toggle("selected", isSelected);
      button.tabIndex = isSelected ? 0 : -1;
    }
    this.showDetail();
    attention.showArcs();
  },

  // The piece of the first line that holds the beginning of another line's piece.
  partner(number, line) {
    const { begin } = textOf(this.lines()[line][0]).pieces[number];
    const found = textOf(READERS[0]).pieces.findIndex((piece) => begin < piece.end);
    return Math.max(0, found);
  },

  isBeside(piece) {
    const selected = textOf(READERS[0]).pieces[state.selected];
    return selected !== undefined && piece.begin < selected.end && selected.begin < piece.end;
  },

  mask(number, line = 0) {
    if (!BERT) return;
    const about = this.lines()[line][0];
    const piece = textOf(about).pieces[number];
    const own = textOf(BERT).pieces.findIndex((other) => other.begin < piece.end && piece.begin < other.end);
    if (own < 0) return;
    toggleMask(own);
    page.changed();
  },

  chip(about, piece, isHidden) {
    const bits = bitsOf(about, piece);
    const isRead = piece.tokens.at(-1) < room(about);
    const best = isHidden && about === BERT ? saidOf(about, piece)[0]?.top[0] : null;
    const text = best ? `${shownToken(about, best[0])} ${percent(best[1])}` : isRead ? number(bits) : "";
    const share = bits === null ? 0 : Math.min(1, bits / MOST_BITS) * 100;
    const isOpen = isRead && saidOf(about, piece).includes(null);
    return el("span", {
      class: `bits ${kindClass(about)}${best ? " guess" : ""}${isOpen ? " open" : ""}`,
      style: { "--share": share.toFixed(0) },
    }, el("span", { class: "unseen-text", text: ` ${about.label} ` }), el("bdi", { text: isOpen ? "\u00b7\u00b7\u00b7" : text }), best ? null : el("span", { class: "unseen-text", text: ` ${t("unit")} ` }));
  },

  showSums() {
    const lines = READERS.map((about) => {
      const all = readPieces(about).map((piece) => bitsOf(about, piece)).filter((bits) => bits !== null);
      const sum = all.reduce((total, bits) => total + bits, 0);
      const values = { label: about.label, sum: number(sum), count: all.length, mean: number(all.length ? sum / all.length : 0) };
      return el("li", { class: kindClass(about), text: t(about.kind === "decoder" ? "read.sum.gpt" : "read.sum.bert", values) });
    });
    fill($("sums"), lines);
    const cuts = READERS.filter((about) => state.cut.get(about.name)).map((about) =>
      t("read.cut", { label: about.label, room: room(about), cut: state.cut.get(about.name) }));
    if (state.lost) cuts.push(t("read.lost", { most: LONGEST_TEXT, lost: state.lost }));
    $("cut").textContent = cuts.join(" ");
    $("unmask").hidden = !state.masks.size;
  },

  // What each model expected at the selected piece.
  showDetail() {
    const piece = textOf(READERS[0])?.pieces[state.selected];
    const detail = $("detail");
    if (!piece) return fill(detail);
    const isHidden = isMasked(piece);
    const mask = BERT && el("button", {
      type: "button", class: "plain", text: t(isHidden ? "read.unmask" : "read.mask"), onclick: () => this.mask(state.selected),
    });
    const head = el("h3", {}, el("bdi", { text: piece.text }), " ", mask);
    const columns = READERS.map((about) => this.expected(about, piece, isHidden));
    return fill(detail, head, el("div", { class: "pair" }, ...columns));
  },

  expected(about, selected, isHidden) {
    const piece = textOf(about).pieces.find((other) => selected.begin < other.end && other.begin < selected.end);
    const column = el("div", { class: kindClass(about) }, el("h4", { text: t(`read.sees.${about.kind}`, { label: about.label }) }));
    if (!piece || piece.tokens.at(-1) >= room(about)) return fill(column, [...column.children], el("p", { class: "note", text: t("read.unread") }));
    const said = saidOf(about, piece);
    if (said.includes(null)) return fill(column, [...column.children], el("p", { class: "note", text: t("read.open") }));
    const [first] = said;
    if (first.bits === null) return fill(column, [...column.children], el("p", { class: "note", text: t("read.first") }));
    const values = { bits: number(bitsOf(about, piece)), share: percent(2 ** -first.bits), rank: first.rank.toLocaleString(language) };
    column.append(el("p", { class: "facts", text: t(piece.tokens.length > 1 ? "read.parts" : "read.token", { ...values, count: piece.tokens.length, bytes: piece.ids.map((id) => tokenizerOf(about).display(id).text).join(" | ") }) }));
    column.append(candidates(about, first.top, piece.ids[0]));
    if (isHidden && about.kind === "decoder") column.append(el("p", { class: "note", text: t("read.nomask") }));
    return column;
  },
};

// Candidates as bars with their probabilities; `right` is the token that stands there.
function candidates(about, top, right = null, choose = null) {
  const most = top.length ? top[0][1] : 1;
  const rows = top.map(([id, share]) => {
    const name = el("bdi", { class: "name", text: shownToken(about, id) });
    const bar = el("span", { class: "bar", "aria-hidden": "true", style: { "--share": `${(100 * share) / most}` } });
    const value = el("span", { class: "value", text: percent(share) });
    const inside = choose ? [el("button", { type: "button", class: "row", onclick: () => choose(id) }, name, bar, value)] : [name, bar, value];
    return el("li", { class: `${id === right ? "right" : ""}${choose ? " choice" : ""}` }, ...inside);
  });
  return el("ol", { class: "candidates", dir: isFromRight(state.text) ? "rtl" : "ltr" }, ...rows);
}
