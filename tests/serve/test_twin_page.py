"""The twin page at /, in Chromium: the server computes what it shows."""

import shutil
import sys
from pathlib import Path

import httpx2
import pytest

import twinlm
from twinlm.serve.served import Models
from twinlm.serve.showing import first_page

READ = (
    "[...state.said.values()].every((said) => said.every(Boolean)) && state.attention.size === READERS.length"
)


@pytest.fixture(scope="module")
def shown(start, run, made, tmp_path_factory):
    """A server of a run with results, whose page shows its classifiers."""
    folder = tmp_path_factory.mktemp("shown") / "tiny"
    shutil.copytree(run, folder)
    made.write_run(folder, [made.answers("classification", arms=("gpt", "bert"), models=1)])
    return start(folder=folder)


@pytest.fixture(scope="module")
def opened(shown, tmp_path_factory, load_helper):
    driver = load_helper(Path(__file__).parents[1] / "page" / "chromium.py")
    if driver.PATH is None or sys.platform != "linux":
        pytest.skip("there is no Chromium")
    with driver.Chromium(tmp_path_factory.mktemp("profile")) as browser:
        browser.open(shown.url)
        browser.wait(f"tasks.answers.size === 2 && {READ}")
        yield browser


def test_a_sentence_typed_is_read_by_both_models_of_the_server(opened, gpt, bert):
    text = "The old dog drinks caf\u00e9."
    opened.value(f"$('text').value = '{text}'; $('text').dispatchEvent(new Event('input'))")
    opened.wait(f"state.text === '{text}' && {READ} && writing.bert.guesses && writing.gpt.next")
    for name, model in (("GPT", gpt), ("BERT", bert)):
        bits = opened.value(f"state.said.get({name}.name).map((each) => each.bits)")
        wanted = twinlm.surprise(model, text, with_attention=True)
        assert bits == pytest.approx(wanted.bits, abs=1e-3)
        row = opened.value(f"state.attention.get({name}.name).weights[0][1].at(-1)")
        assert row == pytest.approx(wanted.attention.weights[0][1][-1], abs=1e-4)
    assert opened.value("$('sentence').querySelectorAll('.bits.gpt').length") > 4
    assert opened.value("$('matrices').querySelectorAll('svg').length") == 2
    assert not opened.reports


def test_bert_fills_a_gap_and_gpt_types_on(opened, bert):
    opened.value("$('sentence').querySelector('.piece').click()")
    opened.wait(f"state.masks.size && {READ} && writing.bert.guesses")
    position, best = opened.value("[...writing.bert.guesses][0]")
    tokens = bert.tokenizer.encode(opened.value("state.text"))
    masked = opened.value("maskedTokens()")
    wanted = twinlm.surprise(bert, tokens, masked=masked, positions=[position]).top[0][0]
    assert best[0] == [wanted[0], pytest.approx(wanted[1], abs=1e-4)]
    opened.value("writing.step(GPT).then(() => writing.step(BERT))")
    assert opened.value("writing.gpt.written.length === 1 && writing.bert.filled.size === 1")
    assert not opened.reports


def test_classifiers_and_the_next_sentence_are_those_of_the_server(opened, shown):
    opened.value("$('second').value = 'She drinks tea.'; page.changed()")
    opened.wait("tasks.follows > 0 && tasks.answers.size === 2")
    text = opened.value("state.text")
    body = {"inputs": text, "model": "tiny/classification/gpt"}
    wanted = httpx2.post(f"{shown.url}/predict", json=body).json()
    assert opened.value("tasks.answers.get('classification/gpt')") == wanted
    pairs = {"pairs": [[text, "She drinks tea."]]}
    (chance,) = httpx2.post(f"{shown.url}/follows", json=pairs).json()["probabilities"]
    assert opened.value("tasks.follows") == pytest.approx(chance, abs=1e-5)
    assert "agree" in opened.value("$('answers').textContent") or "GPT" in opened.value(
        "$('answers').textContent"
    )


def test_a_text_with_too_many_attention_weights_says_so(opened):
    opened.value("DATA.mostWeights = 9; page.take('The red cat')")
    opened.wait("state.attention.size === READERS.length")
    assert "too many numbers" in opened.value("$('matrices').textContent")
    assert not opened.reports


def test_without_a_model_that_reads_words_the_page_is_a_list(server):
    tuned = Models([each for each in server.models.all if each.trained.task], server.models.turns)
    page = first_page(tuned, [each.folder for each in tuned.all])
    assert "tiny/tagging/bert<td>BERT<td>tag" in page and 'href="docs"' in page
    assert "tagging" not in httpx2.get(server.url).text  # the twins, of a run without results
