"""Each export of docs/exports.md is run as it stands there, and the tool sees the same model."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.made_models import random_model, with_head
from twinlm.checkpoint import save_model

PAGE = Path(__file__).parents[2] / "docs" / "exports.md"
COMMANDS = re.findall(r"^twinlm (export .+)$", PAGE.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models where a demo has them."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("demo")
    bert = random_model("bert", norm="pre", history={"pretraining": {"sentence_task": "next_sentence"}})
    save_model(folder / "gpt/model", random_model("gpt", norm="pre"))
    save_model(folder / "bert/model", bert)
    tuned = with_head(replace(bert, history={}), "classification", has_bias=True)
    save_model(folder / "tasks/topic/bert/seed-1/model", tuned)
    return folder


def test_the_page_has_a_command_for_each_target():
    assert {"sentence-transformers", "onnx", "gguf"} <= set(re.findall(r"--to (\S+)", " ".join(COMMANDS)))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_export_is_verified(cli, demo, command):
    Path("runs").mkdir()
    Path("runs/demo").symlink_to(demo)
    done = cli(*shlex.split(command))
    assert (done.code, done.err) == (0, "")
    assert "\n  equal in " in done.out
