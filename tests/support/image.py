"""Follow a rendered Dockerfile without a container engine: its own steps, in folders, step by step.

Each stage is a folder that stands for the root of its image. A step runs in it by chroot, in mounts
of its own: what the base image would bring (/usr, /etc, a Python) is this machine's, read-only.
What is not followed: pulling images, and `apt-get` (the programs must be on this machine).
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

OF_MACHINE = ("/usr", "/etc", "/var", "/proc", "/dev", "/sys")
LINKS = ("bin", "lib", "lib64", "sbin")
WRITTEN = ("job", "tmp")
PYTHON = "/python"
TOOLS = "/tools"
CACHE = "/cache"
REACHES_INDEX = re.compile(r"UV_(DEFAULT_)?INDEX|SSL_CERT_|(?i:https?|no)_proxy")
# As this machine's, and not as written: bytecode and copies only cost time here.
CHEAPER = {"UV_COMPILE_BYTECODE": "0", "UV_LINK_MODE": "hardlink", "UV_CACHE_DIR": CACHE}


@dataclass(frozen=True)
class Stage:
    """A stage of a Dockerfile: what it is from, and its instructions as (word, rest)."""

    name: str
    base: str
    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Image:
    """What following a stage left: a folder, and how a container of it starts."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    def run(
        self, *command: str, user: str = "", secrets: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a container to its end; see `container`."""
        words = self.container(*command, user=user, secrets=secrets, **variables)
        return subprocess.run(words, capture_output=True, text=True, check=False)

    def container(
        self, *command: str, user: str = "", secrets: Path | None = None, **variables: str
    ) -> list[str]:
        """Return what starts a container: this image's user, only /job and /tmp can be written."""
        words = [*self.entrypoint, *(command or self.command)]
        secret = {"/run/secrets": secrets} if secrets else {}
        environment = {**self.environment, **variables}
        return self.inside(words, user or self.user, environment, secret, writable=False)

    def inside(
        self,
        words: list[str],
        user: str,
        environment: dict[str, str],
        mounts: dict[str, Path],
        *,
        writable: bool,
    ) -> list[str]:
        """Return what runs a command with this folder as its root."""
        root = self.root
        script = ["set -e", f"mount --bind {root} {root}"]
        machine = {name: Path(name) for name in OF_MACHINE}
        machine |= {PYTHON: Path(sys.base_prefix), **mounts}
        for inner, outer in machine.items():
            place = f"{root}{inner}"
            script.append(f"mount --rbind {shlex.quote(str(outer))} {place}")
            if inner != CACHE:
                script.append(f"mount -o remount,ro,bind {place}")
            Path(place).mkdir(parents=True, exist_ok=True)
        for name in LINKS:
            if not (root / name).is_symlink():
                (root / name).symlink_to(f"usr/{name}")
        for own in WRITTEN:
            (root / own).mkdir(exist_ok=True)
        (root / "tmp").chmod(0o1777)
        if not writable:
            script += [f"mount --bind {root}/{own} {root}/{own}" for own in WRITTEN]
            script.append(f"mount -o remount,ro,bind {root}")
        variables = shlex.join(f"{name}={value}" for name, value in environment.items())
        inner = f"cd {shlex.quote(self.folder)} && exec {shlex.join(words)}"
        script.append(
            f"exec chroot --userspec={user} --groups= {root} "
            f"env -i {variables} sh -c {shlex.quote(inner)}"
        )
        sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        own = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script)]
        return [*sudo, *own]


def stages(dockerfile: Path) -> tuple[dict[str, str], list[Stage]]:
    """Read a Dockerfile: its first arguments with their defaults, and its stages."""
    text = re.sub(r"(?m)^\s*#.*\n", "", dockerfile.read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    arguments: dict[str, str] = {}
    found: list[Stage] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(name, _filled(base, arguments), ()))
        elif not found:
            name, _, value = rest.partition("=")
            arguments[name] = value
        else:
            found[-1] = replace(found[-1], steps=(*found[-1].steps, (word, rest)))
    return arguments, found


def follow(project: Path, target: str, folder: Path, **arguments: str) -> Image:
    """Follow the steps of a stage and of those that it is made from; return what they left."""
    _, found = stages(project / "infra" / "Dockerfile")
    by_name = {stage.name: stage for stage in found}
    made: dict[str, Image] = {}

    def image(name: str) -> Image:
        if name not in made:
            made[name] = _follow(by_name[name], project, folder / name, image, by_name, arguments)
        return made[name]

    return image(target)


def _follow(
    stage: Stage,
    project: Path,
    root: Path,
    image: Callable[[str], Image],
    by_name: Mapping[str, Stage],
    arguments: Mapping[str, str],
) -> Image:
    if stage.base in by_name:
        base = image(stage.base)
        _copied(base.root, root)
        now = replace(base, root=root)
    else:
        root.mkdir(parents=True)
        # A shared build of Python looks for its library where it was installed, not where it is.
        base = {"PATH": f"{PYTHON}/bin:/usr/local/bin:/usr/bin:/bin"}
        now = Image(root, {**base, "LD_LIBRARY_PATH": f"{PYTHON}/lib"})
    known = {**arguments}
    for word, rest in stage.steps:
        if word == "ARG":
            name, _, default = rest.partition("=")
            known.setdefault(name, default.strip('"'))
        elif word == "ENV":
            pairs = (part.partition("=") for part in shlex.split(rest))
            values = {n: _filled(v, {**known, **now.environment}) for n, _, v in pairs}
            now = replace(now, environment={**now.environment, **values})
        elif word == "WORKDIR":
            _inside(root, rest).mkdir(parents=True, exist_ok=True)
            now = replace(now, folder=rest)
        elif word == "USER":
            now = replace(now, user=rest)
        elif word == "ENTRYPOINT":
            now = replace(now, entrypoint=tuple(json.loads(rest)))
        elif word == "CMD":
            now = replace(now, command=tuple(json.loads(rest)))
        elif word == "COPY":
            _copy(rest, project, now, image, by_name)
        elif word == "RUN":
            _run(rest, now, known)
        elif word not in {"LABEL", "EXPOSE"}:
            raise AssertionError(f"nobody taught this to follow {word}")
    return now


def _copy(
    rest: str,
    project: Path,
    now: Image,
    image: Callable[[str], Image],
    by_name: Mapping[str, Stage],
) -> None:
    words = shlex.split(rest)
    source = next((w.removeprefix("--from=") for w in words if w.startswith("--from=")), None)
    *names, target = [word for word in words if not word.startswith("--")]
    place = _inside(now.root, target if target.startswith("/") else f"{now.folder}/{target}")
    if source is not None and source in by_name and by_name[source].steps:
        for name in names:
            _copied(_inside(image(source).root, name), place)
        return
    if source is not None:  # an image that only brings a program
        for name in names:
            assert shutil.which(Path(name).name), f"{name} must be on this machine"
        return
    allowed = context(project)
    for name in names:
        chosen = [path for path in allowed if name in {".", path}]
        assert chosen, f"{name} is not in the context of the build"
        for path in chosen:
            into = place / path if target.endswith((".", "/")) else place
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / path, into)


def _run(rest: str, now: Image, known: Mapping[str, str]) -> None:
    command = re.sub(r"--mount=\S+\s*", "", rest)
    if command.startswith("apt-get"):
        (names,) = re.findall(r"--no-install-recommends ([\w -]+?) &&", command)
        missing = [name for name in names.split() if shutil.which(name) is None]
        assert not missing, f"apt-get would bring {missing}; they must be on this machine"
        return
    tools = now.root.parent / "tools"
    tools.mkdir(exist_ok=True)
    if not (tools / "uv").exists():
        shutil.copy2(str(shutil.which("uv")), tools / "uv")
    cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True)
    machine = {name: value for name, value in os.environ.items() if REACHES_INDEX.match(name)}
    environment = {**machine, **known, **now.environment, **CHEAPER, "HOME": "/root"}
    environment["PATH"] = f"{TOOLS}:{now.environment['PATH']}"
    mounts = {TOOLS: tools}
    # Written to, as in the image's own cache of builds.
    (now.root / CACHE.strip("/")).mkdir(exist_ok=True)
    mounts |= {CACHE: Path(cache.stdout.strip())}
    words = now.inside(["sh", "-c", command], "0:0", environment, mounts, writable=True)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"RUN {command}\n{done.stdout}{done.stderr}"


def context(project: Path) -> list[str]:
    """Return the files that `infra/Dockerfile.dockerignore` lets into the image."""
    ignore = (project / "infra" / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    rules = [line for line in ignore.splitlines() if line and not line.startswith("#")]
    patterns = [(rule.startswith("!"), _regex(rule.lstrip("!"))) for rule in rules]

    def enters(path: str) -> bool:
        parts, entering = path.split("/"), True
        above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        for again, pattern in patterns:
            if any(pattern.fullmatch(name) for name in above):
                entering = again
        return entering

    files = (path for path in sorted(project.rglob("*")) if path.is_file())
    names = (path.relative_to(project).as_posix() for path in files)
    return [name for name in names if enters(name)]


def _regex(pattern: str) -> re.Pattern[str]:
    quoted = re.escape(pattern).replace(r"\[", "[").replace(r"\]", "]")
    return re.compile(quoted.replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*"))


def _inside(root: Path, path: str) -> Path:
    return root / os.path.normpath(path).lstrip("/")


def _copied(source: Path, target: Path) -> None:
    """Copy as links to the same files: nothing here changes a file in place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-al", f"{source}/.", f"{target}/"] if source.is_dir() and target.is_dir()
                   else ["cp", "-al", str(source), str(target)], check=True)  # fmt: skip


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values.get(found[1], ""), text)
