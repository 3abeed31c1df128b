"""The arms of a comparison: the ways to get a fine-tuned model. Several may share one pre-training."""

from dataclasses import dataclass, replace
from pathlib import Path

from twinlm import checkpoint, families
from twinlm.comparison.plan.pretrainings import Pretraining, pretrainings, same_pretraining, settings_of
from twinlm.errors import UsageError
from twinlm.settings import UNTRAINED, ArmSettings, ImportedSettings, KindSettings, Settings, build
from twinlm.tasks.baselines import NAMES
from twinlm.use.load import find_model

_TAKEN = NAMES | {"baselines", "tasks", "tokens", "tokenizers", "plan", "data-doctor"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way to get a fine-tuned model."""

    name: str  # name in settings, folders and files: "gpt", "gpt-scratch", or its own
    family: str  # kind of model
    label: str  # name for people
    settings: KindSettings  # sizes, pre-training settings if it has a pre-training, and fine-tuning settings
    pretraining: str = ""  # name of the pre-training it starts from; empty if imported or untrained
    folder: Path | None = None  # folder of an imported model; None for a model made here

    @property
    def is_pretrained(self) -> bool:
        """Whether the model was pre-trained, here or elsewhere."""
        return bool(self.pretraining) or self.folder is not None


def arms(settings: Settings) -> list[Arm]:
    """Return all arms; a ModelError without an imported model, a UsageError for a name that is taken."""
    kinds = [(kind.name, kind.label, getattr(settings, kind.name)) for kind in families.FAMILIES.values()]
    trained = pretrainings(settings)
    every = [
        *(
            Arm(name=name, family=name, label=label, settings=own, pretraining=name)
            for name, label, own in kinds
        ),
        *(_own_arm(arm, trained) for arm in settings.arm),
        *(_listed(model, settings) for model in settings.imported),
        *(
            Arm(name=name + UNTRAINED, family=name, label=f"{label} without pre-training", settings=own)
            for name, label, own in kinds
        ),
    ]
    names = [arm.name for arm in every]
    if twin := next((name for name in names if names.count(name) > 1), None):
        hint = "give each [[arm]] and [[imported]] a name of its own"
        raise UsageError(f"two arms have the name {twin!r}", hint=hint)
    return every


def arm_named(settings: Settings, name: str) -> Arm:
    """Return the arm of a name, or one for the model in a folder; a UsageError if there is neither."""
    known = {arm.name: arm for arm in arms(settings)}
    if name in known:
        return known[name]
    folder = Path(name).expanduser()
    if folder.is_dir():
        *_, above, own = folder.resolve().parts
        is_taken = any(own in (arm.name, arm.family) for arm in known.values())
        return _imported(f"{above}-{own}" if is_taken else own, folder, settings)
    raise UsageError(f"there is no arm {name!r}", hint=build.closest(name, list(known)))


def retuned(settings: KindSettings, learning_rate: float | None, epochs: int | None) -> KindSettings:
    """Return the settings with another learning rate or number of epochs in fine-tuning, unless None."""
    tuning = settings.finetune
    rate = learning_rate or tuning.optimizer.learning_rate
    optimizer = replace(tuning.optimizer, learning_rate=rate)
    return replace(settings, finetune=replace(tuning, epochs=epochs or tuning.epochs, optimizer=optimizer))


def _own_arm(arm: ArmSettings, trained: dict[str, Pretraining]) -> Arm:
    _check_free(arm.name, "an arm")
    shared = (name for name, other in trained.items() if same_pretraining(other, arm))
    return Arm(
        name=arm.name,
        family=arm.kind,
        label=arm.label or arm.name,
        settings=settings_of(arm),
        pretraining=next(shared) if arm.pretrained else "",
    )


def _listed(model: ImportedSettings, settings: Settings) -> Arm:
    arm = _imported(model.name, Path(model.folder).expanduser(), settings)
    return replace(arm, settings=retuned(arm.settings, model.learning_rate, model.epochs))


def _imported(name: str, place: Path, settings: Settings) -> Arm:
    _check_free(name, "an imported model")
    folder = find_model(place)
    family = checkpoint.family_of(folder)
    origin = f"imported {family.label}" if checkpoint.is_foreign(folder) else f"{family.label} of another run"
    label, own = f"{name} ({origin})", getattr(settings, family.name)
    return Arm(name=name, family=family.name, label=label, settings=own, folder=folder)


def _check_free(name: str, role: str) -> None:
    if name in _TAKEN:
        hint = "its results are stored in a folder of that name, beside those of the baselines and the text"
        raise UsageError(f"{name!r} can't be the name of {role}", hint=hint)
