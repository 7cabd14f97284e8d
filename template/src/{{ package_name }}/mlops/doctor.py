"""`mlops doctor`: everything that can be wrong around the code, each with how to mend it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from .errors import MlopsError
from .settings import environment, load_settings, read_yaml

OK, PROBLEM, NOTE = "ok", "problem", "note"
RUNTIME = ("scikit-learn", "duckdb", "polars", "pandas", "mlflow-skinny", "dvc")
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
ANSWERS = Path(".copier-answers.yml")


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, how it is, and how to mend it."""

    name: str
    status: str
    message: str
    mend: str = ""


def examine() -> list[Finding]:
    """Run every check; one that cannot run is itself a finding, never a traceback."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _packages,
        _configuration,
        _git,
        _lock,
        _index,
        _remote,
        _template,
    ]
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check()
        except MlopsError as error:
            findings.append(Finding(check.__name__.strip("_"), PROBLEM, str(error)))
    return findings


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


def _configuration() -> Iterator[Finding]:
    from .compare.stage import COMPARE_FILE, CompareConfig
    from .data.sources import load_sources
    from .dataset import load_params
    from .settings import read_config

    yield Finding("environment", OK, f"{environment()} (MLOPS_ENV selects dev, staging or prod)")
    checks: list[tuple[str, Callable[[], object]]] = [
        (f"conf/base.yaml, conf/{environment()}.yaml", load_settings),
        ("conf/sources.yaml", load_sources),
        ("conf/compare.yaml", lambda: read_config(COMPARE_FILE, CompareConfig)),
        ("params.yaml", load_params),
    ]
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
    if _run("git", "rev-parse", "--is-inside-work-tree") is None:
        mend = "uv run mlops run makes the folder a repository, or: git init"
        yield Finding("git", PROBLEM, "this folder is in no git repository", mend)
        return
    if _run("git", "rev-parse", "HEAD") is None:
        mend = 'git add --all && git commit -m "Start from the template"'
        yield Finding("git", NOTE, "nothing is committed yet", mend)
        return
    changed = len((_run("git", "status", "--porcelain") or "").splitlines())
    yield Finding("git", OK, f"{changed} changed files" if changed else "everything is committed")
    if Path("dvc.lock").is_file() and _run("git", "ls-files", "dvc.lock") == "":
        mend = "git add dvc.lock data/*.json && git commit"
        yield Finding("git", NOTE, "dvc.lock is not committed: clones cannot compare", mend)


def _lock() -> Iterator[Finding]:
    if not Path("uv.lock").is_file():
        yield Finding("lock", PROBLEM, "uv.lock is missing", "git checkout uv.lock, or: uv lock")
        return
    uv = shutil.which("uv")
    if uv is None:
        yield Finding("lock", NOTE, "the uv program is not on the PATH", "install uv")
        return
    # Asked about the lock's own index, so that another index says nothing about the contents.
    environ = {name: value for name, value in os.environ.items() if name not in INDEX_VARIABLES}
    checked = subprocess.run(
        [uv, "lock", "--check", "--offline", "--default-index", _lock_index()],
        capture_output=True,
        text=True,
        env=environ,
    )
    if checked.returncode == 0:
        yield Finding("lock", OK, "uv.lock matches pyproject.toml")
    elif "needs to be updated" in checked.stderr:
        mend = "uv lock, then commit uv.lock"
        yield Finding("lock", PROBLEM, "uv.lock does not match pyproject.toml", mend)
    else:
        mend = "uv lock --check with the network on"
        yield Finding("lock", NOTE, "could not be checked offline", mend)


def _index() -> Iterator[Finding]:
    locked, configured = _lock_index(), _configured_index()
    if configured is None or _same_index(configured, locked):
        yield Finding("index", OK, f"uv.lock and this machine use {_host(locked)}")
        return
    yield Finding(
        "index",
        PROBLEM,
        f"uv.lock was made with {_host(locked)}, this machine uses {_host(configured)}: "
        "`uv sync --locked` fails and a plain `uv run` would rewrite the lock",
        "to stay with the lock: export UV_FROZEN=1; to move the team to the other index, once: "
        "uv lock --refresh, and commit uv.lock",
    )


def _remote() -> Iterator[Finding]:
    name = load_settings().dvc_remote
    listed = _run(sys.executable, "-m", "dvc", "remote", "list") or ""
    remotes = dict(line.split(maxsplit=1) for line in listed.splitlines() if line.strip())
    if name not in remotes:
        mend = f"uv run dvc remote add {name} URL"
        yield Finding("remote", PROBLEM, f'the DVC remote "{name}" is not in .dvc/config', mend)
    elif ".dvc-remote" in remotes[name]:
        mend = f"uv run dvc remote modify {name} url URL, before a team works here"
        yield Finding("remote", NOTE, f'"{name}" is a folder of this clone, not shared', mend)
    else:
        yield Finding("remote", OK, f"{name}: {remotes[name].split()[0]}")


def _template() -> Iterator[Finding]:
    if not ANSWERS.is_file():
        mend = "git checkout .copier-answers.yml; without it the template cannot update"
        yield Finding("template", PROBLEM, f"{ANSWERS} is missing", mend)
        return
    answers = read_yaml(ANSWERS)
    source, commit = str(answers.get("_src_path", "")), answers.get("_commit")
    absolute = Path(source).is_absolute() or re.match(r"^(\w+://|\w+@|gh:|gl:)", source)
    if not absolute:
        mend = f"set _src_path in {ANSWERS} to the template's URL or absolute path"
        yield Finding("template", PROBLEM, f'_src_path "{source}" is relative', mend)
    elif commit is None:
        mend = "render from a tagged template in git; an update needs a version to start from"
        yield Finding("template", NOTE, f"{source} without a version", mend)
    else:
        yield Finding("template", OK, f"{source} at {commit}")


def _lock_index() -> str:
    with Path("uv.lock").open("rb") as stream:
        packages = tomllib.load(stream).get("package", [])
    found = [
        package["source"]["registry"] for package in packages if "registry" in package["source"]
    ]
    return max(set(found), key=found.count) if found else ""


def _configured_index() -> str | None:
    """The default index that uv would use: environment, project, then user configuration."""
    for name in INDEX_VARIABLES:
        if os.environ.get(name):
            return os.environ[name]
    home = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
    for file in (Path("uv.toml"), Path("pyproject.toml"), home / "uv" / "uv.toml"):
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError):
            continue
        if file.name == "pyproject.toml":
            content = content.get("tool", {}).get("uv", {})
        for index in content.get("index", []):
            if index.get("default"):
                return str(index["url"])
        if "index-url" in content:
            return str(content["index-url"])
    return None


def _same_index(left: str, right: str) -> bool:
    return _host(left) == _host(right)


def _host(url: str) -> str:
    """The address without user and password: an index URL may carry a secret."""
    parts = urlsplit(url)
    if not parts.hostname:
        return url or "no index"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"


def _run(*command: str) -> str | None:
    """Standard output of a command, or None when it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None
