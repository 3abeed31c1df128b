"use strict";
// Text to tokens: the four tokenizers of twinlm/tokenizer/pipeline.py, with equal ids. Next: model.js.
//
//     normalize   text -> characters, each with its place in the text
//     words       characters -> words (pre-tokens)
//     spell       one word -> tokens

const LONGEST_WORD = 100; // characters; WordPiece reads a longer word as [UNK]
const WORD_END = "</w>"; // ends a word's last token in GPT-1's BPE

// \s of the Rust library is Unicode's White_Space; JavaScript's has U+FEFF too and lacks U+0085.
const SPACE = "\\p{White_Space}";
const SIGN = `[^${SPACE}\\p{L}\\p{N}]`;
const PRE_TOKENS = {
  "byte-bpe": new RegExp(
    `'(?:[sdmt]|ll|ve|re)| ?\\p{L}[\\p{L}\\p{M}]{0,63}| ?\\p{N}{1,8}| ?${SIGN}{1,16}` +
      `|${SPACE}{1,16}(?!\\P{White_Space})|${SPACE}{1,16}`, "gu"),
  "gpt2-bpe": new RegExp(
    `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?${SIGN}+|${SPACE}+(?!\\P{White_Space})|${SPACE}+`, "gu"),
};
const IS_SPACE = /^\p{White_Space}$/u;
const IS_PRIVATE = /^\p{Co}$/u;
const CHINESE = [
  [0x4e00, 0x9fff], [0x3400, 0x4dbf], [0x20000, 0x2a6df], [0x2a700, 0x2b73f], [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf], [0xf900, 0xfaff], [0x2f800, 0x2fa1f],
];

class Tokenizer {
  // `about` is what twinlm/page/models.py writes: algorithm, flags, tokens, merges (ids, in pairs), specials.
  constructor(about) {
    Object.assign(this, about);
    this.isOfBytes = about.algorithm === "byte-bpe" || about.algorithm === "gpt2-bpe";
    const added = new Set(about.added);
    this.ids = new Map(about.tokens.map((token, id) => [token, id]).filter(([, id]) => !added.has(id)));
    this.special = new Set(Object.values(about.specials).filter((id) => id >= 0));
    this.ranks = new Map(); // of a pair of tokens: [order of the merge, id of the merged token]
    for (let i = 0; i < about.merges.length; i += 2) {
      const [left, right] = [about.merges[i], about.merges[i + 1]];
      const merged = this.ids.get(about.tokens[left] + about.tokens[right]);
      this.ranks.set(left * about.tokens.length + right, [i / 2, merged]);
    }
    this.letters = byteLetters();
    this.bytes = new Map(this.letters.map((letter, byte) => [letter, byte]));
    this.spelled = new Map(); // words met so far
  }

  // Returns tokens as [{id, begin, end, word}]: the part of the text, and the number of its word.
  encode(text) {
    const tokens = [];
    this.words(this.normalize(text.replace(/\p{Cs}/gu, "\ufffd"))).forEach((characters, word) => {
      for (const [id, first, last] of this.spell(characters.map((each) => each.text).join(""))) {
        tokens.push({ id, begin: characters[first].begin, end: characters[last].end, word });
      }
    });
    return tokens;
  }

  normalize(text) {
    const characters = [];
    let begin = 0;
    for (const character of text) {
      const end = begin + character.length;
      for (const normal of this.isOfBytes ? this.folded(character) : this.bertNormal(character)) {
        characters.push({ text: normal, begin, end });
      }
      begin = end;
    }
    return this.strip_accents && !this.isOfBytes ? this.withoutAccents(characters) : characters;
  }

  folded(character) {
    // One by one, as the library does: no final sigma.
    return this.lowercase ? [...character.toLowerCase()] : [character];
  }

  bertNormal(character) {
    const isLine = character === "\t" || character === "\n" || character === "\r";
    if (this.clean_text) {
      if (this.isIn("dropped", character) || IS_PRIVATE.test(character)) return [];
      if (isLine || IS_SPACE.test(character)) return [" "];
    }
    if (this.split_chinese && isChinese(character)) return [" ", character, " "];
    return this.strip_accents ? [character] : this.folded(character);
  }

  // Marks are dropped after decomposition of the whole text, because that may reorder the others.
  withoutAccents(characters) {
    const parts = characters.flatMap(({ text, begin, end }) =>
      [...text.normalize("NFD")].map(() => ({ begin, end })));
    const whole = characters.map((each) => each.text).join("").normalize("NFD");
    return [...whole].flatMap((part, i) =>
      this.isIn("marks", part) ? [] : this.folded(part).map((text) => ({ ...parts[i], text })));
  }

  // Whether a character is in a class of the Rust library, whose version of Unicode is older than a browser's.
  isIn(name, character) {
    const [code, ranges] = [character.codePointAt(0), this.classes[name]];
    for (let i = 0; i < ranges.length && ranges[i] <= code; i += 2) if (code <= ranges[i + 1]) return true;
    return false;
  }

  words(characters) {
    return this.isOfBytes ? this.matches(characters) : this.bertWords(characters);
  }

  matches(characters) {
    const words = [];
    const text = characters.map((each) => each.text).join("");
    let next = 0;
    for (const [word] of text.matchAll(PRE_TOKENS[this.algorithm])) {
      const length = [...word].length;
      words.push(characters.slice(next, next + length));
      next += length;
    }
    return words;
  }

  // Words between white space; each sign of punctuation is one.
  bertWords(characters) {
    const words = [];
    let word = [];
    const close = () => {
      if (word.length) words.push(word);
      word = [];
    };
    for (const character of characters) {
      const isPunctuation = this.isIn("punctuation", character.text);
      const isSpace = IS_SPACE.test(character.text);
      if (isPunctuation || isSpace) close();
      if (!isSpace) word.push(character);
      if (isPunctuation) close();
    }
    close();
    return words;
  }

  // Returns the tokens of a word as [id, first character, last character].
  spell(word) {
    if (!this.spelled.has(word)) {
      if (this.spelled.size > 20000) this.spelled.clear();
      this.spelled.set(word, this.algorithm === "wordpiece" ? this.longestPieces(word) : this.merged(word));
    }
    return this.spelled.get(word);
  }

  longestPieces(word) {
    const characters = [...word];
    const unknown = [[this.specials.unknown, 0, characters.length - 1]];
    if (characters.length > LONGEST_WORD) return unknown;
    const pieces = [];
    for (let begin = 0, end; begin < characters.length; begin = end) {
      let id;
      for (end = characters.length; end > begin; end--) {
        id = this.ids.get((begin ? "##" : "") + characters.slice(begin, end).join(""));
        if (id !== undefined) break;
      }
      if (end === begin) return unknown;
      pieces.push([id, begin, end - 1]);
    }
    return pieces;
  }

  merged(word) {
    const symbols = this.symbols(word).filter(([id]) => id !== undefined && id >= 0);
    for (;;) {
      let best = null;
      for (let i = 0; i + 1 < symbols.length; i++) {
        const merge = this.ranks.get(symbols[i][0] * this.tokens.length + symbols[i + 1][0]);
        if (merge && (best === null || merge[0] < best.rank)) best = { rank: merge[0], id: merge[1], i };
      }
      if (best === null) return symbols;
      const { id, i } = best;
      symbols.splice(i, 2, [id, symbols[i][1], symbols[i + 1][2]]);
    }
  }

  symbols(word) {
    const characters = [...word];
    if (!this.isOfBytes) {
      return characters.map((character, i) => {
        const id = this.ids.get(character + (i === characters.length - 1 ? WORD_END : ""));
        return [id === undefined ? this.specials.unknown : id, i, i];
      });
    }
    return characters.flatMap((character, i) =>
      [...new TextEncoder().encode(character)].map((byte) => [this.ids.get(this.letters[byte]), i, i]));
  }

  // Returns a token for people to read; `hex` marks bytes that are not whole characters.
  display(id) {
    const token = this.tokens[id];
    if (token === undefined || this.special.has(id)) return { text: token || `#${id}`, isSpecial: true };
    if (this.isOfBytes) return readable(this.bytesOf(id));
    return { text: this.algorithm === "wordpiece" ? token.replace(/^##/, "") : token.replace(WORD_END, " ") };
  }

  bytesOf(id) {
    return Uint8Array.from(this.tokens[id], (letter) => this.bytes.get(letter));
  }

  decode(ids) {
    const plain = ids.filter((id) => !this.special.has(id));
    if (this.isOfBytes) {
      return new TextDecoder().decode(Uint8Array.from(plain.flatMap((id) => [...this.bytesOf(id)])));
    }
    const tokens = plain.map((id) => this.tokens[id]);
    if (this.algorithm === "gpt1-bpe") return tokens.join("").replaceAll(WORD_END, " ");
    return tokens.map((token) => (token.startsWith("##") ? token.slice(2) : ` ${token}`)).join("").trim();
  }

  // Whether a token is written without a space before it.
  continues(id) {
    if (this.isOfBytes) return !/^[\u0120\u010a\u0109\u010d]/.test(this.tokens[id]);
    return this.algorithm === "wordpiece" && this.tokens[id].startsWith("##");
  }
}

// Byte-level BPE writes each byte as a printable letter: ASCII and Latin-1 as they are, others from U+0100 on.
function byteLetters() {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCodePoint(isPrintable ? byte : next++);
  });
}

function readable(bytes) {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { text: [...bytes].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" "), hex: true };
  }
}

function isChinese(character) {
  const code = character.codePointAt(0);
  return CHINESE.some(([first, last]) => first <= code && code <= last);
}
