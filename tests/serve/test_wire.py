"""HTTP as it comes over the wire: old, pipelined, chunked, contradictory, and in other encodings."""

import json
import shutil
import socket

import pytest

EMBED = {"inputs": "The red cat"}
HEAD = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def statuses(data):
    return [int(part.split(b" ", 1)[0]) for part in data.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("HEAD /health", 200),
        ("OPTIONS /embed", 405),
        ("GET /embed", 405),
        ("PUT /embed", 405),
        ("TRACE /", 405),
        ("GET /v1/%00", 404),
        ("GET /v1/../etc/passwd", 404),
        ("GET http://localhost/nothing", 404),
        ("GET /info?model=%ff", 404),
        ("GET /info?model=" + "a" * 5000, 422),
    ],
)
def test_another_method_or_path_is_no_fault(server, line, status):
    answer = server.raw(f"{line} {HEAD}".encode())
    assert statuses(answer) == [status]
    if line.startswith("HEAD"):
        assert answer.endswith(b"\r\n\r\n")
    if line.startswith("OPTIONS"):
        assert b"access-control" not in answer.lower()  # no page of another site may ask


def test_an_old_client_is_answered(server, as_request):
    data = (
        as_request("/embed", EMBED).replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Connection: close\r\n", b"")
    )
    assert statuses(server.raw(data)) == [200]


def test_pipelined_requests_are_answered_in_their_order(server, as_request):
    bad = as_request("/embed", {"inputs": 1}, close=False)
    good = as_request("/tokenize", EMBED, close=False)
    last = as_request("/v1/completions", {"prompt": "The", "max_tokens": 2})
    assert statuses(server.raw(good + bad + good + last)) == [200, 422, 200, 200]


def test_a_body_in_chunks_is_read_and_a_broken_one_refused(server, as_request):
    body = json.dumps(EMBED).encode()
    chunks = b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in body) + b"0\r\nX-Trailer: a\r\n\r\n"
    assert statuses(server.raw(as_request("/embed", chunks, "Transfer-Encoding: chunked"))) == [200]
    assert statuses(server.raw(as_request("/embed", b"zz\r\n{}", "Transfer-Encoding: chunked"))) in (
        [400],
        [],
    )
    both = as_request("/embed", b"0\r\n\r\n", "Content-Length: 5", "Content-Length: 6")
    assert statuses(server.raw(both)) == [400]
    assert server.requests == 0


@pytest.mark.parametrize("coding", ["utf-16", "utf-32", "utf-8-sig"])
def test_another_encoding_than_utf_8_is_refused(server, as_request, coding):
    assert statuses(server.raw(as_request("/embed", json.dumps(EMBED).encode(coding)))) == [400]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"prompt": "a", "n": 10**9}),
        ("/v1/completions", {"prompt": "a", "max_tokens": -1}),
        ("/v1/completions", {"prompt": "a", "stop": ["x"] * 1000}),
        ("/v1/completions", {"prompt": "a", "stop": ""}),
        ("/v1/completions", {"prompt": "a", "seed": 2**63}),
        ("/v1/completions", {"prompt": "a", "temperature": 1e308}),
        ("/v1/completions", {"prompt": "a", "logit_bias": {"1": 5}}),
        ("/v1/completions", {"prompt": [2**70]}),
        ("/v1/completions", {"prompt": [[-1]]}),
        ("/v1/completions", {"prompt": ["", [1]]}),
        ("/v1/completions", {"prompt": "a", "logprobs": 21}),
        ("/v1/completions", {"prompt": "a", **{f"x{number}": 0 for number in range(50_000)}}),
        ("/embed", {"inputs": {"source_sentence": "a"}}),
        ("/embed", {"inputs": ["a"] * 3000}),
        ("/embed", {"inputs": [["a"] * 100_000]}),
        ("/embed", {"inputs": "a" * 70_000}),
        ("/embed", {"inputs": "a", "model": "../../etc/passwd"}),
        ("/embed", {"inputs": "\u0000"}),
        ("/decode", {"ids": [-1]}),
        ("/predict", {"inputs": [["a", "b", "c"]]}),
        ("/answer", {"questions": [{"question": "a", "context": "b", "more": {}}]}),
        ("/surprise", {"ids": [1], "masked": [-1]}),
        ("/surprise", {"text": "a", "positions": [10**9]}),
        ("/rank", {"prompt": "{} {}", "candidates": ["a", "b"]}),
    ],
)
def test_a_value_out_of_range_is_the_clients_fault(server, as_request, path, body):
    (status,) = statuses(server.raw(as_request(path, body)))
    assert 400 <= status < 500 or body.get("inputs") == "\u0000" or path == "/rank"


def test_temperatures_at_both_ends_give_a_text(post):
    for temperature in (0, 1e-308, 2):
        status, answer = post("/v1/completions", {"prompt": "The", "temperature": temperature, "seed": 1})
        assert (status, len(answer["choices"])) == (200, 1)
    smallest = {"prompt": "The", "top_p": 1e-308, "seed": 1, "min_p": 1}
    assert (
        post("/v1/completions", smallest)[1]["choices"][0]["text"]
        == (post("/v1/completions", {"prompt": "The", "temperature": 0})[1]["choices"][0]["text"])
    )


def test_a_folder_that_goes_away_is_served_on(start, run, tmp_path, as_request):
    folder = tmp_path / "tiny"
    shutil.copytree(run / "gpt", folder / "gpt")
    gone = start(folder=folder / "gpt")
    before = gone.raw(as_request("/v1/completions", {"prompt": "The", "temperature": 0}))
    shutil.rmtree(folder)
    after = gone.raw(as_request("/v1/completions", {"prompt": "The", "temperature": 0}))
    assert (
        json.loads(before.split(b"\r\n\r\n")[1])["choices"]
        == json.loads(after.split(b"\r\n\r\n")[1])["choices"]
    )
    assert statuses(gone.raw(f"GET / {HEAD}".encode())) == [200]


def test_bodies_on_their_way_count_as_held(start, as_request):
    """Many that arrive slowly must not take more memory together than is allowed."""
    narrow = start(buffered_bytes=100_000, body_s=20)
    data = as_request("/embed", {"inputs": "a" * 60_000})
    with socket.create_connection(narrow.address, timeout=10) as first:
        first.sendall(data[:-10])
        with socket.create_connection(narrow.address, timeout=10) as second:
            second.sendall(data[:-10])
            assert statuses(second.recv(1000)) == [429]
        first.sendall(data[-10:])
        assert statuses(first.recv(1000)) == [400]  # a long text, but a whole request
    assert statuses(narrow.raw(as_request("/embed", EMBED))) == [200]
