import resource
import time

import pytest
import torch

from twinlm.system import hardware


def test_the_processors_are_busy_while_we_work():
    if not hardware.busy_seconds():
        pytest.skip("this system does not tell")
    before, began_s = hardware.busy_seconds(), time.process_time()
    while time.process_time() - began_s < 0.3:
        pass
    assert hardware.busy_seconds() - before >= 0.25  # it counts in hundredths


def test_a_system_that_does_not_tell_gives_0(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "_PROCESSORS", tmp_path / "nothing")
    assert hardware.busy_seconds() == 0


def test_only_processors_that_we_may_use_are_counted(monkeypatch, tmp_path):
    table = "cpu 9 9 9 9 9 9 9 9\ncpu0 100 20 30 5000 700 1 2 3 0 0\ncpu1 9999 0 0 0 0 0 0 0 0 0\nintr 1\n"
    (tmp_path / "stat").write_text(table)
    monkeypatch.setattr(hardware, "_PROCESSORS", tmp_path / "stat")
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    monkeypatch.setattr("os.sysconf", lambda name: 100)
    assert hardware.busy_seconds() == 1.56


def test_a_seed_gives_the_numbers_of_manual_seed():
    with hardware.own_generators():
        torch.manual_seed(2**62 + 1)
        wanted = torch.rand(4, device=hardware.device())
        hardware.seed_generators(2**62 + 1, hardware.device())
        assert torch.equal(torch.rand(4, device=hardware.device()), wanted)


def test_a_process_gets_the_open_files_that_it_may_have():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
        assert hardware.open_files(200) == 200
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300
        assert hardware.open_files(400) == 400
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 400
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
