"""The arms of a comparison: the ways to get a fine-tuned model that are compared with one another."""

from dataclasses import dataclass, replace
from pathlib import Path

from twinlm import checkpoint, config, families
from twinlm.errors import UsageError
from twinlm.settings import UNTRAINED, FinetuneSettings, ImportedSettings, Settings
from twinlm.tasks.floors import NAMES
from twinlm.use.load import find_model

_WITHOUT = "without pre-training"
_TAKEN = NAMES | {"baselines"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way to get a fine-tuned model."""

    name: str
    """In settings, folders and files: "gpt", "gpt-scratch", or an imported model's own."""
    family: str
    """The kind of model."""
    label: str
    """For people."""
    is_pretrained: bool
    """Whether the model was pre-trained, here or elsewhere."""
    folder: Path | None = None
    """Where an imported model lies; None for one that is made here."""
    learning_rate: float | None = None
    """Of its fine-tuning; its kind's if it is None."""
    epochs: int | None = None
    """Of its fine-tuning; its kind's if it is None."""

    def finetune_settings(self, of_kind: FinetuneSettings) -> FinetuneSettings:
        """Return how the arm is fine-tuned, from how its kind is."""
        rate = self.learning_rate or of_kind.optimizer.learning_rate
        optimizer = replace(of_kind.optimizer, learning_rate=rate)
        return replace(of_kind, epochs=self.epochs or of_kind.epochs, optimizer=optimizer)


def arms(settings: Settings) -> list[Arm]:
    """Return all arms: both kinds as pre-trained here, imported models, both kinds without pre-training.

    Raises:
        ModelError: an imported model can't be found.
        UsageError: two arms have one name, or one that can't be a folder's.
    """
    kinds = families.FAMILIES.values()
    found = [Arm(name=kind.name, family=kind.name, label=kind.label, is_pretrained=True) for kind in kinds]
    found += [_imported(given) for given in settings.imported]
    found += [
        Arm(
            name=kind.name + UNTRAINED,
            family=kind.name,
            label=f"{kind.label} {_WITHOUT}",
            is_pretrained=False,
        )
        for kind in kinds
    ]
    names = [arm.name for arm in found]
    if twin := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two arms have the name {twin!r}", hint="give each [[imported]] a name of its own")
    return found


def arm_named(found: list[Arm], name: str) -> Arm:
    """Return the arm of a name, or one for the model of a folder.

    Raises:
        UsageError: there is neither.
    """
    for arm in found:
        if arm.name == name:
            return arm
    place = Path(name).expanduser()
    if place.is_dir():
        *_, above, own = place.resolve().parts
        is_taken = any(own in (arm.name, arm.family) for arm in found)
        return _imported(ImportedSettings(name=f"{above}-{own}" if is_taken else own, folder=name))
    raise UsageError(f"there is no arm {name!r}", hint=config.closest(name, [arm.name for arm in found]))


def _imported(given: ImportedSettings) -> Arm:
    if given.name in _TAKEN:
        hint = "its results lie in a folder of that name, beside those of the baselines"
        raise UsageError(f"{given.name!r} can't be the name of an imported model", hint=hint)
    folder = find_model(Path(given.folder).expanduser())
    family = checkpoint.family_of(folder)
    return Arm(
        name=given.name,
        family=family.name,
        label=f"{given.name} (imported {family.label})",
        is_pretrained=True,
        folder=folder,
        learning_rate=given.learning_rate,
        epochs=given.epochs,
    )
