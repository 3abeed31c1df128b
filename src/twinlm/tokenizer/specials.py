"""Special tokens: the roles that a model gives them, and which token of a vocabulary plays which.

Our own vocabularies begin with all eight. A foreign one has some of them anywhere, under names of its own;
what its kind of model needs and it lacks is put behind it. Next: `pipeline.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Literal

Template = Literal["encoder", "decoder"]

ABSENT = -1
"""The id of a role that a foreign vocabulary has no token for, since its kind of model never uses it.

No token has this number: embeddings and token stores refuse it. Who goes through all special tokens must take
`SpecialIds.ids`, which leaves it out.
"""


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """The ids of the special tokens. The defaults are those of every vocabulary that we train."""

    pad: int = 0
    """[PAD]: fills short sequences up."""
    unknown: int = 1
    """[UNK]: a word that WordPiece or GPT-1's BPE can't spell."""
    cls: int = 2
    """[CLS]: stands first in BERT's input; the class is read from it."""
    sep: int = 3
    """[SEP]: ends each of BERT's segments."""
    mask: int = 4
    """[MASK]: hides a token from BERT."""
    start: int = 5
    """<start>: stands before each of GPT's documents and texts. In a foreign BERT's vocabulary it is [SEP],
    which then parts documents in a token store."""
    delimiter: int = 6
    """<delimiter>: stands between two of GPT's texts."""
    extract: int = 7
    """<extract>: ends GPT's input; the class is read from it."""

    @property
    def ids(self) -> tuple[int, ...]:
        """All that there are, in ascending order, each once."""
        return tuple(sorted({number for number in astuple(self) if number != ABSENT}))


SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<start>", "<delimiter>", "<extract>")
"""In the order of `SpecialIds`."""
ROLES: tuple[str, ...] = tuple(field.name for field in fields(SpecialIds))
"""In the same order."""
ROLE_KEYS = {
    "pad": "pad_token",
    "unknown": "unk_token",
    "cls": "cls_token",
    "sep": "sep_token",
    "mask": "mask_token",
    "start": "bos_token",
}
"""The names of the roles in tokenizer_config.json; <delimiter> and <extract> have none, being ours alone."""

# The padding comes last: GPT-2 is often padded with its <|endoftext|>, which is its start already.
_NEEDED: dict[Template, tuple[str, ...]] = {
    "encoder": ("cls", "sep", "mask", "pad"),
    "decoder": ("start", "delimiter", "extract", "pad"),
}
# What stood before documents in the training of GPT-2, and of Chinese GPT-2s with BERT's vocabulary.
_STARTS = ("<|endoftext|>", "[CLS]")


def is_own(vocabulary: Mapping[str, int]) -> bool:
    """Tell whether a vocabulary begins with our special tokens."""
    return all(vocabulary.get(token) == number for number, token in enumerate(SPECIAL_TOKENS))


def find_roles(
    vocabulary: Mapping[str, int], named: Mapping[str, str], unknown: str | None, template: Template
) -> dict[str, str]:
    """Return the token of each role that the vocabulary, or its kind of model, has.

    A token has one role at most. A role whose token is not in the vocabulary yet is spelled as ours is.

    Args:
        vocabulary: ids by token.
        named: the tokens that the vocabulary's files name for roles; those that it lacks are passed over.
        unknown: the token for what can't be spelled, if the algorithm has one.
        template: which kind of model reads the tokens.
    """
    if is_own(vocabulary):
        return dict(zip(ROLES, SPECIAL_TOKENS, strict=True))
    roles = {} if unknown is None else {"unknown": unknown}
    for role in _NEEDED[template]:
        ours = SPECIAL_TOKENS[ROLES.index(role)]
        candidates = [named.get(role), ours, *(_STARTS if role == "start" else ())]
        taken = roles.values()
        roles[role] = next(
            (token for token in candidates if token in vocabulary and token not in taken), None
        ) or _unused(ours, taken)
    return roles


def special_ids(roles: Mapping[str, str], vocabulary: Mapping[str, int]) -> SpecialIds:
    """Return the ids of the roles; without a start, [SEP] parts documents."""
    found = {role: vocabulary[token] for role, token in roles.items()}
    if "start" not in found:
        found["start"] = found["sep"]
    return SpecialIds(**{role: found.get(role, ABSENT) for role in ROLES})


def named_roles(specials: SpecialIds, spell: Callable[[int], str]) -> dict[str, str]:
    """Return the tokens of the roles that other tools have a name for; [SEP] is not named as the start too.

    Args:
        specials: the ids.
        spell: returns the token of an id.
    """
    numbers = {role: getattr(specials, role) for role in ROLE_KEYS}
    if specials.start == specials.sep:
        del numbers["start"]
    return {role: spell(number) for role, number in numbers.items() if number != ABSENT}


def _unused(token: str, taken: Iterable[str]) -> str:
    """Return the token, in angle brackets until no other role has it."""
    while token in taken:
        token = f"<{token}>"
    return token
