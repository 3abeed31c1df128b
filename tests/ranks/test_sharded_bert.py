"""A BERT in parts, with pairs of sentences and hidden tokens under tied embeddings: near what one makes."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file

from twinlm.errors import StoppedError

TRAIN = ("pretrain", "bert", "my.toml", "--budget.amount", "60", "--out")
PARTS = ("--processes.reduce=fast", "--processes.shard=true", "--nproc")


@pytest.mark.slow
def test_a_bert_in_parts_goes_on_with_any_number_of_processes(
    tmp_path: Path, make_project: Callable[[Path], Path], commands: ModuleType
) -> None:
    """Two that stopped go on as one and as four, one as two: losses within 1e-5, weights within 1e-4."""
    make_project(tmp_path)
    whole = commands.Command(tmp_path, *TRAIN, "whole")
    for count in ("2", "1"):
        command = commands.Command(tmp_path, *TRAIN, f"{count}-to", *PARTS, count)
        command.wait_for(tmp_path / f"{count}-to/bert/metrics.jsonl", 15)
        command.send(signal.SIGTERM, "command")
        assert command.end()[0] == StoppedError.exit_code
    assert [*tmp_path.glob("2-to/bert/checkpoints/parts-*/00001")]
    assert whole.end()[0] == 0
    wanted = [json.loads(line) for line in (tmp_path / "whole/bert/metrics.jsonl").read_text().splitlines()]
    assert {"masked_lm", "next_sentence"} <= {name for row in wanted for name in row}
    weights = load_file(tmp_path / "whole/bert/model/model.safetensors")
    for before, after in (("2", "1"), ("2", "4"), ("1", "2")):
        out = shutil.copytree(tmp_path / f"{before}-to", tmp_path / f"{before}-to-{after}")
        code, said = commands.run(tmp_path, *TRAIN, out.name, *PARTS, after)
        assert code == 0, said
        lines = (out / "bert/metrics.jsonl").read_text().splitlines()
        for row, other in zip(map(json.loads, lines), wanted, strict=True):
            assert row == pytest.approx(other, rel=1e-5), out.name
        found = load_file(out / "bert/model/model.safetensors")
        assert found.keys() == weights.keys()
        for name, weight in found.items():
            torch.testing.assert_close(weight, weights[name], atol=1e-4, rtol=0)
