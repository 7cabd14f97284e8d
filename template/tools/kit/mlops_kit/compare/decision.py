"""Turn paired predictions into one decision: promote, reject or inconclusive."""

from typing import cast

import numpy as np

from mlops_kit.compare.advice import (
    Checked,
    checks_of,
    is_meaningless,
    needed_of,
    next_step,
    reasons_of,
)
from mlops_kit.compare.checks.common import (
    guardrail_checks,
    level_checks,
    primary_check,
    value_of,
)
from mlops_kit.compare.checks.copies import seen_in_training
from mlops_kit.compare.checks.data import about_data
from mlops_kit.compare.checks.fairness import fairness_checks
from mlops_kit.compare.checks.flips import flip_checks
from mlops_kit.compare.checks.maturity import told
from mlops_kit.compare.checks.running_cost import Measured, ops_checks
from mlops_kit.compare.checks.sanity import safety_checks, same_predictions
from mlops_kit.compare.checks.slices import slice_checks
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_file import SCHEMA
from mlops_kit.compare.decision_schema import (
    Decision,
    Primary,
    Rival,
    System,
)
from mlops_kit.compare.holdout.background import Alone, Features
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.holdout.ledger import Look
from mlops_kit.compare.inference.effect import mcnemar_midp
from mlops_kit.compare.inference.needed import one_period

# What the pipeline calls its own model.
TRAINED = "candidate"
# Of a metric's value: what the last digits of the same sum differ by.
ROUNDING = 1e-12


def decide(
    holdout: Holdout,
    config: CompareConfig,
    digests: dict[str, str],
    measured_ops: Measured | None = None,
    look: Look | None = None,
) -> Decision:
    """Compare the candidate with the incumbent on `holdout`: the content of decision.json.

    Any check that fails rejects; all that pass promote; otherwise the decision is inconclusive, as
    it is where copies, immature outcomes or a leak leave the figures without a meaning.
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
    report: Decision = {
        "schema": SCHEMA,
        "decision": result["decision"],
        "case": config.case,
        "reasons": reasons_of(result) + _caveats(result, chosen),
        "next": next_step(result, config),
        "primary": result["primary"],
        "guardrails": result["guardrails"],
        "slices": result["slices"],
        "fairness": result["fairness"],
        "flips": result["flips"],
        "ops": result["ops"],
        "safety": result["safety"],
        "needed": needed_of(result),
        "outcomes": told(holdout),
        "features": about_features(holdout, config),
        "holdout_sha256": holdout.sha256,
        "inference": {
            "alpha": config.inference.alpha,
            "alpha_used": result["primary"]["alpha"],
            "power": config.inference.power,
            "reuse": config.inference.reuse,
            "look": look.number if look else 1,
            "candidates": len(roles),
        },
        "candidate": _system(config.systems[best], chosen, "candidate", digests),
        "incumbent": _system(config.systems["incumbent"], chosen, "incumbent", digests),
    }
    if len(roles) > 1:
        report["candidates"] = [_summary(config.systems[role], judged[role]) for role in roles]
    _tell_beside(report, chosen, config)
    if holdout.background.tables:
        report["data"] = about_data(holdout)
    # Both are about the model that the pipeline trained.
    if config.systems[best] == TRAINED:
        if holdout.background.search:
            report["search"] = holdout.background.search
        if holdout.background.importance:
            report["importance"] = holdout.background.importance
    return report


def about_features(holdout: Holdout, config: CompareConfig) -> Features:
    """Say what is known about the features: the future, rows seen before, those that are strong."""
    known, found = holdout.background, Features(alone=[], sentences=[])
    if known.looked_ahead:
        found["looked_ahead"] = known.looked_ahead[0]
        found["sentences"].append(known.looked_ahead[1])
    if seen := seen_in_training(holdout, config):
        found["seen"] = seen
        found["sentences"].append(seen["sentence"])
    for each in known.alone:
        found["alone"].append(cast("Alone", each))
        measure = "R²" if each["measure"] == "R2" else each["measure"]
        found["sentences"].append(
            f'The feature "{each["feature"]}" nearly reaches the model alone ({measure} '
            f"{each['value']:.3f} of {each['model']:.3f}): is it known before the outcome?"
        )
    return found


def _system(name: str, holdout: Holdout, role: str, digests: dict[str, str]) -> System:
    value = value_of(holdout.metric, holdout, role)
    return {"name": name, "digest": digests.get(name), "value": value}


def _judge(
    holdout: Holdout, config: CompareConfig, alpha: float, measured: Measured | None
) -> Checked:
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
    result: Checked = {
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
        "safety": safety_checks(holdout, config, alpha, primary),
        "same": same,
        "decision": "inconclusive",
    }
    verdicts = [check.get("verdict") for check in checks_of(result)]
    if is_meaningless(result) and not same:
        result["decision"] = "inconclusive"
    elif "fail" in verdicts:
        result["decision"] = "reject"
    else:
        result["decision"] = "inconclusive" if "inconclusive" in verdicts else "promote"
    return result


def _only_rounds(holdout: Holdout, primary: Primary) -> bool:
    """Tell whether the gain is nothing, or what rounding leaves of nothing."""
    values = (value_of(holdout.metric, holdout, role) for role in ("candidate", "incumbent"))
    return max(abs(primary["lower"]), abs(primary["upper"])) <= ROUNDING * max(map(abs, values))


def holm_levels(p_values: list[float], alpha: float) -> list[float]:
    """Level at which Holm (1979) judges each of several candidates, all sharing `alpha`."""
    levels, step, going = [0.0] * len(p_values), len(p_values), True
    for place in np.argsort(p_values, kind="stable").tolist():
        levels[place] = alpha / step
        going = going and p_values[place] <= levels[place]
        step -= going and step > 1
    return levels


def _largest_p_value(result: Checked) -> float:
    """Chance at most to promote by accident: every check with a p-value must pass."""
    return max(check["p_value"] for check in checks_of(result) if "p_value" in check)


def _refuse_second_use(result: Checked) -> None:
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


def _caveats(result: Checked, holdout: Holdout) -> list[str]:
    """What a promotion does not rest on, told where the decision is."""
    if result["decision"] != "promote":
        return []
    ahead = holdout.background.looked_ahead
    said = [one_period(holdout), ahead[1] if ahead and not ahead[0] else None]
    return [each for each in said if each is not None]


def _summary(name: str, result: Checked) -> Rival:
    primary = result["primary"]
    return {
        "name": name,
        "decision": result["decision"],
        "estimate": primary["estimate"],
        "lower": primary["lower"],
        "upper": primary["upper"],
        "alpha": primary["alpha"],
        "p_value": primary["p_value"],
        "sentence": reasons_of(result)[0],
    }


def _tell_beside(report: Decision, holdout: Holdout, config: CompareConfig) -> None:
    """Add what is told beside the decision: the oracle's share, McNemar's test for accuracy."""
    if config.primary.metric == "accuracy":
        right = [
            np.asarray(holdout.metric.function(holdout.truth, holdout.predictions[role]).rows) > 0
            for role in ("candidate", "incumbent")
        ]
        gained = int(np.sum(right[0] & ~right[1]))
        lost = int(np.sum(~right[0] & right[1]))
        p_value = mcnemar_midp(gained, lost)
        report["mcnemar"] = {"gained": gained, "lost": lost, "p_value": p_value}
    if config.oracle is not None:
        value = value_of(holdout.metric, holdout, "oracle")
        sign = 1 if holdout.metric.direction == "higher" else -1
        gap = sign * (value - report["incumbent"]["value"])
        report["oracle"] = {
            "value": value,
            "share_of_gap_closed": report["primary"]["estimate"] / gap if gap > 0 else None,
            "exceeded": any(check["name"] == "leak" for check in report["safety"]),
        }
