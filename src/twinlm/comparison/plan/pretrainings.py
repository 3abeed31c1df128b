"""The pre-trainings of a comparison: both kinds, and every arm that is not pre-trained as another one."""

from dataclasses import dataclass

from twinlm import families
from twinlm.settings import ArmSettings, KindSettings, Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretraining:
    """One model to pre-train, once for each pre-training seed."""

    name: str  # name of the first arm that has it, and of its folder in a run
    family: str  # kind of model
    label: str  # name for people
    settings: KindSettings  # sizes and pre-training settings
    share: float = 1  # share of the budget


def pretrainings(settings: Settings) -> dict[str, Pretraining]:
    """Return the pre-trainings of all arms by name: the two kinds, then arms that share no earlier one."""
    trained = {name: _of_kind(settings, name) for name in families.FAMILIES}
    for arm in settings.arm:
        if arm.pretrained and not any(same_pretraining(other, arm) for other in trained.values()):
            trained[arm.name] = Pretraining(
                name=arm.name,
                family=arm.kind,
                label=arm.label or arm.name,
                settings=settings_of(arm),
                share=arm.budget_share,
            )
    return trained


def smaller_pretrainings(settings: Settings) -> dict[str, Pretraining]:
    """Return the pre-trainings of both kinds with the budget shares of a curve, by name."""
    smaller = [
        _of_kind(settings, name, share)
        for share in settings.compare.budget_shares
        for name in families.FAMILIES
    ]
    return {pretraining.name: pretraining for pretraining in smaller}


def same_pretraining(other: Pretraining, arm: ArmSettings) -> bool:
    """Tell whether an arm is pre-trained as another one is: same kind, sizes, objective and budget."""
    ours = (arm.kind, arm.budget_share, arm.model, arm.pretrain)
    return (other.family, other.share, other.settings.model, other.settings.pretrain) == ours


def settings_of(arm: ArmSettings) -> KindSettings:
    """Return the settings of an arm without its name."""
    return KindSettings(model=arm.model, pretrain=arm.pretrain, finetune=arm.finetune)


def _of_kind(settings: Settings, name: str, share: float = 1) -> Pretraining:
    family = families.family(name)
    return Pretraining(
        name=name if share == 1 else f"{name}-share-{share:g}",
        family=name,
        label=family.label if share == 1 else f"{family.label} with {share:g} of the budget",
        settings=getattr(settings, name),
        share=share,
    )
