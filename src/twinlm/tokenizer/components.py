"""Which of our pipelines a tokenizer.json describes, and whether it describes that very one.

Nothing that the file describes is run or compiled: its options are read, then compared with what we built.
"""

from pathlib import Path
from typing import Any

from twinlm.errors import ModelError
from twinlm.tokenizer.pipeline import Algorithm, Pipeline

_ALGORITHMS: dict[tuple[str, str], Algorithm] = {
    ("BPE", "Sequence"): "byte-bpe",
    ("WordPiece", "BertPreTokenizer"): "wordpiece",
    ("BPE", "ByteLevel"): "gpt2-bpe",
    ("BPE", "BertPreTokenizer"): "gpt1-bpe",
}
_SUPPORTED = (
    "WordPiece behind BertPreTokenizer (BERT), BPE behind ByteLevel (GPT-2) or BertPreTokenizer (GPT-1), "
    "and what twinlm writes"
)
# What the library takes for an option that a file leaves out.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "WordPiece": {
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
    },
    "BPE": {
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
    },
    "ByteLevel": {"add_prefix_space": True, "use_regex": True},
    "BertNormalizer": {"strip_accents": None},
}
_COMPARED = ("normalizer", "pre_tokenizer", "model")


def recognise(description: dict[str, Any], file: Path) -> Pipeline:
    """Return the pipeline of ours that a description seems to mean; `check_components` makes sure.

    `description` is changed: options that it leaves out, or spells in another way, become as we write them.

    Raises:
        ModelError: it means no pipeline of ours.
    """
    model, before = description["model"], description["pre_tokenizer"]
    # The oldest files leave the type of the model to be guessed.
    model.setdefault("type", "BPE" if "merges" in model else "WordPiece")
    kinds = (model["type"], before and before["type"])
    if kinds not in _ALGORITHMS:
        message = f"a tokenizer of model {kinds[0]!r:.60} and pre_tokenizer {kinds[1]!r:.60} is not supported"
        raise ModelError(message, file=file, hint=f"supported are {_SUPPORTED}")
    for name in _COMPARED:
        if description[name] is not None:
            description[name] = _DEFAULTS.get(description[name]["type"], {}) | description[name]
    algorithm, normalizer = _ALGORITHMS[kinds], description["normalizer"] or {}
    if algorithm in ("wordpiece", "gpt1-bpe"):
        if normalizer.get("type") != "BertNormalizer":
            raise _unsupported("normalizer", normalizer, "BertNormalizer", file)
        if normalizer["strip_accents"] is None:
            normalizer["strip_accents"] = normalizer["lowercase"]
        pipeline = Pipeline(
            algorithm=algorithm,
            lowercase=bool(normalizer["lowercase"]),
            strip_accents=bool(normalizer["strip_accents"]),
            split_chinese=bool(normalizer["handle_chinese_chars"]),
            clean_text=bool(normalizer["clean_text"]),
            unknown=description["model"]["unk_token"],
        )
    else:
        pipeline = Pipeline(
            algorithm=algorithm, lowercase=algorithm == "byte-bpe" and normalizer.get("type") == "Lowercase"
        )
    _respell(description["model"], description["pre_tokenizer"], pipeline)
    return pipeline


def check_components(given: dict[str, Any], ours: dict[str, Any], file: Path) -> None:
    """Refuse a description whose normalizer, pre-tokenizer or model is not what we built.

    Raises:
        ModelError: one of them is not; it is named.
    """
    for name in _COMPARED:
        if not agrees(given[name], ours[name]):
            raise _unsupported(name, given[name], _in_short(ours[name]), file)


def agrees(given: Any, ours: Any) -> bool:
    """Tell whether a file describes what we built.

    A component (it has a type) may lack options: a newer library, which we built with, may have added them.
    """
    if isinstance(given, dict) and isinstance(ours, dict):
        may_lack = ours.keys() - {"type"} if "type" in ours else set()
        is_like = ours.keys() - may_lack <= given.keys() <= ours.keys()
        return is_like and all(agrees(given[key], ours[key]) for key in given)
    if isinstance(given, list) and isinstance(ours, list) and given != ours:
        return len(given) == len(ours) and all(map(agrees, given, ours))
    # To Python, but not to JSON, 0 is False.
    return bool(given == ours) and isinstance(given, bool) == isinstance(ours, bool)


def _respell(model: dict[str, Any], before: dict[str, Any], pipeline: Pipeline) -> None:
    """Write options that mean the same as ours do."""
    if model["type"] == "BPE":
        for option in ("continuing_subword_prefix", "end_of_word_suffix", "dropout"):
            # An empty prefix and no chance of leaving merges out are none.
            if model[option] in ("", 0.0):
                model[option] = None
    if pipeline.algorithm == "gpt2-bpe":
        # Every byte has a token, so nothing is ever unknown; offsets are trimmed by `encode_with_offsets`.
        model["unk_token"] = None
        before.pop("trim_offsets", None)


def _unsupported(name: str, given: Any, supported: str, file: Path) -> ModelError:
    return ModelError(
        f"the {name} of this tokenizer would cut text in another way: {_in_short(given)}",
        file=file,
        hint=f"supported is {supported}",
    )


def _in_short(component: Any) -> str:
    """Return a component without its vocabulary, as short as a message may be."""
    if isinstance(component, dict):
        component = {key: value for key, value in component.items() if key not in ("vocab", "merges")}
    return str(component)[:300]
