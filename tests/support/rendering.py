"""Render the template in tests, scripts and benchmarks: from a copy of the working tree, fast.

Copier compiles the same Jinja sources in each render, starts a git process for each file, and
makes the whole context for each part of each path. ``fast_rendering`` leaves that out without
touching what is rendered; one test renders with and without it and compares every byte.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any
from unittest import mock

import copier
import yaml
from copier import _main as copier_main
from jinja2 import Environment

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "template" / "tools" / "kit"
PROFILES = sorted(path.stem for path in (ROOT / "profiles").glob("*.yml"))
# As in the messages of the project's documents: the package of the running example.
SHOP = {"project_name": "Shop recommender", "package_name": "shop"}


def copy_working_tree(destination: Path) -> Path:
    """Copy what git tracks or would track, with uncommitted changes, but without its history."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listing.split("\0")):
        source, target = ROOT / name, destination / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return destination


def git(*arguments: str, cwd: Path) -> str:
    """Run git with an identity of its own, whatever the machine's configuration says."""
    settings = ["user.name=Test", "user.email=test@example.org", "commit.gpgsign=false"]
    flags = [part for setting in settings for part in ("-c", setting)]
    return subprocess.run(
        ["git", *flags, "-c", "init.defaultBranch=main", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def tagged_template(destination: Path, tag: str = "v0.1.0") -> Path:
    """Copy the working tree into a clean git repository with one tag, as a release would be."""
    copy_working_tree(destination)
    git("init", "--quiet", cwd=destination)
    git("add", "--all", cwd=destination)
    git("commit", "--quiet", "--message", "The template as it stands", cwd=destination)
    git("tag", tag, cwd=destination)
    return destination


@cache
def working_tree_copy() -> Path:
    """Return a copy of the working tree, made once per process."""
    return copy_working_tree(Path(tempfile.mkdtemp(prefix="copier-mlops-template-")))


def questions() -> dict[str, dict[str, Any]]:
    """Return the questions in the order in which Copier asks them."""
    loaded: dict[str, dict[str, Any]] = {}
    for path in sorted((ROOT / "questions").glob("*.yml")):
        loaded |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def profile(name: str) -> dict[str, Any]:
    """Return the answers of a profile."""
    text = (ROOT / "profiles" / f"{name}.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text) or {}


def render(
    destination: Path, answers: Mapping[str, Any] | None = None, *, template: Path | None = None
) -> Path:
    """Render with the given answers and the defaults for the rest; never trusts, never asks."""
    copier.run_copy(
        str(template or working_tree_copy()),
        destination,
        data=dict(answers or {}),
        defaults=True,
        quiet=True,
    )
    return destination


compile_anew: Callable[..., CodeType] = copier_main.SandboxedEnvironment.compile
sync_executable_bit = copier_main.Worker._sync_git_index_executable_bit
render_string = copier_main.Worker._render_string
answers_relpath: Any = copier_main.Worker.answers_relpath
compiled: dict[tuple[Any, ...], CodeType] = {}


def compile_once(
    environment: Environment, source: str, name: str | None = None, filename: str | None = None
) -> CodeType:
    """Return a Jinja source's code object, compiled at most once in this process."""
    # Without the file's name, which differs in each scratch clone and only serves tracebacks.
    key = (source, name, environment.trim_blocks, environment.lstrip_blocks)
    if key not in compiled:
        compiled[key] = compile_anew(environment, source, name, filename)
    return compiled[key]


def render_string_unless_plain(worker: Any, string: str, extra_context: Any = None) -> str:
    """Skip Jinja, and the context made for it, for a text without its signs."""
    plain = "{" not in string and "\n" not in string
    return string if plain else render_string(worker, string, extra_context)


def answers_relpath_unless_plain(worker: Any) -> Path:
    """Skip Jinja for a plain path of the answers file."""
    path = Path(worker.answers_file or worker.template.answers_relpath)
    return answers_relpath.__get__(worker) if "{" in str(path) else path


@contextmanager
def fast_rendering() -> Iterator[None]:
    """Make renders of this process several times cheaper, with the same result."""
    with (
        mock.patch.object(copier_main.SandboxedEnvironment, "compile", compile_once),
        mock.patch.object(copier_main.Worker, "_render_string", render_string_unless_plain),
        mock.patch.object(
            copier_main.Worker, "answers_relpath", property(answers_relpath_unless_plain)
        ),
        mock.patch.object(copier_main.Worker, "_sync_git_index_executable_bit"),
    ):
        yield


def files_of(project: Path) -> dict[str, bytes]:
    """Return every file of a rendered project by its POSIX path."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(project).parts
    }


def parse_text(name: str, content: bytes) -> object:
    """Parse a YAML, TOML or JSON file by its name; anything else is only decoded as UTF-8."""
    import tomllib

    text = content.decode("utf-8")
    if name.endswith((".yml", ".yaml")):
        return list(yaml.safe_load_all(text))
    if name.endswith((".toml", "uv.lock")):
        return tomllib.loads(text)
    return json.loads(text) if name.endswith((".json", ".ipynb")) else text
