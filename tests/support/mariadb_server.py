"""A MariaDB server of the machine's own, on 127.0.0.1, in a folder of its own."""

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pymysql
from debian import found
from listening import connects, free_port, stop, wait_for

UNPRIVILEGED = 65534  # it refuses to run as root


class MariaDB:
    """A database server with a database `shop` and a user who owns it."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="copier-mlops-mariadb-"))
        self.port, self.password = free_port(), f"{secrets.token_hex(4)}:/@{secrets.token_hex(2)}"
        self.who = None if os.geteuid() else UNPRIVILEGED
        if self.who:
            os.chown(self.home, UNPRIVILEGED, UNPRIVILEGED)
        install = [str(found("mariadb-install-db")), "--no-defaults", "--skip-test-db",
                   f"--datadir={self.home / 'data'}",
                   "--auth-root-authentication-method=normal"]  # fmt: skip
        subprocess.run(install, cwd=self.home, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, user=self.who, group=self.who)  # fmt: skip
        self.start()
        with contextlib.closing(self.administrator()) as connection:
            cursor = connection.cursor()
            cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
            cursor.execute("CREATE USER owner@'127.0.0.1' IDENTIFIED BY %s", [self.password])
            cursor.execute("GRANT ALL ON shop.* TO owner@'127.0.0.1'")

    def start(self) -> None:
        """Start it; what it held before is there."""
        command = [str(found("mariadbd")), "--no-defaults", f"--datadir={self.home / 'data'}",
                   f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-log-bin",
                   f"--socket={self.home / 'socket'}", f"--pid-file={self.home / 'pid'}",
                   "--innodb-flush-log-at-trx-commit=1",  # what is committed outlives a kill
                   "--max-allowed-packet=64M"]  # fmt: skip
        log = self.home / "log"
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                command, cwd=self.home, stdout=said, stderr=said, start_new_session=True,
                user=self.who, group=self.who,
            )  # fmt: skip
        wait_for(connects(self.port), self.process, log, 60)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def administrator(self, **more: Any) -> Any:
        """Open a connection that may do everything."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", autocommit=True, **more
        )

    def owner(self) -> Any:
        """Open a connection to the database as its owner."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="owner", password=self.password,
            database="shop", autocommit=True, charset="utf8mb4",
            max_allowed_packet=64 << 20,
        )  # fmt: skip

    def close(self) -> None:
        """Stop it and remove what it held."""
        if self.process.poll() is None:
            stop(self.process)
        shutil.rmtree(self.home, ignore_errors=True)
