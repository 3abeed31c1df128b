import re

import pytest

from twinlm.doctor.checks.size import Plan, check_size, largest_size

SIZES = {"tiny": 1_000_000, "mini": 4_000_000, "small": 20_000_000}


def plan(corpus_tokens, budget_tokens=None, parameters=1_000_000):
    return Plan(
        label="GPT",
        parameters=parameters,
        non_embedding_parameters=parameters // 4,
        corpus_tokens=corpus_tokens,
        budget_tokens=budget_tokens,
        size_parameters=SIZES,
    )


def test_text_and_budget_that_fit_are_fine():
    checked = check_size(plan(20e6, 20e6))
    assert checked.findings == ()
    assert checked.facts["tokens a parameter"] == 20
    assert checked.facts["tokens a parameter outside embeddings"] == 80
    assert checked.facts["passes of the budget"] == 1


@pytest.mark.parametrize(("tokens", "name"), [(4.9e6, ""), (5e6, "tiny"), (20e6, "mini"), (1e9, "small")])
def test_the_largest_size_is_one_that_four_passes_suffice_for(tokens, name):
    assert largest_size(plan(tokens)) == name


def test_a_model_too_large_for_the_text_is_a_warning_if_the_budget_reads_it_often():
    for budget, level in ((None, "warning"), (30e6, "warning"), (10e6, "note")):
        finding = check_size(plan(5e6, budget, parameters=4_000_000)).findings[0]
        assert finding.level == level
        assert "1.2 tokens a parameter; 20 would take 16.0 passes" in finding.message
        assert 'set size = "tiny"' in finding.hint
        assert "20,000,000 tokens would do" in finding.hint


def test_a_text_too_small_for_any_size_says_so():
    assert check_size(plan(1e6)).findings[0].hint.startswith("even the smallest size is too large: add text")


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        (100e6, "up to 4 passes are nearly worth fresh text"),
        (1e9, "almost nothing is learned past 40 passes"),
    ],
)
def test_a_budget_of_many_passes_is_a_warning(budget, why):
    (finding,) = check_size(plan(20e6, budget)).findings
    assert finding.level == "warning"
    assert finding.message == f"the budget reads the text {budget / 20e6:.1f} times"
    assert finding.why.startswith(why)
    assert f"divide budget.amount by {budget / 80e6:.1f}" in finding.hint


def test_a_budget_of_hardly_more_than_four_passes_needs_no_advice():
    assert not check_size(plan(20e6, 4.1 * 20e6)).findings
    assert "divide budget.amount by 1.1" in check_size(plan(20e6, 4.3 * 20e6)).findings[0].hint


@pytest.mark.parametrize("corpus", [1e5, 1e6, 4e6, 2e7, 1e9])
@pytest.mark.parametrize("budget", [1e5, 3.9e6, 4.1e6, 1.7e7, 1e9])
@pytest.mark.parametrize("parameters", SIZES.values())
def test_advice_never_contradicts_itself_or_names_what_is_done(corpus, budget, parameters):
    checked = check_size(plan(corpus, budget, parameters=parameters))
    advice = " ".join(finding.hint for finding in checked.findings)
    assert not ("multiply budget.amount" in advice and "divide budget.amount" in advice)
    assert "by 1.0" not in advice and "up to 1.0" not in advice
    if more := re.search(r"multiply budget.amount by up to ([\d,.]*\d)", advice):
        factor = float(more[1].replace(",", ""))
        raised = check_size(plan(corpus, factor * budget, parameters=parameters)).findings
        assert not any("times" in finding.message for finding in raised)  # not too many passes
        assert factor * budget <= 1.05 * 20 * parameters
    if parameters == min(SIZES.values()):
        assert "use a smaller size" not in advice
    assert (
        f'set size = "{next(name for name, number in SIZES.items() if number == parameters)}"' not in advice
    )


def test_a_small_budget_is_a_note():
    (finding,) = check_size(plan(20e6, 1e6)).findings
    assert (finding.level, finding.message) == (
        "note",
        "the budget reads 1,000,000 tokens, 1.0 for each parameter, where 20 are best",
    )
