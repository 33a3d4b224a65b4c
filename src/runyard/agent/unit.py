"""The texts of services: a unit of systemd, a property list of launchd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from runyard.model.errors import UsageError

MARK = "Written by `runyard agent install`"
"""Stands in the first lines of every file that is ours to change and to remove."""


def systemd(name: str, words: Sequence[str], env_file: str, *, user: bool, home: str) -> str:
    """The unit that starts `words` with the variables in `env_file`."""
    # Whatever shuts the agent in shuts its work in as well: there is no sandbox here.
    lines = [
        f"# {MARK}; `runyard agent uninstall` removes it.",
        "[Unit]",
        f"Description=runyard push agent ({name})",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={' '.join(map(_word, words))}",
        f"EnvironmentFile={_value(env_file)}",
        *([] if user else [f"Environment={_quoted(f'HOME={home}')}"]),
        "Restart=on-failure",
        "RestartSec=2",
        "# Tasks and their supervisor outlive a restart of the agent.",
        "KillMode=process",
        "TimeoutStopSec=30",
        "# A task that eats all memory is ended alone.",
        "OOMPolicy=continue",
        "# Limits of tasks are control groups below this one.",
        "Delegate=yes",
        "TasksMax=infinity",
        "KeyringMode=private",
        "",
        "[Install]",
        f"WantedBy={'default.target' if user else 'multi-user.target'}",
        "",
    ]
    return "\n".join(lines)


def launchd(name: str, words: Sequence[str], environment: Mapping[str, str], log: str) -> str:
    """The property list that starts `words`."""
    arguments = "".join(f"    <string>{escape(word)}</string>\n" for word in words)
    variables = "".join(
        f"    <key>{escape(key)}</key><string>{escape(value)}</string>\n"
        for key, value in environment.items()
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- {MARK}; `runyard agent uninstall` removes it. -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>{escape(name)}</string>
  <key>ProgramArguments</key>
  <array>
{arguments}  </array>
  <key>EnvironmentVariables</key>
  <dict>
{variables}  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>AbandonProcessGroup</key><true/>
  <key>StandardErrorPath</key><string>{escape(log)}</string>
</dict>
</plist>
"""


def _word(text: str) -> str:
    """One word of a command line of systemd."""
    return _quoted(text.replace("$", "$$"))


def _quoted(text: str) -> str:
    plain = _value(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{plain}"' if not plain or set(plain) & set(" \t'\"\\;") else plain


def _value(text: str) -> str:
    if any(ord(char) < 32 for char in text):
        raise UsageError(f"{text!r} cannot stand in a unit: it holds control characters")
    return text.replace("%", "%%")
