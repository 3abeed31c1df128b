"""What fine-tuning puts on top of a model: one linear layer, fed with a `Reading`.

A head never sees the model: each works on GPT and on BERT alike. C is the number of classes.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from twinlm.batch import Reading


class SequenceHead(nn.Module):
    """One class for each sequence: W_y in Radford et al. 2018, equation 3; W in Devlin et al. 2018, 4.1."""

    def __init__(self, *, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.score = nn.Linear(width, classes)

    def forward(self, reading: Reading) -> Tensor:
        """Return a score for each class, (B, C)."""
        scores_BC: Tensor = self.score(self.drop(reading.summary_BD))
        return scores_BC

    def loss(self, scores_BC: Tensor, labels_B: Tensor) -> Tensor:
        """Return -L2 / count: the mean of -log P(label), in nats."""
        return F.cross_entropy(scores_BC.float(), labels_B)
