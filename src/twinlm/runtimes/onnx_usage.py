"""Code of the model cards of ONNX folders; a test runs each piece in its folder."""

from twinlm.checkpoint import Trained
from twinlm.hf import usage as of_transformers
from twinlm.hf.card import Usage
from twinlm.hf.export import Form
from twinlm.use.embed import Pooling

_READ = """
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("tokenizer.json")
session = onnxruntime.InferenceSession("onnx/model.onnx")
"""
_GENERATE = """
ids = tokenizer.encode("The").ids
cache = {
    given.name: np.zeros((1, given.shape[1], 0, given.shape[3]), np.float32)
    for given in session.get_inputs()
    if given.name.startswith("past")
}
unread = ids
for _ in range(20):
    inputs = {"input_ids": np.array([unread]), "attention_mask": np.ones((1, len(ids)), np.int64)}
    logits, *present = session.run(None, inputs | cache)
    cache = dict(zip(cache, present))
    unread = [int(logits[0, -1].argmax())]
    ids = ids + unread
print(tokenizer.decode(ids))
"""
_ROWS = """
rows = tokenizer.encode_batch([TEXTS])
for row in rows:
    row.pad(max(map(len, rows)))
inputs = {
    "input_ids": np.array([row.ids for row in rows]),
    "attention_mask": np.array([row.attention_mask for row in rows]),
    "token_type_ids": np.array([row.type_ids for row in rows]),
}
"""
_RUN = """
names = [given.name for given in session.get_inputs()]
outputs = session.run(None, {name: inputs[name] for name in names})
for output, values in zip(session.get_outputs(), outputs):
    print(output.name, values.shape)
"""
_FILL = """
place = rows[0].ids.index(tokenizer.token_to_id("[MASKTOKEN]"))
for token in outputs[0][0, place].argsort()[::-1][:5]:
    print(repr(tokenizer.decode([token])))
"""
_CHOICE = """
inputs = {name: values[None] for name, values in inputs.items()}  # two choices of one text
"""


_OF_JAVASCRIPT = ("gpt2", "bert")  # model types that transformers.js has classes for


def usage(trained: Trained, form: Form, pooling: Pooling | None) -> Usage:
    """Return how to use a model in ONNX Runtime."""
    known = of_transformers.usage(trained, form.architecture, form.head)
    pipeline = "feature-extraction" if pooling else known.pipeline
    if form.layout.model_type not in _OF_JAVASCRIPT:
        note = "transformers.js has no class for this type of model; ONNX Runtime runs it."
        return Usage("onnx", pipeline, _code(trained, form, pipeline), [note])
    note = (
        f'In JavaScript: `await pipeline("{pipeline}", FOLDER, {{ dtype: "fp32" }})` of `@huggingface/'
        'transformers`; `"q8"` reads the copy in int8, if it was written.'
    )
    return Usage("transformers.js", pipeline, _code(trained, form, pipeline), [note])


def _code(trained: Trained, form: Form, pipeline: str) -> str:
    texts = '"The old house", "A house that is old"'
    if form.head and trained.task:
        if of_transformers.reads_pairs(trained):
            texts = '("It rained.", "The street was wet."), ("It rained.", "It was dry.")'
        code = _ROWS + _CHOICE * (trained.task.kind == "choice") + _RUN
    elif pipeline == "text-generation":
        code = _GENERATE
    elif pipeline == "fill-mask":
        mask = trained.tokenizer.token(trained.tokenizer.specials.mask)
        texts = f'"The {mask} of the house"'
        code = _ROWS + _RUN + _FILL.replace("[MASKTOKEN]", mask)
    else:
        code = _ROWS + _RUN
    return _READ + code.replace("TEXTS", texts)
