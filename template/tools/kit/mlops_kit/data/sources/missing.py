"""Sentences about what is not there: a column, or the libraries of a kind."""

import difflib
from collections.abc import Sequence

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.dialect import without_place


def missing_column(whose: str, asked: Sequence[str], there: Sequence[str]) -> MlopsError:
    """Say which column a table lacks, and which one it may be now."""
    missing = next((name for name in asked if name not in there), asked[0])
    return MlopsError(
        f"{no_column(whose, missing, there)}; correct conf/sources.yaml, or mend the source."
    )


def no_column(whose: str, missing: str, there: Sequence[str]) -> str:
    """Begin a sentence about a column that is not there with the one that may be meant."""
    alike = without_place(missing).casefold()
    near = [name for name in there if without_place(name).casefold() == alike]
    near = near or difflib.get_close_matches(missing, there, n=1, cutoff=0.6)
    has = f'it has "{near[0]}"' if near else f"it has {', '.join(there[:10]) or 'none'}"
    return f'{whose} has no column "{missing}": {has}'


def missing_group(kind: str, group: str) -> MlopsError:
    """Say how the libraries of a kind are installed."""
    return MlopsError(
        f'A source of kind {kind} needs the group "{group}": add it to default-groups under '
        "[tool.uv] in pyproject.toml, then uv sync."
    )
