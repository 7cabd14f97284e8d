"""exit-codes.md: what exit codes say, from the two tables in the code and from each command."""

import re

import copier_mlops.errors
import mlops_kit.core.errors

from pages.commands import command_lines, commands_of
from pages.markdown import table

HEAD = """# Exit codes

What commands exit with, for scripts and CI. `make reference` writes this page from `EXIT_CODES`
of `mlops_kit/core/errors.py` and of `copier_mlops/errors.py`, and from the help of each command.
"""


def page() -> str:
    """Return the page: what each code means, then what it means for single commands."""
    tables = {
        "mlops": mlops_kit.core.errors.EXIT_CODES,
        "copier-mlops": copier_mlops.errors.EXIT_CODES,
    }
    codes = sorted({code for known in tables.values() for code in known})
    rows = [(str(code), *(known.get(code, "") for known in tables.values())) for code in codes]
    exact = [
        (f"`{words}`", " ".join(said[1].split()))
        for name, line in command_lines().items()
        for words, command in commands_of(name, line)
        if words != name and (said := re.search(r"Exit codes: ([^.]+)", command.help))
    ]
    return (
        f"{HEAD}\n{table(('code', *(f'`{name}`' for name in tables)), rows)}\n"
        "## Of single commands\n\nCodes that are not named mean what they mean everywhere.\n\n"
        + table(("command", "exit codes"), exact)
    )
