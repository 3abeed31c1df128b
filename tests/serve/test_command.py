"""`twinlm serve` and its server: which models it finds, how it refuses to start, and how it ends."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx2
import pytest

from twinlm.cli import main
from twinlm.errors import UsageError
from twinlm.serve.served import find_folders
from twinlm.serve.server import is_local


def test_a_run_stands_for_its_models_and_the_best_trials_of_its_tasks(run, tmp_path):
    found = find_folders([run])
    assert list(found)[:2] == ["tiny/bert", "tiny/gpt"]
    assert "tiny/tagging/bert" in found
    assert find_folders([run / "gpt", run / "gpt" / "model"]).keys() == {"tiny/gpt"}
    assert find_folders([run / "tasks" / "choice" / "bert" / "seed-1"]).keys() == {"tiny/choice/bert"}
    other = tmp_path / "tiny"
    model = run / "tasks" / "choice" / "bert" / "seed-1"
    for part in (
        "rate-1e-05/seed-1",
        "rate-5e-05/seed-1",
        "labels-8/seed-1",
        "pretrained-2/seed-1",
        "seed-2",
    ):
        shutil.copytree(model, other / "tasks" / "topic" / "bert" / part)
    kept = {"arm": "bert", "label": "BERT", "task": "topic", "tried": [], "kept": 5e-5}
    (other / "results.json").write_text(json.dumps({"ledger": [kept]}))
    (folder,) = find_folders([other]).values()
    assert "rate-5e-05" in str(folder)
    shutil.copytree(run / "gpt", other / "gpt")
    with pytest.raises(UsageError, match="two models have the name tiny/gpt"):
        find_folders([run, other])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 4, "there is no such folder"),
        (["empty"], 4, "this is not a model folder"),
        ([".", "--port", "70000"], 2, "--port must be from 0 to 65,535"),
        ([".", "--host", "0.0.0.0"], 2, "0.0.0.0 can be reached from other machines, so a token is needed"),
        ([".", "--host", "8.8.8.8", "--token", "x"], 5, "can't listen at 8.8.8.8:8000"),
        ([".", "--host", "\u00e9" * 70, "--token", "x"], 5, "can't listen at"),
    ],
)
def test_what_cannot_be_served_is_one_line(arguments, code, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main.run(["serve", *arguments]) == code
    printed = capsys.readouterr().err
    assert message in printed and printed.count("\n") == 1


def test_a_port_in_use_and_a_missing_extra_are_one_line_each(run, monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main.run(["serve", str(run), "--port", str(taken.getsockname()[1])]) == 5
    printed = capsys.readouterr().err
    assert "address already in use; choose another --port" in printed and printed.count("\n") == 1
    monkeypatch.delitem(sys.modules, "twinlm.serve.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main.run(["serve", str(run)]) == 2
    printed = capsys.readouterr().err
    assert 'uvicorn is not installed; pip install "twinlm[serve]"' in printed and printed.count("\n") == 1


def test_only_this_machines_own_addresses_need_no_token():
    assert [is_local(host) for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9")] == [True] * 4
    assert not any(map(is_local, ("0.0.0.0", "::", "10.0.0.1", "", "example.org", "localhost.evil.example")))


def test_a_signal_ends_it_after_every_request_that_was_taken(serving, as_request):
    process, port = serving
    body = {"prompt": "The", "max_tokens": 40, "n": 6, "temperature": 0, "stop": ["no such words"]}
    data = as_request("/v1/completions", body, "Authorization: Bearer sesame")
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(6)
        ]
        for client in clients:
            client.sendall(data)
        end_s = time.monotonic() + 60
        while _taken(port) < 6:
            assert time.monotonic() < end_s
        process.send_signal(signal.SIGTERM)
        answers = [_whole(client) for client in clients]
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    assert all(answer.startswith(b"HTTP/1.1 200") and b'"length"' in answer for answer in answers)


@pytest.fixture
def serving(run):
    """A process that serves a model, and its port; whatever happens, it ends with the test."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TWINLM_TOKEN": "sesame"}
    command = [sys.executable, "-m", "twinlm", "serve", str(run / "gpt"), "--port", "0", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        try:
            started = json.loads(process.stdout.readline())
            assert [model["name"] for model in started["models"]] == ["tiny/gpt"]
            yield process, int(started["address"].rpartition(":")[2])
        finally:
            process.kill()  # an assertion that fails would wait for it


def _taken(port):
    """Return how many requests have been read, answered or not."""
    figures = httpx2.get(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": "Bearer sesame"}).text
    lines = re.findall(r'twinlm_(?:queue_requests{|requests_total{route="/v1/completions).* (.*)', figures)
    return sum(map(float, lines))


def _whole(client):
    whole = b""
    while part := client.recv(65_536):
        whole += part
    return whole
