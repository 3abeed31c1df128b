"""A figure has one unit everywhere: shares in percent, F1 and correlations from 0 to 1."""

import re

import pytest
from msgspec.structs import replace

from twinlm.evidence.records import Interval
from twinlm.report import numbers, verdict
from twinlm.report.report import MARKDOWN, PAGE, report_files

SPACES = str.maketrans({"\N{NARROW NO-BREAK SPACE}": " ", "\N{NO-BREAK SPACE}": " ", "\N{MINUS SIGN}": "-"})


def with_metric(results, metric, value):
    """The same results, with another main figure on each task and curve, of which each arm has this value."""
    tasks = [
        replace(
            task,
            metric=metric,
            scores=[
                replace(
                    score,
                    score=Interval(estimate=value, low=value - 0.004, high=value + 0.004),
                    figures={metric: value, "word accuracy": 0.9},
                    score_by_seed=dict.fromkeys(score.score_by_seed, value),
                )
                for score in task.scores
            ],
        )
        for task in results.tasks
    ]
    tasks = verdict.with_verdicts(tasks)
    curves = [replace(curve, metric=metric) for curve in results.curves]
    return replace(results, tasks=tasks, curves=curves, verdict=verdict.sentences(tasks))


@pytest.mark.parametrize(
    ("metric", "value", "wanted"),
    [
        ("entity F1", 0.005, "0.005 (0.001 to 0.009)"),
        ("Spearman's correlation", 0.576, "0.576 (0.572 to 0.580)"),
        ("accuracy", 0.576, "57.6 % (57.2 to 58.0)"),
        ("exact match", 0.5, "50.0 % (49.6 to 50.4)"),
    ],
)
def test_a_figure_has_one_unit_everywhere(example_results, metric, value, wanted):
    results = with_metric(example_results, metric, value)
    for text in (results.verdict, *report_files(results).values()):
        said = "\n".join(text) if isinstance(text, list) else text.decode()
        said = said.translate(SPACES)
        if "<td>" in said or "| --- |" in said:
            assert wanted in said
        assert "times 100" not in said
        other = f"{100 * value:.1f}" if not numbers.is_share(metric) else f"{value:.3f}"
        of_task = [line for line in said.splitlines() if metric in line]
        assert not any(re.search(rf"\b{re.escape(metric)} {other}\b", line) for line in of_task)


def test_differences_are_in_the_unit_of_their_figure(example_results):
    texts = with_metric(example_results, "entity F1", 0.6).verdict
    pair = next(text for text in texts if "is better than" in text).translate(SPACES)
    assert re.search(
        r"BERT is better than GPT by 0\.0\d\d in entity F1 \(95 % interval 0\.\d{3} to 0\.\d{3}, p", pair
    )
    assert not any("points" in text for text in texts)


def test_a_difference_that_rounds_to_nothing_has_no_sign():
    assert numbers.decimals(-0.0001, signed=True) == numbers.decimals(0.0, signed=True) == "0.000"


def test_the_table_says_what_is_read_of_a_text(example_results):
    lengths = "[gpt.model]\nmax_length = 128\n[gpt.finetune]\nmax_length = 96\n[bert.finetune]\nmax_length = "
    first, second = example_results.tasks
    results = replace(example_results, settings_toml=f"{lengths}64")
    caption = verdict.by_task(results).caption
    assert caption.endswith("GPT reads at most 96 tokens of a text, BERT 64, the baselines all of it.")
    equal = replace(example_results, settings_toml=f"{lengths}96")
    caption = verdict.by_task(replace(equal, tasks=[first, replace(second, kind="span_qa")])).caption
    assert caption.endswith("The models read at most 96 tokens of a text, the baselines all of it (topic).")
    assert "tokens" not in verdict.by_task(example_results).caption
    bare = replace(first, scores=[score for score in first.scores if score.family], comparisons=[])
    assert "tokens" not in verdict.by_task(replace(results, tasks=[bare])).caption


@pytest.mark.parametrize(
    "settings", ["", "gpt = 3", "[gpt]\nmodel = 4", '[gpt.model]\nmax_length = "long"', "{"]
)
def test_settings_that_somebody_changed_leave_out_how_much_is_read(example_results, settings):
    assert "tokens" not in verdict.by_task(replace(example_results, settings_toml=settings)).caption


@pytest.mark.parametrize("end", ["\r", "\r\n", "\x0b", "\x85", "\u2028", "\x00", "\x1b"])
def test_passages_may_hold_any_line_end_or_control_character(example_results, end):
    language = example_results.language[0]
    sample = {"prompt": f"One{end}line", "continuation": f" two{end}", "original": f"three{end}lines"}
    tasks = [replace(example_results.tasks[0], name=f"a{end}b")]
    results = replace(example_results, language=[replace(language, samples=[sample])], tasks=tasks)
    files = report_files(replace(results, removed={f"a{end}b": 1}, verdict=verdict.sentences(tasks)))
    for name in (PAGE, MARKDOWN):
        text = files[name].decode()
        assert end not in text and "lines" in text
    rows = [line for line in files[MARKDOWN].decode().split("\n") if line.startswith("| a")]
    assert rows and all(line.endswith("|") for line in rows)
