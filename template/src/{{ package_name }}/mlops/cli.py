"""The command line: thin shells over functions, one exit table, one-sentence errors."""

import json
import os
import signal
import sys
import traceback
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from . import lockfile
from .errors import BAD_INPUT, NEGATIVE, OK, MlopsError, StageError, without_credentials
from .files import progress
from .rooms import rooms

EXITS = "Exit codes: 0 ok, 1 negative verdict, 2 inconclusive, 3 bad input or usage."
app = typer.Typer(
    help=f"Run and look after this ML project. {EXITS}",
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
    as_json: Json = False,
) -> None:
    """Run whatever is not up to date, and tell the decision."""
    from .compare.story import gained
    from .run import run as run_pipeline

    result = run_pipeline(force)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    print(f"decision   {result['decision']}: {result['reason']}")
    print(
        f"{result['metric']:<10} {result['candidate']:.4f} against {result['incumbent']:.4f}, "
        f"{gained(result['estimate'], result['lower'], result['upper'])}"
    )
    print(f"report     {result['report']}")
    print(f"model      {result['model']}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is wrong with the set-up, and how to mend it."""
    from .doctor import PROBLEM, examine

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
    from .settings import load_settings
    from .tracking import NO_TELEMETRY

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


@app.command()
def train() -> None:
    """Stage: fit the model and predict the holdout."""
    from .settings import load_settings
    from .training import train_and_predict

    progress("train", train_and_predict(load_settings()))


def add_rooms() -> None:
    """Add the groups and commands of every room that this repository was rendered with."""
    for room in rooms():
        for name, group in room.GROUPS.items():
            app.add_typer(group, name=name, no_args_is_help=True)
        for name, command in getattr(room, "COMMANDS", {}).items():
            app.command(name)(command)


def main() -> NoReturn:
    """Run the command line; the exit code tells the verdict."""
    # `--debug` may stand anywhere: people add it to the command that has just failed.
    if "--debug" in sys.argv[1:]:
        sys.argv = [sys.argv[0], "--debug", *(a for a in sys.argv[1:] if a != "--debug")]
    try:
        add_rooms()
        _start_rooms()
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else OK)
    except StageError as error:
        sys.exit(error.exit_code)
    except MlopsError as error:
        _fail(error, str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # uv passes on what has come here already
        if "DVC_STAGE" not in os.environ:  # a stage leaves the word to the command that ran it
            print("stopped; the same command continues from what was complete", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _fail(error, f"{error.strerror or error}{where}. Check the path and its permissions.")
    except TyperException as error:
        sentence = error.format_message()
        if sentence.startswith("Usage:"):  # a group without a command: the help is the answer
            print(sentence, file=sys.stderr)
            sys.exit(BAD_INPUT)
        _fail(error, f"{sentence.rstrip('.')}; `uv run mlops --help` lists what is possible.")
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        _fail(error, f"unexpected {type(error).__name__}: {said} (--debug shows where)")


def _start_rooms() -> None:
    for room in rooms():
        if hasattr(room, "start"):
            room.start()


def _fail(error: Exception, sentence: str, code: int = BAD_INPUT) -> NoReturn:
    debug = os.environ.get("MLOPS_DEBUG")
    said = "".join(traceback.format_exception(error)) if debug else f"error: {sentence}"
    said = without_credentials(said)
    for room in rooms():
        said = room.redacted(said) if hasattr(room, "redacted") else said
    print(said, file=sys.stderr)
    sys.exit(code)
