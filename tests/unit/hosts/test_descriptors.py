"""Many connections for us, and the user's own limit for the work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import asyncio, resource, sys
from pathlib import Path
from runyard.hosts.descriptors import raise_limit
from runyard.hosts.local import LocalConnector
from runyard.model.execution import Exec

async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, 2000))
    raise_limit()
    raise_limit()
    host = LocalConnector(Path(sys.argv[1]), "test")
    await host.connect()
    end = await host.exec(Exec("run-00000001/s/h/1", ("sh", "-c", "ulimit -n; env")))
    await host.close()
    print(resource.getrlimit(resource.RLIMIT_NOFILE), end.stdout)

asyncio.run(main())
"""


def test_we_may_open_more_and_the_work_as_many_as_before(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "(2000, 2000) 300"
    assert "RUNYARD_NOFILE" not in done.stdout
