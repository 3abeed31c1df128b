"""`twinlm verify`: check a bundle and recompute its scores."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json
from twinlm.cli.tables import print_json
from twinlm.errors import OK
from twinlm.system.progress import progress_on

if TYPE_CHECKING:
    from twinlm.bundle.verify import Verification

_DIFFERS = 1


def command(
    bundle: Annotated[Path, Parameter(help="Folder that twinlm bundle wrote.")], /, *, is_json: Json = False
) -> int:
    """Check a bundle and recompute its scores.

    Use it on a bundle from someone else, before you trust its results. It checks
    the SHA-256 of every file and recomputes every score, interval, p value and
    winner from the stored predictions. It names each difference. Exit code: 0 no
    difference, 1 some differences, 4 not a bundle.

    Examples:
      twinlm verify demo-bundle
      twinlm verify demo-bundle --json
    Next:
      twinlm report demo-bundle
    """
    from twinlm.bundle.verify import verify_bundle

    with progress_on(quiet_s=2.0) as progress:
        verification = verify_bundle(bundle, progress)
    if is_json:
        is_sound = not verification.differences
        print_json({"folder": str(bundle), "is_sound": is_sound, **dataclasses.asdict(verification)})
    else:
        _show(bundle, verification)
    return _DIFFERS if verification.differences else OK


def _show(bundle: Path, verification: "Verification") -> None:
    from twinlm.report.numbers import counted, size, whole

    print(f"{bundle}: {counted(verification.files, 'file')}, {size(verification.size_bytes)}")
    print(f"SHA-256 of the manifest: {verification.seal}")
    if verification.compared:
        print(f"{whole(verification.compared)} values recomputed from the stored predictions")
    for difference in verification.differences:
        print(f"DIFFERS {difference}")
    for note in verification.notes:
        print(f"Note: {note}")
    count = len(verification.differences)
    print(f"{counted(count, 'difference')}." if count else "No difference.")


COMMAND = Command("verify", command)
