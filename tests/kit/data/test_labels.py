"""Labels: agreement equal to published and independent figures, and said so that people act."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from mlops_kit import cli
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.labelling import agreement
from mlops_kit.data.labelling.labels import examined, said
from statsmodels.stats.inter_rater import cohens_kappa

# The example of Krippendorff 2011, Computing Krippendorff's alpha-reliability, section C.
OBSERVERS = {
    "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/open/tables").mkdir(parents=True)
    return tmp_path


def write(rows: Any, **asked: Any) -> None:
    """Keep a table of labels, and say in params.yaml what it holds."""
    pl.DataFrame(rows).write_parquet("data/open/tables/judged.parquet")
    known = {"table": "judged", "item": "item", "by": "who", "label": "label", **asked}
    Path("params.yaml").write_text(json.dumps({"seed": 7, "labels": {"spam": known}}))


def found(rows: Any, **asked: Any) -> dict[str, Any]:
    write(rows, **asked)
    (one,) = examined([])
    return one


def of_observers() -> list[dict[str, Any]]:
    return [
        {"item": f"u{place}", "who": who, "label": label}
        for who, labels in OBSERVERS.items()
        for place, label in enumerate(labels)
    ]


def alpha_by_pairs(labels: dict[str, list[float]], scale: str) -> float:
    """Krippendorff's alpha, every pair of labels looked at by itself."""
    shared = [values for values in labels.values() if len(values) > 1]
    all_values = sorted(value for values in shared for value in values)

    def distance(one: float, other: float) -> float:
        if scale == "nominal":
            return float(one != other)
        if scale == "interval":
            return (one - other) ** 2
        low, high = sorted((one, other))
        between = sum(low <= value <= high for value in all_values)
        return (between - (all_values.count(low) + all_values.count(high)) / 2) ** 2

    n = len(all_values)
    seen = sum(
        distance(a, b) / (len(values) - 1)
        for values in shared
        for i, a in enumerate(values)
        for j, b in enumerate(values)
        if i != j
    )
    chance = sum(
        distance(a, b) for i, a in enumerate(all_values) for j, b in enumerate(all_values) if i != j
    )
    return 1 - (n - 1) * seen / chance


@pytest.mark.parametrize(("scale", "published"), [("nominal", 0.743), ("ordinal", 0.815),
                                                  ("interval", 0.849)])  # fmt: skip
def test_alpha_is_that_of_the_published_example(scale: str, published: float) -> None:
    one = found(of_observers(), scale=scale)
    assert round(one["alpha"]["value"], 3) == published
    assert one["alpha"]["lower"] < published < one["alpha"]["upper"]
    assert (one["labels"], one["items"], one["shared"]) == (41, 12, 11)
    assert one["left_out"] == {
        "rows without item, person or label": 7,
        "times one person gave an item different labels at one moment: not counted": 0,
    }


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(8))
def test_alpha_is_that_of_all_pairs_one_by_one(scale: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    # Numbers far from 0, where sums of squares lose digits.
    base = 1e6 if scale == "interval" else 0
    by_item: dict[str, list[float]] = {}
    rows = []
    for item in range(40):
        true = random.integers(0, 6)
        for who in random.choice(7, size=random.integers(1, 6), replace=False):
            label = float(base + np.clip(true + random.integers(-1, 2), 0, 5))
            rows.append({"item": f"i{item}", "who": f"w{who}", "label": label})
            by_item.setdefault(f"i{item}", []).append(label)
    expected = alpha_by_pairs(by_item, scale)
    assert found(rows, scale=scale)["alpha"]["value"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("ordered", [False, True])
def test_kappa_and_its_interval_are_those_of_statsmodels(ordered: bool) -> None:
    table = np.array([[44.0, 5, 1], [7, 20, 3], [9, 5, 6]])
    weights = np.eye(3)
    if ordered:
        weights = 1 - np.subtract.outer(range(3), range(3)) ** 2 / 4
    told = agreement.kappa(table, weights)
    theirs: Any = cohens_kappa(table, wt="fc" if ordered else None)
    assert told == pytest.approx((theirs.kappa, theirs.kappa_low, theirs.kappa_upp), abs=1e-9)


def test_the_interval_of_alpha_holds_what_many_more_items_show() -> None:
    random = np.random.default_rng(3)

    def labels(items: int) -> list[dict[str, Any]]:
        true = random.random(items) < 0.3
        return [
            {"item": f"i{place}", "who": who, "label": "yes" if told else "no"}
            for who, wrong in (("ana", 0.05), ("ben", 0.2))
            for place, told in enumerate(np.where(random.random(items) < wrong, ~true, true))
        ]

    truth = found(labels(60_000))["alpha"]["value"]
    held = [found(labels(150))["alpha"] for _ in range(60)]
    assert sum(one["lower"] <= truth <= one["upper"] for one in held) >= 51


def test_what_people_confuse_who_agrees_least_and_what_to_look_at_again() -> None:
    answers = {
        "ana": ["cat"] * 20 + ["dog"] * 20 + ["fox"] * 20,
        "ben": ["cat"] * 20 + ["dog"] * 20 + ["fox"] * 20,
        "eva": ["cat"] * 20 + ["fox"] * 12 + ["dog"] * 8 + ["fox"] * 20,
    }
    one = found(
        [{"item": f"i{place:02}", "who": who, "label": label}
         for who, labels in answers.items() for place, label in enumerate(labels)]
    )  # fmt: skip
    assert one["confused"] == [{"one": "dog", "other": "fox", "share": 1.0}]
    assert [(pair["one"], pair["other"]) for pair in one["pairs"]] == [
        ("ana", "eva"), ("ben", "eva"), ("ana", "ben"),
    ]  # fmt: skip
    assert one["pairs"][2]["kappa"]["value"] == 1
    assert one["same"] == pytest.approx(1 - 24 / 180)
    disputed = pl.read_csv(one["file"])
    assert disputed["item"].to_list() == [f"i{place}" for place in range(20, 32)]
    assert set(disputed["said"]) == {"dog: 2, fox: 1"}
    told = "\n".join(said(one))
    assert "60 items have labels of two or more" in told
    assert "confused: dog / fox, 100% of what people differ about" in told
    assert "same label in 86.7%" in told


def test_the_latest_label_of_a_person_counts_and_how_often_they_change_their_mind_is_said() -> None:
    rows = [
        {"item": "a", "who": "ana", "label": "no", "at": "2026-01-02"},
        {"item": "a", "who": "ana", "label": "yes", "at": "2026-01-03"},
        {"item": "a", "who": "ben", "label": "yes", "at": "2026-01-02"},
        {"item": "b", "who": "ana", "label": "no", "at": "2026-01-02"},
        {"item": "b", "who": "ana", "label": "no", "at": "2026-01-05"},
        {"item": "b", "who": "ben", "label": "no", "at": "2026-01-05"},
        {"item": "c", "who": "ben", "label": "no", "at": "2026-01-05"},
        {"item": "c", "who": "ben", "label": "yes", "at": "2026-01-05"},
    ]
    frame = pl.DataFrame(rows).with_columns(pl.col("at").str.to_datetime())
    one = found(frame, at="at")
    assert one["alpha"]["value"] == 1
    assert (one["labels"], one["items"], one["disputed"]) == (4, 2, 0)
    assert list(one["left_out"].values()) == [0, 1]
    assert one["again"] == {"items": 3, "same": pytest.approx(1 / 3)}
    with pytest.raises(MlopsError, match="nothing says which came last: name the column of when"):
        found(frame)


def test_how_late_labels_come_and_which_came_before_what_they_are_about() -> None:
    days = [*range(1, 101), -2]
    frame = pl.DataFrame(
        {"item": [f"i{n}" for n in range(101)], "who": "ana", "label": 1, "day": days}
    ).with_columns(event=pl.datetime(2026, 1, 1))
    frame = frame.with_columns(at=pl.col("event") + pl.duration(days=pl.col("day")))
    one = found(frame, at="at", event="event")
    assert one["delay"] == {
        "labels": 101, "before": 1, "median": 50.0, "p95": 95.0, "most": 100.0
    }  # fmt: skip
    told = "\n".join(said(one))
    assert "95 of 100 within 95.0" in told and "1 label was given before their event" in told
    assert "nobody knows how sure a label is" in told  # one person alone


@pytest.mark.parametrize(
    ("least", "code"), [(None, 0), (0.1, 0), (0.743, 2), (0.99, 1)]
)  # fmt: skip
def test_what_is_demanded_decides_with_its_interval(
    least: float | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row | {"item": f"{copy}-{row['item']}"} for copy in range(20) for row in of_observers()]
    write(rows, **({"least": least} if least else {}))
    cli.add_rooms(cli.app)
    with pytest.raises(SystemExit) as ended:
        cli.app(["data", "labels", "--json"])
    assert ended.value.code == code
    (told,) = json.loads(capsys.readouterr().out)
    assert told == json.loads(Path("reports/labels/spam.json").read_text(encoding="utf-8"))


ROW = {"item": "a", "who": "ana", "label": "x", "n": 1, "at": "soon"}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"table": "other"}, "other.parquet is not there"),
        ({"by": "whom"}, 'judged has no column "whom"; its columns: item'),
        ({"scale": "interval"}, "label holds words, and interval is about numbers"),
        ({"scale": "ordinal"}, "write their `order`"),
        ({"scale": "ordinal", "order": ["y", "z"]}, 'order lacks "x"'),
        ({"order": ["x", "y"]}, "an order says nothing to the scale nominal"),
        ({"at": "at", "event": "at"}, "at of judged is no time but VARCHAR"),
        ({"event": "at"}, "needs `at`"),
        ({"least": 2}, "least"),
    ],
)
def test_what_does_not_fit_is_one_sentence(asked: dict[str, Any], sentence: str) -> None:
    write([ROW, ROW | {"who": "ben"}], **asked)
    with pytest.raises(MlopsError, match=sentence) as refused:
        list(examined([]))
    assert "\n" not in str(refused.value)
    assert not Path("reports/labels").exists()


def test_nothing_defined_nothing_known_and_nothing_beyond_chance() -> None:
    assert "all of them give one label alone" in said(found([ROW, ROW | {"who": "ben"}]))[1]
    with pytest.raises(MlopsError, match='defines no "eggs"; it defines: spam'):
        list(examined(["eggs"]))
    Path("params.yaml").write_text("seed: 1\n")
    with pytest.raises(MlopsError, match="defines no labels: write `labels:"):
        list(examined([]))
    with pytest.raises(MlopsError, match="no row of judged has an item, a person and a label"):
        found([ROW | {"label": None}, ROW | {"who": None}])
    many = [ROW | {"item": str(n), "label": str(n)} for n in range(201)]
    with pytest.raises(MlopsError, match="201 different labels"):
        found(many)
