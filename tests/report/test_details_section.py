"""Details in words: a gain is claimed only where the evidence shows one."""

from twinlm.evidence.ensemble import Measurer, together
from twinlm.report.details_section import together_sentences


def test_sentences_claim_a_gain_only_where_it_is_shown(made):
    topics = made.answers("classification", examples=200)
    found = together(topics, "gpt", "bert", Measurer(topics))
    text = " ".join(together_sentences(found, {"gpt": "GPT", "bert": "BERT"}))
    assert ("show no gain" in text) == any(not gain.is_shown for gain in found.gains)
