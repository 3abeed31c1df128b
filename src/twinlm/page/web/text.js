"use strict";
// The text that all views read: its tokens, pieces, masks, and what the models said of it so far.

const ABOUT = new Map(DATA.models.map((model) => [model.name, model]));
const READERS = DATA.models.filter((model) => !model.task); // a GPT, a BERT, or both
const GPT = READERS.find((model) => model.kind === "decoder");
const BERT = READERS.find((model) => model.kind === "encoder");
const TOKENIZERS = new Map(Object.entries(DATA.tokenizers).map(([name, about]) => [name, new Tokenizer(about)]));
const LONGEST_TEXT = 4000; // characters that are cut into tokens; models read far fewer

const state = {
  text: "",
  pieces: new Map(), // by tokenizer
  cut: new Map(), // by model: tokens that it does not read
  masks: new Set(), // pieces of BERT's text that it must not see
  selected: 0, // piece of the text of READERS[0]
  said: new Map(), // by model: figures of each token
  attention: new Map(), // by model; of a text that is too long, its number of tokens
  version: 0, // of the text and its masks: later answers to an earlier one are dropped
};

function tokenizerOf(about) {
  return TOKENIZERS.get(about.tokenizer);
}

function kindClass(about) {
  return about.kind === "decoder" ? "gpt" : "bert";
}

// Cuts a text into pieces: a token, or several that only together are whole characters as people see them, such
// as a letter with its accents or a family of emoji.
function piecesOf(text, about) {
  const tokens = tokenizerOf(about).encode(text);
  const begins = Intl.Segmenter ? new Set([...new Intl.Segmenter().segment(text)].map((each) => each.index)) : null;
  const isInside = (place) => begins !== null && place < text.length && !begins.has(place);
  const pieces = [];
  tokens.forEach((token, position) => {
    const last = pieces.at(-1);
    if (last && (token.begin < last.end || isInside(token.begin))) {
      last.tokens.push(position);
      last.end = Math.max(last.end, token.end);
    } else {
      pieces.push({ tokens: [position], begin: token.begin, end: token.end, word: token.word });
    }
  });
  pieces.forEach((piece, number) => {
    const whole = text.slice(piece.begin, piece.end);
    const before = number ? pieces[number - 1].end : 0;
    piece.text = whole.trim() || shownSpace(whole);
    piece.isApart = number > 0 && (/^\s/.test(whole) || piece.begin > before || /\s$/.test(text.slice(0, piece.begin)));
    piece.ids = piece.tokens.map((position) => tokens[position].id);
  });
  return { pieces, ids: tokens.map((token) => token.id), text };
}

function shownSpace(whole) {
  return whole.replaceAll("\r\n", "\u23ce").replace(/[\n\r]/g, "\u23ce").replaceAll("\t", "\u21e5").replace(/\s/g, "\u2423");
}

function textOf(about) {
  return state.pieces.get(about.tokenizer);
}

// Pieces that a model reads; the rest of a long text is cut off.
function readPieces(about) {
  const most = room(about);
  return textOf(about).pieces.filter((piece) => piece.tokens.at(-1) < most);
}

// Tokens that BERT must not see.
function maskedTokens() {
  if (!BERT) return [];
  return [...state.masks].flatMap((number) => textOf(BERT).pieces[number]?.tokens ?? []);
}

function isMasked(piece) {
  return BERT !== undefined && [...state.masks].some((number) => {
    const other = textOf(BERT).pieces[number];
    return other && other.begin < piece.end && piece.begin < other.end;
  });
}

// Whether a text is written from right to left, by its first letter that has a direction.
function isFromRight(text) {
  const letter = text.match(/\p{L}/u);
  return letter !== null && /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(letter[0]);
}

// Sets the text; masks go, since they were places in the old one.
function setText(text) {
  state.text = text.slice(0, LONGEST_TEXT);
  state.lost = text.length - state.text.length;
  state.pieces = new Map(READERS.map((about) => [about.tokenizer, piecesOf(state.text, about)]));
  state.cut = new Map(READERS.map((about) => [about.name, Math.max(0, textOf(about).ids.length - room(about))]));
  state.masks.clear();
  state.selected = longest(readPieces(READERS[0]));
  state.attention.clear();
  state.said.clear();
  state.version++;
}

// The piece with the longest text, where there is most to see.
function longest(pieces) {
  return pieces.reduce((best, piece, i) => (piece.text.length > pieces[best].text.length ? i : best), 0);
}

// The pieces of the word that a piece belongs to; where words have no spaces between them, the piece alone.
function wordAround(pieces, number) {
  const { word, text } = pieces[number];
  const isUnspaced = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}]/u.test(text);
  return isUnspaced ? [number] : pieces.map((_, i) => i).filter((i) => pieces[i].word === word);
}

// Masks the word of a piece, or shows it again.
function toggleMask(number) {
  const isMasked = state.masks.has(number);
  for (const each of wordAround(textOf(BERT).pieces, number)) {
    if (isMasked) state.masks.delete(each);
    else state.masks.add(each);
  }
  if (BERT) state.said.delete(BERT.name);
  state.attention.clear();
  state.version++;
}

// Asks for everything about the text, the quickest first; `show` is called after each answer.
async function readAll(show) {
  const { version } = state;
  const isOld = () => version !== state.version;
  for (const about of READERS) {
    const ids = textOf(about).ids.slice(0, room(about));
    const masked = about === BERT ? maskedTokens().filter((position) => position < ids.length) : [];
    if (!state.said.has(about.name)) state.said.set(about.name, ids.map(() => null));
    const said = state.said.get(about.name);
    for (const positions of slices(about, said)) {
      const answer = await client.ask("surprise", { model: about.name, ids, masked, positions, top: 8 });
      if (isOld()) return;
      positions.forEach((position, i) => {
        said[position] = { bits: answer.bits[i], rank: answer.ranks[i], top: answer.top[i] };
      });
      show(about, "said");
    }
    if (!ids.length) show(about, "said");
  }
  for (const about of READERS) {
    const ids = textOf(about).ids.slice(0, room(about));
    const masked = about === BERT ? maskedTokens() : [];
    if (about.sizes.layers * about.sizes.heads * (ids.length + about.around.length - 1) ** 2 > (DATA.mostWeights ?? Infinity)) {
      state.attention.set(about.name, { tooLong: ids.length });
    } else {
      const answer = await client.ask("surprise", { model: about.name, ids, masked, positions: [], attention: true });
      if (isOld()) return;
      state.attention.set(about.name, answer.attention);
    }
    show(about, "attention");
  }
}

// GPT reads a text once for all its tokens, BERT once for each: it answers a few at a time.
function slices(about, said) {
  const open = said.map((_, position) => position).filter((position) => said[position] === null);
  const size = about.kind === "decoder" ? Math.max(1, open.length) : Math.max(2, Math.ceil(64 / (1 + open.length / 16)));
  return Array.from({ length: Math.ceil(open.length / size) }, (_, i) => open.slice(i * size, (i + 1) * size));
}

// The figures of a piece: its tokens' bits together; null while they are open, or where a model gives none.
function bitsOf(about, piece) {
  const said = state.said.get(about.name);
  const all = piece.tokens.map((position) => said?.[position]?.bits ?? null);
  return all.includes(null) ? null : all.reduce((sum, bits) => sum + bits, 0);
}

function saidOf(about, piece) {
  return piece.tokens.map((position) => state.said.get(about.name)?.[position] ?? null);
}

// A candidate for people: its text, a name for a space or a line, or its bytes.
function shownToken(about, id) {
  const shown = tokenizerOf(about).display(id);
  if (shown.hex) return t("bytes", { bytes: shown.text });
  return shown.text.trim() || (shown.text ? shownSpace(shown.text) : t("nothing"));
}
