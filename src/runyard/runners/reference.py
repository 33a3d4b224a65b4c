"""The reference page of all actions, made from what they say of themselves."""

from __future__ import annotations

from typing import Any

from runyard.model.action import Action, Param
from runyard.runners.convert import to_text
from runyard.runners.params import OUTPUT
from runyard.runners.registry import ActionRegistry

KINDS = {
    "string": "text",
    "text": "shell text",
    "raw": "text, filled in by the action",
    "command": "shell text or a list",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "duration": "duration",
    "size": "size",
    "mode": "octal mode",
    "strings": "list of text",
    "ints": "list of numbers",
    "map": "map",
    "env": "map of variables",
    "any": "any value",
}

# One use of each action; a test checks them against the parameters.
EXAMPLES: dict[str, str] = {
    "approval.wait": "args: {message: 'Deploy to production?', approvers: [ops], timeout: 1h}",
    "cmd.run": """args:
  cmd: |
    pg_dump "${DATABASE}" > /backup/today.sql
  dir: /var/lib/postgresql
  env: {PGUSER: backup}""",
    "command.run": "args: {command: /bin/ls, args: [-l, /tmp]}",
    "docker.run": """args:
  image: python:3.12-slim
  command: python /src/report.py > /out/report.txt
  volumes: ['/srv/report:/src:ro', '/srv/out:/out']
  env: {MONTH: '2026-11'}
  memory: 512MB
  cpus: 0.5""",
    "env.set": "args: {env: {RELEASE: '2026.11', REPLICAS: 3}}",
    "file.copy": "args: {src: files/app.service, dest: /etc/systemd/system/, mode: 0644}",
    "file.fetch": "args: {src: /var/log/app.log, dest: logs/}",
    "http.request": """args:
  url: https://hooks.example.com/deploy
  method: POST
  headers: {Authorization: 'Bearer ${secret:HOOK_TOKEN}'}
  json: {release: '${RELEASE}'}
  expected_status: [200, 202]""",
    "pkg.install": "args: {names: [nginx, curl]}",
    "script.run": """args:
  interpreter: python3
  args: [--verbose]
  script: |
    import sys
    print(sys.argv[1:])""",
    "service.ensure": "args: {name: nginx, state: started, enabled: true}",
    "service.restart": "args: {name: nginx}",
    "shell.run": """args:
  shell: /bin/bash -eu
  export_vars: true
  script: |
    version=$(cat VERSION)
    echo "BOPS_EXPORT:VERSION=$version\"""",
    "template.render": """args:
  src: templates/app.conf.j2
  dest: /etc/app.conf
  vars: {workers: 4}
  mode: 0640""",
    "wait.event": "args: {name: tests-passed, timeout: 30m}",
    "wait.until": "args: {tcp: '127.0.0.1:5432', timeout: 1m}",
}


def actions_page() -> str:
    """Markdown: every built-in action, its arguments, what it does with them."""
    registry = ActionRegistry()
    others: dict[str, list[str]] = {}
    for alias, name in registry.aliases().items():
        others.setdefault(name, []).append(f"`{alias}`")
    shared = "\n".join(_row(param) for param in OUTPUT)
    names = registry.built_in()
    index = " · ".join(f"[{name}](#{name.replace('.', '')})" for name in names)
    parts = [
        "# Actions",
        "What a step can name, with the arguments of each. `runyard actions NAME` shows the same,\n"
        "and the actions of installed plugins as well. How to add one: "
        "[write an action](../how-to/write-an-action.md).",
        index,
        "## Arguments of everything that runs a process",
        "`cmd.run`, `shell.run`, `script.run` and `command.run` take these too.",
        _TABLE + shared,
        *(_section(registry.require(name), others.get(name, [])) for name in names),
    ]
    return "\n\n".join(parts) + "\n"


_TABLE = "| argument | is | default | meaning |\n|---|---|---|---|\n"


def _section(action: Action, aliases: list[str]) -> str:
    shared = all(param in action.params for param in OUTPUT)
    own = [param for param in action.params if not shared or param not in OUTPUT]
    facts = []
    if aliases:
        facts.append(f"Also called {', '.join(aliases)}.")
    if action.supervised:
        facts.append("After an interruption the run attaches to it again.")
    elif action.idempotent:
        facts.append("After an interruption it is simply run again.")
    doc = "\n".join(line.strip() for line in (type(action).__doc__ or "").strip().splitlines())
    parts = [f"## {action.name}", f"{action.summary}.", doc, _TABLE + "\n".join(map(_row, own))]
    if shared:
        parts.append(
            "And [the arguments of everything that runs a process]"
            "(#arguments-of-everything-that-runs-a-process)."
        )
    if facts:
        parts.append(" ".join(facts))
    example = EXAMPLES[action.name].replace("\n", "\n  ")
    parts.append(f"```yaml\n- name: example\n  action: {action.name}\n  {example}\n```")
    return "\n\n".join(parts)


def _row(param: Param) -> str:
    what = " · ".join(f"`{choice}`" for choice in param.choices) or KINDS[param.kind]
    doc = param.doc.replace("|", "\\|")
    return f"| `{param.name}` | {what} | {_default(param)} | {doc} |"


def _default(param: Param) -> str:
    if param.required:
        return "**required**"
    if param.one_of:
        return "**one of these**"
    value: Any = param.default
    if value is None or value == {} or value == ():
        return ""
    if param.kind == "duration":
        return f"`{value:g}s`"
    if param.kind == "size":
        return f"`{value >> 10}k`"
    return f"`{to_text(value)}`"
