"""The protect stage: what is not named stays behind, and real people get a real key."""

import shutil

import polars as pl
import pytest
from club import replace
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import load_sources
from mlops_kit.privacy import commands
from mlops_kit.privacy.commands import inputs
from mlops_kit.privacy.protect.keys import SAMPLE_KEY, create_key, privacy_key
from mlops_kit.privacy.protect.stage import protect
from mlops_kit.privacy.protect.tokens import token

POLICY = """
columns:
  members.member_id: {action: token, domain: member}
  visits.member_id: {action: token, domain: member}
  visits.day: {action: keep}
  visits.minutes: {action: keep}
"""
KEY = "k" * 32


@pytest.fixture
def restricted(club, club_tables, monkeypatch):
    """Return a project whose tables are in the restricted zone, with a policy and a key."""
    (club / "conf/privacy.yaml").write_text(POLICY, encoding="utf-8")
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", KEY)
    shutil.copytree(club_tables, club / "data/restricted/tables")
    return club


def test_only_named_columns_reach_the_open_zone_and_ids_only_as_tokens(restricted):
    protect()
    opened = {
        file.stem: pl.read_parquet(file) for file in (restricted / "data/open/tables").iterdir()
    }
    assert {name: table.columns for name, table in opened.items()} == {
        "members": ["member_id"],
        "visits": ["member_id", "day", "minutes"],
        "entities": ["held_out", "member_id"],
    }
    assert opened["visits"]["member_id"].str.contains("^[0-9a-f]{8}-[0-9a-f]{32}$").all()
    # Tables still join.
    assert set(opened["visits"]["member_id"]) == set(opened["members"]["member_id"])


def test_the_order_of_open_rows_does_not_tell_whose_they_are(restricted):
    protect()
    for name in ("members", "visits", "entities"):
        tokens = pl.read_parquet(restricted / f"data/open/tables/{name}.parquet")["member_id"]
        assert tokens.is_sorted()


def test_a_key_that_others_can_read_is_refused(restricted, monkeypatch):
    monkeypatch.delenv("MLOPS_PRIVACY_KEY")
    create_key().chmod(0o644)
    with pytest.raises(MlopsError, match="chmod 600"):
        privacy_key(load_sources())


def test_another_key_changes_the_record_of_inputs(restricted, monkeypatch):
    first = inputs(load_sources())
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", "j" * 32)
    second = inputs(load_sources())
    assert first != second
    assert KEY not in str(first)


def test_a_token_depends_on_value_key_and_domain_and_nothing_else():
    values = pl.Series([12, None, 13, 12])
    first = token(values, b"a" * 32, "member")
    assert first[0] == first[3] != first[2]
    assert first[1] is None
    assert set(token(values, b"b" * 32, "member")).isdisjoint(first.drop_nulls())
    assert token(values, b"a" * 32, "visitor")[0] != first[0]
    # A fixed vector: a changed scheme would break every stored token.
    assert first[0] == "3ba3f5f4-114aad6ce29db3891e3e6c7ac13a976a"


def test_the_public_key_of_the_sample_is_refused_for_any_other_source(restricted, monkeypatch):
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", SAMPLE_KEY.decode())
    with pytest.raises(MlopsError, match="public key, which protects nobody"):
        privacy_key(load_sources())


def test_without_a_key_or_with_a_short_one_nothing_is_written(restricted, monkeypatch):
    monkeypatch.delenv("MLOPS_PRIVACY_KEY")
    with pytest.raises(MlopsError, match="mlops privacy key"):
        protect()
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", "short")
    with pytest.raises(MlopsError, match="shorter than 32"):
        protect()
    assert not (restricted / "data/open").exists()


def test_a_new_key_is_for_the_owner_only_and_never_replaced(restricted):
    file = create_key()
    assert file.stat().st_mode & 0o777 == 0o600
    written = file.read_text()
    with pytest.raises(MlopsError, match="exists already"):
        create_key()
    assert file.read_text() == written


def test_a_policy_that_names_an_unknown_column_is_refused(restricted):
    replace(restricted / "conf/privacy.yaml", "visits.day", "visits.date")
    with pytest.raises(MlopsError, match=r'names "visits.date"'):
        protect()


def test_a_policy_without_the_entity_is_refused(restricted):
    replace(
        restricted / "conf/privacy.yaml",
        "  members.member_id: {action: token, domain: member}\n",
        "",
    )
    with pytest.raises(MlopsError, match=r"must name members.member_id"):
        protect()


def test_the_doctor_says_that_an_environment_has_no_key(restricted, monkeypatch):
    assert "key" not in {one.name for one in commands.examine()}
    for name in ("dev", "prod"):
        (restricted / f"conf/{name}.yaml").touch()
    monkeypatch.setenv("MLOPS_ENV", "prod")
    monkeypatch.delenv("MLOPS_PRIVACY_KEY", raising=False)
    [found] = [one for one in commands.examine() if one.name == "key"]
    assert found.status == "problem" and "prod" in found.message
