"""`mlops costs`: it says what a hand calculation says; a wrong input is one sentence."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from governed import write
from mlops_kit.core.errors import MlopsError
from mlops_kit.govern import commands, documents
from mlops_kit.govern.costs.config import Costs
from mlops_kit.govern.costs.plot import cumulative
from mlops_kit.govern.costs.reckon import Used, break_even, reckon, reckoned, used_in_a_month
from mlops_kit.govern.facts.build import build


def price(amount: float) -> dict[str, Any]:
    return {"price": amount, "date": "2026-11-01", "source": "a list of prices"}


BUY = {
    "machine": price(7300),
    "life_years": 4,
    "watts": 1000,
    "pue": 1.0,
    "kwh": price(0.1),
    "upkeep_per_year": 0.12,
    "people_hours": 4,
}


def costs(**more: Any) -> Costs:
    """Return prices that are easy to reckon with by hand."""
    content = {
        "years": 4,
        "usage": {"trainings_per_month": 10, "training_hours": 2, "always_on": True},
        "people": {"hour": price(50)},
        "buy": BUY,
        "rent": {"machine_hour": price(1.0), "people_hours": 2},
    }
    return Costs.model_validate(content | more)


USED = Used(training=20, serving=0, answers=0, sources={})


def test_the_break_even_is_that_of_a_hand_calculation() -> None:
    """Equal after 7,300 / (850 - 346) = 14.484 months.

    Bought: 7,300 once; a month 730 kWh at 0.1 = 73, upkeep 73, people 4 hours at 50 = 200: 346.
    Rented: 20 h of training and 730 h of waiting at 1.0, people 2 hours at 50 = 100: 850 a month.
    """
    told = reckon(costs(), USED)
    assert told["ways"]["buy"]["upfront"] == 7300
    assert told["ways"]["buy"]["monthly"] == pytest.approx(346)
    assert told["ways"]["rent"]["monthly"] == pytest.approx(850)
    assert told["break_even"]["rent"] == {"month": pytest.approx(7300 / 504), "within_life": True}
    month = told["break_even"]["rent"]["month"]
    assert 7300 + month * 346 == pytest.approx(month * 850)
    assert told["ways"]["buy"]["total"] == pytest.approx(7300 + 48 * 346)


def test_buying_that_never_pays_and_a_machine_that_dies_before_it_does() -> None:
    assert break_even(1000, 50, 50) is None
    assert break_even(1000, 60, 50) is None
    assert break_even(0, 40, 50) == 0
    # Four machines that cost nothing a month: after 29,200 / 850 months.
    free = {"machines": 4, "watts": 0, "people_hours": 0, "upkeep_per_year": 0.0}
    cheap = costs(buy=BUY | free)
    assert reckon(cheap, USED)["break_even"]["rent"]["month"] == pytest.approx(29200 / 850)
    short = costs(buy=BUY | {"life_years": 1})
    told = reckon(short, USED)
    assert told["break_even"]["rent"]["within_life"] is False
    # Four years with a machine that lives one: bought four times.
    assert told["ways"]["buy"]["total"] == pytest.approx(4 * 7300 + 48 * 346)


def test_each_thing_is_kept_in_the_cheapest_class_for_how_often_it_is_read() -> None:
    """100 GB: frequent 2.0 always; archive 0.2, and 5 each time: dearer from 0.36 times on."""
    classes = {
        "frequent": {"gb_month": price(0.02), "gb_read": price(0)},
        "archive": {"gb_month": price(0.002), "gb_read": price(0.05)},
    }
    reads = {"seldom": 0.3, "often": 1}
    kept = {name: {"gb": 100, "reads_per_month": times} for name, times in reads.items()}
    usage = {"training_hours": 2, "always_on": True, "kept": kept}
    told = reckon(costs(usage=usage, rent={"machine_hour": price(1), "storage": classes}), USED)
    assert told["storage"]["seldom"]["cheapest"] == "archive"
    assert told["storage"]["seldom"]["classes"] == pytest.approx({"frequent": 2.0, "archive": 1.7})
    assert told["storage"]["often"]["cheapest"] == "frequent"
    assert told["ways"]["rent"]["parts"]["storage"] == pytest.approx(3.7)


def test_sensitivity_moves_one_price_and_ranks_by_what_it_does() -> None:
    told = reckon(costs(), USED)["sensitivity"]
    swings = {one["price"]: one["swing"] for one in told}
    # Rented: 750 h at 0.8 and 1.2 are 300 apart; the machine: 40 % of 7,300 / 48 and of its upkeep.
    assert swings["rent.machine_hour"] == pytest.approx(300)
    assert swings["buy.machine"] == pytest.approx(0.4 * (7300 / 48 + 73))
    assert [one["swing"] for one in told] == sorted(swings.values(), reverse=True)
    assert told[0]["price"] == "rent.machine_hour"


def test_hours_are_those_that_were_measured_unless_the_file_says() -> None:
    unsaid = costs(usage={"trainings_per_month": 3, "answers_per_month": 7_200_000})
    used = used_in_a_month(unsaid, 7200.0, 5.0)
    assert (used.training, used.serving) == (6.0, 10.0)
    assert used.sources["training"] == "models/registration.json: seconds"
    assert used_in_a_month(costs(), 7200.0, None).training == 20
    with pytest.raises(MlopsError, match="How long a training takes was not measured yet"):
        used_in_a_month(unsaid, None, 5.0)
    with pytest.raises(MlopsError, match="How long an answer takes was not measured yet"):
        used_in_a_month(unsaid, 7200.0, None)


def test_the_example_reckons_from_the_files_of_a_run(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MlopsError, match=r"conf/costs.yaml is not there: `uv run mlops docs add"):
        reckoned()
    documents.add("costs")
    told = reckoned()
    assert told["usage"]["training_hours"] == 8  # four trainings of 7,200 seconds
    assert set(told["ways"]) == {"buy", "rent", "managed", "finished"}
    assert len(told["examples"]) == 14 and told["oldest"] == "2026-11-30"
    commands.costs()
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("rented machines ") and "; buying never gets cheaper" in said[1]
    least = min(told["ways"].values(), key=lambda way: way["total"])["total"]
    assert f"{'least in all':<16} a platform, {least:,.0f} EUR in 4 years" in said
    assert any(line.startswith("never ") and "most of it people (480.00)" in line for line in said)
    assert any(line.startswith("moved most by    people.hour, ") for line in said)
    file = project / "conf/costs.yaml"
    file.write_text(file.read_text().replace("years: 4  #", "years: 1  #"))
    commands.costs()
    assert "EUR in 1 year\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("price: 6000", "price: -1", 'conf/costs.yaml: "buy.machine.price": Input should be'),
        ("price: 6000", "price: .inf", "buy.machine.price"),
        ("price: 6000", "price: much", "buy.machine.price"),
        ("date: 2026-11-30, source: example}  # one more", "source: example}  # one more",
         'conf/costs.yaml: the key "data.per_row.date" is missing'),
        ("watts: 300", "wats: 300", 'unknown key "buy.wats"; did you mean "watts"'),
        ("currency: EUR", "currency: euros", "currency"),
        ("life_years: 4", "life_years: 0", "buy.life_years"),
        ("pue: 1.5", "pue: 0.5", "buy.pue"),
        ("people:\n  hour", "persons:\n  hour", "people"),
        ("years: 4  #", "years: [4  #", "is not valid YAML"),
        ("price: 6000", "price: 6,000", "buy.machine: 0 is no key: a comma ends a value"),
        ("price: 6000", "price: true", "buy.machine.price: a number is asked for, not true"),
        ("hour: {price: 60, date: 2026-11-30, source: example}", "hour: 60",
         "people.hour: a price needs its day and source"),
        ("price: 6000, date: 2026-11-30", "price: 6000, date: 2026-13-30",
         "conf/costs.yaml: a day or time is none (month must be in 1..12)"),
        ("price: 6000, date: 2026-11-30", "price: 6000, date: 2999-11-30",
         "buy.machine.date is 2999-11-30, which is still to come"),
        ("watts: 300", "watts: 300\n  watts: 3000", 'line 26: "watts" is there twice'),
        ("trainings_per_month: 4", "trainings_per_month: 400",
         "take 800 hours of a machine a month, and 1 machine of buy.machines has 730"),
        ("usage:\n", "usage: none\nx:\n", '"usage" holds keys (always_on, answers_per_month, kept'),
    ],
)  # fmt: skip
def test_a_wrong_input_is_one_sentence(old: str, new: str, sentence: str, project: Path) -> None:
    documents.add("costs")
    file = project / "conf/costs.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(MlopsError, match=re.escape(sentence)) as caught:
        reckoned()
    assert "\n" not in str(caught.value)


def test_the_plot_marks_the_break_even_and_is_the_same_each_time() -> None:
    told, labels = reckon(costs(), USED), {"buy": "bought", "rent": "rented"}
    drawn = cumulative(told, labels, ("months", "EUR"))
    assert drawn == cumulative(told, labels, ("months", "EUR"))
    assert drawn.startswith("<?xml") and 'href="http' not in drawn
    without = reckon(costs(rent={"machine_hour": price(0.01)}), USED)
    assert drawn.count("<path") > cumulative(without, labels, ("months", "EUR")).count("<path")


def test_what_is_left_out_is_not_reckoned_and_that_is_said(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content: dict[str, Any] = {"people": {"hour": price(50)}, "usage": {"training_hours": 1}}
    write(project / "conf/costs.yaml", yaml.safe_dump(content))
    with pytest.raises(MlopsError, match=r"conf/costs.yaml has no way of running it: write the"):
        reckoned()
    content |= {"rent": {"machine_hour": price(1)}}
    content["usage"] |= {"kept": {"raw": {"gb": 50}, "backup": {"gb": 9}}}
    write(project / "conf/costs.yaml", yaml.safe_dump(content))
    told = reckoned()
    assert told["ways"].keys() == {"rent"} and told["break_even"] == {}
    assert told["without_storage"] == ["backup", "raw"]
    commands.costs()
    said = capsys.readouterr().out
    assert "no price of rent.storage for backup, raw: not reckoned" in said
    assert "least in all" not in said  # of one way
    assert "**Kept without a price:** `backup`, `raw`" in build_page()


def build_page() -> str:
    build()
    return Path("docs/facts/costs.md").read_text(encoding="utf-8")


def test_a_second_hand_calculation_with_all_that_a_month_holds() -> None:
    """Equal with rented machines after 8,400 / (587.40 - 253.65) = 25.169 months.

    Bought: two machines at 4,200; a month 2 x 0.25 kW x 1.4 x 730 h = 511 kWh at 0.15 = 76.65,
    upkeep 6 % of 8,400 by 12 = 42, people 3 hours at 45 = 135: 253.65. Rented: 30 hours of
    training and 900,000 answers of 40 ms = 10 hours, at 9.00 = 360; 120 GB, twice read, in the
    cheaper class 120 x 0.02 = 2.40 (the other 120 x (0.004 + 2 x 0.03) = 7.68); people 225: 587.40.
    A platform: 30 x 11 + 900 x 0.35 + 2.40 + 180 = 827.40.
    """
    classes = {
        "hot": {"gb_month": price(0.02), "gb_read": price(0)},
        "cold": {"gb_month": price(0.004), "gb_read": price(0.03)},
    }
    use = {"trainings_per_month": 6, "training_hours": 5, "answers_per_month": 900_000}
    use |= {"milliseconds": 40, "kept": {"raw": {"gb": 120, "reads_per_month": 2}}}
    bought = {"machine": price(4200), "machines": 2, "life_years": 5, "watts": 250, "pue": 1.4}
    bought |= {"kwh": price(0.15), "upkeep_per_year": 0.06, "people_hours": 3}
    rented = {"machine_hour": price(9), "storage": classes, "people_hours": 5}
    platform = {"training_hour": price(11), "thousand_answers": price(0.35), "people_hours": 4}
    ours = costs(
        years=3, usage=use, people={"hour": price(45)}, buy=bought, rent=rented, managed=platform
    )
    told = reckon(ours, used_in_a_month(ours, None, None))
    monthly = {name: way["monthly"] for name, way in told["ways"].items()}
    assert monthly == pytest.approx({"buy": 253.65, "rent": 587.40, "managed": 827.40})
    assert told["break_even"]["rent"]["month"] == pytest.approx(8400 / 333.75)
    assert told["break_even"]["managed"]["month"] == pytest.approx(8400 / 573.75)
    assert told["ways"]["buy"]["total"] == pytest.approx(8400 + 36 * 253.65)
    assert told["ways"]["managed"]["per_thousand"] == pytest.approx(827.40 / 900)


def test_a_server_that_waits_takes_more_than_one_machine_where_one_is_too_small() -> None:
    busy = costs(usage={"training_hours": 0, "always_on": True}, buy=None)
    told = reckon(busy, Used(training=0, serving=1460, answers=1, sources={}))
    assert told["ways"]["rent"]["parts"]["serving"] == pytest.approx(1460)
    told = reckon(busy, Used(training=0, serving=2, answers=1, sources={}))
    assert told["ways"]["rent"]["parts"]["serving"] == pytest.approx(730)
