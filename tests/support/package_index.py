"""The pages of a small package index, made from a lock: names, files, hashes and dependencies."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any


def requirement(entry: dict[str, Any], extra: str = "") -> str:
    """Return a dependency of the lock as the text of a Requires-Dist line."""
    extras = f"[{','.join(entry['extra'])}]" if "extra" in entry else ""
    version = f"=={entry['version']}" if "version" in entry else ""
    markers = [f"({entry['marker']})"] if "marker" in entry else []
    markers += [f"extra == '{extra}'"] if extra else []
    return entry["name"] + extras + version + (f" ; {' and '.join(markers)}" if markers else "")


def metadata(package: dict[str, Any]) -> bytes:
    """Return the METADATA file of a locked package."""
    lines = ["Metadata-Version: 2.1", f"Name: {package['name']}", f"Version: {package['version']}"]
    lines += [f"Requires-Dist: {requirement(entry)}" for entry in package.get("dependencies", [])]
    for extra, entries in package.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {requirement(entry, extra)}" for entry in entries]
    return "\n".join([*lines, "", ""]).encode()


def pages_of(lock: Path) -> dict[str, tuple[str, bytes]]:
    """Return every path of the index with its content type and bytes (PEP 691, PEP 714)."""
    pages: dict[str, tuple[str, bytes]] = {}
    listings: dict[str, list[dict[str, Any]]] = {}
    for package in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]:
        if "registry" not in package["source"]:
            continue
        described = metadata(package)
        # A source archive would have to be built to be described: it is offered as a wheel.
        plain = f"/{package['name'].replace('-', '_')}-{package['version']}-py3-none-any.whl"
        wheels = package.get("wheels") or [{"url": plain, "hash": package["sdist"]["hash"]}]
        for wheel in wheels:
            name = wheel["url"].rsplit("/", 1)[1]
            algorithm, digest = wheel["hash"].split(":")
            listings.setdefault(package["name"], []).append(
                {
                    "filename": name,
                    "url": f"../../files/{name}",
                    "hashes": {algorithm: digest},
                    "core-metadata": {"sha256": hashlib.sha256(described).hexdigest()},
                }
            )
            pages[f"/files/{name}.metadata"] = ("text/plain", described)
    for name, files in listings.items():
        page = {"meta": {"api-version": "1.1"}, "name": name, "files": files, "versions": []}
        content_type = "application/vnd.pypi.simple.v1+json"
        pages[f"/simple/{name}/"] = (content_type, json.dumps(page).encode())
    return pages
