"""Images from a registry: when they are pulled, what is told of it, and what can go wrong."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.model.status import Status
from runyard.service.runs import Runs
from tests.integration.dockerd import Daemon, busybox
from tests.integration.dockers import begin, ours, outcome_in, perform, until
from tests.integration.registry import Registry, registry
from tests.integration.support import text_of, with_runs


@pytest.fixture
def shelf(docker: Daemon) -> Iterator[Registry]:
    """A registry, and no image of it in the daemon afterwards."""
    with registry() as running:
        yield running
        docker.clear()
        for image in docker.api("GET", "/images/json"):
            for tag in image["RepoTags"] or ():
                if tag.startswith(running.host):
                    docker.api("DELETE", f"/images/{tag}?force=1")


def test_a_missing_image_is_pulled_and_that_is_told(tmp_path: Path, shelf: Registry) -> None:
    image = shelf.push("app/tool:1", busybox())

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, {"image": image, "command": "echo ran; echo err >&2"})
        await started.wait()
        found = started.results[0].outcome
        assert (found.status, found.stdout, found.stderr) == (Status.SUCCESS, "ran\n", "err\n")
        assert found.data["image"].startswith("sha256:")
        lines = (await text_of(runs, started.run_id, stream="stderr")).splitlines()
        assert lines[0] == f"pulling {image}"
        assert lines[-2].startswith(f"pulled {image} in ") and "sha256:" in lines[-2]
        assert lines[-1] == "err"

    with_runs(tmp_path, scenario)
    assert "app/tool:1" in shelf.pulled


def test_the_policy_decides(tmp_path: Path, shelf: Registry) -> None:
    image = shelf.push("tool:1", busybox())
    never = outcome_in(tmp_path / "a", {"image": image, "command": "true", "pull": "never"})
    assert never.error is not None and never.error["code"] == "IMAGE"
    assert shelf.pulled == []
    assert outcome_in(tmp_path / "b", {"image": image, "command": "true"}).exit_code == 0
    count = len(shelf.pulled)
    assert outcome_in(tmp_path / "c", {"image": image, "command": "true"}).exit_code == 0
    assert len(shelf.pulled) == count
    shelf.push("tool:1", busybox(), _file("new", b"content\n"))
    args = {"image": image, "command": "cat /new", "pull": "always"}
    found = outcome_in(tmp_path / "d", args, loop=[1, 2])
    assert (found.status, found.stdout) == (Status.SUCCESS, "content\n")
    assert len(shelf.pulled) >= count + 2


def test_progress_is_told_now_and_then(
    tmp_path: Path, shelf: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runyard.runners.docker.pull.PAUSE", 0.2)
    image = shelf.push("tool:slow", busybox(), _file("noise", os.urandom(1_000_000)))
    shelf.slow = 1.0

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, {"image": image, "command": "true"})
        await started.wait()
        lines = (await text_of(runs, started.run_id, stream="stderr")).splitlines()
        assert 1 <= sum(" of 2 layers" in line and " MB" in line for line in lines[1:-1]) <= 10

    with_runs(tmp_path, scenario)


def test_a_pull_is_canceled_and_bounded_by_the_deadline(
    tmp_path: Path, shelf: Registry, docker: Daemon
) -> None:
    image = shelf.push("tool:slow", busybox(), _file("noise", os.urandom(1_000_000)))
    shelf.slow = 60.0
    late = asyncio.run(perform(tmp_path / "a", {"image": image, "command": "true"}, timeout=0.5))
    assert (late.status, late.ended_by, late.changed) == (Status.TIMEOUT, "timeout", False)

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, {"image": image, "command": "true"})
        await until(lambda: text_of(runs, started.run_id))
        started.cancel("enough")
        await asyncio.wait_for(started.wait(), 30)
        found = started.results[0].outcome
        assert (found.status, found.ended_by, found.survivors) == (Status.CANCELED, "cancel", 0)
        assert ours(docker) == []

    with_runs(tmp_path / "b", scenario)


@pytest.mark.parametrize(
    ("image", "code", "retryable"),
    [("{host}/no/such:1", "IMAGE", False), ("127.0.0.1:1/nobody/there:1", "PULL", True)],
)
def test_an_image_that_cannot_be_had(
    image: str, code: str, retryable: bool, tmp_path: Path, shelf: Registry
) -> None:
    args = {"image": image.format(host=shelf.host), "command": "true"}
    found = outcome_in(tmp_path, args)
    assert found.status is Status.ERROR and found.error is not None
    assert (found.error["code"], found.error["retryable"]) == (code, retryable), found.error


def test_what_docker_login_has_kept_is_used(
    tmp_path: Path, shelf: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = shelf.push("private:1", busybox())
    shelf.account = "ada:lovelace-1815"
    args: dict[str, Any] = {"image": image, "command": "true"}
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    refused = outcome_in(tmp_path / "a", args)
    assert refused.error is not None and refused.error["code"] == "IMAGE"
    kept = {"auth": base64.b64encode(shelf.account.encode()).decode()}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {shelf.host: kept}}))
    assert outcome_in(tmp_path / "b", args).exit_code == 0


def _file(name: str, data: bytes) -> bytes:
    """A tar file of one file."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return made.getvalue()
