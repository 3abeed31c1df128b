"""Hugging Face's models of random weights beside ours of the same weights."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
