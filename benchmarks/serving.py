"""Throughput of /embed: 32 clients against one at a time, and against a plain sentence-transformers server.

    python benchmarks/serving.py FOLDER --clients 32 --rounds 3

FOLDER is a sentence-transformers model; it is imported for twinlm. Both servers have as many threads, run in
processes of their own, and are asked in turns by the same clients. The plain server is what its documentation
shows: FastAPI, and `model.encode` for each request, in the threads that FastAPI gives to plain functions.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

WORDS = (
    "the",
    "river",
    "flows",
    "past",
    "an",
    "old",
    "town",
    "and",
    "sells",
    "bread",
    "tea",
    "near",
    "a",
    "bridge",
)
PLAIN = """
import sys
import torch, uvicorn
from fastapi import FastAPI
from sentence_transformers import SentenceTransformer

torch.set_num_threads(int(sys.argv[2]))
model = SentenceTransformer(sys.argv[1], device="cpu")
app = FastAPI()

@app.post("/embed")
def embed(body: dict):
    return model.encode([body["inputs"]], normalize_embeddings=True).tolist()

uvicorn.run(app, port=int(sys.argv[3]), log_level="critical")
"""


def main() -> None:
    """Measure, and print one line for each way of asking."""
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=Path)
    options.add_argument("--clients", type=int, default=32)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--threads", type=int, default=1)
    given = options.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = [sys.executable, "-m", "twinlm", "import", str(given.folder), "--out", str(folder / "bert")]
        subprocess.run(ours, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        environment = {"OMP_NUM_THREADS": str(given.threads), "HF_HUB_OFFLINE": "1"}
        plain = [sys.executable, "-c", PLAIN, str(given.folder), str(given.threads), "8601"]
        serve = [sys.executable, "-m", "twinlm", "serve", str(folder / "bert"), "--port", "8602"]
        for command in (plain, serve):
            stack.enter_context(_running(command, environment))
        ports = {"plain": 8601, "twinlm": 8602}
        for port in ports.values():
            _wait(port)
        _compare_vectors(*ports.values())
        found: dict[tuple[str, int], list[float]] = {}
        for _ in range(given.rounds):
            for clients in (1, given.clients):
                for name, port in ports.items():
                    rate = _rate(port, clients, given.seconds)
                    found.setdefault((name, clients), []).append(rate)
    for (name, clients), rates in found.items():
        low, high = min(rates), max(rates)
        print(
            f"{name}, {clients} at a time: {median(rates):,.0f} requests a second ({low:,.0f} to {high:,.0f})"
        )
    for first, second in (
        (("twinlm", given.clients), ("twinlm", 1)),
        (("twinlm", given.clients), ("plain", given.clients)),
        (("twinlm", 1), ("plain", 1)),
    ):
        ratios = sorted(one / other for one, other in zip(found[first], found[second], strict=True))
        shown = f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{first[0]} at {first[1]} over {second[0]} at {second[1]}: {shown}")


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    import os

    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _wait(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            _ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60), "the river")
            return
        time.sleep(0.1)
    raise SystemExit(f"nothing answers at port {port}")


def _compare_vectors(first: int, second: int) -> None:
    one, other = (
        _ask(http.client.HTTPConnection("127.0.0.1", port), "the river flows") for port in (first, second)
    )
    difference = max(abs(a - b) for a, b in zip(one[0], other[0], strict=True))
    assert difference < 1e-4, difference


def _rate(port: int, clients: int, seconds: float) -> float:
    """Return answered requests a second."""
    end_s = time.perf_counter() + seconds

    def work(number: int) -> int:
        chance, count = random.Random(number), 0
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() < end_s:
            _ask(connection, " ".join(chance.choices(WORDS, k=chance.randint(4, 40))))
            count += 1
        return count

    began_s = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        count = sum(pool.map(work, range(clients)))
    return count / (time.perf_counter() - began_s)


def _ask(connection: http.client.HTTPConnection, text: str) -> list[list[float]]:
    body = json.dumps({"inputs": text})
    connection.request("POST", "/embed", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    assert answer.status == 200, data
    found: list[list[float]] = json.loads(data)
    return found


if __name__ == "__main__":
    main()
