"""The page's tokenizers give the ids and places of Python's, for any text."""

import random

import pytest

MODELS = ("gpt", "bert")
HARD = [
    *(
        "The river Loire flows \u2014 na\u00efve caf\u00e9, \u1e9e \ufb01 \u00bd",
        "\u4e2d\u6587 \u65e5\u672c\u8a9e\u306e",
        "\u0939\u093f\u0928\u094d\u0926\u0940",
    ),
    *(
        "\u0627\u0644\u0644\u063a\u0629 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea",
    ),
    *(
        "a\r\nb\r\n\r\nc\td",
        "\u0301 lone \u0301\u0302",
        "e\u0301\u0323 order",
        "x" * 300,
        "a" * 100,
        "a" * 101,
    ),
    *(
        "[MASK] <start> [CLS]foo[SEP] </script>",
        "  lead and trail  ",
        "a\u00a0b\u2003c\u3000d\u0085e\ufefff\u200bg",
    ),
    *(
        "\x00nul\x07",
        "\u0130I\u0131 \u03a3\u03a3 \u039f\u0394\u039f\u03a3",
        "don't I'LL they've",
        "!" * 40,
        "1234567890123",
        "\U0001d518",
        "",
        " ",
        "\n\n",
    ),
]


def drawn(chance: random.Random) -> str:
    ranges = [(32, 126), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x1FFF), (0x2000, 0x2FFF), (0x3000, 0xD7FF)]
    ranges += [(0xE000, 0xFFFD), (0x10000, 0x1FFFF)]
    return "".join(chr(chance.randint(*chance.choice(ranges))) for _ in range(24))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    chance = random.Random(5)
    return [*HARD, *(drawn(chance) for _ in range(300))]


@pytest.fixture(scope="module")
def cut(ask, texts):
    _, answers = ask([("encode", {"model": name, "texts": texts}) for name in MODELS])
    return dict(zip(MODELS, answers, strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_token_ids_are_those_of_python(name, cut, models, texts):
    for text, tokens in zip(texts, cut[name], strict=True):
        assert [token["id"] for token in tokens] == models[name].tokenizer.encode(text), repr(text)


@pytest.mark.parametrize("name", MODELS)
def test_places_in_the_text_are_those_of_python(name, cut, models):
    found = models[name].tokenizer.encode_with_offsets(HARD)
    for text, tokens, (_, places) in zip(HARD, cut[name], found, strict=False):
        units = text.encode("utf-16-le")  # JavaScript counts these
        spelled = [
            units[2 * token["begin"] : 2 * token["end"]].decode("utf-16-le").strip() for token in tokens
        ]
        assert spelled == [text[begin:end] for begin, end in places], repr(text)


def test_words_are_numbered_as_in_python(cut, models):
    for text, tokens in zip(HARD, cut["gpt"], strict=False):
        assert [token["word"] for token in tokens] == models["gpt"].tokenizer.words(text)
