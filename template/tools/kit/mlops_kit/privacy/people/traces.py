"""Where a token still is after its person was erased: in models, caches, remotes and git."""

import configparser
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mlops_kit.core.files import sha256_of
from mlops_kit.core.programs import said_by
from mlops_kit.core.settings import Settings
from mlops_kit.core.words import acting, counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.privacy.protect.sort import frames_of
from mlops_kit.privacy.protect.tokens import TOKEN
from mlops_kit.train.model_file import MODEL_CARD, read_card
from mlops_kit.train.splits.fits import last_cutoff, learned
from mlops_kit.train.tracking import quiet_mlflow, registered_name

CACHE = Path(".dvc/cache")
FEATURES = OPEN_ZONE / "features.parquet"
LOCK = Path("dvc.lock")


def rows_with(file: Path, subjects: set[str], train_only: bool = False) -> int:
    """Count the rows of a parquet file that hold one of the tokens in a column of text."""
    last = last_cutoff(file) if train_only else None
    return sum(
        int((holds(frame, subjects) & _in_training(frame, train_only, last)).sum())
        for frame in frames_of(file)
    )


def holds(frame: Any, subjects: set[str]) -> Any:
    """Mark the rows of a table that hold one of the tokens, also in lists, shape (n,)."""
    return _rows_where(frame, lambda text: text.is_in(list(subjects)))


def _in_training(frame: Any, train_only: bool, last: Any) -> Any:
    return learned(frame, last) if train_only and "split" in frame.columns else True


def files_with(folders: Iterable[Path], subjects: set[str]) -> list[Path]:
    """List the files below folders that hold one of the tokens, as text or in a parquet table."""
    texts = [subject.encode() for subject in subjects]
    found = []
    for folder in folders:
        for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
            if file.is_file() and _file_holds(file, texts, subjects):
                found.append(file)
    return found


def models_trained_on(subjects: set[str], settings: Settings) -> list[dict[str, str]]:
    """Say of the current model and of every registered version whether it learned from the person.

    Known by the digest of the features table that a version was trained on: the table itself must
    still be here or in DVC's cache, with tokens of today's key. Otherwise it is `unknown`, which
    should be read as yes.
    """
    tables = [file for file in (FEATURES, *_tables(CACHE)) if file.is_file()]
    learned = {sha256_of(file): _learned(file, subjects) for file in tables}
    told = []
    current, answer = "", "unknown"
    if MODEL_CARD.is_file():
        current, answer = read_card()["sha256"], _current_learned(subjects)
        told.append({"model": "models/model.skops", "version": "current", "learned": answer})
    uri = settings.tracking.uri
    database = uri.removeprefix("sqlite:///")
    if database != uri and not Path(database).is_file():
        return told
    name = registered_name(settings)
    with quiet_mlflow():
        import mlflow

        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient()
        for version in client.search_model_versions(f"name='{name}'"):
            tags = client.get_run(str(version.run_id)).data.tags if version.run_id else {}
            digest = tags.get("features_sha256", "")
            answers = {learned.get(digest, "unknown")}
            if tags.get("model_sha256") == current:
                answers.add(answer)
            known = next(one for one in ("yes", "no", "unknown") if one in answers)
            told.append({"model": name, "version": str(version.version), "learned": known})
    return told


def history(subjects: set[str], raw: list[Path]) -> list[str]:
    """Tell in sentences what keeps old versions: nothing of it is changed by `erase`."""
    told = []
    if kept := _kept(CACHE, subjects):
        told.append(
            f"DVC's cache keeps {kept}; after the next `uv run mlops run`, "
            "`uv run dvc gc --workspace` removes them."
        )
    for name, url in _remotes():
        place = Path(".dvc") / url
        if "://" not in url and place.is_dir():
            if kept := _kept(place, subjects):
                told.append(
                    f"DVC's remote {name} keeps {kept}; "
                    f"`uv run dvc gc --workspace --cloud --remote {name}` removes them."
                )
        else:
            told.append(
                f"DVC's remote {name} was not looked into and keeps what was pushed to it; "
                f"`uv run dvc gc --workspace --cloud --remote {name}` removes old versions."
            )
    if committed := _commits("--", *map(str, raw)) if raw else 0:
        told.append(
            f"git's history has {counted(committed, 'commit')} of the raw files, "
            "with this person in them; rewriting history is a decision of its own, together with "
            "every clone."
        )
    if mentioned := sum(_commits("-S", subject) for subject in sorted(subjects)):
        told.append(f"git's history: {acting(mentioned, 'commit', 'name')} this person's token.")
    if elsewhere := files_with(map(Path, ("mlruns", "mlartifacts", "reports", "models")), subjects):
        named = ", ".join(file.as_posix() for file in elsewhere[:5])
        told.append(f"{acting(len(elsewhere), 'file', 'name')} this person's token: {named}.")
    told.append(
        "Backups, other clones, and the systems that the data came from are not known here; "
        "erase the person there too, or the next delivery is only filtered, not clean."
    )
    return told


def _rows_where(frame: Any, is_one: Callable[[Any], Any]) -> Any:
    """Mark the rows in which a text, or an element of a list of texts, is one, shape (n,)."""
    import polars as pl

    found = pl.repeat(False, len(frame), eager=True)
    for column in frame.get_columns():
        if column.dtype == pl.String:
            found |= is_one(column).fill_null(False)
        elif column.dtype == pl.List(pl.String):
            found |= column.list.eval(is_one(pl.element())).list.any().fill_null(False)
    return found


def _learned(file: Path, subjects: set[str]) -> str:
    if rows_with(file, subjects, train_only=True):
        return "yes"
    return "unknown" if _has_tokens_of_other_keys(file, subjects) else "no"


def _has_tokens_of_other_keys(file: Path, subjects: set[str]) -> bool:
    """Say whether a table has tokens that today's key did not make: they may be of anybody."""
    (mine,) = {subject.partition("-")[0] for subject in subjects}

    def is_other(text: Any) -> Any:
        return text.str.contains(f"^{TOKEN.pattern}$") & ~text.str.starts_with(f"{mine}-")

    return any(bool(_rows_where(frame, is_other).any()) for frame in frames_of(file))


def _kept(folder: Path, subjects: set[str]) -> str:
    """Say what a folder of old versions keeps of the person; nothing when it keeps nothing."""
    theirs = files_with([folder], subjects)
    others = [
        file
        for file in _tables(folder)
        if file not in theirs and _has_tokens_of_other_keys(file, subjects)
    ]
    told = [f"{len(theirs)} old files with rows of this person"] if theirs else []
    if others:
        tables = counted(len(others), "table")
        told.append(f"{tables} with tokens of another key, perhaps of this person too")
    return " and ".join(told)


def _current_learned(subjects: set[str]) -> str:
    """Look into the table that the model in place was trained on, by its digest in dvc.lock.

    After an `erase` that was killed, the table in the open zone is another one already.
    """
    import yaml

    if not LOCK.is_file():
        return "unknown"
    stage = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"].get("train", {})
    digests = [d["md5"] for d in stage.get("deps", []) if d["path"] == FEATURES.as_posix()]
    for digest in digests:
        for file in (FEATURES, CACHE / "files" / "md5" / digest[:2] / digest[2:]):
            if file.is_file():
                with file.open("rb") as stream:
                    same = hashlib.file_digest(stream, "md5").hexdigest() == digest
                if same:
                    return _learned(file, subjects)
    return "unknown"


def _tables(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*")) if folder.is_dir() else []
    return [file for file in files if file.is_file() and _is_parquet(file)]


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _file_holds(file: Path, texts: list[bytes], subjects: set[str]) -> bool:
    if _is_parquet(file):
        return rows_with(file, subjects) > 0
    longest = max(map(len, texts), default=0)
    with file.open("rb") as stream:
        rest = b""
        while block := stream.read(1 << 20):
            rest += block
            if any(text in rest for text in texts):
                return True
            rest = rest[-longest:]
    return False


def _remotes() -> list[tuple[str, str]]:
    config = configparser.ConfigParser()
    config.read([".dvc/config", ".dvc/config.local"], encoding="utf-8")
    sections = [(name, config[name]) for name in config.sections() if "remote" in name]
    return [
        (name.strip("'").split('"')[1] if '"' in name else name, section.get("url", ""))
        for name, section in sections
    ]


def _commits(*selection: str) -> int:
    done = said_by("git", "log", "--all", "--format=%H", *selection)
    return len(done.stdout.split()) if done.returncode == 0 else 0
