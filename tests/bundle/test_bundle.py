"""Bundles of made-up runs of all kinds of task: whole ones are sound, and every change is found and named."""

import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from twinlm.bundle.bundle import make_bundle
from twinlm.bundle.verify import verify_bundle
from twinlm.errors import ModelError, UsageError, UserError
from twinlm.system import storage
from twinlm.system.log import Silent


@pytest.fixture(scope="module")
def run(tmp_path_factory, made) -> Path:
    """The folder of a finished run over all kinds of task."""
    folder = tmp_path_factory.mktemp("run") / "run"
    made.write_run(folder, [made.answers(kind) for kind in made.KINDS])
    return folder


@pytest.fixture(scope="module")
def whole(run) -> Path:
    """Its bundle, which must not be changed."""
    return bundled(run)


@pytest.fixture(scope="module")
def of_one_task(tmp_path_factory, made) -> Callable[[str], Path]:
    """Return a function to the bundle of a run over one kind of task: a few seconds less to score again."""

    @cache
    def find(kind: str) -> Path:
        run = tmp_path_factory.mktemp(kind) / "run"
        made.write_run(run, [made.answers(kind)])
        return bundled(run)

    return find


@pytest.fixture
def bundle(of_one_task, tmp_path) -> Path:
    """A copy of the bundle of a classification."""
    return Path(shutil.copytree(of_one_task("classification"), tmp_path / "bundle"))


def bundled(run: Path) -> Path:
    out = run.parent / "bundle"
    make_bundle(run, out, has_texts=False, has_weights=False, progress=Silent())
    return out


def sealed(bundle: Path) -> None:
    """Make the manifest anew, as one who wants to deceive would."""
    files = {
        path.relative_to(bundle).as_posix(): {
            "size": path.stat().st_size,
            "sha256": storage.file_sha256(path),
        }
        for path in sorted(bundle.rglob("*"))
        if path.is_file() and path.name != storage.MANIFEST
    }
    (bundle / storage.MANIFEST).write_text(json.dumps({"format": 1, "files": files}))


def found_in(bundle: Path) -> list[str]:
    return [str(item) for item in verify_bundle(bundle, Silent()).differences]


def test_a_whole_bundle_is_scored_again_without_a_difference(whole):
    found = verify_bundle(whole, Silent())
    assert found.differences == []
    assert found.compared > 1000
    assert found.files == sum(path.is_file() for path in whole.rglob("*")) - 1
    assert found.seal == storage.file_sha256(whole / storage.MANIFEST)


def test_several_pre_trainings_are_scored_again_too(tmp_path, made):
    made.write_run(tmp_path / "run", [made.answers("classification", models=4, groups=2)])
    make_bundle(tmp_path / "run", tmp_path / "out", has_texts=False, has_weights=False, progress=Silent())
    assert verify_bundle(tmp_path / "out", Silent()).differences == []


def test_no_text_is_in_it_but_answers_that_are_stretches_of_texts(whole, made):
    with_text = [path.name for path in whole.rglob("*") if path.is_file() and made.SECRET in path.read_text()]
    assert with_text == []
    notes = verify_bundle(whole, Silent()).notes
    assert any("answers of span_qa still quote its texts" in note for note in notes)


def test_a_run_that_has_not_finished_or_a_place_that_is_taken_is_refused(run, whole, tmp_path):
    with pytest.raises(UsageError, match=r"there is no results\.json here"):
        make_bundle(tmp_path, tmp_path / "out", has_texts=False, has_weights=False, progress=Silent())
    with pytest.raises(UsageError, match="something exists at this path already"):
        make_bundle(run, whole, has_texts=False, has_weights=False, progress=Silent())


def test_a_run_whose_answers_do_not_give_its_results_is_refused(run, tmp_path):
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    edit(
        copy / "results.json", lambda records: records["tasks"][0]["scores"][0]["score"].update(estimate=0.9)
    )
    with pytest.raises(ModelError, match="differs from what the stored answers give"):
        make_bundle(copy, tmp_path / "out", has_texts=False, has_weights=False, progress=Silent())
    assert not (tmp_path / "out").exists()


def edit(path: Path, change) -> None:
    records = json.loads(path.read_text())
    change(records)
    path.write_text(json.dumps(records))


def edit_line(path: Path, change) -> None:
    lines = path.read_text().split("\n")
    row = json.loads(lines[0])
    change(row)
    path.write_text("\n".join([json.dumps(row), *lines[1:]]))


ANSWERS = "tasks/classification/gpt/seed-1/predictions.jsonl"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("settings.toml", lambda path: path.write_text('title = "x"\n'), "settings_toml"),
        ("environment.json", lambda path: edit(path, lambda e: e.update(threads="8")), "environment"),
        (
            ANSWERS,
            lambda path: edit_line(
                path, lambda row: row.update(predicted="cat" if row["predicted"] != "cat" else "dog")
            ),
            "tasks",
        ),
        (
            ANSWERS,
            lambda path: edit_line(
                path, lambda row: row.update(gold="cat" if row["gold"] != "cat" else "dog")
            ),
            "not the right answers",
        ),
        (
            ANSWERS,
            lambda path: edit_line(path, lambda row: row.update(predicted="bird")),
            "no answer to a classification",
        ),
        (
            ANSWERS,
            lambda path: edit_line(path, lambda row: row.update(probabilities=[2, 0, 0])),
            "no answer to a classification",
        ),
        (ANSWERS, lambda path: path.write_text("[1]\n"), "expected a JSON object"),
        (ANSWERS, lambda path: path.write_text("{\n"), "not JSON"),
        (ANSWERS, lambda path: path.unlink(), "predictions.jsonl"),
        (
            "results.json",
            lambda path: edit(path, lambda r: r["tasks"][0]["comparisons"][0].update(winner="gpt")),
            "winner",
        ),
        pytest.param(
            "results.json",
            lambda path: edit(path, lambda r: r["tasks"][0]["comparisons"][0].update(p_adjusted=0.001)),
            "p_adjusted",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "results.json",
            lambda path: edit(path, lambda r: r["tasks"][0]["scores"][0]["score"].update(low=0.0)),
            "low",
            marks=pytest.mark.slow,
        ),
        ("results.json", lambda path: edit(path, lambda r: r["verdict"].clear()), "verdict"),
        ("results.json", lambda path: edit(path, lambda r: r.pop("tasks")), "missing field"),
        pytest.param(
            "details.json",
            lambda path: edit(
                path, lambda d: d["tasks"][0]["disagreements"][0]["neither"].update(estimate=0.5)
            ),
            "neither",
            marks=pytest.mark.slow,
        ),
        ("report.html", lambda path: path.write_text("<p>GPT wins"), "another page"),
        (
            "tasks/choice/answers.json",
            lambda path: edit(path, lambda a: a.update(kind="chess")),
            "no kind of task 'chess'",
        ),
        (
            "tasks/tagging/answers.json",
            lambda path: edit(path, lambda a: a.update(scheme="runes")),
            "its labels have no such meaning",
        ),
        pytest.param(
            "tasks/choice/baselines/predictions.json",
            lambda path: path.write_text("{}"),
            "no list of baselines",
            marks=pytest.mark.slow,
        ),
        (
            "tasks/tagging/bert/seed-2/inputs.json",
            lambda path: edit(path, lambda i: i.update(start="0" * 64)),
            "no such fingerprint",
        ),
        pytest.param(
            "tasks/tagging/bert/seed-2/inputs.json",
            lambda path: edit(path, lambda i: i.update(task="other")),
            "inputs.json: task",
            marks=pytest.mark.slow,
        ),
        (
            "tasks/classification/baselines/frozen/gpt/seed-0/predictions.jsonl",
            lambda path: edit_line(
                path, lambda row: row.update(predicted="cat" if row["predicted"] != "cat" else "dog")
            ),
            "tasks[classification].frozen",
        ),
        pytest.param(
            "tasks/tagging/baselines/frozen/bert/seed-0/inputs.json",
            lambda path: edit(path, lambda i: i.update(start="0" * 64)),
            "no such fingerprint",
            marks=pytest.mark.slow,
        ),
        (
            "tasks/tagging/answers.json",
            lambda path: edit(path, lambda a: a["frozen"][0].update(arms=["nobody"])),
            "a linear model is not on the states of its arms",
        ),
    ],
)
def test_what_was_changed_is_found_by_its_hash_and_by_scoring_again(
    of_one_task, tmp_path, name, change, said
):
    _, kind, *_ = name.split("/") if "/" in name else ("", "classification")
    bundle = Path(shutil.copytree(of_one_task(kind), tmp_path / "bundle"))
    change(bundle / name)
    found = found_in(bundle)
    assert any(item.startswith(name) for item in found), found
    sealed(bundle)
    found = found_in(bundle)
    assert any(said in item for item in found), found


@pytest.mark.parametrize("is_kept", [True, False])
def test_undefined_figures_of_an_earlier_version_are_compared_where_it_named_them(tmp_path, made, is_kept):
    bundle = tmp_path / "bundle"
    made.write_run(tmp_path / "run", [made.answers("classification", examples=20)])
    make_bundle(tmp_path / "run", bundle, has_texts=False, has_weights=False, progress=Silent())
    row = {"name": "macro F1", "reason": "made up", "seeds": ["1"]}

    def change(records):
        for score in records["tasks"][0]["scores"]:
            if is_kept:
                score["undefined"] = [row]
            else:
                score.pop("undefined")

    edit(bundle / "bundle.json", lambda about: about.update(twinlm="0.1.0"))
    edit(bundle / "results.json", change)
    sealed(bundle)
    assert any(".undefined" in item for item in found_in(bundle)) == is_kept


def test_a_file_that_was_added_is_told(bundle):
    (bundle / "more.txt").write_text("x")
    assert found_in(bundle) == ["more.txt: stored nothing, found a file that is not in the manifest"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../out.txt": {"size": 1, "sha256": "0" * 64}}, "a file outside the bundle"),
        ({"/etc/passwd": {"size": 1, "sha256": "0" * 64}}, "a file outside the bundle"),
        ({"": {"size": 1, "sha256": "0" * 64}}, "a file outside the bundle"),
        ({"a": {"size": 1, "sha256": "0" * 64 + "\n"}}, "expected `str` matching"),
        ({"a\\b": {"size": 1, "sha256": "0" * 64}}, "a file outside the bundle"),
        ({"a": {"size": 2**60, "sha256": "0" * 64}}, r"files\['a'\].size: expected `int` <= "),
        ({"a": {"size": 2**31, "sha256": "0" * 64}}, "has 2,147,483,648 bytes, more than"),
        ({"a": {"size": -1, "sha256": "0" * 64}}, r"files\['a'\].size: expected `int` >= 0"),
        ({"a": {"size": 1, "sha256": "x"}}, r"files\['a'\].sha256: expected `str` matching"),
        ([], "files: expected `object`, got `array`"),
    ],
)
def test_a_hostile_manifest_is_refused(bundle, files, said):
    (bundle / storage.MANIFEST).write_text(json.dumps({"format": 1, "files": files}))
    with pytest.raises(ModelError, match=said):
        verify_bundle(bundle, Silent())


def test_links_and_pipes_are_refused_and_nothing_behind_them_is_read(bundle, tmp_path):
    (bundle / "link").symlink_to("/etc/passwd")
    with pytest.raises(ModelError, match="link"):
        verify_bundle(bundle, Silent())
    (bundle / "link").unlink()
    os.mkfifo(bundle / "pipe")
    with pytest.raises(ModelError, match="not a regular file"):
        verify_bundle(bundle, Silent())


def test_what_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(UserError):
        verify_bundle(tmp_path / "nowhere", Silent())
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError):
        verify_bundle(tmp_path / "empty", Silent())
