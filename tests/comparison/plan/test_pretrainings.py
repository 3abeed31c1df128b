"""What is pre-trained for a set of arms, and under which names."""

from twinlm.comparison.plan.pretrainings import pretrainings, smaller_pretrainings
from twinlm.settings import presets

TWO_TUNINGS = {"name": "no-l1", "kind": "gpt", "finetune": {"auxiliary_weight": 0}}
OTHER_MASKS = {"name": "more-masks", "kind": "bert", "label": "BERT, 30 %", "pretrain": {"mask_share": 0.3}}


def resolved(*arms, **compare):
    return presets.resolve(None, {}, base={"arm": list(arms), "compare": compare})


def test_without_arms_there_is_one_of_each_kind():
    assert list(pretrainings(resolved())) == ["gpt", "bert"]


def test_another_fine_tuning_shares_and_another_objective_does_not():
    found = pretrainings(resolved(TWO_TUNINGS, OTHER_MASKS))
    assert list(found) == ["gpt", "bert", "more-masks"]
    assert found["more-masks"].label == "BERT, 30 %"
    assert found["more-masks"].settings.pretrain.mask_share == 0.3


def test_two_arms_that_are_pre_trained_alike_share_what_the_first_one_has():
    again = OTHER_MASKS | {"name": "more-masks-again", "finetune": {"epochs": 1}}
    assert list(pretrainings(resolved(OTHER_MASKS, again))) == ["gpt", "bert", "more-masks"]


def test_an_arm_with_less_of_the_budget_has_its_own():
    small = {"name": "small", "kind": "gpt", "budget_share": 0.25}
    assert pretrainings(resolved(small))["small"].share == 0.25


def test_an_arm_that_is_not_pre_trained_asks_for_none():
    nothing = {"name": "nothing", "kind": "bert", "pretrained": False, "pretrain": {"mask_share": 0.3}}
    assert list(pretrainings(resolved(nothing))) == ["gpt", "bert"]


def test_a_curve_takes_both_kinds_with_each_share():
    found = smaller_pretrainings(resolved(budget_shares=[0.5, 0.25]))
    assert list(found) == ["gpt-share-0.5", "bert-share-0.5", "gpt-share-0.25", "bert-share-0.25"]
    assert found["bert-share-0.25"].label == "BERT with 0.25 of the budget"
