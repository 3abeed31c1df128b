"""GPT and BERT as ONNX graphs, with batch and length left open; inputs and outputs are named as optimum does.

    decoder   input_ids, attention_mask, past_key_values.*  ->  logits, present.*
    encoder   input_ids, attention_mask, token_type_ids     ->  logits, last_hidden_state, ...

With the head of a task, or for vectors, a decoder has no cache. Padding may stand on either side of a
decoder's texts: positions are counted by the attention mask.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from twinlm.runtimes.onnx_graph import OPSET, Graph, block
from twinlm.use.embed import Pooling

Dimensions = tuple[str | int, ...]
_FLOAT, _INT64, _BOOL = 1, 7, 9  # onnx.TensorProto's numbers of types
_IR_VERSION = 9  # of the same age as the operators, for older runtimes
_TOKENS: Dimensions = ("batch_size", "sequence_length")  # transformers.js looks for the very name batch_size
_CHOICES: Dimensions = ("batch_size", "num_choices", "sequence_length")


@dataclass(frozen=True, slots=True)
class HeadWeights:
    """The linear layer of a task's head."""

    kind: str
    """Kind of task."""
    weight: Tensor
    """(C, D)."""
    bias: Tensor | None
    """(C,)."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """How states become a text's vector."""

    pooling: Pooling
    """Pooling of states."""
    is_normalized: bool
    """Whether the vector is scaled to length 1."""


class _Model:
    """A graph under construction, with its inputs and outputs."""

    def __init__(self, onnx: Any, state: Mapping[str, Tensor], sizes: Any) -> None:
        self.onnx = onnx
        self.graph = Graph(onnx.helper, onnx.numpy_helper)
        self.state, self.sizes = dict(state), sizes
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def input(self, name: str, dimensions: Dimensions, *, is_number: bool = False) -> str:
        self.inputs.append(self._described(name, dimensions, is_whole=not is_number))
        return name

    def output(self, result: str, name: str, dimensions: Dimensions) -> None:
        if result != name:
            self.graph.add("Identity", result, result=name)
        self.outputs.append(self._described(name, dimensions, is_whole=False))

    def linear(self, x: str, name: str) -> str:
        return self.graph.linear(x, name, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def norm(self, x: str, name: str) -> str:
        weight, bias = (self.state[f"{name}.{kind}"] for kind in ("weight", "bias"))
        return self.graph.norm(x, name, weight, bias, self.sizes.norm_eps)

    def embedding(self, name: str, numbers: str) -> str:
        stored = self.graph.weight(f"{name}.weight", self.state[f"{name}.weight"])
        return self.graph.add("Gather", stored, numbers)

    def logits(self, hidden: str) -> str:
        """Return the score of each token: the product with its embedding, which the file holds once."""
        embeddings = self.graph.weight("token_embedding.weight", self.state["token_embedding.weight"])
        return self.graph.add("MatMul", hidden, self.graph.add("Transpose", embeddings, perm=(1, 0)))

    def whole(self) -> bytes:
        """Return the contents of the file."""
        helper = self.onnx.helper
        constants = list(self.graph.constants.values())
        graph = helper.make_graph(self.graph.nodes, "twinlm", self.inputs, self.outputs, constants)
        model = helper.make_model(
            graph,
            producer_name="twinlm",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        self.onnx.checker.check_model(model)
        contents: bytes = model.SerializeToString()
        return contents

    def _described(self, name: str, dimensions: Dimensions, *, is_whole: bool) -> Any:
        kind = _INT64 if is_whole else _FLOAT
        return self.onnx.helper.make_tensor_value_info(name, kind, dimensions)


def decoder(
    onnx: Any,
    state: Mapping[str, Tensor],
    sizes: Any,
    *,
    head: HeadWeights | None = None,
    vectors: Vectors | None = None,
    has_logits: bool = True,
) -> bytes:
    """Return the file of a GPT: for next tokens, with a cache, or for a task or vectors.

    Without logits, a file with a cache gives the states that they are made of.
    """
    model = _Model(onnx, state, sizes)
    graph, add = model.graph, model.graph.add
    is_cached = not head and not vectors
    seen: Dimensions = ("batch_size", "past_sequence_length + sequence_length") if is_cached else _TOKENS
    tokens, mask = model.input("input_ids", _TOKENS), model.input("attention_mask", seen)
    all_M, begin = graph.size(mask, 1), add("Sub", graph.size(mask, 1), graph.size(tokens, 1))
    places_M = _range(graph, all_M)
    places_L = add("Slice", places_M, begin, all_M)
    counted_BM = add("Sub", add("CumSum", mask, add("Squeeze", graph.numbers(1))), graph.numbers(1))
    positions_BL = add("Slice", add("Max", counted_BM, graph.numbers(0)), begin, all_M, graph.numbers(1))
    hidden = add(
        "Add", model.embedding("token_embedding", tokens), model.embedding("position_embedding", positions_BL)
    )
    allowed = _earlier(graph, mask, places_M, places_L)
    cache: Dimensions = ("batch_size", sizes.heads, "past_sequence_length", sizes.width // sizes.heads)
    for number in range(sizes.layers):
        names = [f"{number}.{part}" for part in ("key", "value")] if is_cached else []
        past = [model.input(f"past_key_values.{name}", cache, is_number=True) for name in names]
        present = [f"present.{name}" for name in names]
        hidden = block(graph, hidden, f"blocks.{number}", model.state, sizes, allowed, past, present)
    if sizes.norm == "pre":
        hidden = model.norm(hidden, "final_norm")
    if head:
        _put_head(model, head, hidden, summary=lambda: _last(graph, hidden, mask, places_M))
    elif vectors:
        _put_vectors(model, vectors, hidden, mask, last=lambda: _last(graph, hidden, mask, places_M))
    else:
        if has_logits:
            vocabulary = len(state["token_embedding.weight"])
            model.output(model.logits(hidden), "logits", (*_TOKENS, vocabulary))
        else:
            model.output(hidden, "last_hidden_state", (*_TOKENS, sizes.width))
        whole: Dimensions = (*cache[:2], "past_sequence_length + sequence_length", cache[3])
        for number in range(sizes.layers):
            for part in ("key", "value"):
                model.output(f"present.{number}.{part}", f"present.{number}.{part}", whole)
    return model.whole()


def encoder(
    onnx: Any,
    state: Mapping[str, Tensor],
    sizes: Any,
    *,
    parts: Sequence[str] = (),
    head: HeadWeights | None = None,
    vectors: Vectors | None = None,
) -> bytes:
    """Return the file of a BERT with some of its own heads (`parts`), or for a task or vectors."""
    model = _Model(onnx, state, sizes)
    graph, add = model.graph, model.graph.add
    is_choice = bool(head and head.kind == "choice")
    given = [
        model.input(name, _CHOICES if is_choice else _TOKENS)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    if is_choice:
        row = add("Concat", graph.numbers(-1), graph.size("input_ids", 2), axis=0)
        given = [add("Reshape", name, row) for name in given]
    tokens, mask, segments = given
    hidden = add(
        "Add", model.embedding("token_embedding", tokens), model.embedding("segment_embedding", segments)
    )
    positions = model.embedding("position_embedding", _range(graph, graph.size(tokens, 1)))
    hidden = add("Add", hidden, positions)
    if sizes.norm == "post":
        hidden = model.norm(hidden, "embedding_norm")
    allowed = add("Unsqueeze", add("Cast", mask, to=_BOOL), graph.numbers(1, 2))
    for number in range(sizes.layers):
        hidden = block(graph, hidden, f"blocks.{number}", model.state, sizes, allowed)
    if sizes.norm == "pre":
        hidden = model.norm(hidden, "final_norm")

    def pooled() -> str:
        first = add("Gather", hidden, graph.numbers(0), axis=1)
        return add("Tanh", model.linear(add("Squeeze", first, graph.numbers(1)), "pooler"))

    if head:
        _put_head(model, head, hidden, summary=pooled)
    elif vectors:
        _put_vectors(model, vectors, hidden, mask, last=None)
    else:
        _put_parts(model, parts, hidden, pooled)
    return model.whole()


def _put_parts(model: _Model, parts: Sequence[str], hidden: str, pooled: Callable[[], str]) -> None:
    """Give out what a pre-trained BERT computes: scores of tokens, states, and what it reads at [CLS]."""
    if "masked_token_head" in parts:
        form = "tanh" if model.sizes.activation == "gelu_tanh" else "none"
        transformed = model.graph.add(
            "Gelu", model.linear(hidden, "masked_token_head.transform"), approximate=form
        )
        scores = model.logits(model.norm(transformed, "masked_token_head.norm"))
        bias_V = model.state["masked_token_head.bias_V"]
        biased = model.graph.add("Add", scores, model.graph.weight("masked_token_head.bias_V", bias_V))
        model.output(biased, "logits", (*_TOKENS, len(bias_V)))
    model.output(hidden, "last_hidden_state", (*_TOKENS, model.sizes.width))
    if "pooler" in parts:
        summary = pooled()
        model.output(summary, "pooler_output", ("batch_size", model.sizes.width))
        if "next_sentence_head" in parts:
            scores = model.linear(summary, "next_sentence_head")
            model.output(scores, "seq_relationship_logits", ("batch_size", 2))


def _put_head(model: _Model, head: HeadWeights, hidden: str, *, summary: Callable[[], str]) -> None:
    """Give out the scores of a task's head, under the names of transformers' outputs."""
    graph, outputs = model.graph, len(head.weight)
    is_by_token = head.kind in ("tagging", "span_qa")
    scores = graph.linear(hidden if is_by_token else summary(), "head", head.weight, head.bias)
    if head.kind == "span_qa":
        for part, name in zip(graph.split(scores, 2, axis=2), ("start", "end"), strict=True):
            model.output(graph.add("Squeeze", part, graph.numbers(2)), f"{name}_logits", _TOKENS)
    elif head.kind == "choice":
        row = graph.add("Concat", graph.numbers(-1), graph.size("input_ids", 1), axis=0)
        model.output(graph.add("Reshape", scores, row), "logits", _CHOICES[:2])
    else:
        model.output(scores, "logits", (*_TOKENS, outputs) if is_by_token else ("batch_size", outputs))


def _put_vectors(
    model: _Model, vectors: Vectors, hidden: str, mask: str, *, last: Callable[[], str] | None
) -> None:
    """Give out states and a vector of each text."""
    graph, add = model.graph, model.graph.add
    if vectors.pooling == "mean":
        real = add("Cast", mask, to=_FLOAT)
        summed = add(
            "Squeeze", add("MatMul", add("Unsqueeze", real, graph.numbers(1)), hidden), graph.numbers(1)
        )
        pooled = add("Div", summed, add("ReduceSum", real, graph.numbers(1)))
    elif last and vectors.pooling == "last":
        pooled = last()
    else:
        pooled = add("Squeeze", add("Gather", hidden, graph.numbers(0), axis=1), graph.numbers(1))
    if vectors.is_normalized:
        length = add("ReduceL2", pooled, graph.numbers(1))
        pooled = add("Div", pooled, add("Max", length, graph.number(1e-12)))
    model.output(hidden, "last_hidden_state", (*_TOKENS, model.sizes.width))
    model.output(pooled, "sentence_embedding", ("batch_size", model.sizes.width))


def _range(graph: Graph, count: str) -> str:
    """Return 0, 1, 2, ... as many as `count` says."""
    scalars = [graph.add("Squeeze", one) for one in (graph.numbers(0), count, graph.numbers(1))]
    return graph.add("Range", *scalars)


def _earlier(graph: Graph, mask: str, places_M: str, places_L: str) -> str:
    """Return which positions each one sees, (B, 1, L, M): itself, and the real ones before it."""
    row, column = (
        graph.add("Unsqueeze", places, graph.numbers(axis)) for places, axis in ((places_M, 0), (places_L, 1))
    )
    real = graph.add("Cast", graph.add("Unsqueeze", mask, graph.numbers(1, 2)), to=_BOOL)
    before = graph.add("And", graph.add("LessOrEqual", row, column), real)
    # Padding sees itself: a softmax over no position at all would give NaN.
    return graph.add("Or", before, graph.add("Equal", row, column))


def _last(graph: Graph, hidden: str, mask: str, places_M: str) -> str:
    """Return the state of the last real position, (B, D)."""
    last = graph.add("ReduceMax", graph.add("Mul", mask, places_M), graph.numbers(1))
    chosen = graph.add("Cast", graph.add("Equal", places_M, last), to=_FLOAT)
    row = graph.add("MatMul", graph.add("Unsqueeze", chosen, graph.numbers(1)), hidden)
    return graph.add("Squeeze", row, graph.numbers(1))
