"""Turn paired predictions into one decision: promote, reject or inconclusive."""

from typing import Any

import numpy as np

from .advice import checks_of, is_meaningless, needed_of, next_step, reasons_of
from .checks import Entry, guardrail_checks, level_checks, primary_check, value_of
from .config import CompareConfig
from .fairness import fairness_checks
from .flips import flip_checks
from .holdout import Holdout
from .inference import mcnemar_midp
from .ledger import Look
from .maturity import told
from .needed import one_period
from .ops import Measured, ops_checks
from .safety import safety_checks, same_predictions
from .slices import slice_checks

# Of a metric's value: what the last digits of the same sum differ by.
ROUNDING = 1e-12


def decide(
    holdout: Holdout,
    config: CompareConfig,
    digests: dict[str, str],
    measured_ops: Measured | None = None,
    look: Look | None = None,
) -> dict[str, Any]:
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
    report: dict[str, Any] = {
        "schema": 1,
        "decision": result["decision"],
        "case": config.case,
        "reasons": reasons_of(result) + _caveats(result, chosen),
        "next": next_step(result, config),
        **{key: value for key, value in result.items() if key not in ("decision", "same")},
        "needed": needed_of(result),
        "outcomes": told(holdout),
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
    if is_meaningless(result) and not same:
        decision = "inconclusive"
    elif "fail" in verdicts:
        decision = "reject"
    else:
        decision = "inconclusive" if "inconclusive" in verdicts else "promote"
    return result | {"decision": decision}


def _only_rounds(holdout: Holdout, primary: Entry) -> bool:
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


def _caveats(result: dict[str, Any], holdout: Holdout) -> list[str]:
    """What a promotion does not rest on, told where the decision is."""
    said = one_period(holdout) if result["decision"] == "promote" else None
    return [] if said is None else [said]


def _summary(name: str, result: dict[str, Any]) -> dict[str, Any]:
    primary = result["primary"]
    keys = ("estimate", "lower", "upper", "alpha", "p_value")
    return (
        {"name": name, "decision": result["decision"]}
        | {key: primary[key] for key in keys}
        | {"sentence": reasons_of(result)[0]}
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
