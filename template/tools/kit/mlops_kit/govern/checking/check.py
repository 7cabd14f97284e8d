"""`mlops docs check`: every place to fill, dead link, review that is due and wrong command."""

import datetime
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import loader, read_yaml
from mlops_kit.govern.checking.links import dead_links
from mlops_kit.govern.checking.marks import lines_of, placeholders, reviews
from mlops_kit.govern.config import GOVERNANCE_FILE, load_governance
from mlops_kit.govern.costs.config import COSTS_FILE, EXAMPLE, load_costs
from mlops_kit.govern.costs.reckon import prices
from mlops_kit.govern.documents import ANSWERS, PAGES, answers, language
from mlops_kit.govern.facts.build import built
from mlops_kit.govern.facts.read import FACTS

KINDS = ("fill", "link", "review", "command", "facts")
DOCUMENTS = ("README.md", "AGENTS.md")
HOSTS = (".github", ".gitlab")
OWNERS = "CODEOWNERS"
COMMAND = re.compile(r"(?<![\w./-])mlops ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
QUOTED = re.compile(r"`[^`]+`")
FENCED = re.compile(r"(?ms)^\s*(```|~~~)[^\n]*\n(.*?)^\s*\1\s*$")


class Found(NamedTuple):
    """Something left to do: its kind, where it is, whose it is, and what to do."""

    kind: str
    file: str
    line: int
    owner: str
    what: str


def check(
    commands: Collection[str], today: datetime.date, only: Collection[str] = ()
) -> list[Found]:
    """Return what is left to do in the documents, by file and line.

    Parameters
    ----------
    commands : collection of str
        Words of every command that exists, such as "data ingest", and of every group.
    today : date
        A review before it is due.
    only : collection of str
        Kinds that are looked for; all without any.

    Raises
    ------
    MlopsError
        When a kind is none, or a document is no text in UTF-8.
    """
    if unknown := sorted(set(only) - set(KINDS)):
        raise MlopsError(f"--only: {', '.join(unknown)} is none of {', '.join(KINDS)}.")
    found: list[Found] = []
    for path in documents():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise MlopsError(f"{path.as_posix()} is no text in UTF-8: save it as such.") from error
        found += _in(path, text, commands, today)
    found += _governance(today)
    found += _prices()
    if not only or "facts" in only:
        found += _facts()
    roles = _roles()
    left = [one for one in found if not only or one.kind in only]
    return [one._replace(owner=roles.get(one.owner, one.owner)) for one in left]


def _roles() -> dict[str, str]:
    """Return what the language of the documents calls a role that an English page names."""
    chosen = language(answers()) if ANSWERS.is_file() else "en"
    words = sorted((PAGES / chosen).rglob("words.yaml"))
    return {role: said for path in words for role, said in read_yaml(path)["roles"].items()}


def documents() -> list[Path]:
    """Return the documents of the team, the first page first; facts are not theirs."""
    pages = [Path(name) for name in DOCUMENTS]
    pages += [path for path in sorted(Path("docs").rglob("*.md")) if FACTS not in path.parents]
    for host in HOSTS:
        pages += [*sorted(Path(host).rglob("*.md")), Path(host) / OWNERS]
    return [path for path in pages if path.is_file()]


def _in(path: Path, text: str, commands: Collection[str], today: datetime.date) -> Iterator[Found]:
    name = path.as_posix()
    for mark in placeholders(text):
        yield Found("fill", name, mark.line, mark.owner, mark.what)
    for mark, day in reviews(text):
        if day is None:
            yield Found("review", name, mark.line, "", f"{mark.what} is no day: write 2030-01-31")
        elif day < today:
            yield Found("review", name, mark.line, "", f"its review was due on {day}")
    for line, what in dead_links(path, text):
        yield Found("link", name, line, "", what)
    for line, first, second in named_commands(text):
        is_group = any(one.startswith(f"{first} ") for one in commands)
        words = f"{first} {second}" if is_group and second else first
        if words not in commands:
            yield Found("command", name, line, "", f"there is no command `mlops {words}`")


def named_commands(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the two words that follow `mlops` in code, by line; the second may be no verb."""
    code = [(at, found[0]) for at, line in lines_of(text) for found in QUOTED.finditer(line)]
    for block in FENCED.finditer(text):
        start = text.count("\n", 0, block.start(2)) + 1
        code += [(start + at, line) for at, line in enumerate(block[2].splitlines())]
    for number, part in code:
        for found in COMMAND.finditer(part):
            yield number, found[1], found[2] or ""


def _governance(today: datetime.date) -> Iterator[Found]:
    if not GOVERNANCE_FILE.is_file():
        return
    name, said = GOVERNANCE_FILE.as_posix(), load_governance()
    owner = "product owner"
    for keys, value in _leaves(said.model_dump(exclude={"evidence"})):
        if value is None or value == "":
            line = _line_of(GOVERNANCE_FILE, keys)
            yield Found("fill", name, line, owner, f"{'.'.join(keys)} has no answer")
    days = [(["review_by"], said.review_by)]
    days += [(["evidence", row], one.until) for row, one in said.evidence.items()]
    for keys, day in days:
        if day is not None and day < today:
            line = _line_of(GOVERNANCE_FILE, keys)
            yield Found("review", name, line, owner, f"{keys[-1]} was due on {day}")


def _prices() -> Iterator[Found]:
    """Name the prices of conf/costs.yaml that are still the template's examples."""
    if not COSTS_FILE.is_file():
        return
    for key, price in prices(load_costs()):
        if price.source.startswith(EXAMPLE):
            line = _line_of(COSTS_FILE, key.split("."))
            what = f"{key}: the price is an example"
            yield Found("fill", COSTS_FILE.as_posix(), line, "solution architect", what)


def _line_of(path: Path, keys: list[str]) -> int:
    """Return the line of a nested key of a YAML file, or of what would hold it."""
    import yaml

    node, line = yaml.compose(path.read_text(encoding="utf-8"), Loader=loader()), 1
    for key in keys:
        parts = node.value if isinstance(node, yaml.MappingNode) else []
        for name, value in parts:
            if name.value == key:
                node, line = value, name.start_mark.line + 1
                break
        else:
            break
    return line


def _leaves(values: dict[str, object], *before: str) -> Iterator[tuple[list[str], object]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, *before, key)
        else:
            yield [*before, key], value


def _facts() -> Iterator[Found]:
    """Facts are there, and say what the files say now."""
    what = "`uv run mlops docs build` writes it"
    for path, page in built().items():
        if not path.is_file():
            yield Found("facts", path.as_posix(), 1, "", f"is not there: {what}")
        elif path.read_text(encoding="utf-8") != page.text:
            yield Found("facts", path.as_posix(), 1, "", f"says what was true before: {what} anew")
