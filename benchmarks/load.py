"""Load a server with requests of which some are hostile; count answers, memory and the time of /health.

    python benchmarks/load.py --requests 100000

The tests' run of tiny models is served by `twinlm serve` in a process of its own, and asked by threads. Three
figures are promised: no answer of 5xx; at most 5 % more memory after the first 5,000 requests; and 99 % of
the answers of /health within 50 ms while ten times as many clients ask.
"""

import argparse
import concurrent.futures
import contextlib
import json
import multiprocessing
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORDS = (
    "the",
    "red",
    "cat",
    "sat",
    "on",
    "a",
    "big",
    "dog",
    "ran",
    "house",
    "she",
    "drinks",
    "tea",
    "猫",
    "café",
)
HOSTILE_SHARE = 0.3
NO_ANSWER = 0
WARM_UP = 5000


def draw(chance: random.Random) -> bytes:
    """Return a request: valid, or hostile in one of many ways."""
    return _hostile(chance) if chance.random() < HOSTILE_SHARE else _valid(chance)


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(1, 12)))


def _valid(chance: random.Random) -> bytes:
    text = _text(chance)
    path, body = chance.choice(
        [
            ("/embed", {"inputs": [_text(chance) for _ in range(chance.randint(1, 4))], "truncate": True}),
            ("/v1/embeddings", {"input": text, "truncate": True, "encoding_format": "base64"}),
            ("/v1/completions", {"prompt": "the red", "max_tokens": chance.randint(0, 8), "logprobs": 1}),
            ("/v1/completions", {"prompt": "a big", "max_tokens": 4, "stream": True}),
            ("/predict", {"inputs": text}),
            ("/fill", {"texts": ["the [MASK] cat"], "top_k": 3}),
            ("/score", {"texts": ["the red cat"], "model": chance.choice(["tiny/gpt", "tiny/bert"])}),
            ("/rerank", {"query": "tea", "texts": [text, "milk"]}),
            ("/tokenize", {"inputs": text}),
            ("/surprise", {"text": "the red cat", "model": chance.choice(["tiny/gpt", "tiny/bert"])}),
            ("/tag", {"sentences": [["the", "cat"]]}),
        ]
    )
    return _request(path, json.dumps(body, ensure_ascii=chance.random() < 0.5).encode())


def _hostile(chance: random.Random) -> bytes:
    good = _valid(chance)
    head, _, body = good.partition(b"\r\n\r\n")
    path = head.split(b" ")[1].decode()
    kind = chance.randrange(10)
    if kind == 0:  # wrong types
        wrong = chance.choice([None, 1, True, [], {}, [[]], [1.5], {"a": [None]}, -1, 1e300, "", ["a", 1]])
        fields = ["inputs", "prompt", "texts", "input", "max_tokens", "model", "n", "temperature", "top_k"]
        return _request(path, json.dumps({chance.choice(fields): wrong}).encode())
    if kind == 1:  # huge
        return _request(path, b'{"inputs": "' + b"a" * chance.choice([400_000, 1_100_000]) + b'"}')
    if kind == 2:  # cut off
        return good[: chance.randrange(len(good))]
    if kind == 3:  # not UTF-8
        place = chance.randrange(len(body))
        return _request(path, body[:place] + bytes([chance.randrange(128, 256)]) + body[place:])
    if kind == 4:  # a byte changed
        place = chance.randrange(len(good))
        return good[:place] + bytes([chance.randrange(256)]) + good[place + 1 :]
    if kind == 5:
        numbers = [b"NaN", b"1e999", b"-Infinity", b"9" * 5000, b'"\\ud800"', b"[" * 50_000]
        return _request(path, b'{"inputs": ' + chance.choice(numbers) + b"}")
    if kind == 6:
        return _request(chance.choice(["/", "/nothing", "/v1/../etc/passwd", "/v1/models", "/%00"]), body)
    if kind == 7:
        return _request("/v1/completions", json.dumps({"prompt": [[10**6]], "max_tokens": 10**9}).encode())
    if kind == 8:
        return good.replace(b"Content-Length: ", b"Content-Length: 9")
    return bytes(chance.randrange(256) for _ in range(chance.randint(1, 200))) + b"\r\n\r\n"


def _request(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    )
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def ask(address: tuple[str, int], requests: Sequence[bytes], *, clients: int) -> Counter[int]:
    """Send requests with so many clients; return how many answers had each status, 0 for none."""
    found: Counter[int] = Counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        found.update(pool.map(lambda request: ask_once(address, request), requests))
    return found


def ask_once(address: tuple[str, int], request: bytes) -> int:
    """Send one request, and say that nothing follows; return the status, 0 if the server only closes."""
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=60) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(request)
            if not _is_whole(request):
                sock.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while not _is_whole(answer) and (part := sock.recv(65_536)):
                answer += part
        if answer:
            return int(answer.split(b" ", 2)[1])
    return NO_ANSWER


def _is_whole(request: bytes) -> bool:
    """Tell whether a request or an answer has all the bytes that it promises."""
    head, found, body = request.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    size = next((line[16:] for line in lines if line.startswith(b"content-length: ")), b"")
    return bool(found) and size.isdigit() and len(body) >= int(size)


def memory_bytes(process: int) -> int:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) * 1024


def watch(address: tuple[str, int], over: Any, found: Any) -> None:
    """Ask /health until it is over, and pass on the times; in a process that waits for no other client."""
    seconds: list[float] = []
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    while not over.is_set():
        began_s = time.perf_counter()
        assert ask_once(address, request) == 200
        seconds.append(time.perf_counter() - began_s)
        time.sleep(0.02)
    found.put(sorted(seconds))


def main() -> None:
    """Run it, and print one line a figure."""
    options = argparse.ArgumentParser()
    options.add_argument("--requests", type=int, default=100_000)
    options.add_argument("--clients", type=int, default=16)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (process, address):
        ask(address, [_valid(chance) for _ in range(200)], clients=4)
        found: Counter[int] = Counter()
        first = 0
        warm_up = min(WARM_UP, given.requests // 2)
        began_s = time.perf_counter()
        for begin in range(0, given.requests, 500):
            size = min(500, given.requests - begin)
            found += ask(address, [draw(chance) for _ in range(size)], clients=given.clients)
            if not first and begin + size >= warm_up:
                first = memory_bytes(process)
        seconds = time.perf_counter() - began_s
        last = memory_bytes(process)
        others = multiprocessing.get_context("spawn")
        over, times = others.Event(), others.Queue()
        watching = others.Process(target=watch, args=(address, over, times), daemon=True)
        watching.start()
        busy = ask(
            address,
            [_valid(chance) for _ in range(max(2000, given.requests // 10))],
            clients=10 * given.clients,
        )
        over.set()
        health = times.get(timeout=60)
    bad = sum(count for code, count in (found + busy).items() if code >= 500)
    speed, statuses = given.requests / seconds, dict(sorted(found.items()))
    print(f"{given.requests:,} requests, {speed:,.0f} a second: {statuses}")
    print(f"answers of 5xx: {bad}")
    growth = last / first - 1
    print(f"memory: {first / 1e6:,.0f} MB after {warm_up:,}, {last / 1e6:,.0f} MB at the end: {growth:+.1%}")
    median, slow = (health[int(share * (len(health) - 1))] for share in (0.5, 0.99))
    print(f"ten times the clients: {dict(sorted(busy.items()))}")
    print(f"/health p50 {1000 * median:.0f} ms, p99 {1000 * slow:.0f} ms of {len(health):,}")
    sys.exit(bool(bad) or growth > 0.05 or slow > 0.05)


@contextlib.contextmanager
def serving(folder: Path):
    """Serve a tiny run in a process of its own; yield its id and address."""
    import importlib.util

    tests = Path(__file__).parents[1] / "tests" / "serve" / "conftest.py"
    specification = importlib.util.spec_from_file_location("serve_conftest", tests)
    assert specification is not None and specification.loader is not None
    helper = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(helper)
    helper.write_run(folder / "tiny")
    command = [sys.executable, "-m", "twinlm", "serve", str(folder / "tiny"), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        host, _, port = address.removeprefix("http://").rpartition(":")
        try:
            yield process.pid, (host, int(port))
        finally:
            process.terminate()
            assert process.wait(30) == 0, process.returncode


if __name__ == "__main__":
    main()
