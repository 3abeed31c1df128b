"""Freed memory is kept for the next step, and other work on the processors is noticed."""

import os
import subprocess
import sys
import time

import pytest
import torch

from twinlm.system import hardware


@pytest.mark.parametrize(
    ("name", "value"),
    [("MALLOC_ARENA_MAX", "1"), ("LD_PRELOAD", ""), ("GLIBC_TUNABLES", ""), ("TWINLM_KEEP_MEMORY", "0")],
)
def test_the_users_choice_stays(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert not hardware.keep_freed_memory()


@pytest.mark.skipif(sys.platform != "linux", reason="only the GNU C library has these settings")
def test_a_freed_block_is_kept():
    code = (
        "import resource\n"
        "from twinlm.system.hardware import keep_freed_memory\n"
        "assert keep_freed_memory()\n"
        "faults = []\n"
        "for _ in range(5):\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    block = bytearray(8_000_000); del block\n"
        "    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
        "assert faults[-1] < 20, faults\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_other_work_is_noticed_where_threads_wait_for_each_other(monkeypatch):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert "GOMP_SPINCOUNT" in hardware.slowed_by(1.0)
    assert not hardware.slowed_by(0.1)
    monkeypatch.setenv("GOMP_SPINCOUNT", "300")
    assert not hardware.slowed_by(1.0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert not hardware.slowed_by(1.0)


def test_our_own_work_is_not_other_work():
    since = hardware.clocks()
    until = time.perf_counter() + 0.4
    while time.perf_counter() < until:
        pass
    assert 0 <= hardware.other_work(since) < os.cpu_count()
    assert hardware.other_work(hardware.clocks()) == 0  # too short to tell
