"""The gate: read decision.json and say with an exit code whether the candidate may go on."""

import json
from collections.abc import Iterator
from pathlib import Path

from mlops_kit.compare.decision_file import UnknownSchemaError, read
from mlops_kit.compare.decision_schema import Check, Decision, Judged
from mlops_kit.core.errors import BAD_INPUT, INCONCLUSIVE, NEGATIVE, OK
from mlops_kit.core.provenance import judged_of

NAMES = {
    "code_sha256": "your code in src/",
    "settings_sha256": "conf/compare.yaml",
    "features_sha256": "the features",
    "predictions_sha256": "the predictions",
}
EXIT_CODES = {"promote": OK, "reject": NEGATIVE, "inconclusive": INCONCLUSIVE}


def check(path: Path, model_card: Path | None = None) -> tuple[int, str]:
    """Return the exit code and the sentence for one decision.json; what it cannot read is 3.

    With `model_card` (models/model.json), the decision must be about that model, and made of the
    code and inputs that lie here.
    """
    try:
        content = read(path)
        name = content["candidate"]["name"]
        code = EXIT_CODES[content["decision"]]
        if code == OK and not _is_supported(content):
            return BAD_INPUT, f"{path.as_posix()} contradicts itself: run `mlops run` again."
        if model_card is not None and model_card.is_file():
            model = json.loads(model_card.read_text(encoding="utf-8"))["sha256"]
            if model != content["candidate"].get("digest"):
                if content.get("candidates"):
                    return BAD_INPUT, (
                        f'The best candidate, "{name}", is not the model of '
                        f"{model_card.as_posix()}: only that one can go on from here."
                    )
                return BAD_INPUT, (
                    f"{path.as_posix()} is about another model than {model_card.as_posix()}: "
                    "run `mlops run` again."
                )
            if other := changed_since(content):
                return BAD_INPUT, other
        sentence = f"{content['decision']} {name}: {' '.join(content['reasons'])}"
    except FileNotFoundError:
        return BAD_INPUT, f"There is no {path.as_posix()}: run `mlops run` first."
    except UnknownSchemaError:
        return BAD_INPUT, f"{path.as_posix()} has a schema that this version does not know."
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return BAD_INPUT, f"{path.as_posix()} is not a readable decision: run `mlops run` again."
    return code, sentence


def changed_since(content: Decision) -> str:
    """Say what is no longer what a decision of this project was made of; empty where nothing is.

    Decisions of releases before 0.7.0 do not say what they were made of.
    """
    now, told = judged_of(), content.get("made_of", {})
    changed = [
        shown for name, shown in NAMES.items()
        if name in now and now[name] != told.get(name, now[name])
    ]  # fmt: skip
    if not changed:
        return ""
    return (
        f"The decision was made of other inputs than lie here: {', '.join(changed)} changed since; "
        "run `mlops run` again, or bring back what it was made of."
    )


def others_of(decision: Judged) -> Iterator[tuple[str, Check]]:
    """Yield every check but the primary metric's, with the key of its group."""
    groups = {
        "guardrails": decision.get("guardrails", []),
        "slices": decision.get("slices", []),
        "fairness": decision.get("fairness", []),
        "flips": decision.get("flips", []),
        "ops": decision.get("ops", {}).values(),
        "safety": decision.get("safety", []),
    }
    for group, checks in groups.items():
        for each in checks:
            yield group, each


def _is_supported(content: Decision) -> bool:
    """Tell whether the interval and every check support the promotion that is written there."""
    primary = content["primary"]
    needed = primary.get("needed", primary["min_effect"])
    against = content["incumbent"]["name"] and content["holdout_sha256"]
    return (
        bool(against)
        and primary["lower"] > needed
        and primary.get("verdict", "pass") == "pass"
        and all(entry["verdict"] in ("pass", "skipped") for _, entry in others_of(content))
    )
