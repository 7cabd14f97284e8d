"""Read a repository that was not rendered from the template, only ever from its last commit."""

import ast
import codecs
import configparser
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from copier_mlops.errors import ToolError, last_line
from copier_mlops.git import Entry, Repository, read_blobs, run_git, tree_of

LARGEST_TEXT = 1_000_000  # bytes; larger files say nothing about a project's set-up
MOST_TEXTS = 600
SUFFIXES = {
    ".py",
    ".ipynb",
    ".md",
    ".rst",
    ".txt",
    ".toml",
    ".cfg",
    ".ini",
    ".yml",
    ".yaml",
    ".json",
    ".dvc",
}
NAMES = {
    "config",
    "LICENSE",
    "LICENCE",
    "COPYING",
    "README",
    "CODEOWNERS",
    ".python-version",
    "Dockerfile",
    "Makefile",
    "Pipfile",
}
MANIFESTS = re.compile(
    r"(pyproject\.toml|setup\.(cfg|py)|Pipfile|(environment|conda)([-_]\w+)*\.ya?ml"
    r"|([\w.-]+/){0,2}requirements[\w./-]*\.txt)"
)
GENERIC = ("src", "app", "project", "package", "code", "unknown")
PYTHONS = {
    r"\.python-version": r"^(\S+)",
    "Pipfile": r"^python(?:_full)?_version *= *[\"']([^\"']+)",
    r"(environment|conda)([-_]\w+)*\.ya?ml": r"^\s*- *[\"']?python *([=<>~!][^\s\"'#]*)",
}
TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|tests?)\.py$")
RUNNERS = re.compile(
    r"\.github/workflows/.*|\.pre-commit-config\.ya?ml|Makefile|setup\.cfg|(tox|noxfile)\..*"
)
PYTEST_TABLES = {
    "pytest.ini": r"",
    ".pytest.ini": r"",
    "pytest.toml": r"",
    ".pytest.toml": r"",
    "tox.ini": r"^\[pytest\]",
    "setup.cfg": r"^\[tool:pytest\]",
}
OLDEST_PYTHON = 11  # the minor version below which the template's code does not run
RUNNING_PYTHONS = range(OLDEST_PYTHON, 40)  # it sets no upper bound
REGULAR = ("100644", "100755")


@dataclass(frozen=True)
class Existing:
    """The files of a repository's last commit, below the folder that is adopted."""

    repo: Repository
    entries: dict[str, Entry]
    texts: dict[str, str]
    """Contents of the files that can say something: small, UTF-8, no links."""

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        """The parsed pyproject.toml; empty when there is none."""
        name = "pyproject.toml"
        if name in self.entries and name not in self.texts:
            raise ToolError(f"{name} is a link, too large or not UTF-8; make it a plain file.")
        try:
            return tomllib.loads(self.texts.get(name, ""))
        except tomllib.TOMLDecodeError as error:
            raise ToolError(f"{name} is not valid TOML ({error}); mend it first.") from error

    @cached_property
    def setup_cfg(self) -> configparser.ConfigParser:
        """The parsed setup.cfg; empty when there is none or it cannot be read."""
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(self.texts.get("setup.cfg", ""))
        except configparser.Error:
            parser = configparser.ConfigParser(interpolation=None)
        return parser

    @cached_property
    def setup_py(self) -> dict[str, Any]:
        """The literal keywords of setup(...) in setup.py, read without running it; others None."""
        try:
            tree = ast.parse(self.texts.get("setup.py", ""))
        except (SyntaxError, ValueError, RecursionError):
            return {}
        found: dict[str, Any] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setup"):
                for keyword in node.keywords:
                    if keyword.arg:
                        value = keyword.value
                        found[keyword.arg] = (
                            value.value if isinstance(value, ast.Constant) else None
                        )
        return found

    @property
    def tools(self) -> dict[str, Any]:
        """The tables [tool.*] of pyproject.toml."""
        return self.pyproject.get("tool", {})

    def metadata(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each place with metadata of the distribution, the most binding first."""
        yield "pyproject.toml [project]", self.pyproject.get("project", {})
        yield "pyproject.toml [tool.poetry]", self.tools.get("poetry", {})
        for section in ("metadata", "options"):
            if self.setup_cfg.has_section(section):
                yield f"setup.cfg [{section}]", dict(self.setup_cfg.items(section))
        yield "setup.py", self.setup_py

    def declared(self, *keys: str) -> tuple[str, str] | None:
        """Return a text of the metadata and where it stands."""
        for place, table in self.metadata():
            for key in keys:
                if isinstance(table.get(key), str) and table[key].strip():
                    return table[key].strip(), f"{place} {key}"
        return None

    @cached_property
    def is_legacy(self) -> bool:
        """Whether the distribution is described, but not in [project]."""
        described = any(table for _, table in self.metadata()) or "flit" in self.tools
        return described and "project" not in self.pyproject

    @cached_property
    def locks_groups(self) -> bool:
        """Whether Poetry or PDM locks it: their locks cover [dependency-groups] too."""
        return "poetry" in self.tools or bool({"poetry.lock", "pdm.lock"} & {*self.entries})

    @cached_property
    def requires_python(self) -> str | None:
        """The supported Python versions as [project], setup.cfg or setup.py say."""
        found = self.declared("requires-python", "python_requires")
        return found[0] if found else None

    @cached_property
    def python(self) -> str | None:
        """The supported Python versions in the words of whatever tool declares them, and where."""
        if found := self.declared("requires-python", "python_requires"):
            return f"{found[0]} ({found[1]})"
        wanted = (self.tools.get("poetry", {}).get("dependencies") or {}).get("python")
        if isinstance(wanted, str):
            return f"{wanted} (pyproject.toml [tool.poetry.dependencies] python)"
        for name, pattern in PYTHONS.items():
            for place in filter(re.compile(name).fullmatch, self.texts):
                if match := re.search(pattern, self.texts[place], re.MULTILINE):
                    return f"{match[1]} ({place})"
        return None

    def supports(self, minor: int) -> bool:
        """Whether [project] allows Python 3.<minor>."""
        try:
            allowed = SpecifierSet(self.requires_python or "")
        except InvalidSpecifier:
            return True
        return f"3.{minor}.99" in allowed or f"3.{minor}" in allowed

    @cached_property
    def pythons(self) -> str:
        """The Python versions that run both the template's code and theirs, as uv reads them."""
        own = self.pyproject.get("project", {}).get("requires-python", "")
        fits = any(map(self.supports, RUNNING_PYTHONS))
        return f">=3.{OLDEST_PYTHON},{own}".rstrip(",") if fits else f">=3.{OLDEST_PYTHON}"

    @cached_property
    def own_tests(self) -> list[str]:
        """Every test file, by the naming of pytest and unittest."""
        return [name for name in self.entries if TEST_FILE.search(name)]

    @cached_property
    def configures_pytest(self) -> bool:
        """Whether pytest is configured anywhere."""
        elsewhere = (
            name in self.texts and re.search(table, self.texts[name], re.MULTILINE)
            for name, table in PYTEST_TABLES.items()
        )
        return "pytest" in self.tools or any(elsewhere)

    @property
    def has_tests(self) -> bool:
        """Whether a plain `pytest` means something here that must stay so."""
        in_tests = any(n.startswith("tests/") and n.endswith(".py") for n in self.entries)
        return bool(self.own_tests) or self.configures_pytest or in_tests

    @cached_property
    def source_packages(self) -> list[str]:
        """Importable packages below src/."""
        found = (re.fullmatch(r"src/(\w+)/__init__\.py", name) for name in self.entries)
        return sorted(match[1] for match in found if match)

    @cached_property
    def name(self) -> str:
        """The distribution's name, else the folder's."""
        found = self.declared("name")
        return canonicalize_name(found[0]) if found else self.folder_name

    @cached_property
    def folder_name(self) -> str:
        """The folder's name, or that of the nearest one above it that says more than `code`."""
        above = len(PurePosixPath(self.repo.prefix).parts)
        names = [self.repo.folder.name, *(p.name for p in self.repo.folder.parents)][: above + 1]
        return next((name for name in names if name.lower() not in GENERIC), names[0])

    @cached_property
    def other_ignore_files(self) -> dict[str, bytes]:
        """Every .gitignore but the adopted folder's own that rules there, by path from the top."""
        above = {f"{parent}/" for parent in PurePosixPath(self.repo.prefix).parents} | {"./"}
        found = {}
        for name, entry in tree_of(replace(self.repo, prefix=""), "HEAD").items():
            folder, _, base = name.rpartition("/")
            rules_here = f"{folder or '.'}/" in above or name.startswith(self.repo.prefix)
            if base == ".gitignore" and entry.mode in REGULAR and rules_here:
                found[name] = entry.oid
        found.pop(f"{self.repo.prefix}.gitignore", None)
        blobs = read_blobs(self.repo, found.values())
        return {name: blobs[oid] for name, oid in found.items()}

    def bytes_of(self, name: str) -> bytes:
        """Return the contents of a file of the commit."""
        oid = self.entries[name].oid
        return read_blobs(self.repo, [oid])[oid]

    def obstacle(self, name: str) -> str | None:
        """Say why nothing may be written at a path that the commit does not have."""
        path = PurePosixPath(name)
        for parent in [*path.parents][:-1]:
            if parent.as_posix() in self.entries:
                return f"`{parent}` is a file, a link or a submodule of yours"
            disk = self.repo.folder / parent
            if disk.is_symlink() or (disk.exists() and not disk.is_dir()):
                return f"`{parent}` is an untracked file or link of yours"
        if any(entry.startswith(f"{name}/") for entry in self.entries):
            return "you have a folder of that name"
        disk = self.repo.folder / name
        if disk.is_symlink() or disk.exists():
            return "you have an untracked or ignored file there"
        return None


def read_existing(repo: Repository) -> Existing:
    """Read the names of all files and the contents of those that can say something."""
    entries = tree_of(repo, "HEAD")
    wanted = [
        name
        for name, entry in entries.items()
        if entry.mode in REGULAR
        and (PurePosixPath(name).suffix in SUFFIXES or _base(name) in NAMES)
    ]
    wanted = sorted(wanted, key=lambda name: (name.count("/"), name))
    asked = "".join(f"{entries[name].oid}\n" for name in wanted).encode()
    answers = run_git("cat-file", "--batch-check", cwd=repo.top, data=asked)[1].decode()
    sizes = [int(line.split()[2]) if line.count(" ") == 2 else 0 for line in answers.splitlines()]
    small = [name for name, size in zip(wanted, sizes, strict=True) if 0 < size <= LARGEST_TEXT]
    blobs = read_blobs(repo, [entries[name].oid for name in small[:MOST_TEXTS]])
    texts = {}
    for name in small[:MOST_TEXTS]:
        content, strict = blobs[entries[name].oid], name == "pyproject.toml"
        try:
            texts[name] = content.decode() if strict else decoded(content)[0].removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            if strict:
                raise ToolError(f"{name} is not UTF-8: {last_line(error)}") from error
    return Existing(repo, entries, texts)


def decoded(content: bytes) -> tuple[str, bool]:
    """Return a text, and whether it was UTF-16, as PowerShell writes it; UnicodeDecodeError."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8"), wide


def _base(name: str) -> str:
    return PurePosixPath(name).name
