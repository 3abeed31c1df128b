"""lm-eval's `local-completions` gets the table from our server that its `hf` gets from the exported folder.

lm-eval is not part of the test environment: `make interop` installs it.
"""

import json

import pytest

from twinlm.hf.export import to_hf_files, write_folder

lm_eval = pytest.importorskip("lm_eval")
TEXTS = ["The red cat sat on the", "A big dog ran to the old", "She drinks tea with", "The"]
CHOICES = [" mat.", " house.", " milk.", " cat sat on the mat."]


@pytest.fixture(scope="module")
def backends(server, gpt, tmp_path_factory):
    """Both ways to ask one model."""
    from lm_eval.models.huggingface import HFLM
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    folder = tmp_path_factory.mktemp("exported") / "gpt"
    write_folder(folder, to_hf_files(gpt))
    start = gpt.tokenizer.specials.start
    theirs = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=2, prefix_token_id=start)
    ours = LocalCompletionsAPI(
        model="tiny/gpt",
        base_url=f"{server.url}/v1/completions",
        tokenizer=str(folder),
        tokenizer_backend="huggingface",
        custom_prefix_token_id=start,
        add_bos_token=True,  # <start>, which the other backend's tokenizer adds by itself
        max_length=48,
        batch_size=3,
    )
    return ours, theirs


def ask(backend, kind, *arguments):
    from lm_eval.api.instance import Instance

    rows = [Instance(kind, {}, each, number) for number, each in enumerate(arguments)]
    return getattr(backend, kind)(rows)


@pytest.mark.filterwarnings("default")
def test_choices_and_texts_have_the_same_scores(backends):
    pairs = [(text, choice) for text in TEXTS for choice in CHOICES]
    ours, theirs = (ask(backend, "loglikelihood", *pairs) for backend in backends)
    assert [score for score, _ in ours] == [pytest.approx(score, abs=1e-3) for score, _ in theirs]
    assert [is_greedy for _, is_greedy in ours] == [is_greedy for _, is_greedy in theirs]
    texts = [(text + choice,) for text, choice in zip(TEXTS, CHOICES, strict=True)]
    ours, theirs = (ask(backend, "loglikelihood_rolling", *texts) for backend in backends)
    assert ours == [pytest.approx(score, abs=1e-3) for score in theirs]


@pytest.mark.filterwarnings("default")
def test_the_table_of_a_task_is_the_same(backends, tmp_path):
    from lm_eval.api.task import ConfigurableTask

    path = tmp_path / "rows.jsonl"
    rows = [{"text": text, "choices": CHOICES, "label": number} for number, text in enumerate(TEXTS * 5)]
    path.write_text("\n".join(json.dumps({**row, "label": row["label"] % 4}) for row in rows))
    config = {
        "task": "ends",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(path)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{text}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{label}}",
        "target_delimiter": "",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    }
    ours, theirs = (
        lm_eval.simple_evaluate(backend, tasks=[ConfigurableTask(config=config)], bootstrap_iters=0)[
            "results"
        ]
        for backend in backends
    )
    assert ours["ends"]["acc,none"] == theirs["ends"]["acc,none"]
    assert ours["ends"]["acc_norm,none"] == theirs["ends"]["acc_norm,none"]
