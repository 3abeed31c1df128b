"""`twinlm classify`, `tag`, `answer`, `similarity` and `choose`: ask a fine-tuned model about a few texts."""

from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, Model
from twinlm.cli.tables import print_record
from twinlm.cli.texts import argument_or_input, arguments_or_lines, as_text, is_input, paired, text_alone


def classify(
    model: Model,
    /,
    *texts: Annotated[
        str,
        Parameter(
            help="Texts; default, or -: lines of standard input. A model of pairs takes two at a time, "
            "or lines with a tab between them."
        ),
    ],
    is_json: Json = False,
) -> None:
    """Classify texts with a fine-tuned model.

    Use it on a few texts; twinlm predict takes whole files. It prints the most
    probable class, its probability and the text, with tabs between. --json shows
    the probabilities of all classes.

    Examples:
      twinlm classify runs/demo/tasks/topic/bert/seed-1 "A river in France." "A painter."
      twinlm classify runs/demo/tasks/topic/gpt/seed-1 - --json < lines.txt
      twinlm classify runs/my/tasks/entails/bert/seed-1 "It rains." "It is wet."
    Next:
      twinlm predict runs/demo/tasks/topic/bert/seed-1 new.csv
    """
    lines = arguments_or_lines(texts)
    from twinlm.tasks.classification import TEXTS
    from twinlm.use import ask
    from twinlm.use.load import load
    from twinlm.use.predict import task_of

    trained = load(model)
    _, task = task_of(trained, "classification")
    rows = (
        paired(lines, is_lines=is_input(texts)) if task.constants[TEXTS] == 2 else [(line,) for line in lines]
    )
    for row, chances in zip(rows, ask.classify(trained, rows), strict=True):
        best = next(iter(chances))
        record = {**dict(zip(("text", "text_b"), row, strict=False)), "class": best, "probabilities": chances}
        print_record(record, "\t".join([best, f"{chances[best]:.3f}", *row]), is_json=is_json)


def tag(
    model: Model,
    /,
    *sentences: Annotated[str, Parameter(help="Sentences; default, or -: lines of standard input.")],
    is_json: Json = False,
) -> None:
    """Tag each word of sentences with a fine-tuned model.

    Use it to find names or parts of speech. Words are separated by white space, as
    in the training data: put spaces around punctuation if those files do. It
    prints a word and its tag a line, with a tab between, and an empty line after
    each sentence.

    Examples:
      twinlm tag runs/my/tasks/names/bert/seed-1 "Ada moved to London ."
      twinlm tag runs/my/tasks/names/gpt/seed-1 - --json < sentences.txt
    Next:
      twinlm predict runs/my/tasks/names/bert/seed-1 test.conll --labelled
    """
    rows = [sentence.split() for sentence in arguments_or_lines(sentences)]
    from twinlm.use import ask
    from twinlm.use.load import load

    for words, tags in zip(rows, ask.tag(load(model), rows), strict=True):
        lines = [f"{word}\t{tag}\n" for word, tag in zip(words, tags, strict=True)]
        print_record({"tokens": words, "tags": tags}, "".join(lines), is_json=is_json)


def answer(
    model: Model,
    question: Annotated[str, Parameter(help="Question.")],
    context: Annotated[
        str | None, Parameter(help="Text with the answer; default, or -: standard input.")
    ] = None,
    /,
    *,
    is_json: Json = False,
) -> None:
    """Answer a question from a text with a fine-tuned model.

    Use it to extract the part of a text that answers a question. It prints an empty
    line if the model finds no answer in the text.

    Examples:
      twinlm answer runs/my/tasks/questions/bert/seed-1 "Who?" "The novel is by George Eliot."
      twinlm answer runs/my/tasks/questions/bert/seed-1 "Who wrote it?" - < article.txt
    Next:
      twinlm predict runs/my/tasks/questions/bert/seed-1 dev-v1.1.json --labelled
    """
    question, text = text_alone(question), argument_or_input(context)
    from twinlm.use import ask
    from twinlm.use.load import load

    found = ask.answer(load(model), question, text)
    print_record({"question": question, **found}, found["predicted"], is_json=is_json)


def similarity(
    model: Model,
    /,
    *texts: Annotated[
        str, Parameter(help="Two texts at a time; default, or -: lines with a tab between them.")
    ],
    is_json: Json = False,
) -> None:
    """Rate how similar two texts are with a fine-tuned model.

    Use it to find paraphrases. The score has the unit of the training scores. A
    GPT reads both orders, so the order of the texts does not matter.

    Examples:
      twinlm similarity runs/my/tasks/alike/gpt/seed-1 "It rains." "It is raining."
      twinlm similarity runs/my/tasks/alike/bert/seed-1 - < pairs.tsv
    Next:
      twinlm predict runs/my/tasks/alike/bert/seed-1 test.tsv --labelled
    """
    rows = paired(arguments_or_lines(texts), is_lines=is_input(texts))
    from twinlm.use import ask
    from twinlm.use.load import load

    for (first, second), score in zip(rows, ask.similarity(load(model), rows), strict=True):
        record = {"text": first, "text_b": second, "score": score}
        print_record(record, f"{score:.3f}\t{first}\t{second}", is_json=is_json)


def choose(
    model: Model,
    text: Annotated[str, Parameter(help="First text: a beginning, or a question with its passage.")],
    /,
    *choices: Annotated[str, Parameter(help="At least two texts to choose among.")],
    question: Annotated[
        str, Parameter(help="Question on the text, for a model that was trained with text_b_field.")
    ] = "",
    is_json: Json = False,
) -> None:
    """Choose among texts with a fine-tuned model.

    Use it to pick the text that continues or answers the first one. It prints each
    choice with its probability, the best one first. twinlm rank does this with a
    model that was pre-trained only.

    Examples:
      twinlm choose runs/my/tasks/endings/bert/seed-1 "She opened the" "door." "river."
      twinlm choose runs/my/tasks/endings/gpt/seed-1 "It was cold, so he" "froze." "sang." --json
    Next:
      twinlm predict runs/my/tasks/endings/bert/seed-1 test.csv --labelled
    """
    text, others = text_alone(text), [as_text(choice) for choice in choices]
    from twinlm.use import ask
    from twinlm.use.load import load

    chances = ask.choose(load(model), text, others, question=question)
    record = {"text": text, "predicted": chances.index(max(chances)), "probabilities": chances}
    ranked = sorted(zip(chances, others, strict=True), key=lambda pair: -pair[0])
    print_record(record, "\n".join(f"{chance:.3f}\t{choice}" for chance, choice in ranked), is_json=is_json)


COMMANDS = (
    Command("classify", classify),
    Command("tag", tag),
    Command("answer", answer),
    Command("similarity", similarity),
    Command("choose", choose),
)
