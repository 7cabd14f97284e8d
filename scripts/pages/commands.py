"""commands.md: every command of `mlops` and of `copier-mlops`, from their parsers."""

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

import copier_mlops.cli
import mlops_kit.cli
from typer.main import get_command

from pages.markdown import table

HEAD = """# Commands

Every command and its options, as `--help` tells them. `make reference` writes this page from the
two command lines. What each exit code says: [exit-codes.md](exit-codes.md).

- `uv run mlops COMMAND` runs and looks after a rendered repository.
- `uvx --from git+https://github.com/copier-mlops/copier-mlops copier-mlops COMMAND` starts
  repositories and keeps them current.
"""
WORDS = {"str": "TEXT", "list[str]": "TEXT", "int": "NUMBER", "float": "NUMBER", "Path": "PATH"}
WORDS |= {"datetime": "DATE"}


@cache
def command_lines() -> dict[str, Any]:
    """Return the two command lines by name, with the commands of all rooms."""
    mlops_kit.cli.add_rooms(mlops_kit.cli.app)
    return {
        "mlops": get_command(mlops_kit.cli.app),
        "copier-mlops": get_command(copier_mlops.cli.app),
    }


def commands_of(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield each command and group by the words that call it, a group before what is in it."""
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands_of(f"{words} {name}", below)


def page() -> str:
    """Return the page: a part for each command line, and in it one for each command."""
    found = [HEAD]
    for name, line in command_lines().items():
        for words, command in commands_of(name, line):
            depth = "##" if words == name else "###"
            options = [_row(each) for each in command.params if each.name != "help"]
            text = f"{depth} {words}\n\n{inspect.cleandoc(command.help)}\n"
            if options:
                text += "\n" + table(("argument or option", "default", "meaning"), options)
            found.append(text)
    return "\n".join(found)


def _row(option: Any) -> tuple[str, str, str]:
    """Describe an argument or an option."""
    if option.param_type_name == "argument":
        names = [option.name.upper()]
    else:
        word = WORDS.get(option.bare_type(), "NAME")  # one of a few, which its help names
        value = "" if option.is_flag else f" {word}"
        names = [f"{name}{value}" for name in option.opts]
    said = ", ".join(f"`{name}`" for name in names)
    default = "" if option.default in (None, False) else f"`{option.default}`"
    several = "; may be repeated" if option.multiple or option.nargs == -1 else ""
    meaning = (option.help or "").rstrip(".") + several + "."
    return said, "required" if option.required else default, meaning
