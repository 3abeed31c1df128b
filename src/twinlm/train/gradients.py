"""The three ways in which processes that train together turn micro-batches' gradients into one.

Next: `replicated.py`, where every process holds all weights, and `sharding.py`, where each holds some rows.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

from torch import nn

from twinlm.objectives import Objective
from twinlm.train.ranks import Ranks
from twinlm.train.replicated import Averaged, Ordered

if TYPE_CHECKING:
    from twinlm.train.sharding import Sharded

Gradients: TypeAlias = "Ordered | Averaged | Sharded"


def gradients_of(module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> Gradients:
    """Return how these processes add up the gradients of a module, which is on its device already."""
    if hasattr(module, "unshard"):
        from twinlm.train.sharding import Sharded  # FSDP takes most of a second to import

        return Sharded(module, objective, ranks)
    return (Averaged if ranks.reduce == "fast" else Ordered)(module, objective, ranks)
