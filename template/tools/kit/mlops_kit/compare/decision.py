"""Turn paired predictions into one decision: promote, reject or inconclusive."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlops_kit.compare.checks.common import (
    FAR,
    Entry,
    guardrail_checks,
    level_checks,
    primary_check,
    value_of,
)
from mlops_kit.compare.checks.fairness import fairness_checks
from mlops_kit.compare.checks.flips import flip_checks
from mlops_kit.compare.checks.running_cost import Measured, ops_checks
from mlops_kit.compare.checks.sanity import safety_checks, same_predictions
from mlops_kit.compare.checks.slices import slice_checks
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.gate import GROUPS
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.holdout.ledger import Look
from mlops_kit.compare.inference.effect import mcnemar_midp

# Of a metric's value: what the last digits of the same sum differ by.
ROUNDING = 1e-12
NEXT = {
    ("A", "promote"): "Test it on real users, a small share first, and watch the business metric.",
    ("B", "promote"): "Run it in shadow beside the rules, then move users over in steps; "
    "keep the rules ready to return to.",
    ("C", "promote"): "Run it in shadow beside the present model, then move users over in steps; "
    "keep the present model ready to return to.",
    ("A", "reject"): "Do not build on this model: look for better features or another target.",
    ("B", "reject"): "Keep the rules; look for information that they do not use yet.",
    ("C", "reject"): "Keep the present model; look for information that it does not use yet.",
}
NO_CHANGE = "Nothing to deploy: change the model first, or check which one was trained."


def decide(
    holdout: Holdout,
    config: CompareConfig,
    digests: dict[str, str],
    measured_ops: Measured | None = None,
    look: Look | None = None,
) -> dict[str, Any]:
    """Compare the candidate with the incumbent on `holdout`: the content of decision.json.

    Any check that fails rejects; all that pass promote; otherwise the decision is inconclusive.
    Of several candidates the best that passes is told, each judged at the level that Holm's
    procedure leaves it.

    Parameters
    ----------
    digests : dict
        System name -> digest of what made its predictions.
    measured_ops : Measured, optional
        Latency, size and memory, where budgets ask for them; latencies of the table by default.
    look : Look, optional
        Which use of this holdout it is; its alpha replaces inference.alpha.

    Raises
    ------
    MlopsError
        When the holdout cannot be compared as configured, or its labels look swapped.
    """
    alpha = look.alpha if look else config.inference.alpha
    rivals = {
        role: holdout.with_candidate(role)
        for role in holdout.predictions
        if role.startswith("candidate")
    }
    roles = list(rivals)
    judged = {role: _judge(rivals[role], config, alpha, measured_ops) for role in roles}
    if len(roles) > 1:
        shared = holm_levels([_largest_p_value(judged[role]) for role in roles], alpha)
        levels = dict(zip(roles, shared, strict=True))
        judged = {role: _judge(rivals[role], config, levels[role], measured_ops) for role in roles}
    order = ("promote", "inconclusive", "reject")
    best = min(
        roles,
        key=lambda role: (
            order.index(judged[role]["decision"]),
            -judged[role]["primary"]["estimate"],
            config.systems[role],
        ),
    )
    result = judged[best]
    if look and config.inference.reuse == "once" and look.number > 1:
        _refuse_second_use(result)
    chosen = rivals[best]
    report: dict[str, Any] = {
        "schema": 1,
        "decision": result["decision"],
        "case": config.case,
        "reasons": _reasons(result),
        "next": _next(result, config),
        **{key: value for key, value in result.items() if key not in ("decision", "same")},
        "needed": _needed(result),
        "holdout_sha256": holdout.sha256,
        "inference": {
            "alpha": config.inference.alpha,
            "alpha_used": result["primary"]["alpha"],
            "power": config.inference.power,
            "reuse": config.inference.reuse,
            "look": look.number if look else 1,
            "candidates": len(roles),
        },
    }
    for role, place in (("candidate", best), ("incumbent", "incumbent")):
        name = config.systems[place]
        value = value_of(holdout.metric, chosen, role)
        report[role] = {"name": name, "digest": digests.get(name), "value": value}
    if len(roles) > 1:
        report["candidates"] = [_summary(config.systems[role], judged[role]) for role in roles]
    return report | _beside(chosen, config, report)


def _judge(
    holdout: Holdout, config: CompareConfig, alpha: float, measured: Measured | None
) -> dict[str, Any]:
    """Run every check of one candidate at one level of risk."""
    measured = measured or Measured(holdout.latency_ms)
    primary = primary_check(holdout, config, alpha)
    same = same_predictions(holdout)
    if same or _only_rounds(holdout, primary):
        name = "prediction" if same else config.primary.metric
        if same or config.primary.test == "superiority":
            primary["verdict"] = "fail"
            primary["sentence"] = (
                f"No change: the {name} is the same for candidate and incumbent on every row."
            )
            same = True
    result: dict[str, Any] = {
        "primary": primary,
        "guardrails": [
            *guardrail_checks(holdout, config, alpha),
            *level_checks(holdout, config, alpha),
        ],
        "slices": slice_checks(holdout, config, alpha),
        "fairness": fairness_checks(holdout, config, alpha),
        "flips": flip_checks(holdout, config, alpha),
        # Speed is measured anew each time: no use of the holdout spends its risk.
        "ops": ops_checks(measured, config, config.inference.alpha),
        "safety": safety_checks(holdout, config, alpha),
        "same": same,
    }
    verdicts = [check["verdict"] for check in checks_of(result)]
    if "fail" in verdicts:
        decision = "reject"
    else:
        decision = "inconclusive" if "inconclusive" in verdicts else "promote"
    return result | {"decision": decision}


def _only_rounds(holdout: Holdout, primary: Entry) -> bool:
    """Tell whether the gain is nothing, or what rounding leaves of nothing."""
    values = (value_of(holdout.metric, holdout, role) for role in ("candidate", "incumbent"))
    return max(abs(primary["lower"]), abs(primary["upper"])) <= ROUNDING * max(map(abs, values))


def checks_of(decision: dict[str, Any]) -> Iterator[Entry]:
    """Every check of a decision, the primary metric first."""
    yield decision["primary"]
    for group in GROUPS:
        found = decision.get(group, [])
        yield from found.values() if isinstance(found, dict) else found


def holm_levels(p_values: list[float], alpha: float) -> list[float]:
    """Level at which Holm (1979) judges each of several candidates, all sharing `alpha`."""
    levels, step, going = [0.0] * len(p_values), len(p_values), True
    for place in np.argsort(p_values, kind="stable").tolist():
        levels[place] = alpha / step
        going = going and p_values[place] <= levels[place]
        step -= going and step > 1
    return levels


def _largest_p_value(result: dict[str, Any]) -> float:
    """Chance at most to promote by accident: every check with a p-value must pass."""
    return max(check["p_value"] for check in checks_of(result) if "p_value" in check)


def _refuse_second_use(result: dict[str, Any]) -> None:
    sentence = (
        "This holdout has judged another candidate before, and inference.reuse says once: judge "
        "this one on new rows."
    )
    result["safety"].append(
        {
            "name": "holdout used before",
            "metric": "safety",
            "verdict": "inconclusive",
            "sentence": sentence,
        }
    )
    if result["decision"] == "promote":
        result["decision"] = "inconclusive"


def _reasons(result: dict[str, Any]) -> list[str]:
    """Sentences that explain the decision, what weighs most first."""
    wanted = {"reject": "fail", "inconclusive": "inconclusive", "promote": "pass"}
    verdict = wanted[result["decision"]]
    if verdict != "pass":
        if result["same"]:
            return [result["primary"]["sentence"]]
        deciding = [check for check in checks_of(result) if check["verdict"] == verdict]
        # What makes the figures meaningless comes before the figures.
        deciding.sort(key=lambda check: check not in result["safety"])
        return [check["sentence"] for check in deciding]
    others = sum(check["verdict"] == "pass" for check in checks_of(result)) - 1
    told = f"Every other check passes too ({others} of {others})." if others else None
    return [result["primary"]["sentence"], *([told] if told else [])]


def _next(result: dict[str, Any], config: CompareConfig) -> str:
    decision, primary = result["decision"], result["primary"]
    if result["same"]:
        return NO_CHANGE
    if decision == "promote":
        return NEXT[config.case, decision]
    if decision == "reject":
        if primary["verdict"] == "fail" and not result["safety"]:
            return NEXT[config.case, decision]
        stay = "Show it to nobody" if config.case == "A" else "Keep what is in force"
        return f"{stay} until that is mended, then compare again."
    if any(check["name"] == "censored labels" for check in result["safety"]):
        return "Run an A/B test: only users who are served by the candidate can show its effect."
    stay = "show it to nobody" if config.case == "A" else "keep what is in force"
    needed = _needed(result)
    if rows := needed.get("rows"):
        if rows > FAR * primary["n_rows"]:
            return "The two are practically equal: build a stronger candidate, or decide by cost."
        days = f" ({needed['days']:,} days' worth)" if "days" in needed else ""
        return (
            f"Collect about {rows:,} rows in all{days}: if the differences are what they look "
            f"like, they decide with a chance of {100 * config.inference.power:.0f} %. Until then "
            f"{stay}."
        )
    return f"Do what the reasons say, then compare again; until then {stay}."


def _needed(result: dict[str, Any]) -> dict[str, int]:
    """Rows, and days, that settle every open question."""
    found = {}
    for key, name in (("rows", "rows_needed"), ("days", "days_needed")):
        values = [check[name] for check in checks_of(result) if name in check]
        if values:
            found[key] = max(values)
    return found


def _summary(name: str, result: dict[str, Any]) -> dict[str, Any]:
    primary = result["primary"]
    keys = ("estimate", "lower", "upper", "alpha", "p_value")
    return (
        {"name": name, "decision": result["decision"]}
        | {key: primary[key] for key in keys}
        | {"sentence": _reasons(result)[0]}
    )


def _beside(holdout: Holdout, config: CompareConfig, report: dict[str, Any]) -> dict[str, Any]:
    """What is told beside the decision: the oracle's share, and McNemar's test for accuracy."""
    found: dict[str, Any] = {}
    if config.primary.metric == "accuracy":
        right = [
            np.asarray(holdout.metric.function(holdout.truth, holdout.predictions[role]).rows) > 0
            for role in ("candidate", "incumbent")
        ]
        gained = int(np.sum(right[0] & ~right[1]))
        lost = int(np.sum(~right[0] & right[1]))
        p_value = mcnemar_midp(gained, lost)
        found["mcnemar"] = {"gained": gained, "lost": lost, "p_value": p_value}
    if config.oracle is not None:
        value = value_of(holdout.metric, holdout, "oracle")
        sign = 1 if holdout.metric.direction == "higher" else -1
        gap = sign * (value - report["incumbent"]["value"])
        found["oracle"] = {
            "value": value,
            "share_of_gap_closed": report["primary"]["estimate"] / gap if gap > 0 else None,
            "exceeded": any(check["name"] == "leak" for check in report["safety"]),
        }
    return found
