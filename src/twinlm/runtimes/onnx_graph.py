"""The layers of a transformer as nodes of an ONNX graph (opset 20). Next: `onnx_models.py`.

Written node by node, because PyTorch's exporter needs two more packages, takes seconds, and fixes shapes that
must stay dynamic. onnx (extra [onnx]) is imported only here and in `onnx_models.py`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

OPSET = 20  # the first with Gelu
NEVER = float(np.finfo(np.float32).min)  # score of an unseen position; a row of -inf alone would give NaN


class Graph:
    """Nodes and constants, in order; every method adds some and returns the name of their result."""

    def __init__(self, helper: Any, numpy_helper: Any) -> None:
        self._helper, self._numpy_helper = helper, numpy_helper
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def add(self, operator: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        """Add one node with one result, named `result` if given."""
        name = result or f"{operator}_{len(self.nodes)}"
        self.nodes.append(self._helper.make_node(operator, inputs, [name], name=f"node_{name}", **attributes))
        return name

    def weight(self, name: str, tensor: Tensor) -> str:
        """Return the name of a stored tensor."""
        return self._stored(name, tensor.detach().float().cpu().numpy())

    def numbers(self, *values: int) -> str:
        """Return the name of a list of whole numbers."""
        return self._stored(f"numbers_{'_'.join(map(str, values))}", np.array(values, np.int64))

    def number(self, value: float) -> str:
        """Return the name of a single number."""
        return self._stored(f"number_{value}", np.array(value, np.float32))

    def size(self, tensor: str, dimension: int) -> str:
        """Return a dimension's size, as a list of one number."""
        return self.add("Shape", tensor, start=dimension, end=dimension + 1)

    def linear(self, x: str, name: str, weight: Tensor, bias: Tensor | None) -> str:
        """Return x W^T + b."""
        product = self.add("MatMul", x, self.weight(f"{name}.weight", weight.T))
        return product if bias is None else self.add("Add", product, self.weight(f"{name}.bias", bias))

    def norm(self, x: str, name: str, weight: Tensor, bias: Tensor, epsilon: float) -> str:
        """Return the layer normalization of the last dimension."""
        stored = (self.weight(f"{name}.weight", weight), self.weight(f"{name}.bias", bias))
        return self.add("LayerNormalization", x, *stored, epsilon=epsilon)

    def split(self, x: str, parts: int, axis: int) -> list[str]:
        """Return equal parts of a tensor."""
        names = [f"Split_{len(self.nodes)}_{number}" for number in range(parts)]
        node = self._helper.make_node("Split", [x], names, name=names[0], axis=axis, num_outputs=parts)
        self.nodes.append(node)
        return names

    def heads(self, x_BLD: str, heads: int, width: int) -> str:
        """Return states by attention head, (B, H, L, K)."""
        apart = self.add("Reshape", x_BLD, self.numbers(0, 0, heads, width // heads))
        return self.add("Transpose", apart, perm=(0, 2, 1, 3))

    def attention(self, query: str, key: str, value: str, allowed: str, *, heads: int, width: int) -> str:
        """Return softmax(Q K^T / sqrt(K)) V over the allowed positions, (B, L, D)."""
        scores = self.add("MatMul", query, self.add("Transpose", key, perm=(0, 1, 3, 2)))
        scaled = self.add("Mul", scores, self.number((width // heads) ** -0.5))
        weights = self.add("Softmax", self.add("Where", allowed, scaled, self.number(NEVER)), axis=-1)
        together = self.add("Transpose", self.add("MatMul", weights, value), perm=(0, 2, 1, 3))
        return self.add("Reshape", together, self.numbers(0, 0, width))

    def _stored(self, name: str, values: NDArray[Any]) -> str:
        if name not in self.constants:
            self.constants[name] = self._numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name


def block(
    graph: Graph,
    x: str,
    name: str,
    state: dict[str, Tensor],
    sizes: Any,
    allowed: str,
    past: Sequence[str] = (),
    present: Sequence[str] = (),
) -> str:
    """Return the states after one layer, (B, L, D).

    `past` names keys and values of earlier positions; all of them are then given out as `present`.
    """

    def normalized(x: str, part: str) -> str:
        weight, bias = (state[f"{name}.{part}.{kind}"] for kind in ("weight", "bias"))
        return graph.norm(x, f"{name}.{part}", weight, bias, sizes.norm_eps)

    def linear(x: str, part: str) -> str:
        weight, bias = (state[f"{name}.{part}.{kind}"] for kind in ("weight", "bias"))
        return graph.linear(x, f"{name}.{part}", weight, bias)

    def attended(x: str) -> str:
        parts = graph.split(linear(x, "attention.query_key_value"), 3, axis=2)
        query, key, value = (graph.heads(part, sizes.heads, sizes.width) for part in parts)
        if past:
            key, value = (
                graph.add("Concat", before, new, result=after, axis=2)
                for before, new, after in zip(past, (key, value), present, strict=True)
            )
        gathered = graph.attention(query, key, value, allowed, heads=sizes.heads, width=sizes.width)
        return linear(gathered, "attention.output")

    def fed_forward(x: str) -> str:
        form = "tanh" if getattr(sizes, "activation", "gelu_tanh") == "gelu_tanh" else "none"
        expanded = graph.add("Gelu", linear(x, "feed_forward.expand"), approximate=form)
        return linear(expanded, "feed_forward.contract")

    for part, norm in ((attended, "attention_norm"), (fed_forward, "feed_forward_norm")):
        if sizes.norm == "post":
            x = normalized(graph.add("Add", x, part(x)), norm)
        else:
            x = graph.add("Add", x, part(normalized(x, norm)))
    return x
