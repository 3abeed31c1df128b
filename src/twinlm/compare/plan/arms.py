"""The arms of a comparison: the ways to get a fine-tuned model that are compared with one another.

Next: `compare/plan/pretrainings.py`, what arms are pre-trained by; several may share one.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from twinlm import checkpoint, families
from twinlm.compare.plan.pretrainings import Pretraining, pretrainings, same_pretraining, settings_of
from twinlm.errors import UsageError
from twinlm.settings import UNTRAINED, ArmSettings, ImportedSettings, KindSettings, Settings, build
from twinlm.tasks.baselines import NAMES
from twinlm.use.load import find_model

_WITHOUT = "without pre-training"
_TAKEN = NAMES | {"baselines", "tasks", "tokens", "tokenizers", "plan", "data-doctor"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way to get a fine-tuned model."""

    name: str
    """In settings, folders and files: "gpt", "gpt-scratch", or its own."""
    family: str
    """The kind of model."""
    label: str
    """For people."""
    settings: KindSettings
    """Its sizes, its pre-training if it has one, and its fine-tuning."""
    pretraining: str = ""
    """Name of the pre-training that it begins with; empty for an imported model, or without any."""
    folder: Path | None = None
    """Where an imported model lies; None for one that is made here."""

    @property
    def is_pretrained(self) -> bool:
        """Whether the model was pre-trained, here or elsewhere."""
        return bool(self.pretraining) or self.folder is not None


def arms(settings: Settings) -> list[Arm]:
    """Return all arms: both kinds, the settings' own, imported models, both kinds without pre-training.

    Raises:
        ModelError: an imported model can't be found.
        UsageError: two arms have one name, or one that can't be a folder's.
    """
    kinds = [(kind.name, kind.label, getattr(settings, kind.name)) for kind in families.FAMILIES.values()]
    found = [
        Arm(name=name, family=name, label=label, settings=of_kind, pretraining=name)
        for name, label, of_kind in kinds
    ]
    trained = pretrainings(settings)
    found += [_arm(given, trained) for given in settings.arm]
    found += [_imported(given, settings) for given in settings.imported]
    found += [
        Arm(name=name + UNTRAINED, family=name, label=f"{label} {_WITHOUT}", settings=of_kind)
        for name, label, of_kind in kinds
    ]
    names = [arm.name for arm in found]
    if twin := next((name for name in names if names.count(name) > 1), None):
        hint = "give each [[arm]] and [[imported]] a name of its own"
        raise UsageError(f"two arms have the name {twin!r}", hint=hint)
    return found


def arm_named(settings: Settings, name: str) -> Arm:
    """Return the arm of a name, or one for the model of a folder.

    Raises:
        UsageError: there is neither.
    """
    found = arms(settings)
    for arm in found:
        if arm.name == name:
            return arm
    place = Path(name).expanduser()
    if place.is_dir():
        *_, above, own = place.resolve().parts
        is_taken = any(own in (arm.name, arm.family) for arm in found)
        given = ImportedSettings(name=f"{above}-{own}" if is_taken else own, folder=name)
        return _imported(given, settings)
    raise UsageError(f"there is no arm {name!r}", hint=build.closest(name, [arm.name for arm in found]))


def retuned(settings: KindSettings, learning_rate: float | None, epochs: int | None) -> KindSettings:
    """Return the settings with another learning rate or number of epochs in fine-tuning, where given."""
    tuning = settings.finetune
    rate = learning_rate or tuning.optimizer.learning_rate
    optimizer = replace(tuning.optimizer, learning_rate=rate)
    return replace(settings, finetune=replace(tuning, epochs=epochs or tuning.epochs, optimizer=optimizer))


def _arm(given: ArmSettings, trained: dict[str, Pretraining]) -> Arm:
    _check_free(given.name, "an arm")
    label = given.label or given.name
    settings = settings_of(given)
    if not given.pretrained:
        return Arm(name=given.name, family=given.kind, label=label, settings=settings)
    shared = next(name for name, other in trained.items() if same_pretraining(other, given))
    return Arm(name=given.name, family=given.kind, label=label, settings=settings, pretraining=shared)


def _imported(given: ImportedSettings, settings: Settings) -> Arm:
    _check_free(given.name, "an imported model")
    folder = find_model(Path(given.folder).expanduser())
    family = checkpoint.family_of(folder)
    of_kind: KindSettings = getattr(settings, family.name)
    return Arm(
        name=given.name,
        family=family.name,
        label=f"{given.name} (imported {family.label})",
        settings=retuned(of_kind, given.learning_rate, given.epochs),
        folder=folder,
    )


def _check_free(name: str, what: str) -> None:
    if name in _TAKEN:
        hint = "its results lie in a folder of that name, beside those of the baselines and the text"
        raise UsageError(f"{name!r} can't be the name of {what}", hint=hint)
