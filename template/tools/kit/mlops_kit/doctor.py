"""`mlops doctor`: everything that can be wrong around the code, each with how to mend it."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Final

from mlops_kit.core import lockfile
from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.programs import answer_of, said_by
from mlops_kit.core.settings import (
    environment,
    environments,
    load_settings,
    read_yaml,
    settings_files,
)
from mlops_kit.data.remote import remotes
from mlops_kit.data.storage.stores import STAND_IN, default_remote
from mlops_kit.room import Finding, rooms

OK: Final = "ok"
PROBLEM: Final = "problem"
NOTE: Final = "note"
RUNTIME = ("scikit-learn", "duckdb", "polars", "pandas", "mlflow-skinny", "dvc")
ANSWERS = Path(".copier-answers.yml")
OWN_KIT = "tools/kit"
CODE = Path(__file__).parent


def examine() -> list[Finding]:
    """Run every check; one that cannot run is itself a finding, never a traceback."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        _folder,
        _python,
        _packages,
        _command,
        _kit,
        _configuration,
        _git,
        _lock,
        _index,
        _remote,
        _template,
        _rooms,
        _edited_template,
    ]
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check()
        except MlopsError as error:
            findings.append(Finding(check.__name__.strip("_"), PROBLEM, str(error)))
    return [
        replace(one, message=without_credentials(one.message), mend=without_credentials(one.mend))
        for one in findings
    ]


def _folder() -> Iterator[Finding]:
    if not os.access(".", os.W_OK):
        yield Finding(
            "folder",
            PROBLEM,
            f"nothing can be written here: {Path.cwd()}",
            "stand in a copy that can be written, or change its permissions",
        )


def _python() -> Iterator[Finding]:
    # An older Python never comes here: the package refuses it when it is imported.
    yield Finding("python", OK, f"{sys.version.split()[0]} in {sys.prefix}")


def _packages() -> Iterator[Finding]:
    missing = []
    for name in RUNTIME:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        mend = "uv sync --frozen"
        yield Finding("packages", PROBLEM, f"not installed: {', '.join(missing)}", mend)
    else:
        found = ", ".join(f"{name} {version(name)}" for name in RUNTIME)
        yield Finding("packages", OK, found)


def _command() -> Iterator[Finding]:
    """Two distributions with a command of one name: which of them runs is chance."""
    scripts = entry_points(group="console_scripts", name="mlops")
    names = sorted({script.dist.name for script in scripts if script.dist is not None})
    if len(names) > 1:
        message = f"{' and '.join(names)} each install a command mlops; the last one installed runs"
        mend = "take `mlops` out of [project.scripts] of all but mlops-kit, then uv sync"
        yield Finding("command", PROBLEM, message, mend)


def _kit() -> Iterator[Finding]:
    """In a uv workspace one kit serves several projects; no project is served by a stranger's."""
    answer = str(read_yaml(ANSWERS).get("kit", OWN_KIT)) if ANSWERS.is_file() else OWN_KIT
    wanted, runs = Path(answer).resolve(), CODE.parent.resolve()
    is_installed = runs.is_relative_to(Path(sys.prefix).resolve())  # In a container, as a copy.
    if wanted.is_dir() and wanted != runs and not is_installed:
        message = f"the code that runs lies in {runs}, this project's in {answer}"
        mend = "this is another project's environment: leave it (deactivate), then uv sync --frozen"
        yield Finding("kit", PROBLEM, message, mend)
    elif answer != OWN_KIT and wanted == runs:
        owner = Path(answer).parents[1].as_posix()
        message = f"shared: it lies in {answer}, and an update of {owner} changes it here too"
        yield Finding("kit", OK, message)


def _configuration() -> Iterator[Finding]:
    from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
    from mlops_kit.core.settings import read_config
    from mlops_kit.data.config import load_sources
    from mlops_kit.train.features import load_params

    known = ", ".join(environments())
    yield Finding("environment", OK, f"{environment()} (MLOPS_ENV selects one of {known})")
    checks: list[tuple[str, Callable[[], object]]] = [
        (", ".join(path.as_posix() for path in settings_files()), load_settings),
        ("conf/sources.yaml", load_sources),
        ("conf/compare.yaml", lambda: read_config(COMPARE_FILE, CompareConfig)),
        ("params.yaml", load_params),
    ]
    for room in rooms():
        checks += room.settings().items()
    for name, check in checks:
        try:
            check()
            yield Finding("settings", OK, name)
        except MlopsError as error:
            yield Finding("settings", PROBLEM, str(error), "correct the file, then run this again")


def _git() -> Iterator[Finding]:
    if shutil.which("git") is None:
        yield Finding("git", PROBLEM, "the git program is not on the PATH", "install git")
        return
    if answer_of("git", "rev-parse", "--is-inside-work-tree") is None:
        mend = "uv run mlops run makes the folder a repository, or: git init"
        yield Finding("git", PROBLEM, "this folder is in no git repository", mend)
        return
    if answer_of("git", "rev-parse", "HEAD") is None:
        mend = 'git add --all && git commit -m "Start from the template"'
        yield Finding("git", NOTE, "nothing is committed yet", mend)
        return
    changed = len((answer_of("git", "status", "--porcelain") or "").splitlines())
    yield Finding("git", OK, f"{changed} changed files" if changed else "everything is committed")
    if Path("dvc.lock").is_file() and answer_of("git", "ls-files", "dvc.lock") == "":
        mend = "git add dvc.lock data/*.json && git commit"
        yield Finding("git", NOTE, "dvc.lock is not committed: clones cannot compare", mend)


def _is_of_workspace(lock: Path) -> bool:
    project = lock.with_name("pyproject.toml")
    return project.is_file() and "[tool.uv.workspace]" in project.read_text(encoding="utf-8")


def _lock() -> Iterator[Finding]:
    # An adoption may have given the template's command an environment of its own, in src/; and
    # a member of a workspace has the workspace's lock, above it.
    above = (Path(*[".."] * up, lockfile.LOCK_FILE) for up in range(1, len(Path.cwd().parts)))
    places = (Path("src", lockfile.LOCK_FILE), lockfile.LOCK_FILE, *filter(_is_of_workspace, above))
    lock = next((place for place in places if place.is_file()), None)
    if lock is None:
        yield Finding("lock", PROBLEM, "uv.lock is missing", "git checkout uv.lock, or: uv lock")
        return
    uv = shutil.which("uv")
    if uv is None:
        yield Finding("lock", NOTE, "the uv program is not on the PATH", "install uv")
        return
    # Asked about the lock's own index, so that another index says nothing about the contents.
    unwanted = (*lockfile.INDEX_VARIABLES, "UV_FROZEN", "UV_LOCKED")
    environ = {name: value for name, value in os.environ.items() if name not in unwanted}
    index = lockfile.index_of(lock.read_text(encoding="utf-8"))
    where = ("--project", str(lock.parent))
    options = ("--check", "--offline", *where, "--default-index", index)
    checked = said_by(uv, "lock", *options, environment=environ)
    if checked.returncode == 0:
        yield Finding("lock", OK, f"{lock} matches pyproject.toml")
    elif "needs to be updated" in checked.stderr:
        mend = "uv lock, then commit uv.lock"
        yield Finding("lock", PROBLEM, "uv.lock does not match pyproject.toml", mend)
    else:
        mend = "uv lock --check with the network on"
        yield Finding("lock", NOTE, "could not be checked offline", mend)


def _index() -> Iterator[Finding]:
    if not lockfile.LOCK_FILE.is_file():
        return
    locked, configured = lockfile.locked_index(), lockfile.configured_index()
    mend = f"to stay with the agreed index: {lockfile.STAY}; to move the team: {lockfile.MOVE}"
    if changed := lockfile.rewritten():
        yield Finding("index", PROBLEM, changed, mend)
    elif locked and not lockfile.same_index(configured, locked):
        here, there = lockfile.shown(configured), lockfile.shown(locked)
        yield Finding(
            "index",
            PROBLEM,
            f"uv.lock was made with {there}, this machine uses {here}: "
            "`uv sync --locked` fails and a plain `uv run` would rewrite the lock",
            mend,
        )
    else:
        yield Finding("index", OK, f"uv.lock and this machine use {lockfile.shown(locked)}")


def _remote() -> Iterator[Finding]:
    name = load_settings().dvc_remote
    there = remotes()
    if name not in there:
        mend = f"uv run dvc remote add {name} URL"
        yield Finding("remote", PROBLEM, f'the DVC remote "{name}" is not in .dvc/config', mend)
    elif STAND_IN.search(there[name]):
        mend = f"uv run dvc remote modify {name} url URL; until then nothing can be pushed"
        yield Finding("remote", NOTE, f'nobody has named the bucket of "{name}" yet', mend)
    elif ".dvc-remote" in there[name]:
        mend = f"uv run dvc remote modify {name} url URL, before a team works here"
        yield Finding("remote", NOTE, f'"{name}" is a folder of this clone, not shared', mend)
    else:
        yield Finding("remote", OK, f"{name}: {there[name]}")
    if configured_default := default_remote():
        mend = "uv run dvc config --unset core.remote; `mlops data push` names the right one"
        message = f'a plain `dvc push` goes to "{configured_default}", in every environment'
        if environment() != "dev":
            yield Finding("remote", NOTE, message, mend)


def _template() -> Iterator[Finding]:
    if not ANSWERS.is_file():
        gone = answer_of("git", "ls-files", str(ANSWERS)) == ""
        if gone and answer_of("git", "rev-parse", "HEAD"):
            yield Finding("template", NOTE, "this repository left the template: no updates come")
            return
        mend = "git checkout .copier-answers.yml; without it the template cannot update"
        yield Finding("template", PROBLEM, f"{ANSWERS} is missing", mend)
        return
    answers = read_yaml(ANSWERS)
    source, commit = str(answers.get("_src_path", "")), answers.get("_commit")
    absolute = Path(source).is_absolute() or re.match(r"^(\w+://|\w+@|gh:|gl:)", source)
    if not absolute:
        mend = f"set _src_path in {ANSWERS} to the template's URL or absolute path"
        yield Finding("template", PROBLEM, f'_src_path "{source}" is relative', mend)
    elif source != without_credentials(source):
        mend = "revoke it, as git's history has it too; copier-mlops update takes it out"
        yield Finding("template", PROBLEM, f"{ANSWERS} holds a password in _src_path", mend)
    elif commit is None:
        mend = "render from a tagged template in git; an update needs a version to start from"
        yield Finding("template", NOTE, f"{source} without a version", mend)
    else:
        yield Finding("template", OK, f"{source} at {commit}")


def _rooms() -> Iterator[Finding]:
    for room in rooms():
        yield from room.examine()


def _edited_template() -> Iterator[Finding]:
    """From git alone, so offline: what changed in managed code since the last render or update."""
    edited: list[str] = []
    since: list[str] = []
    # A shared kit follows the answers of the project in which it lies.
    for project, managed in ((CODE.parents[2], CODE), (Path.cwd(), "dvc.yaml")):
        git = ("git", "-C", str(project))
        log = (*git, "log", "-1", "--format=%H", "-G^_commit:", "--", str(ANSWERS))
        if rendered := answer_of(*log) if (project / ANSWERS).is_file() else None:
            since = list(dict.fromkeys([*since, rendered[:8]]))
            diff = (*git, "diff", "--name-only", "--relative", rendered, "--", str(managed))
            edited += (answer_of(*diff) or "").splitlines()
    if edited:
        first = ", ".join(edited[:3])
        message = f"{len(edited)} managed files edited since {' and '.join(since)}: {first}"
        mend = "keep your own code in src/; copier-mlops drift compares with the template"
        yield Finding("drift", NOTE, message, mend)
    elif since:
        yield Finding("drift", OK, f"no managed code edited since {' and '.join(since)}")
