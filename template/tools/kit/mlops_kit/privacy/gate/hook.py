"""The pre-commit hook: `python -m mlops_kit.privacy.gate.hook [FILES]`; without files, the staged.

It starts in a fraction of a second because it imports the standard library only. Tables of the
open zone, models and reports are read by `mlops privacy check`, with everything that it needs.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from mlops_kit.core.gate.listing import SelectionError
from mlops_kit.privacy.gate.accepted import BaselineError, load_baseline, not_accepted
from mlops_kit.privacy.gate.files import findings_of, named_files, staged_files
from mlops_kit.privacy.gate.report import sentence
from mlops_kit.privacy.gate.scan import in_column_lightly

CLEAN, FOUND, BAD_INPUT = 0, 1, 3


def main(arguments: Sequence[str] = ()) -> int:
    """Check the named files, or those that are staged; return the exit code."""
    try:
        files = named_files(list(map(Path, arguments))) if arguments else staged_files()
        findings = [each for file in files for each in findings_of(file, in_column_lightly)]
        closing = not_accepted(findings, load_baseline())
    except (BaselineError, SelectionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    for finding in closing:
        print(re.sub(r"\s+", " ", sentence(finding)), file=sys.stderr)
    return FOUND if closing else CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
