"""The command line: a thin shell over functions, one exit table, one-sentence errors."""

import json
import sys
import traceback
from dataclasses import asdict
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.exceptions import TyperException

from copier_mlops.addresses import without_credentials
from copier_mlops.environment import scrub_environment
from copier_mlops.errors import (
    BAD_INPUT,
    EXIT_CODES,
    NEGATIVE,
    OK,
    ToolError,
    last_line,
    say,
    tell,
)
from copier_mlops.rendering.answers import parse_pairs
from copier_mlops.rendering.new import create

EXITS = "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
app = typer.Typer(
    help="Start MLOps repositories from the template and keep them current.\n\n"
    f"Exit codes: {EXITS}.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
INTERRUPTED = 130  # what Typer returns after Ctrl-C
# Shared with main(), which decides how an error is shown after the command has ended.
state: dict[str, Any] = {"debug": False}


def print_version(wanted: bool) -> None:
    """Print the tool's version and end."""
    if wanted:
        print(version("copier-mlops"))
        raise typer.Exit(OK)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Options of every command."""
    state["debug"] = debug


Folder = Annotated[Path, typer.Argument(help="The folder that holds .copier-answers.yml.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Answer = Annotated[
    list[str] | None,
    typer.Option("--data", "-d", metavar="question=answer", help="One answer."),
]
Defaults = Annotated[
    bool,
    typer.Option("--defaults", help="Ask nothing; what nobody answered takes what is proposed."),
]


@app.command()
def new(
    dest: Annotated[Path, typer.Argument(help="The folder to create.")],
    template: Annotated[
        str | None, typer.Option(help="URL or path of the template; default: the public one.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Start from a profile of the template, such as poc.")
    ] = None,
    answers: Annotated[Path | None, typer.Option(help="A YAML file of answers.")] = None,
    data: Answer = None,
    vcs_ref: Annotated[
        str | None, typer.Option("--vcs-ref", help="Tag, branch or commit of the template.")
    ] = None,
    defaults: Defaults = False,
    as_json: Json = False,
) -> None:
    """Start a new repository.

    Exit codes: 0 rendered, 3 refused, nothing written.
    """
    project = create(
        dest,
        template=template,
        profile=profile,
        answers_file=answers,
        data=parse_pairs(data or []),
        vcs_ref=vcs_ref,
        defaults=defaults,
    )
    if as_json:
        tell(json.dumps(asdict(project), indent=2, ensure_ascii=False))
        return
    say(f"Rendered {project.template} {project.version or ''}".rstrip())
    tell(project.message)


@app.command()
def update(
    path: Folder = Path(),
    to: Annotated[
        str | None, typer.Option(help="The version to go to; default: the newest release.")
    ] = None,
    data: Answer = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; show what would change.")
    ] = False,
    _defaults: Defaults = False,
    no_lock: Annotated[bool, typer.Option("--no-lock", help="Leave uv.lock alone.")] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Return to the state before the last update.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--continue", help="Finish an update that was interrupted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring a repository to a newer version; nothing of yours is lost.

    It asks nothing, with --defaults or without: a new question takes its default, which the report
    lists.

    Exit codes: 0 merged, 1 conflicts, patches to work in, or no lock, 3 refused, nothing written.
    """
    from copier_mlops.updating import update as room
    from copier_mlops.updating.report import as_dict, report_text

    if abort + go_on + check > 1 or ((abort or go_on) and (to or data)):
        raise ToolError("Give either --abort, --continue or what to update to.")
    if abort:
        say_undone("update", room.undo(path), as_json)
        return
    if go_on:
        report, diff = room.resume(path), ""
        if report is None:
            tell("{}" if as_json else "The update is complete; commit it.")
            return
    else:
        pairs = parse_pairs(data or [])
        report, diff = room.update(path, to=to, given=pairs, check=check, lock=not no_lock)
    if as_json:
        tell(json.dumps(as_dict(report), indent=2, ensure_ascii=False))
    elif report.is_empty:
        tell(f"Up to date: {report.after}.")
        for name in report.waiting:
            tell(f"{name} of an earlier update waits: work it in, then delete it.")
    else:
        tell(diff + report_text(report), end="")
    raise typer.Exit(OK if report.is_finished else NEGATIVE)


@app.command()
def adopt(
    path: Annotated[Path, typer.Argument(help="The repository, or a project's folder in it.")],
    answers: Annotated[Path | None, typer.Option(help="A YAML file of answers.")] = None,
    data: Answer = None,
    template: Annotated[
        str | None, typer.Option(help="URL or path of the template; default: the public one.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="The version to adopt; default: the newest release.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and write nothing.")
    ] = False,
    defaults: Defaults = False,
    no_lock: Annotated[bool, typer.Option("--no-lock", help="Do not run uv lock.")] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Return to the state before the last adoption.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring in an existing repository, on a branch; nothing of yours is lost.

    Exit codes: 0 adopted (or done before), 1 adopted without a lock, 3 refused.
    """
    from copier_mlops.adopting import adopt as room
    from copier_mlops.adopting.report import as_dict, summary

    if abort:
        say_undone("adoption", room.undo(path), as_json)
        return
    adoption = room.adopt(
        path,
        template=template,
        version=to,
        answers_file=answers,
        data=parse_pairs(data or []),
        defaults=defaults,
        dry_run=dry_run,
        lock=not no_lock,
    )
    if as_json:
        tell(json.dumps(as_dict(adoption, dry_run), indent=2, ensure_ascii=False))
    else:
        tell(summary(adoption, dry_run))
    raise typer.Exit(NEGATIVE if adoption.unlocked and not dry_run else OK)


@app.command()
def drift(path: Folder = Path(), as_json: Json = False) -> None:
    """Compare a repository with what its version renders.

    That is what its recorded version and answers render today, whatever was edited since.

    Exit codes: 0 as rendered, 1 managed files or answers differ, 3 cannot be compared.
    """
    from copier_mlops.updating.drift import drift as find_drift
    from copier_mlops.updating.drift import drift_text

    found = find_drift(path)
    tell(json.dumps(asdict(found), indent=2, ensure_ascii=False) if as_json else drift_text(found))
    raise typer.Exit(NEGATIVE if found.found else OK)


@app.command()
def eject(
    path: Folder = Path(),
    abort: Annotated[bool, typer.Option("--abort", help="Undo an eject not committed.")] = False,
) -> None:
    """Leave the template: no more updates, every file is yours.

    Exit codes: 0 staged, 3 refused, nothing written.
    """
    from copier_mlops.updating import eject as room

    if abort:
        say_undone("eject", room.undo(path), as_json=False)
        return
    for name in room.eject(path):
        tell(name)
    tell("Staged. Look at git diff --cached, then commit; eject --abort undoes it until then.")


def say_undone(what: str, kept: list[str], as_json: bool) -> None:
    """Tell that the former state is back, and where later edits of a person are."""
    if as_json:
        tell(json.dumps({"kept_aside": kept}, ensure_ascii=False))
        return
    tell(f"The state before the {what} is back.")
    for name in kept:
        tell(f"A later edit of yours is kept in {name}.")


def main() -> NoReturn:
    """Run the command line and exit with the documented code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - installers can be told to ignore requires-python
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"copier-mlops needs Python 3.11 or newer; this is {found}.", file=sys.stderr)
        sys.exit(BAD_INPUT)
    state["debug"] = False
    scrub_environment()
    if isinstance(sys.stdout, TextIOWrapper):  # A file's name need not be text.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            raise ToolError("Stopped; nothing was written.")
        sys.exit(OK if code is None else code)
    except ToolError as error:
        explain(error, str(error))
    except TyperException as error:
        explain(error, f"{error.format_message().rstrip('.')}; --help lists what is possible.")
    except OSError as error:
        cure = "; mend its permissions, then run this again" * isinstance(error, PermissionError)
        explain(error, f"Cannot use {error.filename}: {error.strerror}{cure}.")
    except Exception as error:
        reason = f"{type(error).__name__}: {last_line(error)}"
        explain(error, f"Something unexpected failed: {reason} (copier-mlops --debug shows where).")


def explain(error: Exception, sentence: str) -> NoReturn:
    """Print one sentence, or with --debug the traceback; neither shows a password."""
    if state["debug"]:
        sentence = "".join(traceback.format_exception(error))
    print(without_credentials(sentence), file=sys.stderr)
    sys.exit(BAD_INPUT)
