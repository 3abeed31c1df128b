from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from twinlm.evidence.pareto import Judged, judge_task
from twinlm.report.cost_section import COST_KINDS, answering, making, standing_words, standings


@pytest.fixture
def costs(example_results):
    return example_results.cost_cards["topic"]


def plain(table):
    def of(cell):
        return cell.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{NO-BREAK SPACE}", " ")

    return {of(row[0]): [of(cell) for cell in row[1:]] for row in table.rows}


def test_pre_training_is_shown_once_and_fine_tuning_for_each_task(costs):
    minilm = replace(costs[0], arm="minilm", label="minilm", pretraining_s=None, pretraining_flops=None)
    table = making({"topic": costs[:2], "tone": [*costs[:2], minilm]})
    assert table.header == ["", "GPT", "BERT", "minilm"]
    rows = plain(table)
    assert rows["pre-training: time"] == ["2 min 51 s", "2 min 51 s", "\N{EN DASH}"]
    assert rows["fine-tuning on topic: time"] == ["30 s", "30 s", "\N{EN DASH}"]
    assert rows["fine-tuning on tone: time"] == ["30 s"] * 3
    assert rows["fine-tuning on tone: peak memory"] == ["1.32 GB"] * 3
    assert sum("pre-training" in name for name in rows) == 2
    assert not any("price" in name for name in rows)


def test_prices_are_hours_times_their_price(costs):
    rows = plain(making({"topic": costs[:1]}, 3600.0))
    assert rows["pre-training: price"] == ["171.30"]
    assert rows["fine-tuning on topic: price"] == ["30.20"]
    per_thousand_s = costs[0].serving.timing(32).per_thousand_s.median
    (shown,) = plain(answering("topic", costs[:1], 3.6))["a million predictions, 32 at once: price"]
    assert float(shown) == pytest.approx(per_thousand_s, abs=0.006)


def test_predictions_are_shown_with_their_spread_and_against_the_first(costs):
    table = answering("topic", costs[:2])
    rows = plain(table)
    assert rows["size of the weights"] == ["3.75 MB"] * 2
    assert rows["peak memory"] == ["360 MB"] * 2
    assert rows["operations for a prediction"] == ["3.3e7"] * 2
    assert rows["times the first's, alone"][0] == "1.00 (1.00 to 1.00)"
    assert rows["times the first's, 32 at once"][1].startswith("0.88 (")
    assert rows["a request, alone"][1].startswith("1.01 ms (1.00 ms to 1.0")
    assert "9 rounds of 64 requests and 9 rounds of 4 requests" in table.caption
    assert "with 2 threads" in table.caption
    assert "Other work" not in table.caption


def test_a_busy_machine_and_what_was_not_measured_are_said(costs):
    busy = replace(
        costs[0], serving=replace(costs[0].serving, others_share=0.5, peak_memory_bytes=None, threads=1)
    )
    table = answering("topic", [busy])
    assert "Other work took 50.0" in table.caption and "with 1 thread;" in table.caption
    assert plain(table)["peak memory"] == ["\N{EN DASH}"]
    on_gpu = replace(costs[0], serving=replace(costs[0].serving, device="cuda"))
    assert "with the GPU" in answering("topic", [on_gpu]).caption


def test_standings_are_the_cheapest_first_with_score_cost_and_words(example_results, costs):
    task, kind = example_results.tasks[0], COST_KINDS[0]
    table = standings(task, judge_task(task, costs, kind.of), kind)
    assert [row[0] for row in table.rows][::2] == ["BERT", "GPT"]
    best = plain(table)["BERT"]
    assert best[0].endswith("%") and " to " in best[1] and best[2].endswith("ms")
    assert best[3] == "no other is as good for as little"
    assert table.caption.startswith("Accuracy on topic against seconds for 1,000 predictions, 32 at once.")


@pytest.mark.parametrize(
    ("standing", "rivals", "words"),
    [
        ("front", (), "no other is as good for as little"),
        ("open", ("A",), "cannot tell: A may be preferable"),
        ("open", ("C", "D", "E"), "cannot tell: C, D or E may be preferable"),
        ("dominated", tuple("ABCDEF"), "dominated by A, B, C and 3 others"),
    ],
)
def test_a_standing_in_words_names_three_rivals_and_counts_the_others(standing, rivals, words):
    assert standing_words(Judged(contender=SimpleNamespace(), standing=standing, rivals=rivals)) == words
