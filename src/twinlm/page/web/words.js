"use strict";
// The interface's words, from words.*.json, and elements made of text: nothing in the page is parsed as HTML.

const DATA = JSON.parse(document.getElementById("data").textContent);
const LANGUAGES = Object.keys(DATA.words);
let language = LANGUAGES[0];

// Returns the words of a key, with {name} replaced by values.
function t(key, values = {}) {
  const words = DATA.words[language][key] ?? DATA.words[LANGUAGES[0]][key] ?? key;
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function number(value, digits = 1) {
  if (value === null || value === undefined || Number.isNaN(value)) return "\u2013";
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function percent(share) {
  const digits = share >= 0.0995 ? 0 : share >= 0.00995 ? 1 : 2;
  if (share > 0 && share < 0.00005) return t("below", { value: number(0.01, 2) });
  return `${number(100 * share, digits)}\u202f%`;
}

function chooseLanguage(name) {
  language = LANGUAGES.includes(name) ? name : LANGUAGES[0];
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = t(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}

// Makes an element; `properties` are attributes, "class", "text", and handlers such as "onclick".
function el(name, properties = {}, ...children) {
  const isDrawing = ["svg", "path", "rect", "text", "g", "line"].includes(name);
  const element = isDrawing ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [name, of] of Object.entries(value)) element.style.setProperty(name, of);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

function $(id) {
  return document.getElementById(id);
}

// Texts in brackets of a sentence such as "L[1]" stand lower.
function equation(text) {
  const parts = text.split(/(_\{[^}]*\}|\^\{[^}]*\})/).map((part) => {
    if (part.startsWith("_{")) return el("sub", { text: part.slice(2, -1) });
    if (part.startsWith("^{")) return el("sup", { text: part.slice(2, -1) });
    return document.createTextNode(part);
  });
  return el("p", { class: "equation" }, ...parts);
}

// Arrow keys move among elements of which only one is in the order of the tab key.
function arrowKeys(container, selector) {
  container.addEventListener("keydown", (event) => {
    const isBack = getComputedStyle(container).direction === "rtl" ? "ArrowRight" : "ArrowLeft";
    const steps = { ArrowLeft: 1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1, [isBack]: -1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    const all = [...container.querySelectorAll(selector)];
    const at = all.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, at + steps[event.key]))].focus();
  });
}
