"""Facts: values of files of this repository, and gaps where a file or a value is not there."""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from mlops_kit.compare.report.language.say import readable, say
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import read_yaml
from mlops_kit.govern.checking.marks import placeholders
from mlops_kit.govern.documents import DOCUMENTS

# What writes the files below a path; the longest that fits counts.
WRITTEN_BY = {
    "": "uv run mlops run",
    "reports/monitor/": "uv run mlops monitor",
    "reports/data/profile": "uv run mlops data profile",
    "reports/costs.json": "uv run mlops costs",
}
ADD = "uv run mlops docs add"
SHOWN = 12  # characters of a digest
FACTS = Path("docs/facts")


class Facts:
    """What files say, in the words of a language; notes each gap.

    Parameters
    ----------
    words : mapping
        The catalogue of the language: sentences by their names, see pages/en/words.yaml.
    """

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.words = words
        self.gaps: list[str] = []
        self._files: dict[str, Any] = {}

    def read(self, path: str) -> Any:
        """Return what a JSON or YAML file holds; nothing where it is not there.

        Raises
        ------
        MlopsError
            When it cannot be read.
        """
        if path not in self._files:
            self._files[path] = _read(Path(path))
        return self._files[path]

    def at(self, path: str, key: str) -> Any:
        """Return a value by its key, with dots between the levels; None where it is not there."""
        found = self.read(path)
        for part in key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def value(self, path: str, key: str, form: str = "", none: str = "") -> str:
        """Say a value for a cell of a table, or the gap; `none` is said of an empty one."""
        found = self.at(path, key)
        if found is None or found in ("", [], {}):
            if none and self.read(path) is not None:
                return none
            return self.gap(path, key)
        return self.said(found, form)

    def row(self, label: str, path: str, key: str, form: str = "", none: str = "") -> str:
        """Return a row of a table: what, its value, and the file and key that it is from."""
        return f"| {label} | {self.value(path, key, form, none)} | `{path}`: `{key}` |"

    def cell(self, of: Mapping[str, Any], key: str, form: str = "") -> str:
        """Say a value of a mapping that was read; a dash where it has none."""
        return "-" if of.get(key) is None else self.said(of[key], form)

    def checks(self, path: str) -> list[Mapping[str, Any]]:
        """Return every check of a decision, the primary metric's first."""
        decision = self.read(path) or {}
        found = [decision["primary"]] if "primary" in decision else []
        for name in ("guardrails", "slices", "fairness", "flips"):
            found += decision.get(name, [])
        found += [{"name": name, **one} for name, one in decision.get("ops", {}).items()]
        return found + decision.get("safety", [])

    def gap(self, path: str, key: str = "") -> str:
        """Name what is missing, and what would bring it; it is counted."""
        if self.read(path) is None and not Path(path).exists():
            said = self._missing(path)
        else:
            said = self.words["no_key"].format(path=path, key=key)
        self.gaps.append(said)
        return f"**{self.words['gap']}:** {said}"

    def _missing(self, path: str) -> str:
        for name, document in DOCUMENTS.items():
            if Path(path) in document.files:
                return self.words["no_file"].format(path=path, command=f"{ADD} {name}")
        if Path(path).parts[0] in ("docs", "conf", "infra"):  # of people, or of a room
            return self.words["absent"].format(path=path)
        fits = max((start for start in WRITTEN_BY if path.startswith(start)), key=len)
        return self.words["no_file"].format(path=path, command=WRITTEN_BY[fits])

    def said(self, value: Any, form: str = "") -> str:
        """Return a value as people read it; `form`: percent, digest, code, sentence, or nothing."""
        if isinstance(value, bool):
            return self.words["yes"] if value else self.words["no"]
        if isinstance(value, int | float):
            return self.number(value, form)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Mapping):
            return ", ".join(f"{clean(key)}: {self.said(one)}" for key, one in value.items())
        if isinstance(value, Iterable) and not isinstance(value, str):
            return ", ".join(self.said(one, form) for one in value)
        text = self.words["known"].get(str(value), str(value)) if not form else str(value)
        if form == "sentence":
            return clean(say(text))
        if form == "digest":
            return f"`{text[:SHOWN]}`"
        return f"`{clean(text)}`" if form == "code" else clean(text)

    def number(self, value: float, form: str = "") -> str:
        """Return a number: whole ones in full, others with four digits, shares in per cent."""
        if form == "percent":
            text = f"{100 * value:.4g} %"
        elif isinstance(value, int) or abs(value) >= 1e3:
            text = f"{value:,.0f}"
        else:
            text = f"{value:.4g}"
        return readable(text).translate(str.maketrans(",.", self.words["separators"]))

    def line(self, no: str, asks: str, *evidence: str) -> str:
        """Return a row of a table of governance: number, what is asked, what there is, and state.

        Parameters
        ----------
        no : str
            Of the row; evidence of conf/governance.yaml may name it.
        asks : str
            What is asked for, in our words.
        *evidence : str
            `file: key` for a value, or a file that must be there.
        """
        before, told = len(self.gaps), [self._evidence(one) for one in evidence]
        open_, missing = len(self.gaps) - before, sum("**" in one for one in told)
        outside = (self.at("conf/governance.yaml", "evidence") or {}).get(no)
        if outside:
            until = f" ({outside['until']})" if outside.get("until") else ""
            told.append(f"{clean(outside['says'])}: {clean(outside['where'])}{until}")
        if not told:
            told, open_, missing = [self.gap("conf/governance.yaml", f'evidence."{no}"')], 1, 1
        state = "there" if not open_ else "part" if missing < len(told) else "gap"
        return f"| {no} | {asks} | {'; '.join(told)} | {self.words['states'][state]} |"

    def _evidence(self, one: str) -> str:
        path, _, key = one.partition(": ")
        if key:
            found = self.at(path, key)
            empty = found is None or found in ("", [], {})
            return self.gap(path, key) if empty else f"`{key}`: {self.said(found)} (`{path}`)"
        file = Path(path)
        if not file.is_file():
            return self.gap(path)
        if file.suffix != ".md":
            return f"`{path}`"
        left = len(placeholders(file.read_text(encoding="utf-8")))
        link = f"[{path}]({os.path.relpath(file, FACTS)})".replace(os.sep, "/")
        if not left:
            return link
        self.gaps.append(self.words["to_fill"].format(path=path, count=left))
        return f"{link} ({self.words['left'].format(count=left)})"


def clean(value: Any) -> str:
    """Return a text that stays in its cell of a Markdown table."""
    text = " ".join(str(value).split())
    return text.replace("|", "\\|").replace("<", "&lt;")


def _read(path: Path) -> Any:
    if not path.is_file():
        return None
    if path.suffix in (".yaml", ".yml"):
        return read_yaml(path)
    if path.suffix != ".json":
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MlopsError(
            f"{path.as_posix()} is damaged ({error}): run `uv run mlops run --force` to write it "
            "anew, or restore it with git."
        ) from error
