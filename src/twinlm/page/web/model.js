"use strict";
// The forward passes of GPT and BERT: twinlm/models/gpt.py, models/bert.py and core/blocks.py in JavaScript.
//
// A matrix is a Float32Array, row by row. L are positions, D the width, F the width inside the feed-forward
// layer, V the vocabulary, C classes. Next: engine.js.

// Returns x W^T + b, for x of `rows` rows; rows first..first+outputs of W are used.
function linear(x, rows, weight, bias, inputs, outputs, first = 0) {
  const out = new Float32Array(rows * outputs);
  let r = 0;
  for (; r + 1 < rows; r += 2) {
    const x0 = r * inputs;
    const x1 = x0 + inputs;
    let o = 0;
    for (; o + 3 < outputs; o += 4) {
      // Two rows times four columns at once: each number that is loaded is used more than once.
      const w0 = (first + o) * inputs, w1 = w0 + inputs, w2 = w1 + inputs, w3 = w2 + inputs;
      let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
      for (let i = 0; i < inputs; i++) {
        const p = x[x0 + i], q = x[x1 + i];
        const s = weight[w0 + i], t = weight[w1 + i], u = weight[w2 + i], v = weight[w3 + i];
        a += p * s; b += p * t; c += p * u; d += p * v;
        e += q * s; f += q * t; g += q * u; h += q * v;
      }
      const y0 = r * outputs + o, y1 = y0 + outputs;
      out[y0] = a; out[y0 + 1] = b; out[y0 + 2] = c; out[y0 + 3] = d;
      out[y1] = e; out[y1 + 1] = f; out[y1 + 2] = g; out[y1 + 3] = h;
    }
    for (; o < outputs; o++) {
      out[r * outputs + o] = dot(x, x0, weight, (first + o) * inputs, inputs);
      out[(r + 1) * outputs + o] = dot(x, x1, weight, (first + o) * inputs, inputs);
    }
  }
  for (; r < rows; r++) {
    for (let o = 0; o < outputs; o++) {
      out[r * outputs + o] = dot(x, r * inputs, weight, (first + o) * inputs, inputs);
    }
  }
  if (bias) {
    for (let i = 0, o = 0; i < out.length; i++, o = o + 1 === outputs ? 0 : o + 1) out[i] += bias[first + o];
  }
  return out;
}

function dot(x, from, y, start, length) {
  let a = 0, b = 0;
  let i = 0;
  for (; i + 1 < length; i += 2) {
    a += x[from + i] * y[start + i];
    b += x[from + i + 1] * y[start + i + 1];
  }
  return i < length ? a + b + x[from + i] * y[start + i] : a + b;
}

function add(x, y) {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
  return x;
}

function normalized(x, width, gain, bias, eps) {
  const out = new Float32Array(x.length);
  for (let begin = 0; begin < x.length; begin += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[begin + i];
    const mean = sum / width;
    let squares = 0;
    for (let i = 0; i < width; i++) squares += (x[begin + i] - mean) ** 2;
    const scale = 1 / Math.sqrt(squares / width + eps);
    for (let i = 0; i < width; i++) out[begin + i] = (x[begin + i] - mean) * scale * gain[i] + bias[i];
  }
  return out;
}

// The error function to 2e-7 (Abramowitz & Stegun 1964, 7.1.26).
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const value = 1 - sum * Math.exp(-x * x);
  return x < 0 ? -value : value;
}

const ACTIVATIONS = {
  gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))),
};

function activate(x, name) {
  const activation = ACTIVATIONS[name];
  for (let i = 0; i < x.length; i++) x[i] = activation(x[i]);
  return x;
}

// Turns scores x[begin..begin+length] into probabilities, in place.
function softmax(x, begin = 0, length = x.length) {
  let most = -Infinity;
  for (let i = begin; i < begin + length; i++) if (x[i] > most) most = x[i];
  let sum = 0;
  for (let i = begin; i < begin + length; i++) sum += x[i] = Math.exp(x[i] - most);
  for (let i = begin; i < begin + length; i++) x[i] /= sum;
  return x;
}

class Transformer {
  // `about`: kind ("decoder" or "encoder") and sizes; `weights`: Float32Arrays by name.
  constructor(about, weights) {
    this.isDecoder = about.kind === "decoder";
    this.sizes = about.sizes;
    this.weights = weights;
    // GPT always has the tanh form, as in its released code.
    this.activation = this.isDecoder ? "gelu_tanh" : about.sizes.activation;
  }

  // Returns the last layer's states at the `wanted` positions, by default all. `causal` hides later tokens.
  // All attention weights of each layer and head, L x L, are added to `kept` if it is given.
  states(ids, { segments = null, causal = this.isDecoder, wanted = null, kept = null } = {}) {
    const { layers, norm, norm_eps: eps, width } = this.sizes;
    let x = this.embedded(ids, segments);
    if (!this.isDecoder && norm === "post") x = this.normed(x, "embedding_norm");
    for (let layer = 0; layer < layers; layer++) {
      // Nothing needs the last layer's other positions.
      const rows = layer === layers - 1 && !kept ? wanted : null;
      x = this.block(`blocks.${layer}.`, x, ids.length, { causal, rows, kept });
    }
    if (kept && wanted) x = chosenRows(x, wanted, width);
    return norm === "pre" ? this.normed(x, "final_norm", eps) : x;
  }

  embedded(ids, segments) {
    const { width, segments: known = 1 } = this.sizes;
    const { "token_embedding.weight": tokens, "position_embedding.weight": positions } = this.weights;
    const segment = this.weights["segment_embedding.weight"];
    const x = new Float32Array(ids.length * width);
    ids.forEach((id, position) => {
      const of = Math.min(segments ? segments[position] : 0, known - 1) * width;
      for (let i = 0; i < width; i++) {
        const sum = tokens[id * width + i] + positions[position * width + i];
        x[position * width + i] = segment ? sum + segment[of + i] : sum;
      }
    });
    return x;
  }

  normed(x, name) {
    const { [`${name}.weight`]: gain, [`${name}.bias`]: bias } = this.weights;
    return normalized(x, this.sizes.width, gain, bias, this.sizes.norm_eps);
  }

  // One layer (core/blocks.py). With `rows`, only these positions go on.
  block(name, x, length, { causal, rows, kept }) {
    const isPost = this.sizes.norm === "post";
    const read = isPost ? x : this.normed(x, `${name}attention_norm`);
    const gathered = this.attention(`${name}attention.`, read, length, { causal, rows, kept });
    x = add(gathered, rows ? chosenRows(x, rows, this.sizes.width) : x);
    if (isPost) x = this.normed(x, `${name}attention_norm`);
    const fed = this.feedForward(`${name}feed_forward.`, isPost ? x : this.normed(x, `${name}feed_forward_norm`));
    x = add(fed, x);
    return isPost ? this.normed(x, `${name}feed_forward_norm`) : x;
  }

  feedForward(name, x) {
    const { width, feed_forward: inner } = this.sizes;
    const rows = x.length / width;
    const hidden = this.linear(`${name}expand`, x, rows, width, inner);
    return this.linear(`${name}contract`, activate(hidden, this.activation), rows, inner, width);
  }

  linear(name, x, rows, inputs, outputs, first = 0) {
    return linear(x, rows, this.weights[`${name}.weight`], this.weights[`${name}.bias`], inputs, outputs, first);
  }

  // softmax(Q K^T / sqrt(K)) V for each head (core/attention.py), then one linear map.
  attention(name, x, length, { causal, rows, kept }) {
    const { width, heads } = this.sizes;
    const size = width / heads;
    const positions = rows || Array.from({ length }, (_, position) => position);
    const asking = rows ? chosenRows(x, rows, width) : x;
    const query = this.linear(`${name}query_key_value`, asking, positions.length, width, width);
    const both = this.linear(`${name}query_key_value`, x, length, width, 2 * width, width); // keys and values
    const gathered = new Float32Array(positions.length * width);
    const weights = new Float32Array(length);
    const maps = [];
    for (let head = 0; head < heads; head++) {
      const map = kept ? new Float32Array(length * length) : null;
      const of = head * size;
      positions.forEach((position, row) => {
        const seen = causal ? position + 1 : length;
        for (let j = 0; j < seen; j++) {
          weights[j] = dot(query, row * width + of, both, j * 2 * width + of, size) / Math.sqrt(size);
        }
        softmax(weights, 0, seen);
        for (let j = 0; j < seen; j++) {
          const weight = weights[j];
          const from = j * 2 * width + width + of;
          const to = row * width + of;
          for (let i = 0; i < size; i++) gathered[to + i] += weight * both[from + i];
          if (map) map[position * length + j] = weight;
        }
      });
      if (map) maps.push(map);
    }
    if (kept) kept.push(maps);
    return this.linear(`${name}output`, gathered, positions.length, width, width);
  }

  // Scores of all tokens for some states, rows x V: the next token (GPT) or the masked one (BERT).
  logits(states) {
    const { width, vocab_size: known, unscored = [] } = this.sizes;
    const rows = states.length / width;
    let read = states;
    if (!this.isDecoder) {
      read = this.linear("masked_token_head.transform", states, rows, width, width);
      read = this.normed(activate(read, this.activation), "masked_token_head.norm");
    }
    const bias = this.weights["masked_token_head.bias_V"];
    const scores = linear(read, rows, this.weights["token_embedding.weight"], bias, width, known);
    for (let row = 0; row < rows; row++) for (const id of unscored) scores[row * known + id] = -Infinity;
    return scores;
  }

  // The state of [CLS] after one more layer, from the states of a text.
  pooled(states) {
    const { width } = this.sizes;
    return this.linear("pooler", states.subarray(0, width), 1, width, width).map(Math.tanh);
  }

  // The state of a whole labelled input (`read` of both models).
  summary(ids, segments) {
    const { width, summary, both_sides: bothSides } = this.sizes;
    const causal = this.isDecoder && !bothSides;
    if (summary === "mean") return mean(this.states(ids, { segments, causal }), width);
    const wanted = [this.isDecoder ? ids.length - 1 : 0];
    const state = this.states(ids, { segments, causal, wanted });
    return this.isDecoder ? state : this.pooled(state);
  }

  // Scores of the classes (tasks/heads.py, SequenceHead).
  classScores(ids, segments) {
    const summary = this.summary(ids, segments);
    const count = this.weights["head.score.weight"].length / this.sizes.width;
    return this.linear("head.score", summary, 1, this.sizes.width, count);
  }

  // P(second text follows first), from 0 to 1.
  follows(ids, segments) {
    const pooled = this.pooled(this.states(ids, { segments, wanted: [0] }));
    return softmax(this.linear("next_sentence_head", pooled, 1, this.sizes.width, 2))[0];
  }
}

function chosenRows(x, rows, width) {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, number) => out.set(x.subarray(row * width, (row + 1) * width), number * width));
  return out;
}

function mean(x, width) {
  const out = new Float32Array(width);
  for (let i = 0; i < x.length; i++) out[i % width] += x[i] / (x.length / width);
  return out;
}
