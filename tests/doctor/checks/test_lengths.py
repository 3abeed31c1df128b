import pytest

from twinlm import rng
from twinlm.doctor.checks.lengths import check_lengths, document_tokens, forecast_pairs
from twinlm.settings import PretrainSettings


def documents_of(sentences, count, words=12):
    chance = rng.stream(0, "lengths", sentences)
    return [[chance.integers(8, 900, words).tolist() for _ in range(sentences)] for _ in range(count)]


@pytest.fixture(scope="module")
def stores(tmp_path_factory, write_numbers):
    folder = tmp_path_factory.mktemp("lengths")
    made = {count: write_numbers(folder / str(count), documents_of(count, 200)) for count in (1, 2, 3, 50)}
    half = [*documents_of(1, 150), *documents_of(5, 150)]
    return {**made, "mixed": write_numbers(folder / "mixed", half)}


@pytest.mark.parametrize(("sentences", "share"), [(50, 0.55), (3, 0.64), (2, 0.67), (1, 1.0)])
def test_the_forecast_is_what_the_released_code_gives(stores, sentences, share):
    forecast = forecast_pairs(stores[sentences], length=128, short_share=0.1, seed=0)
    assert forecast.google_share == pytest.approx(share, abs=0.05)
    assert forecast.pairs > 0


def test_balanced_pairs_are_half_random_or_refused(stores):
    assert forecast_pairs(stores[3], length=128, short_share=0.1, seed=0).balanced_share == pytest.approx(
        0.5, abs=0.05
    )
    assert forecast_pairs(stores[1], length=128, short_share=0.1, seed=0).balanced_share is None


def test_documents_are_measured_in_tokens(stores):
    assert document_tokens(stores[3]).tolist() == [36] * 200
    facts = check_lengths(stores[3], PretrainSettings(length=32), label="BERT", seed=0).facts
    assert facts["tokens a sentence"]["median"] == 12
    assert facts["sentences a document"]["most"] == 3
    assert facts["documents longer than 32 tokens"] == 1.0
    assert facts["sentences longer than 29 tokens"] == 0.0
    assert facts["documents of one sentence"] == 0.0


@pytest.mark.parametrize(
    ("name", "settings", "level", "words"),
    [
        (
            1,
            {},
            "problem",
            "only 0 % of the text is in documents of two or more sentences, but 50 % is needed",
        ),
        (1, {"pairs": "google"}, "problem", "100 % of the pairs would be random"),
        (2, {"pairs": "google"}, "warning", "of the pairs would be random (0 % of the documents"),
        ("mixed", {}, "warning", "50 % of the documents have one sentence, with 16.7 % of the text"),
        ("mixed", {"sentence_task": "sentence_order"}, "warning", "50 % of the documents have one sentence"),
        (1, {"sentence_task": "sentence_order"}, "problem", "only 0 % of the text"),
    ],
)
def test_text_that_gives_bad_pairs_is_said(stores, name, settings, level, words):
    (finding,) = check_lengths(stores[name], PretrainSettings(**settings), label="BERT", seed=0).findings
    assert finding.level == level
    assert words in finding.message
    assert "sentence_task" in finding.hint


@pytest.mark.parametrize(
    ("name", "settings"),
    [(50, {"pairs": "google"}), (3, {}), (1, {"sentence_task": "none"})],
)
def test_text_that_gives_good_pairs_is_fine(stores, name, settings):
    assert check_lengths(stores[name], PretrainSettings(**settings), label="BERT", seed=0).findings == ()


def test_headings_among_long_documents_are_a_note(tmp_path, write_numbers):
    store = write_numbers(tmp_path / "store", [*documents_of(1, 100, words=2), *documents_of(20, 100)])
    (finding,) = check_lengths(store, PretrainSettings(), label="BERT", seed=0).findings
    assert finding.level == "note"
    assert "50 % of the documents have one sentence, with 0.8 % of the text" in finding.message
