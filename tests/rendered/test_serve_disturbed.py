"""A real server that is killed, whose registry, disk and clock fail: no wrong answer, one sentence.

An answer is wrong that is not the one of the version which it names.
"""

import contextlib
import random
import re
import shutil
import socket
import sqlite3
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from debian import found
from running import Project, first_and_repetitions
from running_server import KEY, Callers, served
from served_shop import LOG, Shop, two_versions
from serving import malformed, odd_number
from small_disk import small_disk
from stages import command

pytestmark = pytest.mark.xdist_group("disturbed server")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return two_versions(
        tmp_path_factory.mktemp("disturbed") / "shop",
        log={"flush_seconds": 0.1}, limits={"body_seconds": 2}, poll_seconds=0.2,
    )  # fmt: skip


@contextlib.contextmanager
def moved(shop: Shop) -> Iterator[None]:
    """Promote the one and the other version again and again, and write the snapshot anew."""
    stop = threading.Event()
    snapshot = shop.project.path / "data/open/snapshot.sqlite"

    def on() -> None:
        while not stop.wait(0.15):
            shop.champion(random.choice("12"))  # noqa: S311
            copy = snapshot.with_suffix(".new")
            shutil.copyfile(snapshot, copy)
            copy.replace(snapshot)

    mover = threading.Thread(target=on)
    mover.start()
    try:
        yield
    finally:
        stop.set()
        mover.join()


@pytest.mark.parametrize("kills", first_and_repetitions(1, 10))
def test_kill_9_of_the_server_leaves_a_whole_log_and_no_wrong_answer(
    shop: Shop, kills: int, figure: Any
) -> None:
    draw, told, kept = random.Random(kills), 0, 0  # noqa: S311
    for _ in range(kills):
        shutil.rmtree(shop.project.path / LOG, ignore_errors=True)
        with served(shop.project) as server, moved(shop), Callers(server.port, shop.ids) as callers:
            server.wait_for(lambda: len(callers.answers) > 10)
            time.sleep(draw.uniform(0.2, 3))
            server.kill()
        shop.check(callers)
        logged = shop.logged()
        requests = {said["request_id"] for _, _, said in callers.answers}
        assert logged["request_id"].n_unique() == len(logged)
        # Each line is of an answer; those of the last moment may be lost, or their answers.
        assert len(set(logged["request_id"]) - requests) <= 3
        told, kept = told + len(requests), kept + len(logged)
    figure(f"{kills} kills: {told:,} answers, {kept:,} of them in the log, none wrong")
    with served(shop.project) as server:
        assert server.ask("/predict", {"id": shop.ids[0]})[0] == 200


@pytest.mark.repetition
def test_a_registry_that_is_locked_gone_or_another_leaves_the_model_in_force(shop: Shop) -> None:
    shop.champion("1")
    kept = shop.registry.with_suffix(".kept")
    with served(shop.project) as server, Callers(server.port, shop.ids) as callers:
        with contextlib.closing(sqlite3.connect(shop.registry)) as other:
            other.execute("BEGIN EXCLUSIVE")
            server.wait_for(lambda: "Version 1 answers on." in server.said)
            assert "mlops_serve_out_of_date 1.0" in server.ask("/metrics")[1]
            other.rollback()
        server.wait_for(lambda: "mlops_serve_out_of_date 0.0" in server.ask("/metrics")[1])
        shop.registry.rename(kept)
        server.wait_for(lambda: "no model is registered" in server.said)
        # Whoever brings it back brings another file: it must be seen that it says something else.
        shutil.copyfile(kept, shop.registry)
        shop.champion("2")
        server.wait_for(lambda: callers.answers[-1][2]["version"] == "2", 30)
        shop.registry.write_bytes(b"no database at all")
        server.wait_for(lambda: server.said.count("answers on.") >= 3)
        kept.replace(shop.registry)
        server.wait_for(lambda: callers.answers[-1][2]["version"] == "1", 30)
        assert "Traceback" not in server.said
        assert all(len(line) < 300 for line in server.said.splitlines()), server.said
    shop.check(callers)
    assert callers.lost == 0
    with contextlib.closing(sqlite3.connect(shop.registry)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for words in ("serve", "snapshot", "promote"):
            done = command(Project(shop.project.path, {"MLOPS_SERVE_KEY": KEY}), words)
            assert done.returncode == 3, (words, done.stderr)
            assert "holds the registry" in done.stderr and "Traceback" not in done.stderr


def test_a_full_disk_costs_lines_of_the_log_and_no_answer(shop: Shop) -> None:
    shop.champion("1")
    shutil.rmtree(shop.project.path / LOG, ignore_errors=True)
    with small_disk(shop.project.path / LOG, 2) as disk:
        disk.fill(0)
        with served(shop.project) as server, Callers(server.port, shop.ids) as callers:
            server.wait_for(lambda: "The disk is full" in server.said)
            server.wait_for(lambda: len(callers.answers) > 300)
            assert not list(disk.path.rglob("[!.]*.parquet"))
            disk.clear()
            server.wait_for(lambda: list(disk.path.rglob("[!.]*.parquet")))
            assert server.said.count("The disk is full") == 1, "it is said once"
        # The server has ended when its block ends: what waited is written by then.
        shop.check(callers)
        assert sorted(shop.logged()["request_id"]) == sorted(
            said["request_id"] for _, _, said in callers.answers
        )
        assert not list(disk.path.rglob(".*.tmp"))


BROKEN = [
    b"\x00" * 50,
    b"GET\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /predict HTTP/9.9\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nContent-Length: 9999999999999999999999999\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"POST /predict HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"GET /predict HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + b"A: b\r\n" * 50_000,
    b"GET /" + b"a" * 200_000,
]


def sent(port: int, content: bytes, seconds: float = 20) -> bytes:
    """Send bytes on a connection of their own, and no more; return what comes until it ends."""
    said = b""
    address = ("127.0.0.1", port)
    with (
        socket.create_connection(address, timeout=seconds) as connection,
        contextlib.suppress(ConnectionError),
    ):
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            said += part
    return said


def posted(body: bytes, key: str = KEY, path: str = "/predict") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


@pytest.mark.parametrize("bodies", first_and_repetitions(300, 10_000))
def test_whatever_is_sent_the_others_are_answered(shop: Shop, bodies: int, figure: Any) -> None:
    shop.champion("1")
    found: dict[bytes, int] = {}
    with served(shop.project) as server, Callers(server.port, shop.ids) as callers:
        for turn in range(bodies):
            path = ("/predict", "/predict/batch")[turn % 2]
            said = sent(server.port, posted(malformed(turn), path=path))
            found[said[9:12]] = found.get(said[9:12], 0) + 1
        assert set(found) <= {b"200", b"404", b"413", b"422"}
        for content in BROKEN:
            assert not sent(server.port, content).startswith(b"HTTP/1.1 5"), content[:80]
        large = posted(b'{"id": "' + b"a" * 5_000_000 + b'"}')
        assert sent(server.port, large)[9:12] == b"413"
        told = {sent(server.port, posted(malformed(turn), key="wrong")) for turn in range(50)}
        # Nobody without a key learns anything: not even when it was asked.
        assert {re.sub(rb"\r\ndate: [^\r]*", b"", one) for one in told if one} == {
            b"HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 63\r\n"
            b"www-authenticate: Bearer\r\nconnection: close\r\n\r\n"
            b'{"detail": [{"field": "request", "reason": "a key is needed"}]}'
        }
        assert "Traceback" not in server.said
        assert len(server.said) < 2_000, server.said
    shop.check(callers)
    assert callers.lost == 0
    figure(f"{bodies} malformed bodies: {found}; {len(callers.answers):,} others answered")


def gone(port: int, content: bytes) -> None:
    """Send bytes and go in their middle, without a word: the other side is told of a reset."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(content)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.repetition
@pytest.mark.parametrize("bodies", [300, 10_000])
def test_numbers_that_are_none_are_refused_and_the_others_are_answered(
    shop: Shop, bodies: int, figure: Any
) -> None:
    """NaN, infinities, and what no float holds, as the features that a request gives itself."""
    shop.champion("1")
    numbers = {"average_order": "50.0", "order_rate": "0.5"}
    given = {"features": {name: float(text) for name, text in numbers.items()}}
    found: dict[bytes, int] = {}
    own = {"source": "both", "given": list(numbers), "max_age_hours": None}
    with (
        shop.configured(features=own),
        served(shop.project) as server,
        Callers(server.port, shop.ids, more=given) as callers,
    ):
        for turn in range(bodies):
            odd = dict(zip(numbers, ["1.5", odd_number(turn)][:: turn % 2 * 2 - 1], strict=True))
            told = ", ".join(f'"{name}": {text}' for name, text in odd.items())
            row = f'{{"id": "{shop.ids[0]}", "features": {{{told}}}}}'
            body, path = row, "/predict"
            if turn % 3 == 0:
                body, path = f'{{"rows": [{row}, {row}]}}', "/predict/batch"
            content = posted(body.encode(), path=path)
            if turn % 10 == 9:
                gone(server.port, content[: -1 - turn % 40])
                continue
            said = sent(server.port, content)
            assert said.startswith(b"HTTP/1.1 422"), (odd, said[:200])
            assert b"average_order" in said or b"order_rate" in said or b"body" in said
            found[said[9:12]] = found.get(said[9:12], 0) + 1
        assert "Traceback" not in server.said
        assert len(server.said) < 2_000, server.said
    assert {status for status, _, _ in callers.answers} == {200}
    assert len({(id_, said["score"]) for _, id_, said in callers.answers}) <= len(shop.ids)
    assert callers.lost == 0
    figure(f"{bodies} bodies with odd numbers: {found}; {len(callers.answers):,} others answered")


SLOW = {
    "nothing at all": b"",
    "a head that does not end": b"GET /health HTTP/1.1\r\n",
    "a body that does not come": posted(b"").replace(b"Length: 0", b"Length: 9") + b"{",
    "a body without a key": b"POST /predict HTTP/1.1\r\nContent-Length: 900\r\n\r\n{",
}


@pytest.mark.parametrize("what", first_and_repetitions(*SLOW))
def test_hundreds_who_are_slow_hold_up_nobody(shop: Shop, what: str) -> None:
    """More connections than the server may have files: each sends a letter now and then."""
    shop.champion("1")
    few = ("sh", "-c", 'ulimit -n 200; exec "$@"', "sh")
    with served(shop.project, before=few) as server:
        # One alone is ended, too: with an answer, or without.
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as alone:
            alone.sendall(SLOW[what])
            while alone.recv(65536):
                pass
        with Callers(server.port, shop.ids) as callers, contextlib.ExitStack() as opened:
            server.wait_for(lambda: len(callers.answers) > 10)
            slow = []
            for _ in range(300):
                one = socket.create_connection(("127.0.0.1", server.port), timeout=5)
                opened.callback(one.close)
                slow.append(one)
                with contextlib.suppress(OSError):
                    one.sendall(SLOW[what])

            def new_ones_are_answered() -> bool:
                for one in slow:
                    with contextlib.suppress(OSError):
                        one.sendall(b"x" if SLOW[what] else b"")
                return all(
                    server.ask("/predict", {"id": id_}, seconds=1)[0] == 200 for id_ in shop.ids[:9]
                )

            server.wait_for(new_ones_are_answered, 20)
            asked = len(callers.answers)
            server.wait_for(lambda: len(callers.answers) > asked, 20)
        shop.check(callers)
        assert callers.lost == 0
        assert "Traceback" not in server.said, server.said


FAKETIME = "*/faketime/libfaketimeMT.so.1"


@pytest.mark.debian(FAKETIME, "libfaketime")
def test_a_clock_that_jumps_wipes_no_log_and_stops_no_answer(shop: Shop, tmp_path: Path) -> None:
    shop.champion("1")
    log, clock = shop.project.path / LOG, tmp_path / "clock"
    shutil.rmtree(log, ignore_errors=True)
    clock.write_text("+0", encoding="utf-8")
    jumping = {
        "LD_PRELOAD": str(found(FAKETIME)), "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip

    def days() -> list[str]:
        return sorted(one.name[4:8] for one in log.glob("day=*"))

    with (
        served(shop.project, environment=jumping) as server,
        Callers(server.port, shop.ids) as callers,
    ):
        server.wait_for(days)
        (year,) = days()
        clock.write_text("+3650d", encoding="utf-8")
        server.wait_for(lambda: len(days()) == 2)
        server.wait_for(lambda: "too old by this machine's clock" in server.said)
        clock.write_text("-3650d", encoding="utf-8")
        server.wait_for(lambda: len(days()) == 3)
        clock.write_text("+0", encoding="utf-8")
        asked = len(callers.answers)
        server.wait_for(lambda: len(callers.answers) > asked + 30)
        assert days()[1] == year
        assert "Traceback" not in server.said
    shop.check(callers)
    assert callers.lost == 0
    assert shop.logged()["request_id"].n_unique() == len(callers.answers)
