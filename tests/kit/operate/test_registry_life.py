"""What the registry keeps, what may go, and how something that was in force leaves."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Promotion, load_settings
from mlops_kit.core.utc import today
from mlops_kit.operate.promote.bundle import _let_in
from mlops_kit.operate.promote.log import aliases_of, move, moves_of
from mlops_kit.operate.promote.promote import _approved, rollback
from mlops_kit.operate.promote.registry import EmptyRegistryError, registry_of, version_of
from mlops_kit.operate.promote.retention import history, listed, prune
from mlops_kit.operate.promote.retire import Wish, left, retire
from mlops_kit.train.tracking import quiet_mlflow

FILES = {
    "conf/base.yaml": "project: P\nbusiness_metric: m\nmodel_name: shop\ntask: classification\n"
    "functionality: existing_rules\nregistry: {keep_versions: 2, keep_days: 30}\n",
    "conf/dev.yaml": "dvc_remote: d\n"
    "tracking: {uri: 'sqlite:///m.db', experiment: p, registry_prefix: dev}\n",
    "conf/compare.yaml": "case: B\ncandidate: candidate\n"
    "incumbent: {kind: rules, name: old rules, function: shop.rules.decide}\n"
    "primary: {metric: auc, min_effect: 0.02}\n"
    "deprecation: {keep_warm_days: 10, consumers: [the sales team]}\n",
}
DIGESTS = {str(number): f"{number:064x}" for number in range(1, 7)}


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Register six versions: 1 to 4 old; 5 is the champion, compared with the rules; 6 after it."""
    folder = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLOPS_ENV", raising=False)
        for name, text in FILES.items():
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        (folder / "m.db").touch()
        patch.setenv("MLOPS_TRACKING__URI", f"sqlite:///{folder / 'm.db'}")
        with registry_of(load_settings()) as (client, name):
            client.create_registered_model(name)
            experiment = client.create_experiment("judged")
            for number, digest in DIGESTS.items():
                run = client.create_run(experiment).info.run_id
                decision = {
                    "decision": "promote",
                    "incumbent": {"name": "old rules"} if number == "5" else
                    {"name": "champion", "digest": DIGESTS["2"]},
                    "primary": {"metric": "auc", "estimate": 0.1, "lower": 0.05, "upper": 0.15},
                }  # fmt: skip
                Path("decision.json").write_text(json.dumps(decision), encoding="utf-8")
                client.log_artifact(run, "decision.json", "compare")
                tags = {"model_sha256": digest, "decision": "promote"}
                client.create_model_version(name, "nowhere", run, tags=tags, await_creation_for=0)
            for last, number in enumerate(("2", "5")):
                before = {"previous": "2" if last else "", "retired": "1" if last else ""}
                evidence = {"from": "2" if last else "", "reason": "better"}
                move(client, name, last, "promote", {"champion": number, **before}, evidence)
    with closing(sqlite3.connect(folder / "m.db")) as opened, opened:
        opened.execute(
            "UPDATE model_versions SET creation_time = creation_time - 40 * 86400000 "
            "WHERE version < 5 AND name = 'dev.shop'"
        )
    return folder


@pytest.fixture(autouse=True)
def project(pattern: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    target = tmp_path / "project"
    shutil.copytree(pattern, target, ignore=shutil.ignore_patterns("mlruns"))
    monkeypatch.chdir(target)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    # MLflow keeps a file open by its name for as long as the process lives.
    monkeypatch.setenv("MLOPS_TRACKING__URI", f"sqlite:///{target / 'm.db'}")
    return target


def aliases() -> dict[str, str]:
    with registry_of(load_settings()) as (client, name):
        return aliases_of(client, name)


def test_prune_says_first_and_never_deletes_what_an_alias_or_a_rollback_needs() -> None:
    kept = {one["version"]: one["kept"] for one in listed(load_settings())}
    assert kept["3"] is None and kept["4"] is None
    assert kept["1"] == "alias retired" and kept["2"] == "alias previous"
    assert kept["5"] == "alias champion" and kept["6"] == "one of the newest 2"
    said = prune(load_settings(), really=False)
    assert [one["version"] for one in said["versions"]] == ["4", "3"] and not said["deleted"]
    assert len(listed(load_settings())) == 6
    done = prune(load_settings(), really=True)
    assert done["deleted"] and done["kept"] == 4
    assert {one["version"] for one in listed(load_settings())} == {"1", "2", "5", "6"}
    assert prune(load_settings(), really=True)["versions"] == []
    assert rollback(load_settings(), "complaints")["champion"] == "2"


def test_a_prune_that_was_killed_leaves_no_run_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "delete_run", killed)
        with pytest.raises(KeyboardInterrupt):
            prune(load_settings(), really=True)
    assert prune(load_settings(), really=True)["kept"] == 4
    with registry_of(load_settings()) as (client, _):
        experiment = client.get_experiment_by_name("judged")
        assert experiment is not None
        assert len(client.search_runs([experiment.experiment_id])) == 4


def test_what_the_last_entry_names_stays_though_no_alias_names_it() -> None:
    with registry_of(load_settings()) as (client, name):
        for alias in ("previous", "retired"):  # as a promotion that was killed leaves them
            client.delete_registered_model_alias(name, alias)
    kept = {one["version"]: one["kept"] for one in listed(load_settings())}
    assert kept["2"] == kept["1"] == "the last entry of the log names it"


def test_a_version_is_found_by_alias_number_or_digest() -> None:
    with registry_of(load_settings()) as (client, name):
        for which in ("champion", "5", DIGESTS["5"]):
            assert str(version_of(client, name, which).version) == "5"
        with pytest.raises(MlopsError, match=r"Several models of .* begin with 00000000"):
            version_of(client, name, "0" * 8)
        with pytest.raises(MlopsError, match="has no version 9; it has champion"):
            version_of(client, name, "9")


def test_an_entry_of_somebody_who_may_not_change_the_model_is_never_carried_out() -> None:
    before = aliases()
    with registry_of(load_settings()) as (client, name):
        # On a server whoever may write into the log need not be allowed to edit the model.
        tags = {"token": "forged", "after": "2", "kind": "promote", "who": "me", "at": "now"}
        tags |= {"champion": "4", "previous": "5", "retired": "2", "from": "5"}
        log, source = f"{name}.promotions", f"models:/{name}/4"
        client.create_model_version(log, source, tags=tags, await_creation_for=0)
    with pytest.raises(MlopsError, match="somebody who may not change dev"):
        rollback(load_settings(), "complaints")
    assert aliases() == before
    with registry_of(load_settings()) as (client, name):
        client.delete_model_version(f"{name}.promotions", "3")
    assert rollback(load_settings(), "complaints")["champion"] == "2"


def test_what_let_a_champion_in_travels_with_it_and_must_be_there() -> None:
    with registry_of(load_settings()) as (client, name):
        moves = moves_of(client, name)
    free: Any = SimpleNamespace(promotion=Promotion())
    asked: Any = SimpleNamespace(promotion=Promotion(approval=True))
    told = _let_in(free, moves, "5", name)
    assert told is not None and told["reason"] == "better" and told["environment"] == "dev"
    assert _let_in(asked, moves, "6", name) is None  # never champion: nobody let it in
    with pytest.raises(MlopsError, match=r"Version 5 of .* became champion without an approval"):
        _let_in(asked, moves, "5", name)


def test_the_log_tells_who_when_and_why() -> None:
    rollback(load_settings(), "complaints")
    last = history(load_settings())[-1]
    assert (last["kind"], last["from"], last["champion"]) == ("rollback", "5", "2")
    assert last["reason"] == "complaints" and last["carried_out"] and last["who"]


def test_rules_are_retired_once_a_champion_does_their_job() -> None:
    told = retire(load_settings(), Wish("old rules", "nobody calls them", traffic=0.02))
    assert told["status"] == "retired" and told["in_log"]
    assert told["successor"] == "version 5 of dev.shop"
    assert told["comparison"]["metric"] == "auc" and told["comparison"]["lower"] == 0.05
    assert told["remove_from"] == (today() + timedelta(days=10)).isoformat()
    points = [each["todo"] for each in told["checklist"]]
    assert points[0] == "agreed by the sales team" and any("2.0% are left" in p for p in points)
    assert any("shop.rules.decide()" in point for point in points)
    assert aliases() == {"champion": "5", "previous": "2", "retired": "1"}
    with registry_of(load_settings()) as (client, name):
        last = moves_of(client, name)[-1]
    assert (last.kind, last.tags["system"], last.applied) == ("retire", "old rules", True)
    # The doctor shows what is left; a repetition keeps what somebody has done since.
    file = Path(told["file"])
    (finding,) = left()
    assert f"left of {len(points)} points: {len(points)}, the first: " in finding.message
    text = file.read_text(encoding="utf-8").replace("done: false", "done: true")
    file.write_text(text, encoding="utf-8")
    assert list(left()) == []
    with pytest.raises(MlopsError, match=r"would be lost: write traffic into retired/.*old-rules"):
        retire(load_settings(), Wish("old rules", "nobody calls them", traffic=0.0))
    again = retire(load_settings(), Wish("old rules", "nobody calls them", traffic=0.02))
    assert again["status"] == "done" and file.read_text(encoding="utf-8") == text


def test_a_promotion_whose_version_was_pruned_is_compared_with_nothing() -> None:
    with registry_of(load_settings()) as (client, name):
        client.delete_model_version(name, "2")  # champion once, by the first entry of the log
        client.delete_registered_model_alias(name, "previous")
    told = retire(load_settings(), Wish("retired"))  # against which nobody decided
    assert told["system"] == "version 1" and told["comparison"] is None
    assert any("nobody has compared it" in each["todo"] for each in told["checklist"])


def test_a_retirement_that_was_killed_before_the_log_is_finished_by_a_repetition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlops_kit.operate.promote import retire as module

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "move", killed)
        with pytest.raises(KeyboardInterrupt):
            retire(load_settings(), Wish("previous"))
    assert aliases()["previous"] == "2"
    assert retire(load_settings(), Wish("previous"))["status"] == "retired"
    assert aliases() == {"champion": "5", "retired": "2"}
    assert retire(load_settings(), Wish("2"))["status"] == "done"


def test_the_champion_is_not_retired_without_a_successor_unless_somebody_says_why() -> None:
    with pytest.raises(MlopsError, match=r"has no successor .it is the champion.*promote one"):
        retire(load_settings(), Wish("champion"))
    with pytest.raises(MlopsError, match="say why in --reason"):
        retire(load_settings(), Wish("champion", without_successor=True))
    assert aliases()["champion"] == "5" and not Path("retired").exists()
    told = retire(load_settings(), Wish("champion", "the product ends", without_successor=True))
    assert told["successor"] is None and aliases() == {"retired": "5"}
    # A return is exact.
    assert rollback(load_settings(), "the product goes on")["champion"] == "5"
    assert aliases() == {"champion": "5"}


def test_a_rollback_returns_to_the_last_champion_whatever_was_retired_after_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in ("5", "2"):
        retire(load_settings(), Wish(number, "the product ends", without_successor=True))
    assert aliases() == {"retired": "2"}
    with closing(sqlite3.connect(project / "m.db")) as opened, opened:
        opened.execute("UPDATE model_versions SET creation_time = creation_time - 40 * 86400000")
    monkeypatch.setenv("MLOPS_REGISTRY__KEEP_VERSIONS", "1")
    kept = {one["version"]: one["kept"] for one in listed(load_settings())}
    assert kept["5"] == "a rollback leads to it"
    assert rollback(load_settings(), "the product goes on")["champion"] == "5"


def test_runs_that_are_gone_are_no_empty_registry(project: Path) -> None:
    """Whoever frees space by `mlflow gc` may take a run whose version stays."""
    with closing(sqlite3.connect(project / "m.db")) as opened, opened:
        opened.execute("DELETE FROM runs")
    with (
        pytest.raises(MlopsError, match=r"refuses: Run with id=.* not found") as refused,
        registry_of(load_settings()) as (client, _),
    ):
        client.get_run("0" * 32)
    assert not isinstance(refused.value, EmptyRegistryError)
    told = retire(load_settings(), Wish("old rules"))
    assert told["in_log"] and told["comparison"] is None
    assert [one["version"] for one in prune(load_settings(), really=True)["versions"]] == ["4", "3"]
    assert {one["version"] for one in listed(load_settings())} == {"1", "2", "5", "6"}


def test_what_cannot_be_retired_is_one_sentence() -> None:
    with registry_of(load_settings()) as (client, name):
        client.set_registered_model_alias(name, "challenger", "6")
    for wish, sentence in (
        (Wish("challenger"), "was never in force"),
        (Wish("4"), "was never in force"),
        (Wish("nothing"), "has no version nothing"),
        (Wish("old rules", on=today() - timedelta(days=1)), "is over"),
        (Wish("old rules", traffic=2), "from 0 to 1"),
    ):
        with pytest.raises(MlopsError, match=sentence):
            retire(load_settings(), wish)
    assert len(history(load_settings())) == 2


def test_rules_that_nothing_has_replaced_stay_unless_somebody_says_why(project: Path) -> None:
    (project / "m.db").unlink()
    with pytest.raises(MlopsError, match="no model is registered here"):
        retire(load_settings(), Wish("old rules"))
    told = retire(load_settings(), Wish("old rules", "the product ends", without_successor=True))
    assert not told["in_log"]
    kept = yaml.safe_load(Path(told["file"]).read_text(encoding="utf-8"))
    assert kept["reason"] == "the product ends" and kept["successor"] is None


def test_quiet_mlflow_asks_no_seven_times(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    with quiet_mlflow():
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "3"


@pytest.mark.parametrize(
    ("automatic", "run", "tags", "lets_in"),
    [
        (True, {"reason": "drift"}, {}, True),
        (False, {"reason": "drift"}, {}, False),
        (True, {"reason": "schedule"}, {}, False),
        (True, {}, {}, False),
        # Anybody can write a bundle that says it.
        (True, {"reason": "drift"}, {"bundle_sha256": "ab" * 32}, False),
    ],
)
def test_only_drift_takes_the_place_of_an_approval_and_only_where_the_environment_says_so(
    automatic: bool, run: dict[str, str], tags: dict[str, str], lets_in: bool
) -> None:
    asked = Promotion(approval=True, automatic=automatic)
    settings: Any = SimpleNamespace(promotion=asked)
    version: Any = SimpleNamespace(tags=tags)
    if lets_in:
        found = _approved(settings, "ab" * 32, version, run, [])
        assert found == {"approved_by": "promotion.automatic", "approval_reason": "drift"}
        return
    with pytest.raises(MlopsError, match="dev demands an approval of abababababab"):
        _approved(settings, "ab" * 32, version, run, [])
