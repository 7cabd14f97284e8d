"""The gate: read decision.json and say with an exit code whether the candidate may go on."""

import json
from pathlib import Path

from ..errors import BAD_INPUT, INCONCLUSIVE, NEGATIVE, OK

EXIT_CODES = {"promote": OK, "reject": NEGATIVE, "inconclusive": INCONCLUSIVE}


def check(path: Path, model_card: Path | None = None) -> tuple[int, str]:
    """Return the exit code and the sentence for one decision.json; what it cannot read is 3.

    With `model_card` (models/model.json), the decision must be about that model.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != 1:
            return BAD_INPUT, f"{path.as_posix()} has a schema that this version does not know."
        primary, name = content["primary"], content["candidate"]["name"]
        code = EXIT_CODES[content["decision"]]
        # A promotion without the interval that supports it is not one.
        if code == OK and not primary["lower"] > primary["min_effect"]:
            return BAD_INPUT, f"{path.as_posix()} contradicts itself: run `mlops run` again."
        if model_card is not None and model_card.is_file():
            model = json.loads(model_card.read_text(encoding="utf-8"))["sha256"]
            if model != content["candidate"]["digest"]:
                return BAD_INPUT, (
                    f"{path.as_posix()} is about another model than {model_card.as_posix()}: "
                    "run `mlops run` again."
                )
        sentence = f"{content['decision']} {name}: {' '.join(content['reasons'])}"
    except FileNotFoundError:
        return BAD_INPUT, f"There is no {path.as_posix()}: run `mlops run` first."
    except (OSError, ValueError, KeyError, TypeError):
        return BAD_INPUT, f"{path.as_posix()} is not a readable decision: run `mlops run` again."
    return code, sentence
