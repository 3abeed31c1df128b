"""Pairs from files: both sets of names, all bad rows at once, and samples that two models share."""

import json
import lzma
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.probes.minimal_pairs import (
    ALL,
    EQUAL,
    TWICE,
    MinimalPair,
    by_phenomenon,
    read_pairs,
    sample_pairs,
)
from twinlm.errors import DataError, UsageError

MEND = "correct or remove what is bad"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(name: str, text: str, **options) -> tuple[tuple[MinimalPair, ...], Counter[str]]:
    counts: Counter[str] = Counter()
    data = text.encode()
    Path(name).write_bytes(lzma.compress(data) if name.endswith(".xz") else data)
    return read_pairs(name, counts=counts, **options), +counts


def test_a_table_and_json_lines_give_the_same_pairs():
    wanted = (
        MinimalPair("p-1", "The cats sleep.", "The cats sleeps.", "agreement"),
        MinimalPair("p-2", "A, b", "b, A", "order"),
    )
    table = 'phenomenon,good,bad\nagreement,The cats sleep.,The cats sleeps.\norder,"A, b","b, A"\n'
    assert read("p.csv", table) == (wanted, {})
    rows = [{"good": p.good, "bad": p.bad, "phenomenon": p.phenomenon} for p in wanted]
    assert read("p.jsonl", "".join(json.dumps(row) + "\n" for row in rows)) == (wanted, {})
    tabs = "good\tbad\tphenomenon\n" + "".join(f"{p.good}\t{p.bad}\t{p.phenomenon}\n" for p in wanted)
    assert read("p.tsv.xz", tabs) == (wanted, {})
    other = table.replace('"A, b","b, A"', "A. b,b. A").replace(",", ";")
    pairs, counts = read("p.csv", other)
    assert (len(pairs), counts) == (2, {"files with another delimiter": 1})


BLIMP = {
    "sentence_good": "Who slept?",
    "sentence_bad": "Who slept it?",
    "field": "syntax",
    "linguistics_term": "argument_structure",
    "UID": "intransitive",
    "simple_LM_method": True,
}


def test_blimps_own_names_are_known():
    (pair,), _ = read("blimp.jsonl", json.dumps(BLIMP))
    assert pair == MinimalPair("blimp-1", "Who slept?", "Who slept it?", "argument_structure")
    (pair,), _ = read("blimp.jsonl", json.dumps(BLIMP), phenomenon_field="UID")
    assert pair.phenomenon == "intransitive"
    (pair,), _ = read("b.csv", "UID,sentence_bad,sentence_good\nintransitive,x it,x\n")
    assert pair == MinimalPair("b-1", "x", "x it", "intransitive")


def test_without_a_phenomenon_all_pairs_are_one():
    pairs, _ = read("p.jsonl", '{"good": "a", "bad": "b"}\n{"good": "c", "bad": "d"}\n')
    assert [pair.phenomenon for pair in pairs] == [ALL, ALL]


def test_equal_texts_and_twins_are_kept_and_counted():
    pairs, counts = read("p.csv", "good,bad\na,a\nb,c\nb,c\n")
    assert len(pairs) == 3
    assert counts == {EQUAL: 1, TWICE: 1}


def test_all_bad_rows_are_reported_at_once():
    rows = ['{"good": "a", "bad": "b"}', '{"good": "a"}', "x", '{"good": "a", "bad": " "}', '{"bad": 3}']
    with pytest.raises(DataError) as caught:
        read("p.jsonl", "\n".join(rows))
    said = str(caught.value).splitlines()
    assert said[0] == f"p.jsonl: 4 of 5 rows are bad; {MEND}:"
    assert [line.split(": ")[0].strip() for line in said[1:]] == [f"p.jsonl:{line}" for line in (2, 3, 4, 5)]
    assert "no field 'bad'; the row has 'good'" in said[1]
    assert "the field 'bad' is only white space" in said[3]


@pytest.mark.parametrize(
    ("name", "text", "options", "said"),
    [
        ("p.txt", "a", {}, "the ending '.txt' does not say"),
        ("p.csv", "", {}, "the file has no content"),
        ("p.csv", "good,bad\n", {}, "the file has no rows: 9 bytes, 0 pairs; give it rows with 'good'"),
        ("p.csv", "right,bad\na,b\n", {}, "p.csv:1: the header has no column 'good'; its columns are"),
        ("p.csv", "sentence_good,bat\na,b\n", {}, "has no column 'bad'"),
        ("p.csv", "good,bad\na,b\n", {"phenomenon_field": "kind"}, "has no column 'kind'"),
        ("p.jsonl", '{"good": "a", "bad": "b"}', {"phenomenon_field": "kind"}, "p.jsonl:1: no field 'kind'"),
        ("p.jsonl", '{"good": "a", "bad": "b", "term": 7}', {}, "the field 'term' is a number, not a text"),
    ],
)
def test_a_file_that_can_not_be_used_is_refused(name, text, options, said):
    with pytest.raises(DataError) as caught:
        read(name, text, **options)
    assert said in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(DataError, match="no such file"):
        read_pairs("nowhere.jsonl", counts=Counter())


PAIRS = st.lists(st.sampled_from("abc"), max_size=30).map(
    lambda names: tuple(MinimalPair(f"p-{n}", f"good {n}", f"bad {n}", name) for n, name in enumerate(names))
)


@given(PAIRS, st.integers(1, 8), st.integers(0, 5))
def test_a_sample_is_fair_to_each_phenomenon_and_repeats(pairs, most, seed):
    sampled = sample_pairs(pairs, most, seed=seed)
    assert sampled == tuple(pair for pair in pairs if pair in sampled)
    kept = Counter(pair.phenomenon for pair in sampled)
    assert kept == {name: min(most, len(places)) for name, places in by_phenomenon(pairs).items()}
    assert set(sample_pairs(pairs[::-1], most, seed=seed)) == set(sampled)


def test_another_seed_draws_others_and_none_is_refused():
    pairs = tuple(MinimalPair(f"p-{n}", f"good {n}", f"bad {n}", "a") for n in range(50))
    assert len({sample_pairs(pairs, 5, seed=seed) for seed in range(5)}) == 5
    with pytest.raises(UsageError, match="not 0"):
        sample_pairs(pairs, 0, seed=1)
