"""Code of model cards for transformers and sentence-transformers; a test runs each piece in its folder."""

from twinlm.checkpoint import Trained
from twinlm.hf.card import Usage
from twinlm.hf.layout import Head
from twinlm.tasks.classification import TEXTS
from twinlm.tokenizer.specials import ABSENT

# The Hub's task and the code for each class without the head of a task, by the end of its name.
_BODIES = {
    "LMHeadModel": (
        "text-generation",
        """
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", padding_side="left")
model = AutoModelForCausalLM.from_pretrained(".")
inputs = tokenizer("The", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=20)[0], skip_special_tokens=True))
""",
    ),
    "ForPreTraining": (
        "fill-mask",
        """
import torch
from transformers import AutoModelForPreTraining, AutoTokenizer, pipeline

fill = pipeline("fill-mask", model=".")
for guess in fill("The [MASKTOKEN] of the house"):
    print(guess["token_str"], guess["score"])

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForPreTraining.from_pretrained(".")
with torch.no_grad():
    scores = model(**tokenizer("It rained.", "[BLANK]The street was wet.", return_tensors="pt"))
print("follows:", float(scores.seq_relationship_logits.softmax(-1)[0, 0]))
""",
    ),
    "ForMaskedLM": (
        "fill-mask",
        """
from transformers import pipeline

fill = pipeline("fill-mask", model=".")
for guess in fill("The [MASKTOKEN] of the house"):
    print(guess["token_str"], guess["score"])
""",
    ),
    "ForNextSentencePrediction": (
        "text-classification",
        """
import torch
from transformers import AutoModelForNextSentencePrediction, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForNextSentencePrediction.from_pretrained(".")
with torch.no_grad():
    scores = model(**tokenizer("It rained.", "[BLANK]The street was wet.", return_tensors="pt"))
print("follows:", float(scores.logits.softmax(-1)[0, 0]))
""",
    ),
    "Model": (
        "feature-extraction",
        """
import torch
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModel.from_pretrained(".")
with torch.no_grad():
    states = model(**tokenizer("The old house", return_tensors="pt")).last_hidden_state
print(states.shape)
""",
    ),
}
_HEADS = {
    "classification": (
        "text-classification",
        """
from transformers import pipeline

classify = pipeline("text-classification", model=".", top_k=None)
print(classify([TEXTS]))
""",
    ),
    "similarity": (
        "text-classification",
        """
from sentence_transformers import CrossEncoder

model = CrossEncoder(".")
print(model.predict([("The old house", "A house that is old")]))
""",
    ),
    "choice": (
        "multiple-choice",
        """
import torch
from transformers import AutoModelForMultipleChoice, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForMultipleChoice.from_pretrained(".")
text, choices = "It rained.", ["The street was wet.", "The street was dry."]
rows = tokenizer([text] * len(choices), choices, padding=True, return_tensors="pt")
with torch.no_grad():
    scores = model(**{name: tensor[None] for name, tensor in rows.items()}).logits
print(dict(zip(choices, scores.softmax(-1)[0].tolist())))
""",
    ),
    "tagging": (
        "token-classification",
        """
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForTokenClassification.from_pretrained(".")
words = ["Ada", "moved", "to", "London"]
row = tokenizer(words, is_split_into_words=True, return_tensors="pt")
with torch.no_grad():
    best = model(**row).logits[0].argmax(-1).tolist()
# A word's tag is read at its [PLACE] token.
tags = {}
for place, word in enumerate(row.word_ids()):
    if word is not None[FIRST]:
        tags[word] = model.config.id2label[best[place]]
print([(word, tags.get(number)) for number, word in enumerate(words)])
""",
    ),
    "span_qa": (
        "question-answering",
        """
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForQuestionAnswering.from_pretrained(".")
question, context = "Who left?", "Ada left Rome."
row = tokenizer(question, context, return_offsets_mapping=True, return_tensors="pt")
places = row.pop("offset_mapping")[0].tolist()
with torch.no_grad():
    scores = model(**row)
first = [place for place, text in enumerate(row.sequence_ids()) if text == 1]
sums = scores.start_logits[0, first][:, None] + scores.end_logits[0, first]
best = sums.triu().masked_fill(torch.ones_like(sums).tril(-1).bool(), -torch.inf).argmax().item()
begin, end = first[best // len(first)], first[best % len(first)]
print(context[places[begin][0] : places[end][1]])
""",
    ),
}
_VECTORS = """
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(".")
vectors = model.encode(["The old house", "A house that is old"])
print(model.similarity(vectors, vectors))
"""
_ALONE = (
    "Give one text at a time to `generate`: transformers' class of this type counts positions from the "
    "padding on, so texts in padded batches are continued differently."
)


def usage(trained: Trained, architecture: str, head: Head | None) -> Usage:
    """Return how to use a model in transformers."""
    if trained.task and head:
        pipeline, code = _HEADS[trained.task.kind]
        library = "sentence-transformers" if trained.task.kind == "similarity" else "transformers"
        return Usage(library, pipeline, _filled(code, trained))
    pipeline, code = next(found for ending, found in _BODIES.items() if architecture.endswith(ending))
    is_alone = architecture == "OpenAIGPTLMHeadModel"
    return Usage("transformers", pipeline, _filled(code, trained), [_ALONE] if is_alone else [])


def usage_of_vectors() -> Usage:
    """Return how to use a model in sentence-transformers."""
    return Usage("sentence-transformers", "sentence-similarity", _VECTORS)


def reads_pairs(trained: Trained) -> bool:
    """Tell whether a fine-tuned model reads two texts at once."""
    task = trained.task
    return task is not None and (
        task.kind not in ("classification", "tagging") or task.constants.get(TEXTS) == 2
    )


def _filled(code: str, trained: Trained) -> str:
    """Return code with what depends on the model: blanks, the place of a word's tag, the number of texts."""
    pair = '{"text": "The old house", "text_pair": "A house that is old"}'
    specials = trained.tokenizer.specials
    mask = trained.tokenizer.token(specials.mask) if specials.mask != ABSENT else ""
    values = {
        "[MASKTOKEN]": mask,
        "[BLANK]": " " if trained.tokenizer.pipeline.is_of_bytes else "",
        "[PLACE]": "last" if trained.family.labels_last_piece else "first",
        "[FIRST]": "" if trained.family.labels_last_piece else " and word not in tags",
        "[TEXTS]": pair if reads_pairs(trained) else '"The old house"',
    }
    for name, value in values.items():
        code = code.replace(name, value)
    return code
