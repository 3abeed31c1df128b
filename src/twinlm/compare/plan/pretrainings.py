"""What is pre-trained in a comparison: both kinds, and each arm that is not pre-trained just as another one.

Arms that differ in their fine-tuning only share a pre-training, so that it is done once. A curve of score
against pre-training takes both kinds again with shares of the budget, each a whole training of its own.
"""

from dataclasses import dataclass

from twinlm import families
from twinlm.settings import ArmSettings, KindSettings, Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretraining:
    """One model to pre-train, once for each pre-training seed."""

    name: str
    """That of the first arm that has it, and of its folder in a run."""
    family: str
    """The kind of model."""
    label: str
    """For people."""
    settings: KindSettings
    """Its sizes and its pre-training."""
    share: float = 1
    """Of the budget."""


def pretrainings(settings: Settings) -> dict[str, Pretraining]:
    """Return what the arms are pre-trained by, by name: the two kinds, then the arms that need their own."""
    found = {name: _of_kind(settings, name) for name in families.FAMILIES}
    for given in settings.arm:
        if given.pretrained and not any(same_pretraining(other, given) for other in found.values()):
            found[given.name] = Pretraining(
                name=given.name,
                family=given.kind,
                label=given.label or given.name,
                settings=settings_of(given),
                share=given.budget_share,
            )
    return found


def smaller_pretrainings(settings: Settings) -> dict[str, Pretraining]:
    """Return those of both kinds with the shares of the budget that a curve is drawn from, by name."""
    found = [
        _of_kind(settings, name, share)
        for share in settings.compare.budget_shares
        for name in families.FAMILIES
    ]
    return {pretraining.name: pretraining for pretraining in found}


def same_pretraining(other: Pretraining, given: ArmSettings) -> bool:
    """Tell whether an arm is pre-trained as another one is: of one kind, size, objective and budget."""
    return (other.family, other.share, other.settings.model, other.settings.pretrain) == (
        given.kind,
        given.budget_share,
        given.model,
        given.pretrain,
    )


def settings_of(given: ArmSettings) -> KindSettings:
    """Return the settings of an arm without its name."""
    return KindSettings(model=given.model, pretrain=given.pretrain, finetune=given.finetune)


def _of_kind(settings: Settings, name: str, share: float = 1) -> Pretraining:
    family = families.family(name)
    return Pretraining(
        name=name if share == 1 else f"{name}-share-{share:g}",
        family=name,
        label=family.label if share == 1 else f"{family.label} with {share:g} of the budget",
        settings=getattr(settings, name),
        share=share,
    )
