"""A figure that is 0 / 0 is a dash with its reason in every table, and never a measured 0."""

import pytest
from msgspec.structs import replace

from tests.made_answers import answers, results_of
from twinlm.cli.running import show_results
from twinlm.evidence.details import Details
from twinlm.report.document import NOTHING
from twinlm.report.report import report_files
from twinlm.report.verdict import by_task

CONSTANT = {"similarity": 2.5, "classification": "cat", "tagging": ["O"]}


def results_with(kind, arm, models):
    """Return results on a task in which the first models of an arm give one answer to all examples."""
    made = answers(kind)
    of_arm = made.arm(arm)
    one = CONSTANT[kind]
    answer = [one * len(gold) if kind == "tagging" else one for gold in made.golds]
    rows = [
        [
            {**said, "predicted": same} if number < models else said
            for said, same in zip(row, answer, strict=True)
        ]
        for number, row in enumerate(of_arm.said)
    ]
    others = [replace(of_arm, said=rows) if each is of_arm else each for each in made.arms]
    return results_of([replace(made, arms=others)])


def cells(table, label):
    """Return the cells of an arm's row by the head of their column."""
    return next(dict(zip(table.header, row, strict=True)) for row in table.rows if row[0] == label)


def scores_of(results):
    from twinlm.report.tasks_section import scores

    return scores(results.tasks[0])


@pytest.mark.parametrize("arm", ["gpt", "bert"])
def test_a_correlation_of_constant_scores_is_a_dash_with_its_reason(arm, tmp_path, capsys):
    results = results_with("similarity", arm, 3)
    label = arm.upper()
    row = cells(scores_of(results), label)
    assert {row["Spearman's correlation"], row["Pearson's correlation"]} == {NOTHING}
    assert row["Each seed"] == ", ".join([NOTHING] * 3)
    reason = (
        f"Spearman's correlation of {label} is 0 / 0 ({NOTHING}), because one score is given to all examples"
    )
    said = f"{reason}; means, differences and tests count it as 0."
    assert said in scores_of(results).caption
    assert dict(zip(by_task(results).header, by_task(results).rows[0], strict=True))[label] == NOTHING
    assert said in by_task(results).caption
    show_results(results, tmp_path, is_json=False)
    out = capsys.readouterr().out
    assert said in out
    assert "0.000" not in out.splitlines()[1]
    pages = report_files(results, Details(tasks=[]))
    part = reason.partition(" of ")[2]
    assert all(part in pages[name].decode() for name in ("report.html", "report.md"))


def test_of_some_seeds_the_mean_stays_and_the_sentence_counts_them():
    results = results_with("similarity", "bert", 1)
    row = cells(scores_of(results), "BERT")
    assert row["Each seed"].startswith(f"{NOTHING}, 0.")
    assert row["Spearman's correlation"] != NOTHING
    assert f"Spearman's correlation of BERT (1 of 3 seeds) is 0 / 0 ({NOTHING})" in scores_of(results).caption


def test_mcc_of_one_predicted_class_is_a_dash():
    results = results_with("classification", "gpt", 3)
    table = scores_of(results)
    assert cells(table, "GPT")["MCC"] == NOTHING
    said = f"MCC of GPT and a floor is 0 / 0 ({NOTHING}), because one class is given to all examples."
    assert said in table.caption
    assert "0 / 0" not in by_task(results).caption  # accuracy is defined


def test_precision_without_an_entity_is_a_dash_and_entity_f1_a_measured_0():
    table = scores_of(results_with("tagging", "bert", 3))
    row = cells(table, "BERT")
    assert row["Precision"] == NOTHING
    assert row["Entity F1"] == row["Recall"] == "0.000"
    assert f"Precision of BERT is 0 / 0 ({NOTHING}), because no entity is found." in table.caption


def test_the_best_baseline_may_be_undefined():
    results = results_with("similarity", "floor", 1)
    assert "(Spearman's correlation 0 / 0)" in " ".join(results.verdict)
    assert f"a floor: {NOTHING}" in by_task(results).rows[0]
