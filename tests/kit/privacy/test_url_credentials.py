"""The gate knows passwords and tokens in web addresses, and what only stands for one."""

from importlib import import_module
from pathlib import Path

import pytest
from mlops_kit.privacy.gate import scan as scanning

TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"  # noqa: S105 - made up
FOUND = [  # what is found stands between the bars
    f"https://|user:{TOKEN}@github.com|/o/r.git",
    "_src_path: https://|user:a8Zk2q@host|/x.git",
    "https://|x-access-token:s3cr3t-T0k3n@127.0.0.1:8080|/x",
    f"https://|{TOKEN}@github.com|/o/r",
    "git+https://|:glpat-Abc123def456ghi789jk@gitlab.com|/x",
    "postgresql+psycopg://|app:Tr0ub4dor@db.prod.internal:5432|/shop",
    "mongodb+srv://|ana:k9v2Qw@cluster0.abc.mongodb.net|",
    "redis://|:p4ssw0rd-9z@cache:6379|/0",
    "url: amqp://|svc:hunter2@rabbit:5672|/",
    "https://h/x.git?|private_token=glpat-Abc123def456|",
    "https://acc.blob.core.windows.net/c?sv=2022&|sig=a8Zk2qWx%2Fz|",
    "jdbc:postgresql://h/db?user=a&|password=Q9x8z7|",
]
NEAR_MISSES = [
    "https://user:password@example.com",
    "https://ana:Tr0ub4dor@www.example.org/x",
    "postgresql://user:password@localhost/db",
    "https://${USER}:${TOKEN}@host/x",
    "https://$USER:$TOKEN@host",
    "https://<user>:<token>@host",
    "https://user:***@host/x",
    "https://user:xxxx@host/x",
    "https://user:your-token-here@host",
    "https://user:TOKEN@host/x",
    'f"postgresql://{user}:{password}@{host}/db"',
    "postgresql://%s:%s@%s/db",
    "mysql://root:root@db",
    "amqp://guest:guest@localhost",
    "postgresql://scott:tiger@localhost/test",
    "https://host:8443/group/x@v1",
    "https://team@bitbucket/t/r.git",
    "ssh://git@github.com:22/x",
    "git@github.com:o/r.git",
    "docker://repo:tag@sha256:abc",
    "github://owner:repo@main/path",
    "re.compile(r'https?://[^/:]+:([^@]+)@')",
    "http://localhost:3000/@vite/client",
    "https://medium.com/@user:abc/x",
    "https://mastodon.social:443/@ana",
    "https://codecov.io/gh/a/badge.svg?token=ABCDEF1234",
    "https://x/y?page_token=abc123def456",
    "/login?password=password",
    "?api_key=YOUR_API_KEY",
    "/x?pwd={pwd}",
]


def found(words: str) -> list[str]:
    spans = scanning.gated(words)
    return [words[s.start : s.end] for s in spans if s.entity == "url_credential"]


@pytest.mark.parametrize("marked", FOUND)
def test_a_password_or_token_in_an_address_is_found(marked: str) -> None:
    words, secret = marked.replace("|", ""), marked.split("|")[1]
    assert found(words) == [secret]
    assert found(f"see <{words}>, and\n({words})") == [secret, secret]
    assert secret not in scanning.without_personal_data(words)


@pytest.mark.parametrize("words", NEAR_MISSES)
def test_what_opens_nothing_is_left_alone(words: str) -> None:
    assert found(words) == []
    assert found(f'"{words}" {words}') == []


def test_a_token_of_any_length_is_found() -> None:
    for length in (8, 99, 100, 101, 300, 3000):
        token = ("Ab1" * length)[:length]
        words = f"index-url = https://aws:{token}@domain.d.codeartifact.eu/pypi"
        assert len(found(words)) == 1, length


def test_the_gate_closes_on_an_answers_file_with_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = Path(".copier-answers.yml")
    answers.write_text(f"_src_path: https://user:{TOKEN}@127.0.0.1:81/x.git\n", encoding="utf-8")
    entities = [one.entity for one in scan(answers)]
    assert entities == ["url_credential"]
    answers.write_text("_src_path: https://127.0.0.1:81/x.git\n", encoding="utf-8")
    assert scan(answers) == []


def scan(path: Path) -> list:
    formats = import_module("mlops_kit.privacy.read.open_file")
    pieces = formats.pieces_of_bytes(path.read_bytes(), path.as_posix(), path.name, 3)
    return scanning.scan_pieces(pieces, scanning.in_column_lightly)


def test_one_password_in_an_address_of_a_long_column_is_found() -> None:
    import polars as pl

    links = [f"https://shop.corp.io/{n}" for n in range(2_000)]
    links[7] = "https://ana:s3cr3tPass@db.corp.io/x"
    links[8] = "https://user:password@localhost/db"
    (found,) = import_module("mlops_kit.privacy.detect.columns.column").scan(
        "link", pl.Series(links)
    )
    assert (found.entity, found.count, found.position) == ("url_credential", 1, 8)
