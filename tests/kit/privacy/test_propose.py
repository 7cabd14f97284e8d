"""A proposal is never more permissive than a wary reviewer; who stands alone is always told."""

import datetime
import json
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
import yaml
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import load_sources
from mlops_kit.privacy import commands
from mlops_kit.privacy.policy import propose
from mlops_kit.privacy.protect import keys, singling_out
from mlops_kit.privacy.protect import stage as protect
from mlops_kit.room import Wanted

PEOPLE = 3_000
SYLLABLES = ["ka", "ro", "mi", "dex", "ton", "bra", "ves", "lin", "quo", "har", "wick", "ston"]
TYPES: dict[Any, str] = {
    pl.String: "string",
    pl.Int64: "integer",
    pl.Float64: "number",
    pl.Date: "date",
    pl.Boolean: "boolean",
    pl.List: "integers",
}
TABLES = Path("data/restricted/tables")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty project with a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.setenv(keys.KEY_VARIABLE, "k" * 40)
    Path("conf").mkdir()
    Path("conf/dev.yaml").touch()
    TABLES.mkdir(parents=True)
    Path("raw").mkdir()


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311


def invented(chance: Random, syllables: int = 3) -> str:
    """Return a name that no list knows."""
    return "".join(chance.choice(SYLLABLES) for _ in range(syllables)).capitalize()


def put(**tables: pl.DataFrame) -> None:
    """Write tables, raw and read, and declare them; the first one's first column is the entity."""
    declared: dict[str, Any] = {}
    for name, frame in tables.items():
        for folder in (TABLES, Path("raw")):
            frame.write_parquet(folder / f"{name}.parquet")
        types = frame.schema.items()
        columns = {column: {"type": TYPES[of.base_type()]} for column, of in types}
        declared[name] = {"source": "files", "path": f"{name}.parquet", "columns": columns}
    (first, *_) = tables
    entity = tables[first].columns[0]
    tables[first].select(pl.lit(value=False).alias("held_out"), entity).write_parquet(
        TABLES / "entities.parquet"
    )
    content = {
        "entity": {"table": first, "column": entity},
        "sources": {"files": {"kind": "files", "folder": "raw"}},
        "tables": declared,
    }
    Path("conf/sources.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def people(**more: Any) -> pl.DataFrame:
    """Return 3,000 people with what nearly tells each of them apart."""
    chance = seeded(3)
    start = datetime.date(1940, 1, 1)
    days = [start + datetime.timedelta(days=chance.randrange(22_000)) for _ in range(PEOPLE)]
    return pl.DataFrame(
        {
            "code": range(1, PEOPLE + 1),
            "born": days,
            "sex": [chance.choice("mf") for _ in range(PEOPLE)],
            "zip": [f"{chance.randrange(10_000, 99_999)}" for _ in range(PEOPLE)],
            **more,
        }
    )


def proposed() -> dict[str, Any]:
    """Propose, and return what the file says."""
    file = propose.propose()
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.rename("conf/proposed.yaml")
    return content


def actions(content: dict[str, Any]) -> dict[str, str]:
    return {name.partition(".")[2]: rule["action"] for name, rule in content["columns"].items()}


def use(content: dict[str, Any], **changed: Any) -> None:
    """Make a proposal the policy; `changed` replaces actions of undecided columns, or rules."""
    for name, rule in changed.items():
        content["columns"][name.replace("__", ".")] = rule
    Path("conf/privacy.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def test_texts_that_no_rule_knows_are_undecided_and_short_lists_of_words_are_kept() -> None:
    chance = seeded(5)
    surnames = [invented(chance) for _ in range(PEOPLE)]
    put(
        people=people(
            MothersMaiden=surnames,
            c7=surnames,
            guid=[f"{chance.getrandbits(128):032x}" for _ in range(PEOPLE)],
            occupation=[f"{chance.choice(SYLLABLES)} {chance.choice(SYLLABLES)}"] * 10
            + [f"{chance.choice(SYLLABLES)}er" + str(n % 90) for n in range(PEOPLE - 10)],
            seen_by=[f"{invented(seeded(n % 6))}" for n in range(PEOPLE)],
            ward_head=[f"{invented(seeded(n % 12))} Ozston" for n in range(PEOPLE)],
            colour=[chance.choice(["Red", "Blue", "Light green"]) for _ in range(PEOPLE)],
            status=[chance.choice(["open", "on hold", "closed"]) for _ in range(PEOPLE)],
        )
    )
    found = actions(proposed())
    undecided = {name for name, action in found.items() if action == "undecided"}
    assert undecided == {"MothersMaiden", "c7", "guid", "occupation", "seen_by", "ward_head"}
    assert (found["colour"], found["status"]) == ("keep", "keep")
    text = Path("conf/proposed.yaml").read_text(encoding="utf-8")
    assert f"{pl.Series(surnames).n_unique():,} distinct among 3,000 values" in text
    assert not any(surname in text for surname in surnames)


@pytest.mark.parametrize("rows", [12, 60, 3_000])
def test_a_word_that_few_rows_have_is_not_kept_with_its_list(rows: int) -> None:
    """One with a rare trade among many is known by it."""
    words = [["nurse", "clerk"][n % 2] for n in range(rows)]
    put(t=pl.DataFrame({"n": range(rows), "trade": words}))
    assert actions(proposed())["trade"] == "keep"
    rare = [f"trade{n}" if n < max(rows // 20, 1) else word for n, word in enumerate(words)]
    put(t=pl.DataFrame({"n": range(rows), "trade": rare}))
    assert actions(proposed())["trade"] == "undecided"


def test_numbers_dates_and_lists_that_tell_people_apart_are_not_kept_as_they_are() -> None:
    chance = seeded(8)
    put(
        people=people(
            serie_no=[chance.randrange(10**5, 10**6) for _ in range(PEOPLE)],
            doctor_id=[chance.randrange(200) for _ in range(PEOPLE)],
            height=[chance.randrange(145, 205) for _ in range(PEOPLE)],
            salary=[round(chance.lognormvariate(10, 1), 2) for _ in range(PEOPLE)],
            latitude=[round(chance.uniform(25, 49), 6) for _ in range(PEOPLE)],
            age=[chance.randrange(18, 99) for _ in range(PEOPLE)],
            since=[datetime.date(2024, 1, 1 + n % 28) for n in range(PEOPLE)],
            bought=[[n, n + 1] for n in range(PEOPLE)],
            spent=[chance.expovariate(0.01) for _ in range(PEOPLE)],
            visits=[chance.randrange(40) for _ in range(PEOPLE)],
            churned=[chance.random() < 0.2 for _ in range(PEOPLE)],
        )
    )
    content = proposed()
    found = actions(content)
    assert {name for name, action in found.items() if action == "generalise"} == {
        *("born", "zip", "height", "salary", "latitude", "age"),
    }
    undecided = {name for name, action in found.items() if action == "undecided"}
    assert undecided == {"serie_no", "doctor_id", "since", "bought"}
    # Measures and outcomes of the model are no matter of a proposal.
    assert {name for name, action in found.items() if action == "keep"} == {
        *("sex", "spent", "visits", "churned"),
    }
    assert set(content["anonymity"]["people"]["quasi"]) == {
        *("born", "sex", "zip", "height", "salary", "latitude", "age"),
    }


def test_a_table_without_people_keeps_its_days_and_one_of_people_does_not() -> None:
    chance = seeded(4)
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=n % 300) for n in range(6_000)]
    numbers = [chance.randrange(1, PEOPLE + 1) for _ in days]
    put(
        people=people(),
        visits=pl.DataFrame({"whose": numbers, "day": days, "minutes": [1.5] * len(days)}),
        weather=pl.DataFrame({"day": days, "quantity": [n % 40 for n in numbers]}),
    )
    columns = proposed()["columns"]
    # However it is called: without the same domain nothing joins, and a raw number would pass.
    assert columns["visits.whose"] == columns["people.code"]
    assert columns["visits.day"]["action"] == "undecided"
    assert columns["weather.day"]["action"] == "keep"
    assert columns["weather.quantity"]["action"] == "keep"


def test_nothing_runs_while_a_column_is_undecided_and_the_doctor_says_which() -> None:
    put(people=people(c7=[invented(seeded(n)) for n in range(PEOPLE)]))
    content = proposed() | {"anonymity": {}}
    use(content)
    with pytest.raises(MlopsError, match=r"leaves people\.c7 undecided; look at") as refused:
        protect.protect()
    assert refused.value.exit_code == 3
    assert not list(Path("data/open").rglob("*.parquet"))
    problems = [one for one in commands.examine() if one.status == "problem"]
    assert len(problems) == 1
    assert "people.c7" in problems[0].message
    use(content, people__c7={"action": "drop"})
    protect.protect()
    assert not [one for one in commands.examine() if one.status == "problem"]
    assert "c7" not in pl.read_parquet("data/open/tables/people.parquet").columns


def test_a_proposed_table_in_which_people_stand_alone_does_not_pass_the_gate() -> None:
    put(people=people())
    content = proposed()
    text = Path("conf/proposed.yaml").read_text(encoding="utf-8")
    rule = content["anonymity"]["people"]
    assert (rule["quasi"], rule["k"]) == (["born", "sex", "zip"], 5)
    use(content)
    with pytest.raises(MlopsError, match=r"rows of people prevent k = 5 over born, sex, zip"):
        protect.protect()
    # What the comment promised is what is true: counted here by another way.
    classes = people().group_by(pl.col("born").dt.year(), "sex", pl.col("zip").str.head(3)).len()
    lonely = classes.filter(pl.col("len") == 1).height
    assert lonely > 2_000
    assert f"{lonely:,} of 3,000 people looked at are alone, and the smallest class has 1" in text


def test_protect_doctor_and_check_say_who_stands_alone_though_no_rule_is_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(people=people(spent=[n / 7 for n in range(PEOPLE)]))
    keep = {"action": "keep"}
    policy = {"people.code": {"action": "token", "domain": "p"}}
    policy |= {f"people.{name}": keep for name in ("born", "sex", "zip", "spent")}
    Path("conf/privacy.yaml").write_text(yaml.safe_dump({"columns": policy}), encoding="utf-8")
    counted = people().group_by("born", "sex", "zip").len()
    lonely = counted.filter(pl.col("len") == 1).height
    smallest = counted["len"].min()
    said = f"people: {lonely:,} of 3,000 people ({lonely / 3000:.1%}) are alone by born, sex, zip"
    passed = protect.protect().splitlines()
    assert passed[1].startswith(f"{said} (smallest class {smallest})")
    assert passed[1].endswith("3,000 of 3,000 people (100.0%) are alone by all 4 columns that pass")
    report = json.loads(Path("reports/privacy/protect.json").read_text(encoding="utf-8"))
    figures = report["tables"]["people"]["alone"]["quasi_identifiers"]
    assert (figures["people"], figures["smallest"], figures["unique"]) == (3000, 1, lonely)
    (told,) = [one for one in commands.examine() if one.name == "people"]
    assert told.status == "note"
    assert told.message.startswith(said)
    (note,) = singling_out.notes()
    assert note.startswith(said)
    # A table in which nobody stands alone is told as that, and is no note.
    policy["people.zip"] = policy["people.born"] = policy["people.spent"] = {"action": "drop"}
    Path("conf/privacy.yaml").write_text(yaml.safe_dump({"columns": policy}), encoding="utf-8")
    assert "nobody of 3,000 people is alone by sex" in protect.protect()
    assert [one.status for one in commands.examine() if one.name == "people"] == ["ok"]
    assert singling_out.notes() == []


def test_people_are_counted_and_not_rows() -> None:
    """Two people with two rows each: one shares every row of theirs, one has a row alone."""
    frame = pl.DataFrame(
        {"who": ["a", "a", "b", "b", None], "x": [1, 2, 1, 3, 9], "y": [None, 1, None, 1, 1]}
    )
    found = singling_out.alone(frame.lazy(), "who", ["x", "y"])
    assert (found.people, found.smallest, found.unique) == (2, 1, 2)
    found = singling_out.alone(frame.filter(pl.col("y").is_null()).lazy(), "who", ["x", "y"])
    assert (found.people, found.smallest, found.unique) == (2, 2, 0)
    assert singling_out.alone(frame.clear().lazy(), "who", ["x"])[1:] == (0, 0, 0)


@pytest.mark.parametrize("declared", [{"entity": "none"}, {}])
def test_a_declaration_that_a_column_is_not_about_people_is_believed_unless_its_name_speaks(
    declared: dict[str, str],
) -> None:
    put(people=people(made=[datetime.date(2024, 1, 1 + n % 9) for n in range(PEOPLE)]))
    policy = {"people.code": {"action": "token", "domain": "p"}}
    policy |= {f"people.{name}": {"action": "keep", **declared} for name in ("sex", "made")}
    Path("conf/privacy.yaml").write_text(yaml.safe_dump({"columns": policy}), encoding="utf-8")
    assert f"alone by {'' if declared else 'made, '}sex " in protect.protect()


def test_what_is_declared_is_judged_before_any_run_and_never_what_was_left() -> None:
    put(people=people())
    # What a run with other declarations would have left.
    for left in TABLES.iterdir():
        left.write_bytes(b"of another table")
    content = proposed()
    assert actions(content)["born"] == "generalise"
    # Neither a copy of the raw data nor anything else is left behind.
    assert sorted(path.name for path in Path("data/restricted").iterdir()) == ["tables"]
    Path("raw/people.parquet").unlink()
    with pytest.raises(MlopsError, match="does not exist"):
        propose.propose()
    assert not propose.SCANNED.exists()


def test_a_table_without_a_good_row_is_no_ground_for_a_proposal() -> None:
    put(people=people())
    sources = Path("conf/sources.yaml")
    content = yaml.safe_load(sources.read_text(encoding="utf-8"))
    content["tables"]["people"]["columns"]["sex"]["allowed"] = ["x"]
    sources.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(MlopsError, match="No row of table"):
        propose.propose()
    assert not propose.PROPOSAL.exists()


def test_a_described_table_gets_a_policy_and_what_waits_can_be_left_behind() -> None:
    chance = seeded(4)
    put(people=people(c7=[invented(chance) for _ in range(PEOPLE)]))
    folder = Path("described")
    folder.mkdir()
    Path("raw/people.parquet").rename(folder / "people.parquet")
    waiting = propose.draft(load_sources(), folder, Wanted("undecided"))
    text = waiting.files[Path("conf/privacy.yaml")]
    assert yaml.safe_load(text)["columns"]["people.c7"] == {"action": "undecided"}
    assert any("--undecided drop" in said for said in waiting.said)
    dropped = propose.draft(load_sources(), folder, Wanted("drop"))
    content = yaml.safe_load(dropped.files[Path("conf/privacy.yaml")])
    assert content["columns"]["people.c7"] == {"action": "drop"}
    assert content["columns"]["people.code"]["action"] == "token"
    assert dropped.withheld["people.c7"] == "conf/privacy.yaml says drop"
    assert "people.code" not in dropped.withheld
    # The run would refuse for another reason: it is told before it does.
    assert any("stand alone by born, sex, zip: make some" in said for said in dropped.said)


def test_a_list_of_categories_is_no_free_text_whatever_its_header_says() -> None:
    chance = seeded(8)
    degrees, texts = ["FELONY", "MISDEMEANOR", "VIOLATION"], []
    for _ in range(PEOPLE):
        texts.append(" ".join(chance.choice(SYLLABLES) for _ in range(9)))
    put(
        people=people(
            law_category_description=[chance.choice(degrees) for _ in range(PEOPLE)],
            comment=[chance.choice(["Low", "Medium", "High"]) for _ in range(PEOPLE)],
            offence_description=[f"kind {n * n % 700}" for n in range(PEOPLE)],
            remarks=texts,
        )
    )
    found = actions(proposed())
    assert (found["law_category_description"], found["comment"]) == ("keep", "keep")
    assert (found["offence_description"], found["remarks"]) == ("drop", "drop")


def test_the_outcome_is_never_changed_or_left_behind_unasked() -> None:
    chance = seeded(9)
    amounts = [chance.randrange(10**6) for _ in range(PEOPLE)]
    days = [datetime.date(2024, 1, 1 + n % 28) for n in range(PEOPLE)]
    races = ["a", "b", "c"] * (PEOPLE // 3)
    put(people=people(days=amounts, salary=amounts, race=races, since=days))
    folder = Path("described")
    folder.mkdir()
    Path("raw/people.parquet").rename(folder / "people.parquet")

    def rule_of(column: str, target: str | None, time: str | None = None) -> str:
        made = propose.draft(load_sources(), folder, Wanted("drop", None, target, time))
        assert not any("--undecided drop" in said for said in made.said)
        content = yaml.safe_load(made.files[Path("conf/privacy.yaml")])
        return str(content["columns"][f"people.{column}"]["action"])

    # A number of which nothing else is known: a code or an amount, but as an outcome an amount.
    assert (rule_of("days", None), rule_of("days", "days")) == ("drop", "keep")
    # What would pass as bands, or not at all, waits for a person.
    assert (rule_of("salary", None), rule_of("salary", "salary")) == ("generalise", "undecided")
    assert (rule_of("race", None), rule_of("race", "race")) == ("drop", "undecided")
    assert (rule_of("since", None), rule_of("since", None, "since")) == ("drop", "undecided")
