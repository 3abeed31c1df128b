"""Tasks: stratified splits by seed and text, no text in common, and labels that all splits know."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CHOICE, CLASSIFICATION, SIMILARITY, SPAN_QA, TAGGING, Form
from twinlm.data.labels.labelled import LabelledSet
from twinlm.data.labels.task import LabelledTask, build_task
from twinlm.data.text.splits import text_hash
from twinlm.errors import DataError, UsageError


def labelled(split: str, *pairs: tuple[str, str]) -> LabelledSet:
    examples = tuple(
        Example(f"{split}-{n}", (text,), label) for n, (text, label) in enumerate(pairs, start=1)
    )
    return LabelledSet(examples, tuple(sorted({label for _, label in pairs})))


def many(split: str = "train", **sizes: int) -> LabelledSet:
    return labelled(
        split, *((f"{split} {label} {n}", label) for label, size in sizes.items() for n in range(size))
    )


def build(
    train, valid=None, test=None, *, valid_share=0.1, seed=1, **more
) -> tuple[LabelledTask, Counter[str]]:
    counts: Counter[str] = Counter()
    task = build_task("topic", train, valid, test, valid_share=valid_share, seed=seed, counts=counts, **more)
    return task, +counts


def labels(examples) -> Counter[str]:
    return Counter(example.gold for example in examples)


def test_what_is_not_given_is_split_off_in_the_proportions_of_the_classes():
    task, counts = build(many(x=200, y=50, z=5), test_share=0.2)
    assert labels(task.test) == {"x": 40, "y": 10, "z": 1}
    assert labels(task.valid) == {"x": 20, "y": 5, "z": 1}
    assert labels(task.train) == {"x": 140, "y": 35, "z": 3}
    assert task.classes == ("x", "y", "z")
    assert not counts


def test_what_is_given_stays_whole():
    valid, test = many("valid", x=3, y=2), many("test", x=4, y=4)
    task, _ = build(many(x=10, y=10), valid, test)
    assert (task.valid, task.test, len(task.train)) == (valid.examples, test.examples, 20)
    task, _ = build(many(x=10, y=10), None, test)
    assert (labels(task.valid), task.test, len(task.train)) == ({"x": 1, "y": 1}, test.examples, 18)


def test_the_split_does_not_depend_on_the_order_of_the_rows():
    train = many(x=50, y=50)
    turned = LabelledSet(train.examples[::-1], train.classes)
    first, second = build(train)[0], build(turned)[0]
    assert set(first.test) == set(second.test)
    assert set(first.valid) == set(second.valid)
    assert set(build(train, seed=2)[0].test) != set(first.test)


@given(
    st.lists(st.tuples(st.sampled_from("abcdefghijklmnop"), st.sampled_from("xyz")), max_size=60),
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=6),
)
def test_no_text_stands_in_two_splits_whatever_repeats(train_pairs, test_pairs):
    train = labelled(
        "train", *train_pairs, *((f"sure {label} {n}", label) for label in "xyz" for n in range(4))
    )
    test = labelled("test", *test_pairs, ("only here", "x"))
    for given_test in (None, test):
        task, counts = build(train, None, given_test)
        parts = [{example.digest() for example in part} for part in (task.train, task.valid, task.test)]
        assert len(set().union(*parts)) == sum(map(len, parts))
        rows = len(task.train) + len(task.valid) + (0 if given_test else len(task.test))
        assert rows + counts["training examples that stand in validation or test"] == len(train.examples)
        assert task.held_out() == parts[1] | parts[2]


def test_texts_in_common_leave_train_then_validation_and_are_counted():
    train = labelled("train", ("a", "x"), ("b", "y"), ("c ", "x"), ("d", "y"), ("d", "y"))
    task, counts = build(train, labelled("valid", ("b", "y"), ("c", "x")), labelled("test", (" c", "x")))
    assert [example.id for example in task.train] == ["train-1", "train-4", "train-5"]
    assert [example.id for example in task.valid] == ["valid-1"]
    assert counts == {
        "training examples that stand in validation or test": 2,
        "validation examples that stand in test": 1,
    }


def test_the_most_training_examples_keep_the_proportions_and_every_class():
    train, valid, test = many(x=800, y=150, z=3), many("valid", x=1), many("test", x=1, y=1)
    task, counts = build(train, valid, test, max_train_examples=100)
    assert counts["training examples above max_train_examples"] == 853
    assert labels(task.train) == {"x": 83, "y": 16, "z": 1}
    smaller, _ = build(train, valid, test, max_train_examples=3)
    assert labels(smaller.train) == {"x": 1, "y": 1, "z": 1}
    assert set(smaller.train) < set(task.train)
    assert len(build(train, valid, test, max_train_examples=5000)[0].train) == 953


def test_there_are_no_more_validation_than_training_examples_where_those_are_limited():
    task, counts = build(many(x=60, y=30), many("valid", x=40, y=20), many("test", x=5), max_train_examples=9)
    assert labels(task.valid) == labels(task.train) == {"x": 6, "y": 3}
    assert counts["validation examples above max_train_examples"] == 51
    assert len(task.test) == 5


@pytest.mark.parametrize(
    ("parts", "settings", "kind", "message"),
    [
        (
            [many(x=30)],
            {},
            DataError,
            "task 'topic': all 24 training examples have the label 'x'; there must be two classes or "
            "more; is "
            "label_field the right column?",
        ),
        (
            [many(x=9, y=9), None, many("test", x=2, w=2, v=1)],
            {},
            DataError,
            "task 'topic': 3 test examples have a label that no training example has: 'v', 'w' (the first is "
            "test-3; training has 'x', 'y'); write labels alike in all files, or remove these examples",
        ),
        (
            [many(x=9, y=9), many("valid", X=1)],
            {},
            DataError,
            "task 'topic': 1 validation example has a label that no training example has: 'X' (the "
            "first is "
            "valid-1; training has 'x', 'y'); write labels alike in all files, or remove these examples",
        ),
        (
            [many(x=1, y=1)],
            {},
            DataError,
            "task 'topic': no validation example is left (train has 2 rows, texts in common left it); "
            "give more rows, or files of your own for each split",
        ),
        (
            [many(x=9, y=9), many("valid", x=1), LabelledSet(many(x=9, y=9).examples, ("x", "y"))],
            {},
            DataError,
            "task 'topic': no training example is left (18 of 18 training rows left it, since they also "
            "stand in validation or test); give files without common texts",
        ),
        (
            [many(x=9, y=9)],
            {"valid_share": 0},
            UsageError,
            "task 'topic': a share of 0 leaves nothing to measure by; use for example 0.1",
        ),
        (
            [many(x=9, y=9)],
            {"valid_share": 0.5},
            UsageError,
            "valid_share = 0.5 and test_share = 0.5 must be 0 or more and below 1 in all; 5 % each is "
            "usual: 0.05",
        ),
        (
            [many(x=9, y=9)],
            {"max_train_examples": 1},
            UsageError,
            "task 'topic': max_train_examples = 1 is below the number of classes, 2; each class needs "
            "an example",
        ),
    ],
)
def test_what_can_be_no_task_is_refused_with_numbers(parts, settings, kind, message):
    with pytest.raises(kind) as caught:
        build(*parts, **settings)
    assert str(caught.value) == message


def answer(text: str, start: int) -> list[dict[str, object]]:
    return [{"text": text, "start": start}]


# Of each form: an example of a group (what must stay together) and a number (what tells it from others).
MAKE = {
    "pair": (CLASSIFICATION, lambda group, n: ((f"left {group}", f"right {group}"), f"class {n % 2}")),
    "similarity": (SIMILARITY, lambda group, n: ((f"left {group}", f"right {group}"), n / 2)),
    "choice": (CHOICE, lambda group, n: (("question", *(f"yes {group}", "no")[:: 1 - n % 2 * 2]), n % 2)),
    "tagging": (TAGGING, lambda group, n: (("word", str(group)), ["O", f"B-{n % 2}"])),
    "span_qa": (SPAN_QA, lambda group, n: ((f"question {n}", f"context {group}"), answer("c", 0) * (n % 2))),
}


def examples_of(name: str, groups: list[int], split: str = "train") -> tuple[Form, LabelledSet]:
    form, make = MAKE[name]
    examples = tuple(Example(f"{split}-{n}", *make(group, n)) for n, group in enumerate(groups))
    return form, LabelledSet(examples, form.labels(examples))


@pytest.mark.parametrize("name", MAKE)
@given(
    groups=st.lists(st.integers(0, 12), max_size=40),
    tests=st.none() | st.lists(st.integers(0, 3), max_size=5),
    seed=st.integers(0, 3),
)
def test_of_no_form_a_text_context_or_group_stands_in_two_splits(name, groups, tests, seed):
    sure = [100, 100, *range(101, 124)]
    form, train = examples_of(name, groups + sure)
    test = None if tests is None else examples_of(name, [*tests, 99], "test")[1]
    task, counts = build(train, None, test, form=form, seed=seed)
    parts = [{form.split_by(example) for example in part} for part in (task.train, task.valid, task.test)]
    assert len(set().union(*parts)) == sum(map(len, parts))
    kept = len(task.train) + len(task.valid) + (len(task.test) if test is None else 0)
    assert kept + counts["training examples that stand in validation or test"] == len(train.examples)
    turned = LabelledSet(train.examples[::-1], train.classes)
    again, _ = build(turned, None, test, form=form, seed=seed)
    for part in ("train", "valid", "test"):
        ids = [example.id for example in getattr(task, part)]
        assert sorted(ids) == sorted(example.id for example in getattr(again, part))
    assert again.classes == task.classes


@pytest.mark.parametrize("name", ["similarity", "choice", "tagging", "span_qa"])
def test_forms_without_classes_are_split_and_limited_by_number_alone(name):
    form, train = examples_of(name, list(range(100)))
    task, counts = build(train, form=form, test_share=0.2)
    assert (len(task.train), len(task.valid), len(task.test)) == (70, 10, 20)
    assert not counts
    task, counts = build(train, form=form, test_share=0.2, max_train_examples=7)
    assert (len(task.train), len(task.valid), len(task.test)) == (7, 7, 20)
    assert counts["training examples above max_train_examples"] == 63
    assert counts["validation examples above max_train_examples"] == 3
    turned = LabelledSet(train.examples[::-1], train.classes)
    again, _ = build(turned, form=form, test_share=0.2, max_train_examples=7)
    assert set(map(str, again.train)) == set(map(str, task.train))
    more, _ = build(train, form=form, test_share=0.2, max_train_examples=8)
    assert set(map(str, task.train)) < set(map(str, more.train))
    assert task.classes == (("B-0", "B-1", "O") if name == "tagging" else ())


def tagged(*rows: list[str]) -> LabelledSet:
    examples = tuple(Example(f"test-{n}", ("word",) * len(row), row) for n, row in enumerate(rows))
    return LabelledSet(examples, TAGGING.labels(examples))


def test_tags_that_no_training_example_has_are_named_and_their_words_counted():
    train, test = examples_of("tagging", list(range(9)))[1], tagged(["B-X", "I-X", "B-X"], ["B-X"], ["B-1"])
    task, counts = build(train, None, test, form=TAGGING, kind="tagging")
    what = "test words with tags that no training example has, each an error of all models: 'B-X', 'I-X'"
    assert counts == {what: 4}
    assert (task.classes, task.kind, task.test) == (("B-0", "B-1", "O"), "tagging", test.examples)


def test_a_known_entity_in_another_scheme_is_no_error():
    train, test = examples_of("tagging", list(range(9)))[1], tagged(["U-1", "O"], ["B-0", "L-0"])
    (what,) = build(train, None, test, form=TAGGING, kind="tagging")[1]
    assert what.startswith("tags that test examples spell otherwise than training ('L-0', 'U-1'): entity F1")


@pytest.mark.parametrize("rows", [(["B-X", "O"],), (["B-X"], ["I-X", "B-Y"]), (["b-0", "O"], ["B_1", "O"])])
def test_a_test_without_a_tag_of_training_is_refused_with_both_sets(rows):
    train = examples_of("tagging", list(range(9)))[1]
    with pytest.raises(DataError, match="no tag of the test examples but O stands in a training") as caught:
        build(train, None, tagged(*rows), form=TAGGING, kind="tagging")
    assert repr(rows[0][0]) in str(caught.value) and "(training has 'B-0', 'B-1', 'O')" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "held_out"),
    [
        ("pair", ["left 9", "right 9"]),
        ("similarity", ["left 9", "right 9"]),
        ("choice", ["question", "yes 9", "no"]),
        ("tagging", ["word 9"]),
        ("span_qa", ["context 9"]),
    ],
)
def test_pre_training_must_not_see_what_is_read_in_validation_and_test(name, held_out):
    form, train = examples_of(name, list(range(30, 60)))
    valid, test = examples_of(name, [9], "valid")[1], examples_of(name, [8], "test")[1]
    task, _ = build(train, valid, test, form=form)
    both = [*held_out, *(text.replace("9", "8") for text in held_out)]
    assert task.held_out(form) == {text_hash(text) for text in both}


@pytest.mark.parametrize(
    ("form", "texts", "gold", "label"),
    [
        (TAGGING, ("a", "b"), ["O", "O"], "'O'"),
        (SIMILARITY, ("a", "b"), 2.5, "2.5"),
        (CHOICE, ("a", "b", "c"), 1, "1"),
        (SPAN_QA, ("a", "b"), [], "none"),
        (SPAN_QA, ("a", "b"), [{"text": "big", "start": 10}], "'big'"),
    ],
)
def test_what_is_all_the_same_is_no_task(form, texts, gold, label):
    examples = tuple(
        Example(
            f"train-{n}", (*(f"{text} {n}" for text in texts),) * m, gold * m if form is TAGGING else gold
        )
        for n in range(10)
        for m in (1, 2)
    )
    with pytest.raises(DataError) as caught:
        build(LabelledSet(examples, form.labels(examples)), form=form)
    said = (
        f"label {label}; there must be two" if form is TAGGING else f"same answer, {label}: there is nothing"
    )
    assert f"training examples have the {said}" in str(caught.value)


def test_the_rows_that_left_training_are_named_as_the_cause_of_a_single_class():
    train = many(x=9, y=9)
    test = LabelledSet(tuple(each for each in train.examples if each.gold == "y"), ("y",))
    with pytest.raises(DataError) as caught:
        build(train, many("valid", x=2), test)
    left = "9 of 18 training rows left it, since they also stand in validation or test"
    hint = "give files without common texts"
    assert str(caught.value).endswith(f"all 9 training examples have the label 'x' ({left}); {hint}")


PAIRS = {
    "pair": (CLASSIFICATION, ("New York 3", "is big"), ("New", "York 3 is big")),
    "similarity": (SIMILARITY, ("New York 3", "is big"), ("New", "York 3 is big")),
    "tagging": (TAGGING, ("New York", "3"), ("New", "York 3")),
    "choice": (CHOICE, ("Which?", "a b", "c"), ("Which?", "a", "b c")),
    "choice without a stem of its own": (
        CHOICE,
        ("Which makes sense?", "a", "b"),
        ("Which makes sense?", "c", "d"),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_texts_are_compared_one_by_one(name):
    form, first, second = PAIRS[name]
    golds = {"pair": "x", "tagging": ["O", "B-x"]}
    gold = golds.get(name, 0)
    assert Example("a", first, gold).digest() != Example("b", second, gold).digest()
    more = examples_of(name.split()[0], list(range(40)))[1].examples
    train = (Example("train-900", first, gold), *more)
    test = LabelledSet((Example("test-1", second, gold),), form.labels(more))
    task, counts = build(LabelledSet(train, form.labels(train)), None, test, form=form)
    assert not counts
    assert len(task.train) + len(task.valid) == 41


def test_questions_with_one_stem_stay_and_reordered_choices_are_one_question():
    stem = "Which of the two makes sense?"
    rows = [Example(f"train-{n}", (stem, f"yes {n}", f"no {n}"), n % 2) for n in range(60)]
    turned = [Example("train-60", (stem, "no 0", "yes 0"), 1)]
    test = LabelledSet((Example("test-1", (stem, "yes 0", "no  0"), 0),), ())
    task, counts = build(LabelledSet((*rows, *turned), ()), None, test, form=CHOICE)
    assert counts == {"training examples that stand in validation or test": 2}
    assert len(task.train) + len(task.valid) == 59


def test_the_splits_of_single_texts_and_of_pairs_are_those_of_version_0_1():
    single, _ = build(many(x=30, y=30), seed=3)
    assert sorted(each.id for each in single.test) == [f"train-{n}" for n in (21, 25, 41, 48, 50, 6)]
    form, train = examples_of("pair", list(range(60)))
    pairs, _ = build(train, seed=3, form=form, max_train_examples=5)
    assert sorted(each.id for each in pairs.test) == [f"train-{n}" for n in (0, 17, 23, 26, 31, 48)]
    assert sorted(each.id for each in pairs.train) == [f"train-{n}" for n in (2, 29, 32, 5, 54)]


def test_files_that_differ_in_line_ends_only_are_one_task_to_the_models():
    def made(end: str) -> LabelledTask:
        context = f"one{end}two {end}three"
        gold = [{"text": f"two {end}three", "start": context.index("two")}]
        part = (Example("train-1", ("q", context), gold), Example("train-2", ("q", context), []))
        return LabelledTask("asked", part, part, part, (), "span_qa")

    assert made("\r\n").train != made("\n").train
    assert made("\r\n").as_read(SPAN_QA) == made("\r").as_read(SPAN_QA) == made("\n")
    assert made("\r\n").held_out(SPAN_QA) == made("\n").held_out(SPAN_QA)


@pytest.mark.parametrize("has_file", [True, False], ids=["of a file", "split off"])
def test_the_most_test_examples_keep_the_proportions_and_are_no_training_examples(has_file):
    test = many("test", x=60, y=30) if has_file else None
    task, counts = build(many(x=400, y=200), many("valid", x=4, y=2), test, max_test_examples=9)
    assert labels(task.test) == {"x": 6, "y": 3}
    assert counts["test examples above max_test_examples"] == (81 if has_file else 51)
    whole, _ = build(many(x=400, y=200), many("valid", x=4, y=2), test)
    assert (whole.train, whole.valid) == (task.train, task.valid) and set(task.test) < set(whole.test)


def test_fewer_test_examples_than_classes_are_refused():
    with pytest.raises(UsageError, match="max_test_examples = 1 is below the number of classes, 2"):
        build(many(x=9, y=9), many("valid", x=1), many("test", x=5, y=5), max_test_examples=1)
