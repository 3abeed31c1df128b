"""The data doctor's checks of the corpus: one reading of all text, then a closer look at a sample."""

from collections import Counter
from collections.abc import Iterator, Sequence

from twinlm.data.text.corpus import Document
from twinlm.data.text.splits import SPLITS, split_documents
from twinlm.doctor.checks.characters import Characters, check_scripts
from twinlm.doctor.checks.duplicates import Copies, repeated_lines
from twinlm.doctor.checks.findings import Checked, Finding, Parts
from twinlm.doctor.checks.leakage import TaskSearch
from twinlm.doctor.checks.near_duplicates import Text, check_near_duplicates
from twinlm.doctor.checks.reading import CorpusSample, Seen, unreadable
from twinlm.doctor.material import Material
from twinlm.doctor.tasks import held_out_texts
from twinlm.errors import DataError
from twinlm.system.log import Progress


def check_corpus(material: Material, sample: CorpusSample, progress: Progress) -> Iterator[Parts]:
    """Check the text to pre-train on, if there is any, and fill the sample."""
    if material.read is None:
        return
    copies, characters = Copies(), Characters("corpus")
    search = TaskSearch([target for task in material.tasks for target in held_out_texts(task)])
    yield ("corpus",), material.read([copies, characters, sample, search], progress)
    yield ("corpus", "characters"), characters.checked()
    yield ("corpus", "copies"), copies.checked(sample.documents)
    for name, leaked in search.checked().items():
        yield ("tasks", name, "in the corpus"), leaked
    if not sample.documents:
        return
    yield ("corpus", "sample"), _about(sample)
    yield ("corpus", "lines"), repeated_lines(sample.documents)
    yield ("corpus",), check_scripts("corpus", (document.text for document in sample.documents))
    try:
        texts = _as_split(material, _different(sample))
    except DataError as error:
        # A split may be empty in the sample though not in the corpus.
        findings = (unreadable("corpus.train", error),) if sample.share == 1 else ()
        yield ("corpus",), Checked({}, findings)
        texts = [Text(*document[:3]) for document in _different(sample)]
    near = check_near_duplicates("corpus", texts, progress, is_all=sample.share == 1)
    yield ("corpus", "near duplicates"), near


def _about(sample: CorpusSample) -> Checked:
    size_bytes = sum(len(document.text.encode()) for document in sample.documents)
    facts = {"documents": len(sample.documents), "bytes": size_bytes, "share": sample.share}
    if sample.share == 1:
        return Checked(facts)
    size = f"{len(sample.documents):,} documents of {size_bytes / 1e6:,.1f} MB in all"
    message = (
        "near duplicates, repeated lines, scripts, lengths and tokens are judged by a sample: 1 text in "
    )
    message += f"{1 / sample.share:.0f}, {size}"
    why = "of two near duplicates a sample may hold only one: there are more than it shows"
    return Checked(facts, (Finding("note", "corpus", message, why),))


def _different(sample: CorpusSample) -> list[Seen]:
    """Return the first of each text, test before validation before training."""
    firsts: dict[int, Seen] = {}
    for document in sorted(sample.documents, key=_split_rank):
        firsts.setdefault(document.digest, document)
    return list(firsts.values())


def _as_split(material: Material, documents: Sequence[Seen]) -> list[Text]:
    valid_share, test_share = material.held_out_shares
    split = split_documents(
        (Document(document.text, document.source) for document in documents if document.split == "train"),
        valid_share=valid_share,
        test_share=test_share,
        seed=material.settings.seed,
        counts=Counter(),
    )
    texts = [Text(*document[:3]) for document in documents if document.split != "train"]
    for name in SPLITS:
        texts += [Text(name, document.source, document.text) for document in getattr(split, name)]
    return sorted(texts, key=_split_rank)


def _split_rank(text: Seen | Text) -> int:
    return -SPLITS.index(text.split)
