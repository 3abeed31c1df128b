"""`twinlm bundle`: everything needed to check a comparison, as one folder."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, flag
from twinlm.cli.tables import print_record
from twinlm.system.progress import progress_on


def command(
    run: Annotated[Path, Parameter(help="Folder of a finished comparison.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder to write; must not exist yet.")],
    has_texts: Annotated[bool, flag("--texts", "Include texts of test examples, and samples.")] = False,
    has_weights: Annotated[bool, flag("--weights", "Include the models.")] = False,
    is_json: Json = False,
) -> None:
    """Pack everything needed to check a comparison.

    Use it to publish a comparison, so that others can recompute its scores. The
    folder holds the right answers and predictions of every test example, for all
    models, seeds and baselines; settings, fingerprints, results and report; and a
    SHA-256 for each file. Texts and weights are included only on request.

    Examples:
      twinlm bundle runs/demo --out demo-bundle
      twinlm bundle runs/demo --out demo-bundle --texts --weights
    Next:
      twinlm verify demo-bundle
    """
    from twinlm.bundle.bundle import make_bundle
    from twinlm.system import storage

    with progress_on(quiet_s=2.0) as progress:
        notes = make_bundle(run, out, has_texts=has_texts, has_weights=has_weights, progress=progress)
    seal = storage.file_sha256(out / storage.MANIFEST)
    lines = [f"{out}: written; twinlm verify checks it", *(f"Note: {note}" for note in notes)]
    record = {"folder": str(out), "seal": seal, "notes": notes}
    print_record(record, *lines, f"SHA-256 of its manifest: {seal}", is_json=is_json)


COMMAND = Command("bundle", command)
