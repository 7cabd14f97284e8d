"""A real server under load: models change places, and its memory stays what it is."""

import http.client
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from running_server import KEY, Callers, Server, served
from served_shop import Shop, two_versions

pytestmark = pytest.mark.xdist_group("loaded server")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return two_versions(tmp_path_factory.mktemp("loaded") / "shop", poll_seconds=0.2)


@pytest.mark.repetition
@pytest.mark.parametrize("swaps", [2, 10])
def test_swaps_a_canary_and_its_end_under_load_fail_no_request(
    shop: Shop, swaps: int, figure: Any
) -> None:
    shop.champion("1")
    shop.alias("challenger", None)
    canary = {"alias": "challenger", "weight": 0.3}
    with (
        shop.configured(canary=canary),
        served(shop.project) as server,
        Callers(server.port, shop.ids, 8) as callers,
    ):

        def told(count: int = 200) -> dict[str, set[tuple[str, str]]]:
            """Wait for so many more answers; return by id which versions gave them, as whom."""
            begun = len(callers.answers)
            server.wait_for(lambda: len(callers.answers) >= begun + count, 120)
            found: dict[str, set[tuple[str, str]]] = {}
            for _, id_, said in callers.answers[begun:]:
                found.setdefault(id_, set()).add((said["version"], said["answered_by"]))
            return found

        def all_say(*wanted: tuple[str, str]) -> None:
            """Wait until those of whom is asked are answered so, each always alike."""
            until = time.monotonic() + 120
            while True:
                found = told()
                if all(len(one) == 1 for one in found.values()) and (
                    set.union(*found.values()) == set(wanted)
                ):
                    return
                assert time.monotonic() < until, found

        for turn in range(swaps):
            number = "21"[turn % 2]
            shop.champion(number)
            all_say((number, "model"))
        shop.champion("1")
        all_say(("1", "model"))
        shop.alias("challenger", "2")
        all_say(("1", "model"), ("2", "canary"))
        # It is promoted, and then taken back.
        shop.champion("2")
        all_say(("2", "model"), ("2", "canary"))
        shop.champion("1")
        shop.alias("challenger", None)
        all_say(("1", "model"))
        assert "Traceback" not in server.said
    shop.check(callers)
    assert callers.lost == 0
    figure(f"{swaps} swaps, a canary, a rollback: {len(callers.answers):,} requests, none failed")


def memory_of(server: Server) -> tuple[int, int]:
    """Return the megabytes that a server's processes hold, and how many files they have open."""
    kilobytes = files = 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(place.name)) != server.process.pid:
                continue
            status = (place / "status").read_text(encoding="utf-8")
            kilobytes += int(status.partition("VmRSS:")[2].split()[0])
            files += len(list((place / "fd").iterdir()))
        except (OSError, IndexError):
            continue
    return kilobytes // 1024, files


@pytest.mark.repetition
def test_five_minutes_under_load_take_no_more_memory(shop: Shop, figure: Any) -> None:
    shop.champion("1")
    shop.alias("challenger", None)
    stop, answered, wrong = threading.Event(), [0], []
    rows = {"rows": [{"id": id_} for id_ in (shop.ids * 4)[:100]]}
    wanted = [shop.said["1"][one["id"]] for one in rows["rows"]]

    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Authorization": f"Bearer {KEY}"}
        while not stop.is_set():
            connection.request("POST", "/predict/batch", json.dumps(rows), headers)
            answer = connection.getresponse()
            content = answer.read()
            if (
                answer.status != 200
                or [one["score"] for one in json.loads(content)["rows"]] != wanted
            ):
                wrong.append(content[:200])
                return
            answered[0] += 1
        connection.close()

    with served(shop.project) as server:
        threads = [threading.Thread(target=ask, args=(server.port,)) for _ in range(4)]
        begun, seen = time.monotonic(), []
        for thread in threads:
            thread.start()
        try:
            while (took := time.monotonic() - begun) < 300 and not wrong:
                time.sleep(5)
                seen.append((took, *memory_of(server)))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        told = server.ask("/metrics")[1]
    assert wrong == []
    assert "mlops_serve_log_dropped 0.0" in told and "mlops_serve_log_failures 0.0" in told
    # What it needs it has after a minute.
    early = max(megabytes for took, megabytes, _ in seen if took < 60)
    late = max(megabytes for took, megabytes, _ in seen if took > 240)
    assert min(megabytes for _, megabytes, _ in seen) > 50
    assert late < early * 1.05, seen
    assert max(files for _, _, files in seen[-12:]) <= max(files for _, _, files in seen[:12])
    figure(f"{answered[0] * 100:,} rows in 5 minutes: {early} MB at first, {late} MB at last")
