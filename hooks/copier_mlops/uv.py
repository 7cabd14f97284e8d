"""Which inherited variables reach uv, and what it said, in one line."""

import re
from collections.abc import Mapping

from copier_mlops.addresses import without_credentials

# They would forbid to write the lock, let uv look elsewhere, or cut what it says into lines.
MISLEADS_UV = (
    "COLUMNS",
    "UV_FROZEN",
    "UV_LOCKED",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "VIRTUAL_ENV",
)
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")


def for_uv(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables for ``uv lock``: addresses of indexes and who asks for them stay."""
    return {name: value for name, value in environ.items() if name not in MISLEADS_UV}


def for_uv_with(environ: Mapping[str, str], index: str) -> dict[str, str]:
    """Return variables for ``uv lock`` with a lock's own index as the default one.

    A variable that names the same index says who asks: it stays as it is, name and password. Never
    as an option of a command, which everybody on the machine can read.
    """
    chosen = index
    for name in INDEX_VARIABLES:
        value = environ.get(name, "")
        if bare_index(value) == bare_index(index):
            chosen = value
            break
    others = {k: v for k, v in for_uv(environ).items() if k not in INDEX_VARIABLES}
    return {**others, "UV_DEFAULT_INDEX": chosen}


def bare_index(value: str) -> str:
    """Return the address in a variable of uv, such as ``ours=https://a:b@host/simple/``."""
    return without_credentials(re.sub(r"\A[\w.-]+=(?=\w+://)", "", value)).rstrip("/")


def told(stderr: str) -> str:
    """Return what uv says in one line: no warnings, and of a traceback only how it ended."""
    lines = [line.strip(" │├╰─▶") for line in without_credentials(stderr).splitlines()]
    lines = [line for line in lines if not line.startswith(("warning:", "Using CPython"))]
    if "Traceback (most recent call last):" in lines:
        start = lines.index("Traceback (most recent call last):")
        ends = [line for line in lines[start:] if re.match(r"[\w.]+(Error|Exception|Exit)\b", line)]
        lines = lines[:start] + ends[-1:]
    said = " ".join(" ".join(lines).split())
    return (said.partition("cause: ")[2] or said).partition(" hint: ")[0]
