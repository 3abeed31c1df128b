"""A model of ours as an ONNX folder, as ONNX Runtime, optimum and transformers.js expect it."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from torch import Tensor

from twinlm.checkpoint import Trained
from twinlm.errors import ModelError
from twinlm.hf.card import CARD, model_card
from twinlm.hf.export import Form, describing_files, form_of, kept_state
from twinlm.hf.heads import head_to
from twinlm.hf.hub import library
from twinlm.hf.sentence_transformers import embedding_files
from twinlm.runtimes.onnx_models import HeadWeights, Vectors, decoder, encoder
from twinlm.runtimes.onnx_usage import usage
from twinlm.system.storage import json_bytes, scratch_folder
from twinlm.use.embed import Pooling, check_pooling, defaults_of

INSTALL = "pip install 'twinlm[onnx]'"
MODEL, QUANTIZED = "onnx/model.onnx", "onnx/model_quantized.onnx"
_TOKENIZER = "tokenizer_config.json"
_MOST_BYTES = 2 * 10**9  # of a file of ONNX, whose format counts with 31 bits
_FLOAT_BYTES = 4


def to_onnx_files(
    trained: Trained, *, is_quantized: bool = False, pooling: Pooling | None = None
) -> dict[str, bytes]:
    """Return the files of a folder with a model for ONNX Runtime, by name.

    `is_quantized` adds a copy whose matrices are in int8. With `pooling` the model gives vectors only, as
    `embed` does, for which sentence-transformers' files are added. See `form_of` for errors.
    """
    onnx = library("onnx", "to write such files", INSTALL)
    form = form_of(trained, is_bare=pooling is not None)
    state = kept_state(trained, form)
    size_bytes = _FLOAT_BYTES * sum(weight.numel() for weight in state.values())
    if size_bytes > _MOST_BYTES:
        message = f"the weights take {size_bytes / 1e9:.1f} GB, but an ONNX file holds at most 2 GB"
        raise ModelError(message, hint="use --to hf, whose weights may be split into several files")
    contents = _model(onnx, trained, form, state, pooling)
    files = {**describing_files(trained, form), MODEL: contents}
    if pooling:
        files |= embedding_files(trained, pooling)
    elif trained.family.is_generative and not form.head:
        # Without this, transformers.js continues a text without <start>. (transformers then writes a template
        # of its own, which is ours for single texts; so only this folder has it.)
        about = json.loads(files[_TOKENIZER]) | {"add_bos_token": True}
        files[_TOKENIZER] = json_bytes(about)
    if is_quantized:
        files[QUANTIZED] = quantized(onnx, contents)
    shown = usage(trained, form, pooling)
    return {**files, CARD: model_card(trained, form.architecture, form.head, shown).encode()}


def vectors_of(trained: Trained, pooling: Pooling | None) -> Vectors | None:
    """Return how states become vectors; None without a pooling. One that makes no sense is an error."""
    if pooling is None:
        return None
    defaults = defaults_of(trained)
    if pooling != defaults.pooling:
        check_pooling(trained, pooling)
    return Vectors(pooling, defaults.normalize)


def quantized(onnx: Any, contents: bytes) -> bytes:
    """Return a copy of a model whose matrices are in int8; what it computes differs a little."""
    tools = library("onnxruntime.quantization", "for int8", INSTALL)
    with scratch_folder() as folder, _quietly():
        tools.quantize_dynamic(
            onnx.load_from_string(contents), folder / "quantized.onnx", weight_type=tools.QuantType.QInt8
        )
        return (folder / "quantized.onnx").read_bytes()


def _model(
    onnx: Any, trained: Trained, form: Form, state: dict[str, Tensor], pooling: Pooling | None
) -> bytes:
    head, sizes = _head(trained, form), cast(Any, trained.model.config)
    vectors = vectors_of(trained, pooling)
    if trained.family.template == "decoder":
        return decoder(onnx, state, sizes, head=head, vectors=vectors)
    parts = form.layout.parts.keys() - form.lacks
    return encoder(onnx, state, sizes, parts=sorted(parts), head=head, vectors=vectors)


def _head(trained: Trained, form: Form) -> HeadWeights | None:
    if not form.head:
        return None
    assert trained.task is not None
    tensors = head_to(form.head, trained)
    weight, bias = tensors[f"{form.head.linear}.weight"], tensors.get(f"{form.head.linear}.bias")
    return HeadWeights(trained.task.kind, weight, bias)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep quantize_dynamic's advice, which is about models of images, out of the log."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
