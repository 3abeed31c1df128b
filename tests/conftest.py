"""What every test needs: one thread, no network, nothing of the user's environment."""

import os

import hypothesis
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# A busy machine is no failure.
hypothesis.settings.register_profile("twinlm", deadline=None)
hypothesis.settings.load_profile("twinlm")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
