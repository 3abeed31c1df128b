"""The page in Chromium: it loads, answers in its worker, and follows clicks, keys, languages and links."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from twinlm.page.page import page

EVIL = "</script><img src=x onerror=alert(1)>"
LOADED = "tasks.answers.size === DATA.models.filter((each) => each.task).length && state.said.size"
READ = (
    "[...state.said.values()].every((said) => said.every(Boolean)) && state.attention.size === READERS.length"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory, load_helper):
    driver = load_helper(Path(__file__).with_name("chromium.py"))
    if driver.PATH is None or sys.platform != "linux":
        pytest.skip("there is no Chromium")
    with driver.Chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def opened(browser, models, twins, tmp_path_factory):
    """A page whose every word of users is hostile, loaded."""
    task = replace(models["topic/gpt"].task, labels=(EVIL, "b", "c"), constants={"texts": 1.0})
    shown = {**models, "topic/gpt": replace(models["topic/gpt"], task=task)}
    del shown["other/gpt"], shown["other/bert"], shown["topic/bert"]
    tasks = [{"name": EVIL, "kind": "classification", "models": ["topic/gpt"]}]
    facts = {"verdict": [EVIL], "examples": [f"The river {EVIL}"], "notes": [EVIL], "tasks": tasks}
    path = tmp_path_factory.mktemp("browser") / "twins.html"
    path.write_text(page(replace(twins(shown, **facts), title=EVIL)))
    browser.open(path.as_uri())
    browser.wait(f"{LOADED} && {READ}")
    return browser


def test_the_page_says_nothing_wrong_of_itself(opened):
    assert not opened.reports
    assert opened.value("client.worker !== undefined && $('error').hidden && $('wrong').hidden")
    differences = json.loads(opened.value("JSON.stringify(client.differences)"))
    assert differences.keys() == {"gpt", "bert", "topic/gpt"}
    assert all(difference < 1e-2 for difference in differences.values())


def test_text_of_users_stays_text(opened):
    assert opened.value("document.images.length") == 0
    assert opened.value("document.title") == EVIL
    assert EVIL in opened.value("$('answers').textContent")


def test_every_piece_has_both_numbers_and_candidates(opened):
    opened.value("page.take('The caf\\u00e9 flows')")
    opened.wait(READ)
    numbers = "[...$('sentence').querySelectorAll('.gpt bdi, .bert bdi')].map((each) => each.textContent)"
    assert opened.value(f"{numbers}.every((text) => /^[\\d.,]+$/.test(text))")
    pieces = opened.value("readPieces(GPT).map((piece) => state.text.slice(piece.begin, piece.end)).join('')")
    assert pieces == "The caf\u00e9 flows"
    assert opened.value("$('detail').querySelectorAll('.candidates li').length") == 16


def test_a_click_masks_a_word_and_bert_guesses(opened):
    opened.value("$('sentence').querySelector('.piece .bert').closest('.piece').click()")
    opened.wait(f"state.masks.size && {READ}")
    assert opened.value("$('sentence').querySelector('.masked .guess').textContent").strip()
    assert opened.value("writing.bert.open.length === maskedTokens().length")
    opened.value("$('unmask').click()")
    opened.wait(f"!state.masks.size && {READ}")


def test_arrow_keys_move_among_pieces(opened):
    opened.value("$('sentence').querySelector('.piece').focus()")
    opened.send("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight")
    assert opened.value("document.activeElement.dataset.at") == "0:1"
    assert opened.value("$('sentence').querySelectorAll('.interlinear .piece[tabindex=\"0\"]').length >= 1")


def test_gpt_types_on_and_bert_fills_the_surest_gap(opened):
    opened.value("writing.step(GPT).then(() => writing.step(BERT))")
    assert opened.value("writing.gpt.written.length") == 1
    surest = opened.value("[...writing.bert.filled.values()].length")
    assert surest == 1 and opened.value("$('write-bert').querySelectorAll('.gap').length") == 5


def test_a_link_opens_its_step_of_the_tour_in_german_too(opened):
    opened.value("page.speak('de'); location.hash = 'tour-6'")
    opened.wait("state.masks.size && !$('tour').hidden")
    assert opened.value("$('tour-title').textContent") == "BERT sagt verdeckte W\u00f6rter voraus"
    opened.value("location.hash = 'top'")
    opened.wait("$('tour').hidden")
    opened.value("page.speak('en')")


def test_nothing_is_wider_than_a_telephone(opened):
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    opened.send("Emulation.setDeviceMetricsOverride", **size)
    assert opened.value("document.documentElement.scrollWidth") <= 390
    assert not opened.reports
