"""An update in a child process that is killed at a chosen moment."""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from copier_mlops.updating import apply
from copier_mlops.updating.update import update

# What Python reports of itself when it touches files or starts a process.
TOUCHING = ("open", "os.", "shutil.", "subprocess.", "tempfile.", "sqlite3.")


def killed_update(project: Path, moment: int | None, **options: Any) -> int:
    """Update in a child process and kill it at the n-th time it touches something; return n."""
    with tempfile.NamedTemporaryFile() as told:
        child = os.fork()
        if child == 0:
            events = 0

            def hook(event: str, _arguments: object) -> None:
                nonlocal events
                if event.startswith(TOUCHING):
                    events += 1
                    if events == moment:
                        os.kill(os.getpid(), signal.SIGKILL)

            carry_out = apply.carry_out

            def watched(*arguments: object) -> None:
                sys.addaudithook(hook)
                carry_out(*arguments)  # type: ignore[arg-type]
                Path(told.name).write_text(json.dumps(events))

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("copier_mlops.updating.update.carry_out", watched)
                update(project, lock=False, **options)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if moment is not None:
            assert os.WIFSIGNALED(status), "the update ended before its kill"
            return moment
        assert os.waitstatus_to_exitcode(status) == 0
        return json.loads(Path(told.name).read_text())
