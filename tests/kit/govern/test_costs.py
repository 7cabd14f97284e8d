"""`mlops costs`: it says what a hand calculation says; a wrong input is one sentence."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from governed import write
from mlops_kit.core.errors import MlopsError
from mlops_kit.govern import documents
from mlops_kit.govern.costs.config import Costs
from mlops_kit.govern.costs.plot import cumulative
from mlops_kit.govern.costs.reckon import Used, break_even, reckon, reckoned, used_in_a_month


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


def test_the_example_reckons_from_the_files_of_a_run(project: Path) -> None:
    with pytest.raises(MlopsError, match=r"conf/costs.yaml is not there: `uv run mlops docs add"):
        reckoned()
    documents.add("costs")
    told = reckoned()
    assert told["usage"]["training_hours"] == 8  # four trainings of 7,200 seconds
    assert set(told["ways"]) == {"buy", "rent", "managed", "finished"}
    assert len(told["examples"]) == 14 and told["oldest"] == "2026-11-30"


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


def test_what_is_left_out_is_not_reckoned(project: Path) -> None:
    content = {"people": {"hour": price(50)}, "usage": {"training_hours": 1}}
    write(project / "conf/costs.yaml", yaml.safe_dump(content))
    assert reckoned()["ways"] == {} and reckoned()["break_even"] == {}
