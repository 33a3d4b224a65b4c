from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
from pathlib import Path
from runyard.agent.argv import hide
hide(sys.argv[1])
print(Path("/proc/self/cmdline").read_bytes())
print(sys.argv[1])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_a_secret_is_gone_from_what_ps_shows() -> None:
    words = [sys.executable, "-c", CODE, "secret-1", "--x=secret-1", "other"]
    shown, kept = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )[:2]
    assert "secret-1" not in shown
    assert shown.count("*" * 8) == 2
    assert "other" in shown
    assert kept == "secret-1"


def test_an_empty_secret_hides_nothing() -> None:
    words = [sys.executable, "-c", CODE, "", "other"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "*" not in shown
