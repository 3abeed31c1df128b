"""`twinlm verify`: check a bundle and score it again."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.progress import progress_on
from twinlm.errors import OK

if TYPE_CHECKING:
    from twinlm.bundle.verify import Verification

NAME = "verify"
EXAMPLES = """Examples:
  twinlm verify demo-bundle
  twinlm verify demo-bundle --json
"""
_DIFFERS = 1


def command(
    bundle: Annotated[Path, Parameter(help="The folder that twinlm bundle wrote.")],
    /,
    *,
    is_json: Json = False,
) -> int:
    """Check a bundle's files and compute its scores again.

    Every file's SHA-256; then every score, interval, p value and winner from the
    stored predictions, with this version's code. Names each difference. Exit code:
    0 if there is none, 1 if there are some, 4 if this is no bundle.
    """
    from twinlm.bundle.verify import verify_bundle

    with progress_on(quiet_s=2.0) as progress:
        found = verify_bundle(bundle, progress)
    if is_json:
        record = {"folder": str(bundle), "is_sound": not found.differences, **dataclasses.asdict(found)}
        print(json.dumps(record, ensure_ascii=False))
    else:
        _show(bundle, found)
    return _DIFFERS if found.differences else OK


def _show(bundle: Path, found: "Verification") -> None:
    from twinlm.report.numbers import counted, size, whole

    print(f"{bundle}: {counted(found.files, 'file')}, {size(found.size_bytes)}")
    print(f"SHA-256 of the manifest: {found.seal}")
    if found.compared:
        print(f"{whole(found.compared)} values computed again from the stored predictions")
    for item in found.differences:
        print(f"DIFFERS {item}")
    for note in found.notes:
        print(f"Note: {note}")
    print(f"{counted(len(found.differences), 'difference')}." if found.differences else "No difference.")
