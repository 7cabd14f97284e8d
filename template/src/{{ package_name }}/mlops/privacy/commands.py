"""Commands of the privacy room: `mlops privacy ...`."""

import typer

from ..files import progress

privacy = typer.Typer(help="What leaves the restricted zone, and in which form.")
GROUPS = {"privacy": privacy}


@privacy.command()
def protect() -> None:
    """Stage: write the protected tables to the open zone."""
    from .protect import protect

    progress("protect", protect())


@privacy.command()
def key() -> None:
    """Make the secret key that tokens are made with."""
    from .protect import create_key

    print(f"wrote {create_key().as_posix()}; share it with the team, never commit it")
