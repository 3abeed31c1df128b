"""A model of ours as a GGUF file for llama.cpp: a GPT-2 with its tokenizer, or a BERT for vectors.

llama.cpp's own converter refuses every vocabulary that it does not know, so the file is written directly.
What its file format can't say would be computed wrong without a word, so it is refused.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor

from twinlm.checkpoint import Trained
from twinlm.errors import ModelError
from twinlm.hf.card import CARD, Usage, model_card
from twinlm.hf.export import Form, describing_files, form_of, kept_state
from twinlm.hf.hub import library
from twinlm.system.storage import scratch_folder
from twinlm.use.embed import defaults_of

INSTALL = "pip install 'twinlm[gguf]'"
MODEL = "model.gguf"
_ONNX = "use --to onnx"
_FLOAT32 = 0  # of llama.cpp's numbers for types of files
_WORD_BEGIN = "\u2581"  # before a word's first token; WordPiece marks the others instead
_BLOCK = {
    "attention.output": "attn_output",
    "feed_forward.expand": "ffn_up",
    "feed_forward.contract": "ffn_down",
}
_GPT = {
    "token_embedding": "token_embd",
    "position_embedding": "position_embd",
    "final_norm": "output_norm",
    **{f"blocks.{{}}.{ours}": f"blk.{{}}.{theirs}" for ours, theirs in _BLOCK.items()},
    "blocks.{}.attention.query_key_value": "blk.{}.attn_qkv",
    "blocks.{}.attention_norm": "blk.{}.attn_norm",
    "blocks.{}.feed_forward_norm": "blk.{}.ffn_norm",
}
_BERT = {
    "token_embedding": "token_embd",
    "position_embedding": "position_embd",
    "segment_embedding": "token_types",
    "embedding_norm": "token_embd_norm",
    **{f"blocks.{{}}.{ours}": f"blk.{{}}.{theirs}" for ours, theirs in _BLOCK.items()},
    "blocks.{}.attention_norm": "blk.{}.attn_output_norm",
    "blocks.{}.feed_forward_norm": "blk.{}.layer_output_norm",
}
_WRITE = """
import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = "model.gguf"
server = xllamacpp.Server(params)
done = server.handle_completions({"prompt": "The", "max_tokens": 20, "temperature": 0})
print(done["choices"][0]["text"])
"""
_EMBED = """
import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = "model.gguf"
params.embedding = True
server = xllamacpp.Server(params)
done = server.handle_embeddings({"input": ["The old house", "A house that is old"]})
print(len(done["data"]), len(done["data"][0]["embedding"]))
"""
CUT_OTHERWISE = (
    "llama.cpp splits texts as GPT-2 does, which differs from this model's training in words with combining "
    "marks (as in Hindi or Thai) and in runs of more than 64 letters, 8 digits or 16 other signs or spaces."
)
ONLY_VECTORS = (
    "llama.cpp has no masked-token head and no second segment: this file gives vectors of single texts. A "
    "word of more than 100 characters, which is [UNK] in training, is cut into pieces there."
)


@dataclass(frozen=True, slots=True)
class _Kind:
    architecture: str
    names: dict[str, str]
    add_tokens: Callable[[Any, Any, Trained, list[str]], None]


def to_gguf_files(trained: Trained) -> dict[str, bytes]:
    """Return the files of a folder for llama.cpp, by name; what it can't compute is an error."""
    tools = library("gguf", "to write such files", INSTALL)
    _check(trained)
    is_decoder = trained.family.template == "decoder"
    form = form_of(trained, is_bare=not is_decoder)
    described = describing_files(trained, form)
    kind = _DECODER if is_decoder else _ENCODER
    with scratch_folder() as folder:
        path = folder / MODEL
        writer = tools.GGUFWriter(path, kind.architecture)
        _add_sizes(writer, trained)
        kind.add_tokens(tools, writer, trained, _tokens(trained, described["tokenizer.json"]))
        if is_decoder:
            merges = json.loads(described["tokenizer.json"])["model"]["merges"]
            writer.add_token_merges([" ".join(pair) for pair in merges])
        for name, tensor in _tensors(kind, trained, form).items():
            writer.add_tensor(name, tensor.detach().float().cpu().contiguous().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        contents = path.read_bytes()
    pipeline, code = ("text-generation", _WRITE) if is_decoder else ("feature-extraction", _EMBED)
    shown = Usage("gguf", pipeline, code, notes_on(trained))
    card = model_card(trained, form.architecture, None, shown)
    return {MODEL: contents, CARD: card.encode()}


def notes_on(trained: Trained) -> list[str]:
    """Return what llama.cpp does otherwise, a sentence each."""
    if trained.family.template == "encoder":
        return [ONLY_VECTORS]
    return [CUT_OTHERWISE] if trained.tokenizer.algorithm == "byte-bpe" else []


def _check(trained: Trained) -> None:
    pipeline, sizes = trained.tokenizer.pipeline, cast(Any, trained.model.config)
    if trained.task:
        message = f"llama.cpp has no place for the head of a {trained.task.kind} task"
        raise ModelError(message, hint=f"{_ONNX}, or export the pre-trained model")
    if trained.family.template == "decoder":
        if sizes.norm != "pre":
            message = (
                "llama.cpp knows GPT-2, which normalizes before each layer, but this GPT does so after it"
            )
            raise ModelError(message, hint=f'{_ONNX}, or pre-train with model.norm = "pre"')
        if not pipeline.is_of_bytes or pipeline.lowercase:
            bpe = "lower-casing before byte-level BPE"
            what = bpe if pipeline.is_of_bytes else "WordPiece tokenizer for a GPT"
            hint = f"{_ONNX}, or pre-train with a cased byte-level BPE"
            raise ModelError(f"llama.cpp has no {what}", hint=hint)
        return
    if sizes.norm != "post":
        message = "llama.cpp knows a BERT that normalizes after each layer, but this one does so before it"
        raise ModelError(message, hint=f'{_ONNX}, or pre-train with model.norm = "post"')
    if not (pipeline.algorithm == "wordpiece" and pipeline.lowercase and pipeline.strip_accents):
        message = "llama.cpp cuts a BERT's text by WordPiece, in lower case and without accents"
        hint = f"{_ONNX}, or pre-train with such a tokenizer"
        raise ModelError(f"{message}; this model's tokenizer does not", hint=hint)


def _add_sizes(writer: Any, trained: Trained) -> None:
    sizes: Any = trained.model.config
    writer.add_name(f"{trained.family.label} by twinlm")
    if licence := trained.history.get("licence"):
        writer.add_license(licence)
    writer.add_context_length(sizes.max_length)
    writer.add_embedding_length(sizes.width)
    writer.add_block_count(sizes.layers)
    writer.add_feed_forward_length(sizes.feed_forward)
    writer.add_head_count(sizes.heads)
    writer.add_layer_norm_eps(sizes.norm_eps)
    writer.add_file_type(_FLOAT32)


def _tokens(trained: Trained, tokenizer: bytes) -> list[str]:
    """Return the tokens of an exported tokenizer.json, in the order of their ids."""
    about = json.loads(tokenizer)
    ids = {**about["model"]["vocab"], **{each["content"]: each["id"] for each in about["added_tokens"]}}
    return sorted(ids, key=ids.__getitem__)


def _add_decoder_tokens(tools: Any, writer: Any, trained: Trained, tokens: list[str]) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    _add_list(tools, writer, trained, tokens)
    specials = trained.tokenizer.specials
    has_start = specials.start < len(tokens)  # an imported model may have been trained without
    if has_start:
        writer.add_bos_token_id(specials.start)
        writer.add_eos_token_id(specials.start)  # it precedes every document, so it also ends one
    writer.add_add_bos_token(has_start)
    writer.add_add_space_prefix(False)


def _add_encoder_tokens(tools: Any, writer: Any, trained: Trained, tokens: list[str]) -> None:
    sizes, specials = cast(Any, trained.model.config), trained.tokenizer.specials
    writer.add_token_type_count(sizes.segments)
    writer.add_causal_attention(False)
    writer.add_pooling_type(tools.PoolingType[defaults_of(trained).pooling.upper()])
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    special = {trained.tokenizer.token(number) for number in specials.ids}
    spelled = [
        token
        if token in special
        else token.removeprefix("##")
        if token.startswith("##")
        else _WORD_BEGIN + token
        for token in tokens
    ]
    _add_list(tools, writer, trained, spelled)
    writer.add_bos_token_id(specials.cls)  # llama.cpp's word for [CLS]
    writer.add_sep_token_id(specials.sep)
    writer.add_mask_token_id(specials.mask)
    writer.add_unk_token_id(specials.unknown)


def _add_list(tools: Any, writer: Any, trained: Trained, tokens: list[str]) -> None:
    rows = cast(Any, trained.model.config).vocab_size
    special = {*trained.tokenizer.specials.ids}
    types = tools.TokenType
    kinds = [types.CONTROL if number in special else types.NORMAL for number in range(len(tokens))]
    empty = max(0, rows - trained.tokenizer.vocab_size)  # an imported model may have rows without a token
    writer.add_token_list([*tokens, *(f"[EMPTY{number}]" for number in range(empty))])
    writer.add_token_types([*kinds, *[types.UNUSED] * empty])
    if trained.tokenizer.specials.pad < len(tokens):
        writer.add_pad_token_id(trained.tokenizer.specials.pad)


def _tensors(kind: _Kind, trained: Trained, form: Form) -> dict[str, Tensor]:
    state, layers = kept_state(trained, form), cast(Any, trained.model.config).layers
    tensors = {}
    for ours, theirs in kind.names.items():
        for layer in range(layers if "{}" in ours else 1):
            for part in ("weight", "bias"):
                if (name := f"{ours.format(layer)}.{part}") in state:
                    tensors[f"{theirs.format(layer)}.{part}"] = state[name]
    if kind is _ENCODER:
        for layer in range(layers):
            for part in ("weight", "bias"):
                whole = state[f"blocks.{layer}.attention.query_key_value.{part}"]
                for letter, piece in zip("qkv", whole.chunk(3), strict=True):
                    tensors[f"blk.{layer}.attn_{letter}.{part}"] = piece
    return tensors


_DECODER = _Kind("gpt2", _GPT, _add_decoder_tokens)
_ENCODER = _Kind("bert", _BERT, _add_encoder_tokens)
