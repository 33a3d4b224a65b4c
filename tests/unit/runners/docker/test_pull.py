"""Word of a pull, and what docker login has kept."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path

import pytest

from runyard.runners.docker.auth import HUB, credentials, registry_of
from runyard.runners.docker.pull import _TAGGED, Progress


def test_progress_adds_layers_up() -> None:
    progress = Progress()
    assert progress.line() == ""
    for news in (
        {"status": "Pulling from library/x", "id": "1"},
        {"status": "Pulling fs layer", "progressDetail": {}, "id": "a"},
        {"status": "Already exists", "progressDetail": {}, "id": "b"},
    ):
        progress.take(news)
    assert progress.line() == "1 of 2 layers"
    detail = {"current": 1_000_000, "total": 4_000_000}
    progress.take({"status": "Downloading", "progressDetail": detail, "id": "a"})
    assert progress.line() == "1 of 2 layers, 1.0 of 4.0 MB"
    progress.take({"status": "Download complete", "progressDetail": {}, "id": "a"})
    extracting = {"current": 5, "total": 4_000_000}
    progress.take({"status": "Extracting", "progressDetail": extracting, "id": "a"})
    assert progress.line() == "1 of 2 layers, 4.0 of 4.0 MB"
    progress.take({"status": "Pull complete", "progressDetail": {}, "id": "a"})
    assert not progress.complete
    progress.take({"status": "Digest: sha256:123"})
    progress.take({"status": "Status: Downloaded newer image for x:1"})
    assert progress.complete and progress.result() == ", 4.0 MB, sha256:123"
    progress.take({"error": "no", "errorDetail": {"message": "no"}})
    assert progress.error == "no"


@pytest.mark.parametrize(
    ("image", "tagged"),
    [("x", False), ("x:1", True), ("h:5000/x", False), ("h:5000/x:1", True), ("x@sha256:1", True)],
)
def test_a_tag_is_told_from_a_port(image: str, tagged: bool) -> None:
    assert bool(_TAGGED.search(image)) is tagged


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("alpine", HUB),
        ("library/alpine:3", HUB),
        ("docker.io/library/alpine", HUB),
        ("ghcr.io/a/b:1", "ghcr.io"),
        ("localhost/a", "localhost"),
        ("host:5000/a", "host:5000"),
    ],
)
def test_registries(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def kept(tmp_path: Path, config: object, image: str = "r.test/a:1") -> dict[str, str] | None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    return asyncio.run(credentials(image, {"DOCKER_CONFIG": str(tmp_path)}))


def test_what_docker_login_wrote(tmp_path: Path) -> None:
    auth = base64.b64encode(b"ada:pass:word").decode()
    assert kept(tmp_path, {"auths": {"r.test": {"auth": auth}}}) == {
        "username": "ada",
        "password": "pass:word",
        "serveraddress": "r.test",
    }
    hub = kept(tmp_path, {"auths": {HUB: {"auth": auth}}}, "alpine")
    assert hub is not None and hub["username"] == "ada"
    token = kept(tmp_path, {"auths": {"r.test": {"identitytoken": "t"}}})
    assert token == {"identitytoken": "t", "serveraddress": "r.test"}


@pytest.mark.parametrize(
    "config",
    [{}, [], {"auths": None}, {"auths": {"r.test": {}}}, {"auths": {"r.test": {"auth": "?"}}},
     {"credsStore": "no-such-helper-anywhere"}, {"credsStore": "../../bin/sh"}],
)  # fmt: skip
def test_nothing_usable_is_no_credentials(config: object, tmp_path: Path) -> None:
    assert kept(tmp_path, config) is None


def test_a_helper_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "docker-credential-mine"
    helper.write_text(
        '#!/bin/sh\n[ "$1" = get ] || exit 1\nread -r server\n'
        'printf \'{"Username": "%s", "Secret": "s"}\' "$server"\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = kept(tmp_path, {"credHelpers": {"r.test": "mine"}})
    assert found == {"username": "r.test", "password": "s", "serveraddress": "r.test"}


def test_no_file_is_no_credentials(tmp_path: Path) -> None:
    assert asyncio.run(credentials("a", {"HOME": str(tmp_path)})) is None
