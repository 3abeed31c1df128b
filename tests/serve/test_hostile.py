"""Clients that err, lie, dawdle or leave: each gets its 4xx, and nobody else notices."""

import concurrent.futures
import contextlib
import json
import random
import socket
import time

import httpx2
import pytest

EMBED = {"inputs": "The red cat"}
LONG = {"prompt": "The", "max_tokens": 40, "temperature": 0, "n": 64}


def status(answer):
    return int(answer.split(b" ", 2)[1])


def wait_for(condition, *, wait_s=5.0):
    end_s = time.monotonic() + wait_s
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.005)
    assert condition()


@pytest.mark.parametrize(
    "body",
    [
        b'{"inputs": NaN}',
        b'{"inputs": "a", "inputs": "b"}',
        b'{"inputs": "\\ud800"}',
        b'{"inputs": 1e999}',
        b'{"inputs": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"inputs": "\xff\xfe"}',
        b'{"inputs": "a"',
        b"",
        b"null",
        b'"a"',
    ],
    ids=["NaN", "twice", "surrogate", "1e999", "digits", "deep", "UTF-8", "cut", "empty", "null", "text"],
)
@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_what_is_no_strict_json_is_refused(server, as_request, path, body):
    answer = server.raw(as_request(path, body))
    assert status(answer) in (400, 422)
    assert b"error" in answer and b"Traceback" not in answer


@pytest.mark.parametrize(
    "headers", [("Content-Type: text/plain",), ("Content-Type: application/x-www-form-urlencoded",)]
)
def test_another_type_of_content_is_refused(server, as_request, headers):
    data = as_request("/embed", EMBED).replace(b"Content-Type: application/json", headers[0].encode())
    answer = server.raw(data)
    assert status(answer) == 422 and b"send JSON" in answer


def test_a_large_body_is_refused_before_it_is_read(server, as_request):
    said = as_request("/embed", b"", "Content-Length: 99999999999999999999")
    assert status(server.raw(said)) == 413
    whole = as_request("/embed", json.dumps({"inputs": "a" * (1 << 20)}).encode())
    assert status(server.raw(whole)) == 413
    chunks = b"".join(b"10000\r\n" + b" " * 65_536 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
    assert status(server.raw(as_request("/embed", chunks, "Transfer-Encoding: chunked"))) == 413


def test_a_large_header_and_what_is_no_http_are_refused(server):
    assert status(server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40_000)) in (400, 431)
    assert status(server.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n")) == 400
    assert status(server.raw(b"GET / HTTP/1.1\r\n\r\n")) == 400  # no host


def test_a_body_that_is_cut_off_costs_nothing(server, as_request):
    data = as_request("/embed", {"inputs": "a" * 1000})
    assert server.raw(data[:-500], end=True) == b""
    assert server.requests == 0


def test_slow_clients_are_cut_off(start, as_request):
    slow = start(header_s=0.2, body_s=0.2)
    began_s = time.monotonic()
    assert slow.raw(b"") == b""
    assert slow.raw(b"POST /embed HTTP/1.1\r\nHost: loc") == b""
    late = slow.raw(as_request("/embed", EMBED)[:-5])
    assert status(late) == 408 and b"connection: close" in late.lower()
    assert time.monotonic() - began_s < 5
    # A second header on the same connection has no more time.
    with socket.create_connection(slow.address, timeout=5) as sock:
        sock.sendall(as_request("/embed", EMBED, close=False))
        answer = b""
        while not answer.endswith(b"]]"):
            answer += sock.recv(65_536)
        assert status(answer) == 200
        sock.sendall(b"POST /emb")
        with contextlib.suppress(ConnectionError):
            assert sock.recv(65_536) == b""


def test_a_client_that_does_not_read_is_cut_off(start, as_request):
    stalled = start(stalled_s=0.3)
    body = {"inputs": ["The red cat sat on the mat and drinks tea"] * 2000, "truncate": True}
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(stalled.address)
        sock.sendall(as_request("/embed_all", body))
        wait_for(lambda: stalled.server.server_state.connections)
        wait_for(lambda: not stalled.server.server_state.connections, wait_s=15)


def test_more_connections_than_allowed_are_closed(start):
    few = start(connections=3)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(few.address, timeout=5)) for _ in range(3)]
        wait_for(lambda: len(few.server.server_state.connections) == 3)
        with contextlib.suppress(ConnectionError):
            assert few.raw(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
        held[0].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status(held[0].recv(1000)) == 200


@pytest.fixture(scope="module")
def narrow(start):
    return start(requests=2, request_s=20)


def test_a_full_queue_says_when_to_come_back_and_health_still_answers(narrow, as_request):
    """The worker is held inside the model, as by a long text."""
    with held(narrow, "tiny/gpt"), contextlib.ExitStack() as stack:
        for _ in range(2):
            sock = stack.enter_context(socket.create_connection(narrow.address, timeout=10))
            sock.sendall(as_request("/v1/completions", LONG))
        wait_for(lambda: narrow.requests == 2)
        full = narrow.raw(as_request("/v1/completions", LONG))
        assert status(full) == 429 and b"retry-after: 1" in full.lower()
        assert b'"rate_limit_error"' in full
        assert httpx2.get(narrow.url + "/health").status_code == 200
        assert status(narrow.raw(as_request("/embed", EMBED))) == 200  # another model's queue
    wait_for(lambda: narrow.requests == 0)


@pytest.mark.parametrize("stream", [False, True])
def test_the_work_for_a_client_that_leaves_is_stopped(narrow, as_request, stream):
    engine = narrow.models.named("tiny/gpt").engine
    with held(narrow, "tiny/gpt"):
        with socket.create_connection(narrow.address, timeout=10) as sock:
            sock.sendall(as_request("/v1/completions", {**LONG, "stream": stream}))
            wait_for(lambda: engine.requests == 1)
        left_s = time.monotonic()
        wait_for(lambda: engine.requests == 0, wait_s=1)
        assert time.monotonic() - left_s < 0.25
    wait_for(lambda: not engine._waiting and not engine._at_work)
    figures = httpx2.get(narrow.url + "/metrics").text
    assert "twinlm_disconnects_total 0.0" not in figures


def test_a_stream_is_stopped_between_two_tokens(narrow, as_request):
    engine = narrow.models.named("tiny/gpt").engine
    with socket.create_connection(narrow.address, timeout=10) as sock:
        sock.sendall(as_request("/v1/completions", {**LONG, "stream": True, "n": 20}))
        begun = b""
        while b"data:" not in begun:
            begun += sock.recv(4096)
    wait_for(lambda: engine.requests == 0, wait_s=1)


def test_a_late_request_is_told_so(start, as_request):
    hasty = start(request_s=0.2)
    with held(hasty, "tiny/bert"):
        late = hasty.raw(as_request("/embed", EMBED))
    assert status(late) == 408 and b"not answered within 0.2 seconds" in late


def test_a_request_larger_than_the_queue_is_refused(start, as_request):
    small = start(tokens=100)
    answer = small.raw(as_request("/embed", {"inputs": ["The red cat sat on the mat"] * 20}))
    assert status(answer) == 413 and b"send it in parts" in answer


def test_names_of_other_sites_are_refused(server):
    for host, wanted in (("evil.example", 403), ("localhost:8000", 200), ("127.0.0.1", 200), ("", 403)):
        answer = server.raw(f"GET /info HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert status(answer) == wanted, host


def test_a_token_is_asked_for_everywhere_but_at_health(start):
    guarded = start(token="sesame")
    get = lambda path, **how: httpx2.get(guarded.url + path, **how).status_code  # noqa: E731
    assert [get(path) for path in ("/health", "/", "/metrics", "/info", "/openapi.json")] == [200, *[401] * 4]
    assert get("/info", headers={"Authorization": "Bearer sesame"}) == 200
    assert get("/info", auth=("anyone", "sesame")) == 200
    for wrong in ("Bearer sesam", "Bearer", "Basic !!!", "sesame", "Bearer s\u00e9same"):
        assert get("/info", headers={"Authorization": wrong.encode("latin-1")}) == 401
    answer = httpx2.get(guarded.url + "/v1/models")
    assert answer.json()["error"]["type"] == "authentication_error"


def test_one_bad_request_never_hurts_its_batch(server, as_request):
    """Some of them wait together: their batch fails, is halved, and only the bad ones are told."""
    good, bad = {"inputs": "The red cat"}, {"inputs": "cat " * 90}
    engine = server.models.named("tiny/bert").engine
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        with held(server, "tiny/bert"):
            asked = [bad if number % 4 == 1 else good for number in range(12)]
            answers = [pool.submit(server.raw, as_request("/embed", body)) for body in asked]
            wait_for(lambda: engine.requests == 12)
        found = [answer.result() for answer in answers]
    assert [status(answer) for answer in found] == [400 if body is bad else 200 for body in asked]
    assert len({answer.split(b"\r\n\r\n")[1] for answer in found}) == 2


def test_a_fault_of_ours_is_one_answer_and_one_line_without_text(server, as_request, caplog, monkeypatch):
    def fail(*_, **__):
        raise ValueError("a secret word")

    monkeypatch.setattr("twinlm.serve.work.embed", fail)
    answer = server.raw(as_request("/embed", {"inputs": "a secret word"}))
    assert status(answer) == 500
    assert b"secret" not in answer and "secret" not in caplog.text
    number = json.loads(answer.split(b"\r\n\r\n")[1])["error"].split()[-1]
    assert number in caplog.text
    monkeypatch.undo()
    assert status(server.raw(as_request("/embed", EMBED))) == 200


def test_some_hundred_requests_of_all_sorts_are_answered_below_500(server, load_helper):
    """The short form of `make load`."""
    from pathlib import Path

    load = load_helper(Path(__file__).parents[2] / "benchmarks" / "load.py")
    chance = random.Random(1)
    found = load.ask(server.address, [load.draw(chance) for _ in range(300)], clients=16)
    assert sum(found.values()) == 300
    assert not [code for code in found if code >= 500]
    assert found[200] > 150
    assert server.requests == 0


@contextlib.contextmanager
def held(server, name):
    """Hold a model's thread inside its next batch until the block ends."""
    import threading

    go = threading.Event()
    model = server.models.named(name).trained.model
    hook = model.blocks[0].register_forward_pre_hook(lambda *_: go.wait(30) and None, prepend=True)
    try:
        yield
    finally:
        hook.remove()
        go.set()
