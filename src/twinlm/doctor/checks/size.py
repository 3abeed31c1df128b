"""Whether there is enough text for the size of a model, and how often a budget reads it.

About 20 tokens a parameter are best for a given compute (Hoffmann et al. 2022); up to 4 passes are nearly
worth fresh text, and past 40 nothing more is learned (Muennighoff et al. 2023). Both were measured on far
larger left-to-right models: read them as orders of magnitude.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from twinlm.doctor.checks.findings import Checked, Finding

TOKENS_A_PARAMETER = 20
MOST_PASSES = 4
WORTHLESS_PASSES = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Sizes of a model, a text and a budget."""

    label: str  # name of the model
    parameters: int  # number of all parameters
    non_embedding_parameters: int  # number of parameters of the layers
    corpus_tokens: float  # tokens of the training text
    budget_tokens: float | None  # tokens that the budget reads; None if steps must be timed to know
    size_parameters: Mapping[str, int]  # parameters of each named size with this vocabulary, smallest first


def check_size(plan: Plan) -> Checked:
    """Check whether text, size and budget fit each other."""
    best_tokens = TOKENS_A_PARAMETER * plan.parameters
    facts: dict[str, float | int | str] = {
        "parameters": plan.parameters,
        "outside embeddings": plan.non_embedding_parameters,
        "tokens of the text": round(plan.corpus_tokens),
        "tokens a parameter": round(plan.corpus_tokens / plan.parameters, 3),
        "tokens a parameter outside embeddings": round(plan.corpus_tokens / plan.non_embedding_parameters, 3),
        "passes to reach 20 tokens a parameter": round(best_tokens / plan.corpus_tokens, 2),
        "largest size for this text": largest_size(plan) or "none",
    }
    if plan.budget_tokens is None:
        return Checked(facts, tuple(_of_text(plan, best_tokens)))
    facts["tokens of the budget"] = round(plan.budget_tokens)
    facts["passes of the budget"] = round(plan.budget_tokens / plan.corpus_tokens, 2)
    of_budget = _of_budget(plan, plan.budget_tokens, best_tokens)
    return Checked(facts, (*_of_text(plan, best_tokens), *of_budget))


def largest_size(plan: Plan) -> str:
    """Return the largest size to which 4 passes of the text give 20 tokens a parameter; "" if none."""
    read = MOST_PASSES * plan.corpus_tokens
    fitting = [name for name, number in plan.size_parameters.items() if TOKENS_A_PARAMETER * number <= read]
    return max(fitting, key=plan.size_parameters.__getitem__, default="")


def _of_text(plan: Plan, best_tokens: float) -> Iterator[Finding]:
    passes = best_tokens / plan.corpus_tokens
    if passes > MOST_PASSES:
        is_limiting = plan.budget_tokens is None or plan.budget_tokens > MOST_PASSES * plan.corpus_tokens
        smaller = largest_size(plan)
        size = f'set size = "{smaller}", or add' if smaller else "even the smallest size is too large: add"
        message = (
            f"the text is small for this size: {plan.corpus_tokens:,.0f} tokens for {plan.parameters:,} "
            f"parameters ({plan.non_embedding_parameters:,} outside embeddings), "
            f"{plan.corpus_tokens / plan.parameters:.2g} tokens a parameter; {TOKENS_A_PARAMETER} would take "
            f"{passes:,.1f} passes"
        )
        why = f"text read more than {MOST_PASSES} times teaches less and less: the model memorizes it"
        hint = (
            f"{size} text ({best_tokens / MOST_PASSES:,.0f} tokens would do for {MOST_PASSES} passes); "
            "a smaller tokenizer.vocab_size also saves parameters"
        )
        yield Finding("warning" if is_limiting else "note", plan.label, message, why, hint)


def _of_budget(plan: Plan, tokens: float, best_tokens: float) -> Iterator[Finding]:
    passes = tokens / plan.corpus_tokens
    factor = f"{passes / MOST_PASSES:,.1f}"
    # A budget that would be divided by 1.0 needs no advice.
    if passes > MOST_PASSES and factor != "1.0":
        why = f"up to {MOST_PASSES} passes are nearly worth fresh text, later ones less and less"
        if passes > WORTHLESS_PASSES:
            why = f"almost nothing is learned past {WORTHLESS_PASSES} passes"
        message = f"the budget reads the text {passes:,.1f} times"
        hint = f"add text, or divide budget.amount by {factor}"
        yield Finding("warning", plan.label, message, why, hint)
    elif tokens < best_tokens / 2:
        each = f"{tokens / plan.parameters:.1f} for each parameter, where {TOKENS_A_PARAMETER} are best"
        message = f"the budget reads {tokens:,.0f} tokens, {each}"
        why = "a smaller model might learn more from the same compute"
        # Raising a budget past the passes that are worth it would be the next warning.
        most = min(best_tokens, MOST_PASSES * plan.corpus_tokens) / tokens
        ways = {
            f"multiply budget.amount by up to {most:,.1f}": most >= 1.1,
            "use a smaller size": min(plan.size_parameters.values(), default=0) < plan.parameters,
        }
        hint = ", or ".join(way for way, is_open in ways.items() if is_open) or "add text"
        yield Finding("note", plan.label, message, why, hint)
