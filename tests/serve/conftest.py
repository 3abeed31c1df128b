"""A run of tiny models with first weights, and a real server in front of it, on a free port."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

import twinlm
from twinlm.checkpoint import Trained, save_model
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.serve import app, served
from twinlm.serve.limits import DEFAULT_LIMITS, Limits
from twinlm.serve.metrics import Metrics
from twinlm.serve.server import Server, configuration, open_socket
from twinlm.serve.showing import first_page
from twinlm.settings import ModelSettings
from twinlm.system.log import Silent
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import TASKS
from twinlm.tokenizer import train_tokenizer

SENTENCES = ["The red cat sat on the mat.", "A big dog ran to the old house.", "She drinks tea with milk."]
LENGTH = 48
WIDTH = 16
_CONSTANTS = {
    "classification": {"texts": 1.0},
    "similarity": {"mean": 2.0, "deviation": 0.5},
    "span_qa": {"threshold": 0.1},
}


def write_run(run: Path) -> None:
    """Write a run folder: both kinds, classifiers of both, and a BERT for each other kind of task."""
    tokenizer = train_tokenizer(
        SENTENCES * 3, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    sizes = ModelSettings(layers=1, width=WIDTH, heads=2, max_length=LENGTH, dropout=0)
    for name, family in FAMILIES.items():
        model = family.model(family.configure(sizes, tokenizer.vocab_size))
        initialize(model, seed=1, is_truncated=family.is_truncated, deviation=0.3)
        trained = Trained(family=family, model=model.eval(), tokenizer=tokenizer)
        save_model(run / name / "model", trained)
        for kind in TASKS if name == "bert" else ["classification"]:
            _write_tuned(run / "tasks" / kind / name / "seed-1" / "model", trained, kind)


def _write_tuned(folder: Path, trained: Trained, kind: str) -> None:
    task = TaskConfig(
        kind=kind,
        labels=("cat", "dog", "tea"),
        max_length=24,
        stride=6,
        dropout=0.1,
        has_bias=trained.family.has_head_bias,
        constants=_CONSTANTS.get(kind, {}),
    )
    head = TASKS[kind].build_head(task, WIDTH)
    initialize(head, seed=2, is_truncated=False, deviation=0.5)
    tuned = FineTuned(trained.model, head).eval()
    save_model(folder, replace(trained, task=task, tuned=tuned))


def request(path: str, body: Any, *headers: str, close: bool = True) -> bytes:
    """Return a request as bytes; a body that is no bytes is written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    if not any("length" in line.lower() or "chunked" in line for line in headers):
        lines.append(f"Content-Length: {len(data)}")
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", ""]).encode() + data


class Running:
    """A server at work in a thread of this process."""

    def __init__(self, run: Path, limits: Limits, token: str = "", **options: Any) -> None:
        self.socket = open_socket("127.0.0.1", 0, token="")
        self.address = self.socket.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        metrics = Metrics()
        self.models = served.load([run], limits, metrics.on_batch)
        hosts = ("127.0.0.1", "localhost")
        page = first_page(self.models, [run])
        gate = app.build(self.models, metrics, page=page, limits=limits, token=token, hosts=hosts, **options)
        self.server = Server(configuration(gate, limits))
        # Signals belong to the main thread.
        self.server.capture_signals = contextlib.nullcontext
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)

    def start(self) -> None:
        """Start, and wait until requests are answered."""
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """End as a signal does."""
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()

    def raw(self, data: bytes, *, end: bool = False, wait_s: float = 10) -> bytes:
        """Send bytes as they are; return all that comes back until the server closes."""
        with socket.create_connection(self.address, timeout=wait_s) as sock:
            sock.sendall(data)
            if end:
                sock.shutdown(socket.SHUT_WR)
            found = b""
            with contextlib.suppress(ConnectionError):
                while part := sock.recv(65_536):
                    found += part
            return found

    @property
    def requests(self) -> int:
        """Number of requests in all queues."""
        return sum(each.engine.requests for each in self.models.all)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    write_run(folder)
    return folder


@pytest.fixture(scope="session")
def start(run: Path) -> Iterator[Callable[..., Running]]:
    """Return a function that starts a server with limits of its own."""
    started: list[Running] = []

    def begin(token: str = "", folder: Path = run, **limits: Any) -> Running:
        started.append(Running(folder, replace(DEFAULT_LIMITS, **limits), token))
        started[-1].start()
        return started[-1]

    yield begin
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def server(start: Callable[..., Running]) -> Running:
    return start()


@pytest.fixture(scope="session")
def post(server: Running) -> Iterator[Callable[..., Any]]:
    """Return a function (path, body) to (status, answer)."""
    import httpx2

    with httpx2.Client(base_url=server.url, timeout=30) as client:

        def send(path: str, body: Any) -> tuple[int, Any]:
            answer = client.post(path, json=body)
            return answer.status_code, answer.json()

        yield send


@pytest.fixture(scope="session")
def openai(server: Running) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def gpt(run: Path) -> Trained:
    return twinlm.load(run / "gpt")


@pytest.fixture(scope="session")
def bert(run: Path) -> Trained:
    return twinlm.load(run / "bert")


@pytest.fixture(scope="session")
def task(run: Path) -> Callable[[str], Trained]:
    """Return a function that loads the model of a kind of task."""
    return lambda kind: twinlm.load(run / "tasks" / kind / "bert" / "seed-1")


@pytest.fixture(scope="session")
def as_request() -> Callable[..., bytes]:
    return request
