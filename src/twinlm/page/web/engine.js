"use strict";
// Answers the page's questions with the models of the page: the routes of docs/page.md, as functions.
// The page runs it in a worker (client.js), tests under Node. Next: client.js.

const STEP = 2 ** -13; // unit of a fine-tuned model's difference from its base (twinlm/page/models.py)

class Engine {
  // `data` are the page's facts (twinlm/page/page.py); `load` brings the weights.
  constructor(data) {
    this.about = new Map(data.models.map((model) => [model.name, model]));
    this.tokenizers = new Map(Object.entries(data.tokenizers).map(([name, about]) => [name, new Tokenizer(about)]));
    this.models = new Map();
  }

  // Unpacks a model: base64 of compressed 16-bit numbers, all low bytes first. A base comes before what needs it.
  async load(name, text) {
    const about = this.about.get(name);
    const packed = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
    const count = bytes.length / 2;
    const weights = {};
    let next = 0;
    for (const [key, size, coding] of about.index) {
      const values = (weights[key] = new Float32Array(size));
      const base = coding === "difference" ? this.models.get(about.base).weights[key] : null;
      for (let i = 0; i < size; i++, next++) {
        const bits = bytes[next] | (bytes[count + next] << 8);
        values[i] = base ? base[i] + ((bits << 16) >> 16) * STEP : HALVES[bits];
      }
    }
    this.models.set(name, new Transformer(about, weights));
    return this.checked(name);
  }

  // Returns the largest difference from what Python computed in 32 bits: of log-likelihoods, or of class scores.
  checked(name) {
    const about = this.about.get(name);
    const { ids, figures } = about.check;
    const found = about.task
      ? this.models.get(name).classScores(...this.packed(about, [ids]))
      : this.surprise({ model: name, ids, top: 0 }).bits.map((bits) => (bits === null ? 0 : -bits * Math.LN2));
    return figures.reduce((most, figure, i) => Math.max(most, Math.abs(figure - found[i])), 0);
  }

  tokenizer(name) {
    return this.tokenizers.get(this.about.get(name).tokenizer);
  }

  // The answer of /surprise.
  surprise({ model: name, text = null, ids = null, masked = [], positions = null, top = 8, next = false, attention = false }) {
    const about = this.about.get(name);
    const model = this.models.get(name);
    const given = ids || this.tokenizer(name).encode(text).map((token) => token.id);
    const kept = given.slice(0, room(about));
    const wanted = (positions || kept.map((_, i) => i)).filter((position) => position < kept.length);
    const read = model.isDecoder ? this.fromLeft(about, kept, wanted, next) : this.fromBothSides(about, kept, wanted, masked);
    const known = this.tokenizer(name).tokens.length;
    const scored = wanted.map((position, i) => ranked(read.logits[i], kept[position], top, known));
    return {
      model: name,
      ids: kept,
      cut: given.length - kept.length,
      positions: wanted,
      bits: scored.map((each) => each.bits),
      ranks: scored.map((each) => each.rank),
      top: scored.map((each) => each.top),
      next: read.next ? ranked(read.next, 0, top, known).top : null,
      attention: attention ? this.attention(about, kept, masked) : null,
    };
  }

  // Scores for the token at each position, from the state one position before.
  fromLeft(about, ids, positions, next) {
    const model = this.models.get(about.name);
    const enclosed = around(about, ids);
    const before = about.around.indexOf(-1);
    const rows = positions.map((position) => position + before - 1);
    const asked = rows.filter((row) => row >= 0);
    const wanted = [...asked, ...(next && enclosed.length ? [enclosed.length - 1] : [])];
    if (!wanted.length) return { logits: positions.map(() => null), next: null };
    const scores = split(model.logits(model.states(enclosed, { wanted })), about.sizes.vocab_size);
    return { logits: rows.map((row) => (row < 0 ? null : scores[asked.indexOf(row)])), next: next ? scores.at(-1) : null };
  }

  // Scores for each token from all others: it is masked, and so are all of `masked`.
  fromBothSides(about, ids, positions, masked) {
    const model = this.models.get(about.name);
    const before = about.around.indexOf(-1);
    const { mask } = this.tokenizer(about.name).specials;
    const logits = positions.map((position) => {
      const hidden = ids.map((id, i) => (i === position || masked.includes(i) ? mask : id));
      return model.logits(model.states(around(about, hidden), { wanted: [position + before] }));
    });
    return { logits, next: null };
  }

  attention(about, ids, masked) {
    const { mask } = this.tokenizer(about.name).specials;
    const hidden = about.kind === "encoder" ? ids.map((id, i) => (masked.includes(i) ? mask : id)) : ids;
    const read = around(about, hidden);
    const kept = [];
    this.models.get(about.name).states(read, { kept });
    return { ids: read, weights: kept.map((heads) => heads.map((map) => split(map, read.length))) };
  }

  // The answer of /predict: classes with their probabilities, best first.
  predict({ model: name, inputs }) {
    const about = this.about.get(name);
    const texts = (Array.isArray(inputs) ? inputs : [inputs]).map((text) => this.tokenizer(name).encode(text).map((token) => token.id));
    const chances = softmax(this.models.get(name).classScores(...this.packed(about, texts)));
    return about.task.labels.map((label, i) => ({ label, score: chances[i] })).sort((a, b) => b.score - a.score);
  }

  // Several texts as one input with its segments (data/sequences/packing.py), cut to what the task reads.
  packed(about, texts, most = about.task.max_length) {
    const { start, delimiter, extract, cls, sep } = this.tokenizers.get(about.tokenizer).specials;
    const kept = fitted(texts, most);
    const isDecoder = about.kind === "decoder";
    const ids = [isDecoder ? start : cls];
    const segments = [0];
    kept.forEach((text, number) => {
      const end = isDecoder ? (number === kept.length - 1 ? extract : delimiter) : sep;
      for (const id of [...text, end]) {
        ids.push(id);
        segments.push(isDecoder ? 0 : Math.min(number, 1));
      }
    });
    return [ids, segments];
  }

  // The answer of /follows.
  follows({ model: name, pairs }) {
    const about = this.about.get(name);
    const probabilities = pairs.map(([first, second]) => {
      const texts = [first.trimEnd(), ` ${second.trim()}`].map((text) => this.tokenizer(name).encode(text).map((token) => token.id));
      const [ids, segments] = this.packed(about, texts, about.sizes.max_length);
      return this.models.get(name).follows(ids, segments);
    });
    return { model: name, probabilities };
  }
}

// Returns how many tokens of a text a model reads, without special ones.
function room(about) {
  return about.sizes.max_length - (about.around.length - 1);
}

function around(about, ids) {
  return about.around.flatMap((id) => (id === -1 ? ids : [id]));
}

// Texts cut at their ends, the longest first, to fit into an input.
function fitted(texts, length) {
  let free = length - texts.length - 1;
  const kept = [...texts];
  const bySize = texts.map((_, i) => i).sort((a, b) => texts[a].length - texts[b].length);
  bySize.forEach((number, done) => {
    kept[number] = texts[number].slice(0, Math.max(0, Math.floor(free / (texts.length - done))));
    free -= kept[number].length;
  });
  return kept;
}

function split(values, size) {
  return Array.from({ length: values.length / size }, (_, row) => values.subarray(row * size, (row + 1) * size));
}

// Returns the surprise of a token in bits, its rank, and the `count` best of the first `known` tokens.
function ranked(logits, id, count, known) {
  if (!logits) return { bits: null, rank: null, top: [] };
  let most = -Infinity;
  for (const logit of logits) if (logit > most) most = logit;
  let sum = 0;
  let rank = 1;
  const best = []; // [logit, id], best first
  logits.forEach((logit, other) => {
    sum += Math.exp(logit - most);
    if (logit > logits[id]) rank++;
    if (other >= known || (best.length === count && !(count && logit > best[count - 1][0]))) return;
    const at = best.findIndex(([less]) => less < logit);
    best.splice(at < 0 ? best.length : at, 0, [logit, other]);
    if (best.length > count) best.pop();
  });
  const log = most + Math.log(sum);
  const top = best.map(([logit, other]) => [other, Math.exp(logit - log)]);
  return { bits: (log - logits[id]) / Math.LN2, rank, top };
}

function bytesOf(text) {
  const letters = atob(text.trim());
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// The number that each pattern of 16 bits stands for.
const HALVES = Float32Array.from({ length: 65536 }, (_, bits) => {
  const [sign, exponent, part] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + part) : 2 ** -24 * part);
});
