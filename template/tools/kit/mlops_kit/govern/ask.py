"""Ask a model that somebody else serves about rows, record its answers, and repeat them offline.

`mlops docs add pretrained` copies this file to pipelines/pretrained/, where it is yours: change
what stands above the line. It reads a JSON object a row from its input and prints an answer a line,
as `kind: command` of conf/compare.yaml wants it; docs/pretrained.md says more.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from mlops_kit.core.words import counted

ADDRESS = os.environ.get("PRETRAINED_URL", "https://api.example.org/v1/score")
KEY = "PRETRAINED_API_KEY"  # the environment variable that holds the secret; never write it here
RECORD = Path("data/open/pretrained.jsonl")
REPEATS = 3  # answers to one row: a model that answers otherwise each time is judged by their mean
PRICE = 0.0  # of one answer, in your currency
SECONDS = 30


def request_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent about a row: only what may leave, and nothing of the outcome."""
    return {"features": {name: value for name, value in row.items() if name not in ("id", "time")}}


def answer_of(reply: dict[str, Any]) -> float:
    """Return the answer in a reply: a score from 0 to 1, or an amount."""
    return float(reply["score"])


# ------------------------------------------------------------------ below: recording and replaying


def asked(request: dict[str, Any]) -> tuple[float, float]:
    """Ask once, and return the answer and the milliseconds that it took."""
    headers = {"Content-Type": "application/json"}
    if secret := os.environ.get(KEY):
        headers["Authorization"] = f"Bearer {secret}"
    body = json.dumps(request).encode()
    if not ADDRESS.startswith(("https://", "http://127.0.0.1")):
        sys.exit(f"PRETRAINED_URL is {ADDRESS}: write an address that begins with https://.")
    sent = urllib.request.Request(ADDRESS, body, headers)  # noqa: S310 - checked above
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(sent, timeout=SECONDS) as stream:  # noqa: S310
            reply = json.load(stream)
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        sys.exit(f"{ADDRESS} does not answer: {error}. What it said before is in {RECORD}.")
    return answer_of(reply), (time.perf_counter() - started) * 1000


def recorded() -> dict[str, list[dict[str, Any]]]:
    """Return the answers that are known, by the digest of what was asked."""
    known: dict[str, list[dict[str, Any]]] = {}
    if RECORD.is_file():
        for line in RECORD.read_text(encoding="utf-8").splitlines():
            try:
                one = json.loads(line)
            except ValueError:  # the last line of a run that was killed
                continue
            known.setdefault(one["asked"], []).append(one)
    return known


def main() -> None:
    """Answer every row of the input, from the record where it is known."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--offline", action="store_true", help="Ask nobody; refuse what is new.")
    offline = parser.parse_args().offline
    known, new, spread, times = recorded(), 0, [], []
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    torn = RECORD.is_file() and not RECORD.read_bytes().endswith(b"\n")
    with RECORD.open("a", encoding="utf-8") as record:
        record.write("\n" * torn)
        for number, line in enumerate(sys.stdin, 1):
            request = request_of(json.loads(line))
            text = json.dumps([ADDRESS, request], sort_keys=True)
            digest = hashlib.sha256(text.encode()).hexdigest()
            answers = known.setdefault(digest, [])
            while len(answers) < REPEATS:
                if offline:
                    sys.exit(f"Row {number} was not asked before: run this once without --offline.")
                answer, milliseconds = asked(request)
                one = {"asked": digest, "answer": answer, "milliseconds": milliseconds}
                record.write(json.dumps(one) + "\n")
                record.flush()
                answers.append(one)
                new += 1
            values = [each["answer"] for each in answers[:REPEATS]]
            times += [each["milliseconds"] for each in answers[:REPEATS]]
            spread.append(max(values) - min(values))
            print(json.dumps(statistics.fmean(values)))
    if times:
        late = sorted(times)[int(0.95 * (len(times) - 1))]
        print(
            f"{counted(len(spread), 'row')}, {new:,} answers asked for, {len(times) - new:,} from "
            f"the record; 95 % within {late:.0f} ms; {1000 * REPEATS * PRICE:g} for a thousand "
            f"rows; answers to one row differ by up to {max(spread):.3g}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
