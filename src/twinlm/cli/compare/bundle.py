"""`twinlm bundle`: what is needed to check a comparison, as one folder."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.progress import progress_on

NAME = "bundle"
EXAMPLES = """Examples:
  twinlm bundle runs/demo --out demo-bundle
  twinlm bundle runs/demo --out demo-bundle --texts --weights
  twinlm verify demo-bundle
"""


def command(
    run: Annotated[Path, Parameter(help="The folder of a finished comparison.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="The folder to write, which must not be there yet.")],
    has_texts: Annotated[
        bool,
        Parameter(name="--texts", show_default=False, help="Put the texts of test examples in, and samples."),
    ] = False,
    has_weights: Annotated[
        bool, Parameter(name="--weights", show_default=False, help="Put the models in.")
    ] = False,
    is_json: Json = False,
) -> None:
    """Put all that a comparison's scores are made from into one folder.

    Right answers and predictions of every test example, of all models, seeds and
    baselines; settings, fingerprints, results, report; a SHA-256 for each file. No
    texts and no weights unless asked for. twinlm verify scores it again.
    """
    from twinlm.bundle.bundle import make_bundle
    from twinlm.system import storage

    with progress_on(quiet_s=2.0) as progress:
        notes = make_bundle(run, out, has_texts=has_texts, has_weights=has_weights, progress=progress)
    seal = storage.file_sha256(out / storage.MANIFEST)
    if is_json:
        print(json.dumps({"folder": str(out), "seal": seal, "notes": notes}, ensure_ascii=False))
        return
    print(f"{out}: written; twinlm verify checks it")
    for note in notes:
        print(f"Note: {note}")
    print(f"SHA-256 of its manifest: {seal}")
