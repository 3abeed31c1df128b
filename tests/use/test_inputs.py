import pytest

from twinlm.errors import DataError
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.use.inputs import batches, read_texts, room


@pytest.mark.parametrize("kind", presets.KINDS)
def test_texts_stand_between_special_tokens_and_lose_their_end_if_they_must(learned, kind):
    trained = learned(kind)
    rows, cut = read_texts(trained, ["tea", "The red cat. " * 30])
    assert (cut, len(rows[1])) == (1, trained.model.config.max_length)
    around = trained.family.enclose([], trained.tokenizer.specials)
    assert room(trained) == trained.model.config.max_length - len(around)
    assert [token for token in rows[0] if token not in around] == trained.tokenizer.encode("tea")


def test_an_empty_text_is_refused(gpt):
    with pytest.raises(DataError, match="text 2 of 2 is empty"):
        read_texts(gpt, ["tea", ""])


def test_batches_hold_each_row_once(bert):
    rows = read_texts(bert, ["The red cat", "tea", "A big dog ran", "tea"]).rows
    seen = {}
    for group, batch in batches(bert, rows, Silent()):
        for row, number in enumerate(group):
            seen[number] = batch.tokens_BL[row, batch.real_BL[row]].tolist()
    assert [seen[number] for number in range(len(rows))] == rows
