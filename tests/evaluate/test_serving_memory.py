import pytest

from twinlm.checkpoint import save_model
from twinlm.evaluate import serving_memory
from twinlm.evaluate.serving_memory import answer, peak_memory_bytes
from twinlm.system.log import Silent


class Said(Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def folder(tuned, tmp_path):
    save_model(tmp_path / "model", tuned("gpt"))
    return tmp_path / "model"


def test_a_process_of_its_own_says_how_much_it_took(folder, task_examples, tmp_path, monkeypatch):
    # What lies in the present folder is not imported, whatever it is called.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torch.py").write_text("raise SystemExit(3)")
    said = Said()
    found = peak_memory_bytes(folder, [task_examples("classification")], threads=1, progress=said)
    assert said.lines == []
    assert 50e6 < found < 2e9


def test_this_process_would_say_more_than_that(folder, task_examples, monkeypatch):
    threads = []
    monkeypatch.setattr("twinlm.system.hardware.use_threads", threads.append)
    requests = [[[example.id, list(example.texts), 1] for example in task_examples("classification")]]
    assert answer({"folder": str(folder), "threads": 3, "requests": requests}) > 50e6
    assert threads == [3]


def test_a_process_that_fails_says_why_and_stops_nothing(tmp_path, task_examples):
    said = Said()
    gone = tmp_path / "gone"
    assert peak_memory_bytes(gone, [task_examples("classification")], threads=1, progress=said) is None
    (line,) = said.lines
    assert line.startswith(f"the memory of {gone} was not measured: twinlm.errors.ModelError")


def test_a_process_that_says_nothing_is_named_by_its_exit_code(tmp_path, monkeypatch):
    monkeypatch.setattr(serving_memory.sys, "executable", "/bin/false")
    said = Said()
    assert peak_memory_bytes(tmp_path, [], threads=1, progress=said) is None
    assert said.lines == [f"the memory of {tmp_path} was not measured: exit code 1"]
