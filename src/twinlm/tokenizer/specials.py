"""Special tokens: the roles that models give them, and the token of a vocabulary for each role.

Our own vocabularies begin with all eight. A foreign one has some of them anywhere, under its own names; those
that its kind of model needs and it lacks are appended. Next: `pipeline.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Literal

Template = Literal["encoder", "decoder"]

ABSENT = -1  # id of a role without a token in a foreign vocabulary; embeddings and token stores refuse it


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Ids of the special tokens. The defaults are those of every vocabulary that we train."""

    pad: int = 0
    """[PAD], which fills short sequences."""
    unknown: int = 1
    """[UNK], a word that WordPiece or GPT-1's BPE can't spell."""
    cls: int = 2
    """[CLS], first in BERT's input; the class is read from it."""
    sep: int = 3
    """[SEP], the end of each of BERT's segments."""
    mask: int = 4
    """[MASK], which hides a token from BERT."""
    start: int = 5
    """<start>, before each of GPT's documents and texts; in a foreign BERT's vocabulary it is [SEP]."""
    delimiter: int = 6
    """<delimiter>, between two of GPT's texts."""
    extract: int = 7
    """<extract>, the end of GPT's input; the class is read from it."""

    @property
    def ids(self) -> tuple[int, ...]:
        """All ids in ascending order, each once."""
        return tuple(sorted({number for number in astuple(self) if number != ABSENT}))


SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<start>", "<delimiter>", "<extract>")
ROLES: tuple[str, ...] = tuple(field.name for field in fields(SpecialIds))
"""Fields of `SpecialIds`, in the order of `SPECIAL_TOKENS`."""
ROLE_KEYS = {
    "pad": "pad_token",
    "unknown": "unk_token",
    "cls": "cls_token",
    "sep": "sep_token",
    "mask": "mask_token",
    "start": "bos_token",
}
"""Names of the roles in tokenizer_config.json; <delimiter> and <extract>, ours alone, have none."""

# The padding comes last: GPT-2 is often padded with its <|endoftext|>, which is its start already.
_NEEDED: dict[Template, tuple[str, ...]] = {
    "encoder": ("cls", "sep", "mask", "pad"),
    "decoder": ("start", "delimiter", "extract", "pad"),
}
# Tokens before documents in the training of GPT-2, and of Chinese GPT-2s with BERT's vocabulary.
_STARTS = ("<|endoftext|>", "[CLS]")


def is_own(vocabulary: Mapping[str, int]) -> bool:
    """Tell whether a vocabulary begins with our special tokens."""
    return all(vocabulary.get(token) == number for number, token in enumerate(SPECIAL_TOKENS))


def find_roles(
    vocabulary: Mapping[str, int], named: Mapping[str, str], unknown: str | None, template: Template
) -> dict[str, str]:
    """Return the token of each role that the vocabulary, or its kind of model, has; none has two roles.

    Tokens that the files name (`named`) go first; a role without a token in the vocabulary gets our spelling.
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
    """Return the ids of the roles; without a start, [SEP] separates documents."""
    ids = {role: vocabulary[token] for role, token in roles.items()}
    if "start" not in ids:
        ids["start"] = ids["sep"]
    return SpecialIds(**{role: ids.get(role, ABSENT) for role in ROLES})


def named_roles(specials: SpecialIds, spell: Callable[[int], str]) -> dict[str, str]:
    """Return the tokens of the roles that other tools know; `spell` returns the token of an id."""
    numbers = {role: getattr(specials, role) for role in ROLE_KEYS}
    if specials.start == specials.sep:  # it is named only as [SEP]
        del numbers["start"]
    return {role: spell(number) for role, number in numbers.items() if number != ABSENT}


def _unused(token: str, taken: Iterable[str]) -> str:
    while token in taken:
        token = f"<{token}>"
    return token
