"""Two machines with addresses of their own, as two network namespaces, meet by torchrun's own rendezvous.

Needs root and `ip netns`; skipped elsewhere.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SETTINGS = """
threads = 1
precision = "float32"
corpus.train = ["text.txt"]
tokenizer.vocab_size = 300
budget = {match = "steps", amount = 60}
model = {layers = 1, width = 16, heads = 2, max_length = 32}
finetune.max_length = 32
[pretrain]
length = 32
batch_sequences = 8
micro_batch_sequences = 4
validations = 2
validation_sequences = 8
checkpoint_every_steps = 10
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def nodes() -> Iterator[list[str]]:
    """Two namespaces that a cable joins; 10.77.0.1 and 10.77.0.2 are their addresses."""
    tag = uuid.uuid4().hex[:6]
    names = [f"twinlm-{tag}-{number}" for number in (1, 2)]
    if shutil.which("ip") is None or os.geteuid():
        pytest.skip("needs root and the command ip")
    try:
        for name in names:
            ip("netns", "add", name)
    except subprocess.CalledProcessError:
        pytest.skip("network namespaces are not permitted here")
    try:
        ends = [("name", f"tw{tag}{number}", "netns", name) for number, name in enumerate(names, 1)]
        ip("link", "add", *ends[0], "type", "veth", "peer", *ends[1])
        for number, name in enumerate(names, 1):
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "address", "add", f"10.77.0.{number}/24", "dev", f"tw{tag}{number}")
            ip("-n", name, "link", "set", f"tw{tag}{number}", "up")
        yield names
    finally:
        for name in names:
            ip("netns", "del", name)


@pytest.fixture
def start() -> Iterator[Callable[..., list[subprocess.Popen[str]]]]:
    """Return a function that starts torchrun on all nodes; none is left behind."""
    began: list[subprocess.Popen[str]] = []

    def start_all(nodes: list[str], folder: Path) -> list[subprocess.Popen[str]]:
        began.extend(started := [torchrun(node, folder, "nodes") for node in nodes])
        return started

    yield start_all
    for one in began:
        if one.returncode is None:
            one.terminate()
            one.communicate()


def torchrun(node: str, folder: Path, out: str) -> subprocess.Popen[str]:
    number = node[-1]
    tag = node.split("-")[1]
    command = ["ip", "netns", "exec", node, sys.executable, "-m", "torch.distributed.run", "--nnodes", "2"]
    command += ["--nproc-per-node", "1", "--rdzv-backend", "c10d", "--rdzv-endpoint", "10.77.0.1:29400"]
    command += ["--rdzv-id", out, "--local-addr", f"10.77.0.{number}", "--max-restarts", "0"]
    command += ["--rdzv-conf", f"is_host={int(number == '1')}"]  # no name is known for the addresses here
    command += ["-m", "twinlm", "pretrain", "gpt", "my.toml", "--out", out]
    own = {"GLOO_SOCKET_IFNAME": f"tw{tag}{number}", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, **said)


def follower(began: list[subprocess.Popen[str]]) -> int:
    """Return the process that torchrun gave rank 1."""
    for one in began:
        [child] = Path(f"/proc/{one.pid}/task/{one.pid}/children").read_text().split()
        if b"RANK=1" in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
            return int(child)
    raise AssertionError("no process has rank 1")


@pytest.mark.slow
def test_two_nodes_make_what_one_process_makes_and_a_lost_one_ends_both(
    nodes: list[str],
    tmp_path: Path,
    write_project: Callable[..., None],
    start: Callable[..., list[subprocess.Popen[str]]],
) -> None:
    write_project(tmp_path, 60)
    (tmp_path / "my.toml").write_text(SETTINGS)
    began = start(nodes, tmp_path)
    log = tmp_path / "nodes" / "gpt" / "metrics.jsonl"
    while not log.is_file() or log.read_text().count("\n") < 15:
        for one in began:
            assert one.poll() is None, one.communicate()[0]
        time.sleep(0.01)
    os.kill(follower(began), signal.SIGKILL)
    lost_s = time.monotonic()
    said = [one.communicate(timeout=120)[0] for one in began]
    assert all(one.returncode for one in began)
    assert "another process of this run ended or does not answer" in "".join(said)
    assert time.monotonic() - lost_s < 30  # torchrun's own watching included

    began = start(nodes, tmp_path)
    said = [one.communicate(timeout=300)[0] for one in began]
    assert [one.returncode for one in began] == [0, 0], said
    alone = [sys.executable, "-m", "twinlm", "pretrain", "gpt", "my.toml", "--out", "alone"]
    subprocess.run(alone, cwd=tmp_path, check=True, capture_output=True)
    for name in ("model/model.safetensors", "metrics.jsonl"):
        assert (tmp_path / "nodes/gpt" / name).read_bytes() == (tmp_path / "alone/gpt" / name).read_bytes()
