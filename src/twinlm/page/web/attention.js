"use strict";
// The second view: who attends to whom. GPT's matrix is a triangle, BERT's a square; arcs over the words show one row.

const MOST_DRAWN = 40; // tokens of a matrix
const LEAST_ARC = 0.02; // share of attention from which an arc is drawn
const ARC_HEIGHT = 84;

const attention = {
  layer: 0,
  head: "mean",

  show() {
    const [first] = READERS;
    const { layers, heads } = first.sizes;
    this.layer = Math.min(this.layer, layers - 1);
    this.choices("layer", [...Array(layers).keys()].map((i) => [i, String(i + 1)]));
    this.choices("head", [["mean", t("attention.mean")], ...[...Array(heads).keys()].map((i) => [i, String(i + 1)])]);
    fill($("matrices"), READERS.map((about) => this.matrix(about)));
    this.showArcs();
  },

  choices(name, values) {
    const group = $(`choose-${name}`);
    const had = group.contains(document.activeElement);
    const buttons = values.map(([value, text]) =>
      el("label", {}, el("input", {
        type: "radio", name, value: String(value), checked: this[name] === value,
        onchange: () => { this[name] = value; this.show(); },
      }), el("span", { text })));
    fill(group, buttons);
    if (had) group.querySelector("input:checked")?.focus();
  },

  // Rows of the chosen head, or the mean of all; null while the answer is open, and for a text that is too long.
  map(about) {
    const said = state.attention.get(about.name);
    if (!said?.weights) return null;
    const heads = said.weights[Math.min(this.layer, said.weights.length - 1)];
    if (this.head !== "mean" && this.head < heads.length) return { ids: said.ids, rows: heads[this.head] };
    const rows = heads[0].map((row, i) => Array.from(row, (_, j) => heads.reduce((sum, head) => sum + head[i][j], 0) / heads.length));
    return { ids: said.ids, rows };
  },

  matrix(about) {
    const map = this.map(about);
    const shape = t(`attention.shape.${about.kind}`, { label: about.label });
    const figure = el("figure", { class: kindClass(about) }, el("figcaption", { text: shape }));
    if (!map) {
      const count = state.attention.get(about.name)?.tooLong;
      return fill(figure, [...figure.children], el("p", { class: "note", text: count ? t("attention.long", { count }) : t("read.open") }));
    }
    const count = Math.min(MOST_DRAWN, map.ids.length);
    const readout = el("p", { class: "readout", "aria-live": "polite", text: t("attention.hint") });
    figure.append(this.drawn(about, map, count, readout), readout);
    if (count < map.ids.length) figure.append(el("p", { class: "note", text: t("attention.cut", { count, all: map.ids.length }) }));
    figure.append(this.table(about, map, count));
    return figure;
  },

  drawn(about, { ids, rows }, count, readout) {
    const size = Math.max(9, Math.min(34, Math.floor(400 / count)));
    const margin = 74;
    const edge = margin + count * size;
    const svg = el("svg", {
      class: "matrix", viewBox: `0 0 ${edge + 34} ${edge + 1}`, tabindex: "0", role: "img",
      "aria-label": `${t(`attention.shape.${about.kind}`, { label: about.label })} ${t("attention.keys")}`,
      style: { "max-width": `${Math.max(300, edge + 34)}px` },
    });
    const names = ids.slice(0, count).map((id) => shownToken(about, id));
    const least = Math.max(1, Math.ceil(9 / size)); // of many tokens, every second or third is named
    names.forEach((name, i) => {
      if (i % least) return;
      const at = margin + (i + 0.5) * size;
      const short = name.length > 10 ? `${name.slice(0, 9)}\u2026` : name;
      svg.append(el("text", { x: margin - 5, y: at, class: "of-row", text: short }));
      svg.append(el("text", { x: at, y: margin - 5, class: "of-column", transform: `rotate(-60 ${at} ${margin - 5})`, text: short }));
    });
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        if (about.kind === "decoder" && j > i) continue; // GPT never sees these
        const weight = rows[i][j];
        const cell = el("rect", { x: margin + j * size, y: margin + i * size, width: size - 1, height: size - 1, "data-cell": `${i} ${j}`, style: { "--share": (100 * Math.sqrt(weight)).toFixed(0) } });
        svg.append(cell);
        if (size >= 24 && weight >= 0.005) svg.append(el("text", { class: "weight", x: margin + (j + 0.5) * size, y: margin + (i + 0.5) * size, text: number(100 * weight, 0) }));
      }
    }
    this.readable(svg, names, rows, readout, about, count);
    return svg;
  },

  // Pointer and arrow keys read single cells.
  readable(svg, names, rows, readout, about, count) {
    let at = [count - 1, 0];
    const tell = (row, column) => {
      at = [row, column];
      svg.querySelector(".current")?.classList.remove("current");
      svg.querySelector(`[data-cell="${row} ${column}"]`)?.classList.add("current");
      readout.textContent = t("attention.cell", { row: names[row], column: names[column], share: percent(rows[row][column]) });
    };
    svg.addEventListener("pointermove", ({ target }) => {
      if (target.dataset?.cell) tell(...target.dataset.cell.split(" ").map(Number));
    });
    svg.addEventListener("keydown", (event) => {
      const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [0, 0];
      if (!down && !right) return;
      event.preventDefault();
      const row = Math.max(0, Math.min(count - 1, at[0] + down));
      const last = about.kind === "decoder" ? row : count - 1;
      tell(row, Math.max(0, Math.min(last, at[1] + right)));
    });
  },

  // All numbers of a matrix, made when somebody opens it.
  table(about, { ids, rows }, count) {
    const details = el("details", {}, el("summary", { text: t("attention.table") }));
    details.addEventListener("toggle", () => {
      if (details.children.length > 1) return;
      const names = ids.slice(0, count).map((id) => shownToken(about, id));
      const header = el("tr", {}, el("td"), ...names.map((name) => el("th", { scope: "col", text: name })));
      const body = names.map((name, i) => el("tr", {}, el("th", { scope: "row", text: name }),
        ...names.map((_, j) => el("td", { text: about.kind === "decoder" && j > i ? "" : number(100 * rows[i][j], 0) }))));
      details.append(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("attention.table") },
        el("table", {}, el("thead", {}, header), el("tbody", {}, ...body))));
    });
    return details;
  },

  // What the selected token attends to, as arcs over the words with their shares.
  showArcs() {
    fill($("arcs"), READERS.map((about) => this.strip(about)));
    for (const strip of $("arcs").querySelectorAll(".strip")) this.bend(strip);
  },

  strip(about) {
    const map = this.map(about);
    const selected = textOf(READERS[0])?.pieces[state.selected];
    const holder = el("div", { class: `arcs ${kindClass(about)}` });
    if (!map || !selected) return holder;
    const piece = textOf(about).pieces.find((other) => selected.begin < other.end && other.begin < selected.end);
    const from = (piece?.tokens.at(-1) ?? Infinity) + about.around.indexOf(-1);
    if (from >= map.ids.length) return fill(holder, el("p", { class: "note", text: t("read.unread") }));
    const row = map.rows[from];
    const words = map.ids.map((id, i) => {
      const isSeen = about.kind === "encoder" || i <= from;
      const share = row[i] >= LEAST_ARC ? percent(row[i]) : "";
      return el("span", { class: `token${i === from ? " from" : ""}${isSeen ? "" : " unseen"}`, "data-weight": isSeen ? row[i] : 0 },
        el("bdi", { text: shownToken(about, id) }), el("span", { class: "value", text: share }));
    });
    const strip = el("div", { class: "strip", dir: isFromRight(state.text) ? "rtl" : "ltr", tabindex: "0", role: "img", "aria-label": this.told(about, map, from), "data-from": from }, el("svg", { "aria-hidden": "true" }), ...words);
    return fill(holder, el("h3", { text: t("attention.arcs", { label: about.label, token: shownToken(about, map.ids[from]) }) }), strip,
      el("p", { class: "note", text: t("attention.small", { least: percent(LEAST_ARC) }) }));
  },

  told(about, { ids, rows }, from) {
    const best = Array.from(rows[from], (weight, i) => [weight, i]).sort((a, b) => b[0] - a[0]).slice(0, 5);
    return best.map(([weight, i]) => `${shownToken(about, ids[i])} ${percent(weight)}`).join(", ");
  },

  bend(strip) {
    const words = [...strip.querySelectorAll(".token")];
    const from = words[Number(strip.dataset.from)];
    const middle = (word) => word.offsetLeft + word.offsetWidth / 2;
    const svg = strip.querySelector("svg");
    const reach = Math.max(...words.map((word) => (Number(word.dataset.weight) >= LEAST_ARC ? Math.abs(middle(word) - middle(from)) : 0)), 1);
    svg.setAttribute("width", strip.scrollWidth);
    svg.setAttribute("height", ARC_HEIGHT);
    for (const word of words) {
      const weight = Number(word.dataset.weight);
      if (weight < LEAST_ARC || word === from) continue;
      const [x, y] = [middle(from), middle(word)];
      const height = 14 + (ARC_HEIGHT - 22) * Math.sqrt(Math.abs(x - y) / reach);
      svg.append(el("path", { d: `M ${x} ${ARC_HEIGHT} C ${x} ${ARC_HEIGHT - height * 1.3}, ${y} ${ARC_HEIGHT - height * 1.3}, ${y} ${ARC_HEIGHT}`, "stroke-width": (1 + 7 * weight).toFixed(1), style: { opacity: (0.25 + 0.75 * weight ** 0.5).toFixed(2) } }));
    }
    strip.scrollLeft = middle(from) - strip.clientWidth / 2;
  },
};
