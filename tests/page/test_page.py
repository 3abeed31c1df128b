"""The page as one file: what it refuses, what it escapes, and what its words are."""

import copy
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from twinlm import checkpoint
from twinlm.cli.main import run as twinlm
from twinlm.errors import ModelError, ResourceError, UsageError
from twinlm.page import page as pages
from twinlm.page.run import default_path, write_page
from twinlm.report.report import TWINS

EVIL = "</script><img src=x onerror=alert(1)><!--\u2028&\"'"
WEB = Path(pages.__file__).parent / "web"


class Elements(HTMLParser):
    """The elements of a page, as a browser finds them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._id = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._id = dict(attrs).get("id") or ""

    def handle_data(self, data):
        self.texts[self._id] = self.texts.get(self._id, "") + data


@pytest.fixture(scope="module")
def folders(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name in ("gpt", "bert", "topic/gpt"):
        checkpoint.save_model(folder / name.replace("/", "-") / "model", models[name])
    return folder


def test_text_of_users_can_not_leave_its_place(models, twins):
    task = replace(models["topic/gpt"].task, labels=(EVIL, "b", "c"))
    named = {"gpt": models["gpt"], f"{EVIL}/gpt": replace(models["topic/gpt"], task=task)}
    shown = twins(named, verdict=[EVIL], examples=[EVIL], notes=[EVIL], tasks=[{"name": EVIL, "models": []}])
    html = pages.page(replace(shown, title=EVIL))
    page = Elements(html)
    assert not [tag for tag, _ in page.found if tag == "img"]
    assert not [attributes for _, attributes in page.found if any(key.startswith("on") for key in attributes)]
    data = json.loads(page.texts["data"])
    assert data["title"] == data["verdict"][0] == data["examples"][0] == EVIL
    assert EVIL in data["models"][1]["task"]["labels"]
    assert html.count("</script") == html.count("<script")


def test_no_script_parses_text_as_html():
    for path in WEB.glob("*.js"):
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", path.read_text()
        )
        assert not found, path.name


def test_the_page_needs_no_other_file_and_no_network(written):
    html = written.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert "default-src &#x27;none&#x27;" in policy and "connect-src &#x27;none&#x27;" in policy
    links = [attributes.get("src") or attributes.get("href") for _, attributes in Elements(html).found]
    assert {link for link in links if link} == {"data:,", "#text"}


def test_a_page_of_a_server_holds_no_weights_and_may_ask_it(models, twins):
    html = pages.page(
        twins({"gpt": models["gpt"]}),
        server=pages.Remote(url="/page", names={"gpt": "a/gpt"}, most_weights=9),
    )
    page = Elements(html)
    assert ("body", {"data-server": "/page"}) in page.found
    assert "weights-gpt" not in html and "connect-src &#x27;self&#x27;" in html
    data = json.loads(page.texts["data"])
    assert "index" not in data["models"][0]
    assert (data["served"], data["mostWeights"]) == ({"gpt": "a/gpt"}, 9)


def test_all_languages_have_all_words_with_the_same_gaps():
    words = {name: json.loads((WEB / f"words.{name}.json").read_text()) for name in pages.LANGUAGES}
    first = words[pages.LANGUAGES[0]]
    for other in words.values():
        assert other.keys() == first.keys()
        for key, text in other.items():
            assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", first[key])), key
    used = "".join(path.read_text() for path in [*WEB.glob("*.js"), *WEB.glob("*.html")])
    assert not [key for key in re.findall(r'\bt\("([\w.]+)"', used) if key not in first]
    assert not [key for key in re.findall(r'data-(?:word|label)="([\w.]+)"', used) if key not in first]
    parts = [*re.findall(r'"([\w.]+)"', used), "language"]
    built = ("tour.", "theme.", "read.sees.", "attention.shape.", "differ.")
    assert not [key for key in first if key not in parts and not key.startswith(built)]


def test_files_of_the_page_are_short():
    assert not [path.name for path in WEB.iterdir() if len(path.read_text().splitlines()) > 300]


def test_two_model_folders_become_a_page(folders, tmp_path):
    path = tmp_path / "out" / "twins.html"
    assert twinlm(["page", str(folders / "gpt"), str(folders / "bert"), "--out", str(path)]) == 0
    assert [model["name"] for model in json.loads(Elements(path.read_text()).texts["data"])["models"]] == [
        "gpt",
        "bert",
    ]


def test_one_model_alone_is_shown_and_the_other_is_missed(folders, tmp_path, capsys):
    assert twinlm(["page", str(folders / "gpt"), "--out", str(tmp_path / "one.html")]) == 0
    assert "There is no BERT here" in capsys.readouterr().out


def test_a_run_without_a_comparison_shows_its_models(folders, tmp_path):
    shown = write_page([folders], tmp_path / "run.html")
    assert [model.name for model in shown.models] == ["gpt", "bert"] and not shown.tasks
    assert default_path([folders]) == folders / TWINS and default_path([folders / "gpt"]) == Path(TWINS)


def test_what_is_no_model_is_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="not a model folder"):
        write_page([tmp_path / "empty"], tmp_path / "twins.html")
    with pytest.raises(ModelError, match="no such folder"):
        write_page([tmp_path / "nothing"], tmp_path / "twins.html")
    with pytest.raises(UsageError, match="both folders hold a GPT"):
        write_page([folders / "gpt", folders / "gpt"], tmp_path / "twins.html")
    with pytest.raises(UsageError, match="fine-tuned"):
        write_page([folders / "topic-gpt"], tmp_path / "twins.html")
    assert not (tmp_path / "twins.html").exists()


def test_a_path_that_can_not_be_written_is_refused(folders, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError):
        write_page([folders], tmp_path / "file" / "twins.html")


def test_a_model_too_large_for_a_page_is_refused_with_its_size(models, twins, monkeypatch):
    monkeypatch.setattr(pages, "LARGEST_BYTES", 2**15)
    with pytest.raises(ModelError, match=r"MiB for [\d,]+ weights.*twinlm serve"):
        pages.page(twins(models))


def test_a_weight_too_large_for_16_bits_is_refused(models, twins):
    large = replace(models["gpt"], model=copy.deepcopy(models["gpt"].model))
    with torch.no_grad():
        large.model.token_embedding.weight *= 1e6
    with pytest.raises(ModelError, match="too large for 16 bits"):
        pages.page(twins({"gpt": large}))
