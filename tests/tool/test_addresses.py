"""Passwords in addresses: the tool, the rendered code and the template cut out the same."""

import json
from importlib import import_module

import jinja2
import pytest
import yaml
from copier_mlops.addresses import sign_in_of, without_credentials
from jinja2.sandbox import SandboxedEnvironment
from rendering import ROOT

TEMPLATES = {
    "https://user:TOKEN@host/x.git": "https://host/x.git",
    "https://TOKEN@host/x.git": "https://host/x.git",
    "https://:TOKEN@host/x.git": "https://host/x.git",
    "HTTPS://user:TOKEN@host/x.git": "HTTPS://host/x.git",
    "git+https://user:TOKEN@host/x": "git+https://host/x",
    "https://user:p@TOKEN@host/x": "https://host/x",
    "https://user:p%40TOKEN%2F@host:8443/x": "https://host:8443/x",
    "https://user:a/TOKEN@host/x": "https://host/x",
    "https://user:TOKEN@[::1]:80/x": "https://[::1]:80/x",
    "https://host/x.git?private_token=TOKEN&b=1": "https://host/x.git?b=1",
    "https://host/x.git?b=1&access_token=TOKEN&c=2": "https://host/x.git?b=1&c=2",
    "https://host/x?sig=TOKEN": "https://host/x",
    "ssh://git:TOKEN@host/x": "ssh://git@host/x",
    "ssh://git@host/x": "ssh://git@host/x",
    "git+ssh://git@host/x": "git+ssh://git@host/x",
    "git@host:group/x.git": "git@host:group/x.git",
    "https://host:8443/group/x@v1": "https://host:8443/group/x@v1",
    "https://[::1]:80/x@y": "https://[::1]:80/x@y",
    "https://host/x?author=me": "https://host/x?author=me",
    "gh:owner/name": "gh:owner/name",
    "/srv/templates/a@b": "/srv/templates/a@b",
}
TEXTS = {
    "fatal: unable to access 'https://u:TOKEN@h/x/': no, 'http://TOKEN@h/'": (
        "fatal: unable to access 'https://h/x/': no, 'http://h/'"
    ),
    "postgresql://u:TOKEN@h:5432/db?sslmode=on&password=TOKEN": "postgresql://h:5432/db?sslmode=on",
    "postgresql+psycopg://TOKEN@h/db": "postgresql+psycopg://h/db",
    "mongodb://u:TOKEN@h1:1,h2:2/db": "mongodb://h1:1,h2:2/db",
    "mssql://h/db?odbc_connect=TOKEN": "mssql://h/db",
    "s3://bucket/key?X-Amz-Signature=TOKEN&X-Amz-Date=1": "s3://bucket/key?X-Amz-Date=1",
    "abfss://container@account.dfs.example/x": "abfss://container@account.dfs.example/x",
    "next=https%3A%2F%2Fu%3ATOKEN%40h%2Fx": "next=https%3A%2F%2Fh%2Fx",
    "git+https://github.com/o/r@v1 and user@example.org": (
        "git+https://github.com/o/r@v1 and user@example.org"
    ),
    "http://localhost:{port}/@vite and https://registry/@scope/name": (
        "http://localhost:{port}/@vite and https://registry/@scope/name"
    ),
    "a@b ://c :// @d": "a@b ://c :// @d",
}


@pytest.mark.parametrize(("given", "clean"), {**TEMPLATES, **TEXTS}.items())
def test_users_passwords_and_tokens_are_cut_out_and_nothing_else(given: str, clean: str) -> None:
    assert without_credentials(given) == clean
    assert without_credentials(clean) == clean
    assert import_module("mlops_kit.core.errors").without_credentials(given) == clean
    around = json.dumps({"a": given, "b": ["x@y", given]})
    assert json.loads(without_credentials(around)) == {"a": clean, "b": ["x@y", clean]}


@pytest.mark.parametrize(("given", "clean"), TEMPLATES.items())
def test_plain_copier_stores_the_address_without_a_password(given: str, clean: str) -> None:
    # As Copier renders it: https://copier.readthedocs.io, "Jinja2 filters".
    environment = SandboxedEnvironment(
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    file = ROOT / "template" / "{{ _copier_conf.answers_file }}.jinja"
    answers = {"_commit": "v1", "_src_path": given, "package_name": "shop", "text": "a@b"}
    source = environment.from_string(file.read_text(encoding="utf-8"))
    text = source.render(_copier_answers=answers)
    assert yaml.safe_load(text) == {**answers, "_src_path": clean}
    assert text.startswith("# Written by Copier")
    nowhere = source.render(_copier_answers={"package_name": "shop"})
    assert yaml.safe_load(nowhere) == {"package_name": "shop"}


@pytest.mark.parametrize(
    ("address", "user", "password"),
    [
        ("https://user:TOKEN@host/x", "user", "TOKEN"),
        ("https://TOKEN@host/x", "TOKEN", ""),
        ("git+https://:p%40%2F@host/x", "", "p@/"),
        ("http://user:p@ss:word@host/x", "user", "p@ss:word"),
    ],
)
def test_who_asks_is_read_from_the_address(address: str, user: str, password: str) -> None:
    assert sign_in_of(address) == (user, password)


@pytest.mark.parametrize(
    "address", ["https://host/x", "ssh://git:x@host/y", "git@host:x", "/a", "https://h/x@y"]
)
def test_an_address_without_a_password_says_nothing_about_who_asks(address: str) -> None:
    assert sign_in_of(address) is None


def test_slashes_that_json_escapes_hide_nothing() -> None:
    given, clean = r'{"uri": "https:\/\/u:TOKEN@h\/x"}', r'{"uri": "https:\/\/h\/x"}'
    assert without_credentials(given) == clean
    assert without_credentials(r"ssh:\/\/git:TOKEN@h") == r"ssh:\/\/git@h"
