"""The command line: thin shells over functions, one exit table, one-sentence errors."""

import json
import os
import signal
import sys
import traceback
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from mlops_kit.compare.report.language.say import readable
from mlops_kit.core import lockfile
from mlops_kit.core.errors import (
    BAD_INPUT,
    EXIT_CODES,
    NEGATIVE,
    OK,
    MlopsError,
    StageError,
    refused_by_machine,
    used_up,
    without_credentials,
)
from mlops_kit.core.gate.commands import secrets
from mlops_kit.room import rooms

EXITS = "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
app = typer.Typer(
    help=f"Run and look after this ML project.\n\nExit codes: {EXITS}.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130  # what Typer returns after Ctrl-C
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Options of every command."""
    if debug:
        os.environ["MLOPS_DEBUG"] = "1"
    # Once for a person, not again for each stage that DVC starts.
    if "DVC_STAGE" not in os.environ and (changed := lockfile.rewritten()):
        print(
            f"warning: {changed}. To go back: {lockfile.STAY}. To move the team: {lockfile.MOVE}.",
            file=sys.stderr,
        )


@app.command()
def run(
    force: Annotated[bool, typer.Option("--force", help="Run every stage again.")] = False,
    reason: Annotated[str, typer.Option(help="Why, such as drift; kept with the run.")] = "",
    as_json: Json = False,
) -> None:
    """Run whatever is not up to date, and tell the decision.

    Exit codes: 0 with any decision (the gate is `mlops compare check`), 1 a stage gives a negative
    verdict, such as a closed gate.
    """
    from mlops_kit.compare.report.wording import gained
    from mlops_kit.run import run as run_pipeline

    result = run_pipeline(force, reason)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    print(f"decision   {result['decision']}: {readable(result['reason'])}")
    print(
        f"{result['metric']:<10} {result['candidate']:.4f} against {result['incumbent']:.4f}, "
        f"{gained(result['estimate'], result['lower'], result['upper'])}"
    )
    print(f"report     {result['report']}")
    print(f"model      {result['model']}")


@app.command()
def doctor(
    env: Annotated[
        str | None, typer.Option(help="Environment to look at; MLOPS_ENV, or dev, when not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong with the set-up, and how to mend it.

    Exit codes: 0 nothing (notes do not count), 1 a problem.
    """
    from mlops_kit.core.settings import use_environment
    from mlops_kit.doctor import PROBLEM, examine

    use_environment(env)
    findings = examine()
    if as_json:
        print(json.dumps([finding.__dict__ for finding in findings], indent=2))
    else:
        for finding in findings:
            mend = f"\n{'':21}-> {finding.mend}" if finding.mend else ""
            print(f"{finding.status:<8} {finding.name:<11} {finding.message}{mend}")
    raise typer.Exit(NEGATIVE if any(one.status == PROBLEM for one in findings) else OK)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Open MLflow's page with the runs and the registry."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.train.tracking import NO_TELEMETRY

    uri = load_settings().tracking.uri
    if uri.startswith(("http://", "https://")):
        print(f"The runs of this environment are at {without_credentials(uri)}")
        return
    arguments = ["uv", "run", "--frozen", "--group", "ui", "mlflow", "server"]
    arguments += ["--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port)]
    os.environ.setdefault(*NO_TELEMETRY)
    print(f"http://127.0.0.1:{port} (stop with Ctrl-C)", file=sys.stderr)
    try:
        os.execvp("uv", arguments)
    except FileNotFoundError as error:
        raise MlopsError("The uv program is not on the PATH; install uv first.") from error


app.command()(secrets)


def add_rooms(app: typer.Typer) -> None:
    """Add the commands of every room that this repository was rendered with."""
    known = list(rooms())
    said = {name: text for room in known for name, text in room.groups.items()}
    alone = {name: command for room in known for name, command in room.alone.items()}
    groups = {
        name: typer.Typer(
            help=text, callback=alone.get(name, _nothing), invoke_without_command=name in alone
        )
        for name, text in said.items()
    }
    for room in known:
        for words, command in room.commands.items():
            group, _, name = words.rpartition(" ")
            (groups[group] if group else app).command(name)(command)
    for name, group in groups.items():
        app.add_typer(group, name=name, no_args_is_help=name not in alone)


def _nothing() -> None:
    """Keep a group of one command a group."""


def main() -> NoReturn:
    """Run the command line; the exit code tells the verdict."""
    # Threads that wait sleep instead of spinning, which on a busy machine is most of what training
    # and comparing cost; read when the first library with threads is loaded, here and in stages.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # `--debug` may stand anywhere: people add it to the command that has just failed.
    if "--debug" in sys.argv[1:]:
        sys.argv = [sys.argv[0], "--debug", *(a for a in sys.argv[1:] if a != "--debug")]
    try:
        add_rooms(app)
        _start_rooms()
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else OK)
    except StageError as error:
        sys.exit(error.exit_code)
    except MlopsError as error:
        _fail(error, used_up(error.__cause__) or str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # uv passes on what has come here already
        if "DVC_STAGE" not in os.environ:  # a stage leaves the word to the command that ran it
            print("stopped; the same command continues from what was complete", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except TyperException as error:
        sentence = error.format_message()
        if sentence.startswith("Usage:"):  # a group without a command: the help is the answer
            print(sentence, file=sys.stderr)
            sys.exit(BAD_INPUT)
        _fail(error, f"{sentence.rstrip('.')}; {_way_on(error)}.")
    except Exception as error:
        _fail(error, refused_by_machine(error) or _unexpected(error))


def _unexpected(error: Exception) -> str:
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{where}. Check the path and its permissions."
    said = " ".join(str(error).split())[:300]
    return f"unexpected {type(error).__name__}: {said} (--debug shows where)"


def _way_on(error: TyperException) -> str:
    """Say where a person who misspelt a command finds the right spelling."""
    context = getattr(error, "ctx", None)
    if context is None or context.parent is None:
        return "`uv run mlops --help` lists what is possible"
    if (context.command.help or "").startswith("Stage:"):
        return "it is a stage of the pipeline: `uv run mlops run` gives it its options"
    words = context.command_path.split()[1:]
    return f"`uv run mlops {' '.join(words)} --help` lists what is possible"


def _start_rooms() -> None:
    for room in rooms():
        room.start()


def _fail(error: Exception, sentence: str, code: int = BAD_INPUT) -> NoReturn:
    debug = os.environ.get("MLOPS_DEBUG")
    said = "".join(traceback.format_exception(error)) if debug else f"error: {sentence}"
    said = without_credentials(said)
    for room in rooms():
        said = room.redact(said)
    print(said, file=sys.stderr)
    sys.exit(code)
