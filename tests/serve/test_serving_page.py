"""Every command and every Python line of docs/serving.md runs against a server."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import huggingface_hub
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
CURLS = re.findall(r"^curl .*", PAGE, re.MULTILINE)
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
# Routes that no client calls by hand.
UNSHOWN = {"/"}


@pytest.fixture(scope="module")
def here(server):
    """Return a function that puts the tests' server and models into a text."""
    names = {
        "http://localhost:8000": server.url,
        "localhost:8000": server.url,
        "demo/topic/": "tiny/classification/",
        "demo/": "tiny/",
    }

    def put(text):
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    return put


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("command", CURLS)
def test_a_curl_command_is_answered(here, command):
    said = subprocess.run(
        [*shlex.split(here(command)), "--fail-with-body"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout
    assert said.stdout


@pytest.mark.parametrize("block", BLOCKS)
def test_python_lines_run(here, block, monkeypatch, capsys):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    exec(here(block), {})
    assert capsys.readouterr().out


def test_every_route_is_shown(server):
    import httpx2

    routes = set(httpx2.get(f"{server.url}/openapi.json").json()["paths"]) - UNSHOWN
    shown = {re.sub(r"(/v1/models/).*", r"\1{name}", re.search(r"8000(/[\w/]*)", each)[1]) for each in CURLS}
    assert shown == routes
