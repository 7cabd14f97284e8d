"""Programs of Debian that some tests need: installed where that is possible."""

import os
import shutil
import subprocess
from pathlib import Path

SECONDS = 120  # that another installation may take


def found(program: str) -> str | None:
    """Return where a program, or a library by a pattern below /usr/lib, is, if it is here."""
    if "*" in program:
        return next(map(str, Path("/usr/lib").glob(program)), None)
    return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))


def brought(program: str, *packages: str) -> str:
    """Return what keeps a program away after its packages were installed; "" when it is there."""
    if found(program):
        return ""
    if os.geteuid() or shutil.which("apt-get") is None:
        return f"{program} is not here: apt-get install {' '.join(packages)}"
    said = ""
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        command = ["apt-get", "--quiet", "-o", f"DPkg::Lock::Timeout={SECONDS}", *words]
        done = subprocess.run(
            command,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stderr.strip()[-300:]
    return "" if found(program) else f"{program} cannot be installed: {said}"
