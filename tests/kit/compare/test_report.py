"""The reports say the decision to people, fit where they are read, and leak nothing outward."""

import re
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlops_kit.compare.checks import fairness
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.inference.effect import Effect
from mlops_kit.compare.report.figures import net_benefit
from mlops_kit.compare.report.language.say import say, speaking
from mlops_kit.compare.report.markdown import html_page, markdown
from mlops_kit.compare.report.plots import clip, drawing, smallest_visible
from mlops_kit.compare.report.rollout import plan, score_map
from mlops_kit.compare.report.users import Consequences, consequences, picked
from mlops_kit.compare.report.wording import for_users
from reported import CONTEXT, EVERYTHING, METRIC, NASTY, N, config_of, everything, table_of


@cache
def _promoted() -> tuple[Any, Any]:
    table, config = everything()
    holdout = read_holdout(table, config)
    return decide(holdout, config, {}), holdout


def _reports(table: pa.Table, config: Any) -> tuple[Any, str, str]:
    holdout = read_holdout(table, config)
    decision = decide(holdout, config, {})
    page = html_page(decision, holdout, CONTEXT, config)
    return decision, page, markdown(decision, CONTEXT, holdout, config)


def _small(column: str, truth: Any, candidate: Any, incumbent: Any, **other: Any) -> Any:
    """Return the holdout and the configuration of a few rows."""
    parts = (("candidate", candidate), ("baseline", incumbent))
    table = pa.concat_tables(
        pa.table({"id": range(len(truth)), "y_true": truth, "system": [s] * len(truth), column: v})
        for s, v in parts
    )
    config = config_of("C", other.pop("metric", METRIC[column]), **other)
    return read_holdout(table, config), config


def _refuse_outward(page: str) -> None:
    places = re.findall(r'\b(?:src|href|action|data|poster|srcset)\s*=\s*"([^"]*)"', page)
    places += re.findall(r"url\(([^)]*)\)", page)
    assert all(place.startswith("#") for place in places), places
    for tag in ("<script", "<link", "<img", "<iframe", "<object", "<base", "@import", "<image"):
        assert tag not in page
    assert "default-src 'none'" in page


WORDS = {
    "A": {"promote": "GO", "reject": "NO-GO", "inconclusive": "MORE DATA"},
    "B": {"promote": "PROMOTE", "reject": "REJECT", "inconclusive": "INCONCLUSIVE"},
    "C": {"promote": "PROMOTE", "reject": "REJECT", "inconclusive": "INCONCLUSIVE"},
}


@pytest.mark.parametrize("verdict", ["promote", "reject", "inconclusive"])
@pytest.mark.parametrize("column", METRIC)
def test_every_decision_of_every_task_is_said_in_the_words_of_its_case(
    column: str, verdict: str
) -> None:
    better: dict[str, float] = {"candidate": 2, "baseline": 9}
    worse: dict[str, float] = {"candidate": 9, "baseline": 2}
    table = table_of(column, worse if verdict == "reject" else better)
    config = config_of("C", METRIC[column])
    holdout = read_holdout(table, config)
    if verdict == "inconclusive":
        # A smallest useful gain that is what is seen leaves the question open.
        seen = decide(holdout, config, {})["primary"]["estimate"]
        config = config_of("C", METRIC[column], primary={"min_effect": seen})
    decision: Any = decide(holdout, config, {})
    assert decision["decision"] == verdict
    page = html_page(decision, holdout, CONTEXT, config)
    first_screen = page[page.index("<h1>") : page.index('<div class="grid">')]
    answers = ("Why</dt>", "Of 1[0,]+ rows</dt>", "What next</dt>")
    assert all(re.search(answer, first_screen) for answer in answers)
    assert f"<h1>{WORDS['C'][verdict]}</h1>" in page
    _refuse_outward(page)
    for case, words in WORDS.items():
        text = markdown(decision | {"case": case}, CONTEXT, holdout, config)
        assert text.startswith(f"## {words[verdict]}: ")
        assert len(text) < 4000


def test_a_full_report_shows_every_figure_and_the_plan_and_asks_nothing_of_the_network() -> None:
    decision, page, text = _reports(*everything())
    assert decision["decision"] == "promote"
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "Checks",
        "sex: picked",
        "sex: wrong alarms",
        "Gains and guardrails",
        "auc of each system",
        "Gain in auc by slice",
        "Who is reached",
        "Gain by threshold",
        "Can the numbers be believed?",
        "Who moves where",
        "Speed",
        "What this holdout can see",
        "Numbers",
        "From here to retiring the present model",
        "New thresholds for old ones",
    ]
    assert page.count("<svg") == 9
    assert "The 16 worst of 21." in page
    assert "<b>Slice</b> without proven harm: 21." in page
    _refuse_outward(page)
    assert "**Keep warm, 30 days.**" in text


def test_markup_from_configuration_and_data_is_only_text() -> None:
    _, page, text = _reports(*everything())
    assert page.count("&lt;script&gt;") >= 4  # project, business metric, consumer, rollback
    assert NASTY[:8] not in page
    assert "$word" in page
    assert not re.search(r"(?<!\\)<(script|img)", text)
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    for head, *others in tables:
        bars = [len(re.findall(r"(?<!\\)\|", line)) for line in (head, *others)]
        assert set(bars) == {bars[0]}


def test_markup_in_names_of_systems_and_features_is_only_text() -> None:
    new, old, feature = ("<script>new</script>", "<script>old</script>", "<script>column</script>")
    parts = np.random.default_rng(2).choice(list("ab"), N)
    named: dict[str, Any] = {feature: parts}
    table = table_of("score", {new: 3, old: 9}, **named)
    config = config_of("C", "auc", candidate=new, incumbent=old, slices={"columns": [feature]})
    decision, page, _ = _reports(table, config)
    assert decision["candidate"]["name"] == new
    assert "<script" not in page
    for name in ("new", "old", "column"):
        assert f"&lt;script&gt;{name}" in page


def test_a_figure_without_data_leaves_no_trace() -> None:
    table = table_of("score", {"candidate": 3, "baseline": 9})
    _, page, _ = _reports(table, config_of("A", "auc"))
    for heading in ("Speed", "by slice", "Checks", "New thresholds", "retiring"):
        assert heading not in page
    labels = np.tile([1, 0], N)
    named = table.drop_columns(["score"]).append_column("score", pa.array(labels).cast(pa.string()))
    _, page, _ = _reports(named, config_of("C", "accuracy", data={"classes": [0, 1]}))
    assert "Gain by threshold" not in page
    assert "right with both" in page


def test_systems_that_give_classes_show_who_gets_another_one() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, N)
    new, old = (np.where(random.random(N) < share, truth, 0) for share in (0.9, 0.5))
    names = np.array(["no", "maybe", NASTY[:7]])
    table = pa.concat_tables(
        pa.table({"id": range(N), "y_true": names[truth], "system": [s] * N, "score": names[v]})
        for s, v in (("candidate", new), ("baseline", old))
    )
    config = config_of("C", "accuracy", data={"classes": names.tolist()})
    _, page, text = _reports(table, config)
    assert "Who moves where" in page
    figure = re.findall(r'<svg role="img" aria-label="Old predictions.*?</svg>', page, re.DOTALL)[0]
    assert f">{1000 * float(((new == 0) & (old == 0)).mean()):.0f}<" in figure
    assert "maybe" in figure
    _refuse_outward(page)
    assert "**Sign-off.** Nobody is named" in text


def test_equal_decisions_are_equal_bytes() -> None:
    table, config = everything()
    assert _reports(table, config)[1:] == _reports(table, config)[1:]
    shuffled = table.take(np.random.default_rng(3).permutation(table.num_rows))
    assert _reports(shuffled, config)[1:] == _reports(table, config)[1:]


def test_figures_take_their_colours_from_the_page_and_share_no_id() -> None:
    _, page, _ = _reports(*everything())
    figures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert not re.search(r'(fill|stroke): #|(fill|stroke)="#', "".join(figures))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"var\(--([a-z]+)\)", page))
    assert all(f"--{name}:" in page for name in used)


def test_a_comment_stays_below_its_limit_whatever_fails_and_however_long_the_names_are() -> None:
    table, _ = everything()
    long = {
        "slices": {"columns": ["region"], "margin": 0.0, "min_rows": 20},
        "candidate": "candidate",
        "guardrails": [{"metric": m, "margin": 0.0} for m in ("log_loss", "brier", "recall")],
        "deprecation": {"consumers": [NASTY * 9] * 9, "fixed_thresholds": True},
        "rollout": {"rollback": NASTY * 50},
    }
    swapped = {"candidate": "baseline", "incumbent": "candidate"}
    for systems in ({}, swapped):
        config = config_of("C", "auc", **long | systems)
        holdout = read_holdout(table, config)
        decision = decide(holdout, config, {})
        huge: dict[str, str] = dict.fromkeys(CONTEXT, NASTY * 40)
        text = markdown(decision, huge, holdout, config)
        assert len(text) < 4000
        assert "**What next.**" in text
        assert "| gain |" in text
    assert "fail" in text


def test_the_reports_need_nothing_beyond_the_first_version_of_their_arguments() -> None:
    decision, holdout = _promoted()
    assert "<h1>PROMOTE</h1>" in html_page(decision, holdout, CONTEXT)
    assert "**Of 1" not in markdown(decision, CONTEXT)


def test_users_are_counted_by_hand() -> None:
    truth = [1, 1, 1, 1, 0, 0, 0, 0]
    candidate = [0.9, 0.8, 0.7, 0.2, 0.6, 0.1, 0.1, 0.1]  # wrong: 4th, 5th
    incumbent = [0.9, 0.8, 0.1, 0.1, 0.1, 0.7, 0.1, 0.1]  # wrong: 3rd, 4th, 6th
    found = consequences(*_small("score", truth, candidate, incumbent, metric="accuracy"))
    shares = (found.both, found.gained, found.lost, found.neither)
    assert shares == (500, 250, 125, 125)
    assert found.net == 125
    high = _small("score", truth, candidate, incumbent, data={"threshold": 0.75})
    found = consequences(*high)  # at 0.75 both pick the first two only
    assert (found.both, found.gained, found.lost, found.neither) == (750, 0, 0, 250)


@pytest.mark.parametrize(
    ("gained", "lost", "of", "said"),
    [
        (311.4, 125.2, 1000, "186 more are served right: 311 gain, and 125 lose what"),
        (4.5, 5.5, 10_000, "10 fewer are served right: 45 gain, and 55 lose what"),
        (0.0, 0.3, 100_000, "30 fewer are served right: 0 gain, and 30 lose what"),
        (21.0, 20.0, 1000, "1 more is served right: 21 gain, and 20 lose what"),
        (20.0, 20.0, 1000, "As many are served right as now: 20 gain, and 20 lose what"),
        (0.0, 0.0, 1000, "Nobody is served better or worse"),
    ],
)
def test_users_are_whole_numbers_however_few_gain_or_lose(
    gained: float, lost: float, of: int, said: str
) -> None:
    decision, _ = _promoted()
    users = Consequences(500, gained, lost, 0, "")
    assert users.of == of
    text = for_users(users, decision)
    assert text.startswith(said), text
    with speaking("es"):
        assert not re.search(r"served|gain,", say(text.partition(" Look")[0])), say(text)


@pytest.mark.parametrize(
    ("set_", "said"),
    [
        ({}, "the business metric, errors or latency get worse."),
        ({"ops": {"p95_ms": 50}}, "when errors or latency exceed their budget."),
        ({"guardrails": [{"metric": "log_loss", "margin": 0.2}]},
         "when a guardrail is worse than its margin, or the business metric, errors or latency"),
    ],
)  # fmt: skip
def test_the_way_back_speaks_of_what_is_set(set_: dict[str, Any], said: str) -> None:
    decision, _ = _promoted()
    [back] = [one for one in plan(decision, config_of("A", "auc", **set_)) if one[0] == "Rollback"]
    assert said in back.text
    assert ("guardrail" in back.text) == ("guardrails" in set_)
    with speaking("es"):
        assert "get worse" not in say(back.text) and "exceed" not in say(back.text)


def test_a_text_that_is_too_long_ends_after_a_word() -> None:
    assert clip("one and three, four", 16) == "one and three…"
    assert clip("x" * 40, 10) == "x" * 9 + "…"
    assert clip("short", 10) == "short"


def test_scores_without_a_threshold_are_judged_at_equal_effort() -> None:
    truth, odds = [1, 1, 0, 0], [9.0, 3.0, 2.0, 1.0]
    found = consequences(*_small("score", truth, [-5.0, -6.0, -7.0, -8.0], odds))
    assert (found.both, found.net) == (1000, 0)
    # Two are picked, the second by lot from the two that tie at the limit: each half.
    assert picked(np.array([0.9, 0.5, 0.5, 0.1]), 2).tolist() == [1, 0.5, 0.5, 0]
    tied = consequences(*_small("score", truth, odds, [1.0, 1.0, 1.0, 1.0]))
    assert (tied.both, tied.gained, tied.lost) == (500, 500, 0)


def test_errors_of_a_regression_are_said_per_row_and_tolerated_ones_are_right() -> None:
    rows = ("prediction", [10.0, 10, 10, 10], [10.0, 11, 16, 10], [12.0, 11, 11, 10])
    found = consequences(*_small(*rows))
    assert (found.gained, found.lost, found.both) == (250, 250, 500)
    assert found.errors == (1.75, 1.0)
    found = consequences(*_small(*rows, flips={"budget": 0.1, "tolerance": 1.5}))
    assert (found.both, found.gained, found.lost, found.neither) == (500, 250, 250, 0)


def test_a_promotion_under_which_most_users_lose_says_so() -> None:
    random = np.random.default_rng(8)
    truth = random.normal(50, 10, N)
    # The incumbent is exact but for a few large errors, the candidate never far off.
    old, new = truth + 100 * (random.random(N) < 0.1), truth + random.normal(0, 5, N)
    holdout, config = _small("prediction", truth, new, old)
    decision = decide(holdout, config, {})
    assert decision["decision"] == "promote"
    assert "Look twice: rmse gains" in markdown(decision, CONTEXT, holdout, config)
    fair, _ = _small("prediction", truth, new, truth + random.normal(0, 9, N))
    assert "Look twice" not in html_page(decide(fair, config, {}), fair, CONTEXT, config)


def test_a_user_of_a_recommender_is_served_by_one_wanted_item() -> None:
    truth = [[1], [2], [3, 4], []]
    new, old = [[1, 9], [9, 2], [9, 8], [1, 2]], [[1, 9], [9, 8], [4, 3], [1, 2]]
    found = consequences(*_small("items", truth, new, old))
    assert (found.both, found.gained, found.lost, found.neither) == (250, 250, 250, 250)
    first = consequences(*_small("items", truth, new, old, flips={"budget": 0.1, "k": 1}))
    assert (first.gained, first.lost) == (0, 250)


def test_net_benefit_is_its_definition() -> None:
    random = np.random.default_rng(2)
    truth, score = random.integers(0, 2, 50).astype(float), random.random(50).round(1)
    limits = np.array([0.1, 0.35, 0.5, 0.9])
    for limit, value in zip(limits, net_benefit(truth, score, limits), strict=True):
        acted = score >= limit
        false = (acted & (truth == 0)).sum() * limit / (1 - limit)
        assert value == pytest.approx(((acted & (truth == 1)).sum() - false) / 50, abs=1e-12)


def test_a_new_threshold_picks_as_many_as_the_old_one() -> None:
    random = np.random.default_rng(4)
    old = random.random(1000)
    truth = (random.random(1000) < old).astype(int)
    holdout, _ = _small("score", truth, old**3 * 40, old)
    rows = score_map(holdout, 0.25)
    assert [row.old for row in rows] == [0.1, 0.2, 0.25, *(n / 10 for n in range(3, 10))]
    assert all(row.new == pytest.approx(40 * row.old**3, rel=0.05) for row in rows)
    assert all(row.new_picked == row.old_picked for row in rows)
    assert all(one.new < other.new for one, other in pairwise(rows))
    rules, _ = _small("score", truth, old, np.floor(old * 3))
    assert [row.old for row in score_map(rules)] == [1.0, 2.0]
    constant, _ = _small("score", truth, old, np.zeros(1000))
    assert score_map(constant) == []


@pytest.mark.parametrize(
    ("case", "titles"),
    [
        ("A", ["Shadow, 14 days", "Canary, 15 days", "Rollback"]),
        (
            "C",
            [
                "Sign-off",
                "Shadow, 14 days",
                "Canary, 15 days",
                "Rollback",
                "Keep warm, 30 days",
                "Retire",
            ],
        ),
    ],
)
def test_the_plan_leads_from_the_promotion_to_the_end_of_what_was_in_force(
    case: str, titles: list[str]
) -> None:
    decision, _ = _promoted()
    config = config_of(case, "auc", **EVERYTHING)
    steps = plan(decision, config)
    assert [step.title for step in steps] == titles
    text = " ".join(step.text for step in steps)
    assert "1 % → 5 % → 25 % → 50 % → 100 %" in text
    assert "100 % of the rows, 3 days" in text
    assert "log_loss within 0.2" in text
    assert plan(decision | {"decision": "inconclusive"}, config) == []


def test_the_plan_for_rules_switches_them_off() -> None:
    decision, _ = _promoted()
    config = config_of("B", "auc", deprecation={"keep_warm_days": 0})
    steps = plan(decision, config)
    assert "Switch the rules off" in steps[-1].text
    assert all("warm" not in step.title for step in steps)


def test_the_gain_that_the_holdout_can_see_has_the_power_that_is_told() -> None:
    decision, _ = _promoted()
    gain = smallest_visible(decision["primary"], 0.8)
    random, error = np.random.default_rng(6), decision["primary"]["standard_error"]
    lower = random.normal(gain, error, 100_000) - 1.6449 * error
    assert (lower > decision["primary"]["needed"]).mean() == pytest.approx(0.8, abs=0.005)


def test_of_several_candidates_the_report_shows_the_one_that_was_chosen() -> None:
    table = table_of("prediction", {"candidate": 9, "other": 2, "baseline": 9})
    config = config_of("C", "rmse", candidate=["candidate", "other"])
    decision, page, _ = _reports(table, config)
    assert decision["candidate"]["name"] == "other"
    assert "gain of candidate" in page
    holdout: Any = read_holdout(table, config)
    alone = config_of("C", "rmse", candidate="other")
    wanted = consequences(read_holdout(table, alone), alone)
    shown = re.findall(r"<b>([\d.]+)</b> closer", page)[0]
    assert float(shown) == round(wanted.gained)
    assert round(consequences(holdout, config).gained) != float(shown)


def test_a_gap_says_between_whom_how_many_rows_and_what_it_cannot_tell() -> None:
    random = np.random.default_rng(3)
    sex, n = np.array(["f", "m"])[random.integers(0, 2, N)], N
    table = pa.concat_tables(
        pa.table(
            {"id": range(n), "y_true": truth, "system": [name] * n, "score": score, "sex": sex}
        )
        for truth in [random.integers(0, 2, n)]
        for name, score in (
            ("candidate", np.clip(0.4 * truth + 0.25 + 0.1 * (sex == "m"), 0, 1)
             + random.normal(0, 0.2, n)),
            ("baseline", 0.4 * truth + 0.3 + random.normal(0, 0.2, n)),
        )
    )  # fmt: skip
    config = config_of("C", "auc", fairness=["sex"], data={"threshold": 0.5})
    decision, page, text = _reports(table, config)
    first, second = decision["fairness"]
    held = table.slice(0, n).to_pandas()
    picked = (held["score"] >= 0.5).groupby(held["sex"]).agg(["mean", "size"])
    for each in first["groups"]:
        assert each["candidate"] == pytest.approx(picked["mean"][each["name"]])
        assert each["rows"] == picked["size"][each["name"]]
    assert first["candidate"] == pytest.approx(float(np.ptp(picked["mean"])))
    most, least = (f"{100 * picked['mean'][each]:.3g} % of {each}" for each in "mf")
    assert f"picks {most} ({picked['size']['m']:,} rows) and {least}" in first["sentence"]
    of_class = held[held["y_true"] == (second["among"] == "positives")]
    rates = (of_class["score"] >= 0.5).groupby(of_class["sex"]).mean()
    assert second["candidate"] == pytest.approx(float(np.ptp(rates)))
    assert second["n_rows"] == len(of_class)
    for report in (page, text):
        assert "not whether that is wrong" in report
        assert "the gap in the share picked goes from" in report
        assert f"{picked['size']['m']:,}" in report


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        (-0.04, -0.01, "It does not grow"),
        (-0.04, 0.01, "grows by 1 point at most"),
        (-0.04, 0.08, "neither proven nor ruled out: the change lies between -4 and +8 points"),
        (0.03, 0.08, "proven if this gap were the only one, not with all gaps counted"),
    ],
)
def test_what_is_said_of_a_gap_agrees_with_its_interval(
    lower: float, upper: float, said: str
) -> None:
    effect = Effect((lower + upper) / 2, 0.02, lower, upper, 100, "paired", 0.025, 100)
    assert said in fairness._how_sure(effect, 0.02, 0.025)


def test_where_a_model_of_numbers_errs_is_drawn_without_single_rows() -> None:
    from mlops_kit.compare.report.residuals import residuals_figure

    random = np.random.default_rng(0)
    prediction = random.normal(100, 10, 3000)
    truth = prediction + random.normal(0, 5, 3000)
    (figure,) = residuals_figure(truth, prediction)
    again = residuals_figure(np.append(truth, 1e6), np.append(prediction, 100.0))[0]
    # One huge outcome changes neither the scale nor shows as a cell.
    assert abs(figure.svg.count("<path") - again.svg.count("<path")) <= 3
    assert residuals_figure(truth, np.full(3000, 5.0)) == []
    assert residuals_figure(truth[:10], prediction[:10]) == []


@pytest.mark.parametrize(
    ("values", "language", "written", "not_written"),
    [
        ([1990, 2020], "en", ["2000"], ["2,000"]),
        ([-5_000, 20_000], "en", ["0", "5,000", "20,000"], ["20000", "5000"]),
        ([-5_000, 20_000], "es", ["5.000", "20.000"], ["20,000"]),
        ([0, 3e7], "en", ["10,000,000"], []),
        ([0.00001, 0.00005], "en", ["0.00002"], []),
        ([10_000.1234, 10_000.1236], "en", ["10,000.12350"], []),
        ([10_000.25, 10_000.75], "es", ["10.000,3", "10.000,7"], []),
    ],
)
def test_numbers_of_axes_are_written_as_in_sentences(
    values: list[float], language: str, written: list[str], not_written: list[str]
) -> None:
    def paint(axes: Any) -> None:
        axes.plot([0, 1], values)

    with speaking(language):
        svg = drawing("one", "two", 2.0, paint)
    texts = re.findall(r">([^<>]+)</text>", svg)
    assert set(written) <= set(texts), texts
    assert not set(not_written) & set(texts)
