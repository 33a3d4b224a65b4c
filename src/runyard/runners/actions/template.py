"""template.render: a file on the host, made from a template and the variables in scope."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runyard.model.action import Param, Work
from runyard.model.errors import ArgumentError
from runyard.model.result import Outcome
from runyard.runners.actions.file import written
from runyard.runners.convert import to_text
from runyard.runners.files import read_local

_REFERENCE = re.compile(r"\$(\$\{)|\$\{([A-Za-z_][\w.:-]*?)(?::-([^}]*))?\}")


class TemplateRender:
    """Fills in `${NAME}`, `${a.b}`, `${NAME:-default}`, `${secret:NAME}`; `$${` stays `${`.

    A `src` that ends in `.j2` is a Jinja2 template instead, rendered in a sandbox; a variable
    that is not set is an error in both.
    """

    name = "template.render"
    summary = "Write a file from a template, if it differs on the host"
    params = (
        Param("src", "string", "template, relative to the workflow file", one_of="src or content"),
        Param("content", "raw", "the template itself", one_of="src or content"),
        Param("dest", "string", "path on the host", required=True),
        Param("vars", "map", "more variables, over all others", default={}),
        Param("mode", "mode", "octal mode as written, such as 0644"),
        Param("owner", "string", "owner as user or user:group"),
    )
    idempotent = True
    supervised = False

    async def run(self, work: Work) -> Outcome:
        """Render, then put. Raises ArgumentError for a template that cannot be rendered."""
        text = await asyncio.to_thread(self._render, work)
        done = await work.connector.put(
            text.encode(), work.args["dest"], mode=work.args["mode"], owner=work.args["owner"]
        )
        return written(work.args["dest"], done.sha256, done.size, changed=done.changed)

    @staticmethod
    def _render(work: Work) -> str:
        variables = {**work.variables, **work.args["vars"]}
        src = work.args["src"]
        if src is None:
            return fill(work.args["content"], variables, work.secrets, "content")
        path = work.base / src
        try:
            text = read_local(path).decode()
        except UnicodeDecodeError:
            raise ArgumentError(f"{path} is not UTF-8 text") from None
        if path.suffix == ".j2":
            return jinja(text, path, variables)
        return fill(text, variables, work.secrets, str(path))


def fill(text: str, variables: Mapping[str, Any], secrets: Mapping[str, str], name: str) -> str:
    """`text` with its references filled in; values are never looked through again.

    Raises:
        ArgumentError: a reference is not set and has no default; names template and line.
    """

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        found = _look_up(match[2], variables, secrets)
        if found in (None, "") and match[3] is not None:
            return match[3]
        if found is None:
            line = text.count("\n", 0, match.start()) + 1
            raise ArgumentError(
                f"{name}:{line}: ${{{match[2]}}} is not set",
                code="UNSET",
                hint=f"set it, or write ${{{match[2]}:-default}}; $${{ is a literal ${{",
            )
        return to_text(found)

    return _REFERENCE.sub(value, text)


def _look_up(path: str, variables: Mapping[str, Any], secrets: Mapping[str, str]) -> Any:
    if path.startswith("secret:"):
        return secrets.get(path.removeprefix("secret:"))
    return _within(variables, path.split("."))


def _within(value: Any, path: list[str]) -> Any:
    if not path:
        return value
    if isinstance(value, list | tuple):
        at = path[0]
        known = at.isdecimal() and len(at) < 10 and int(at) < len(value)
        return _within(value[int(at)], path[1:]) if known else None
    if isinstance(value, Mapping):
        for end in range(len(path), 0, -1):  # keys may have dots: names of hosts
            if (key := ".".join(path[:end])) in value:
                return _within(value[key], path[end:])
    return None


def jinja(text: str, path: Path, variables: Mapping[str, Any]) -> str:
    """`text` rendered by Jinja2; `include` and `import` find files beside `path`.

    Raises:
        ArgumentError: bad syntax, an unset variable, or anything that fails while rendering.
    """
    from jinja2 import FileSystemLoader, StrictUndefined, TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(path.parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    try:
        return environment.from_string(text).render(variables)
    except TemplateSyntaxError as error:
        raise ArgumentError(f"{error.filename or path}:{error.lineno}: {error.message}") from error
    except Exception as error:  # a template is a program: it may raise anything
        raise ArgumentError(f"{path}:{_line(error)}: {error}") from error


def _line(error: Exception) -> int:
    line, tb = 0, error.__traceback__
    while tb is not None:
        if tb.tb_frame.f_code.co_filename == "<template>":
            line = tb.tb_lineno
        tb = tb.tb_next
    return line
