"""The options of `runyard agent`, and the settings that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from runyard.agent.settings import AgentSettings

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

ENV = "RUNYARD_AGENT_"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


def _option(name: str, help: str, env: bool = True, **more: Any) -> Callable[[F], F]:
    variable = ENV + name.strip("-").upper().replace("-", "_")
    if env:
        more["envvar"] = variable
        help = f"{help} [{variable}]"
    return click.option(name, help=help, **more)


def start_options(command: F) -> F:
    """The options of an agent; all but the token's own come from the environment as well."""
    count = click.IntRange(min=1)
    for option in reversed(
        (
            _option(
                "--addr",
                "Listen there: :7072 (the default) is 127.0.0.1:7072; all interfaces are written "
                "0.0.0.0:7072. Repeatable.",
                multiple=True,
                metavar="[HOST]:PORT",
            ),
            _option(
                "--state",
                "Directory of this agent alone (default: agent-PORT in the state home).",
                type=_FOLDER,
            ),
            _option(
                "--token",
                "What dispatchers must show. `ps` may show it, unlike --token-file and "
                "RUNYARD_AGENT_TOKEN. The default, runner-token, is for 127.0.0.1 alone.",
                env=False,
                metavar="TOKEN",
                default="",
            ),
            _option("--token-file", "Read the token there.", metavar="FILE", default=""),
            _option("--tls-cert", "Certificate, with its chain (PEM).", type=_FILE),
            _option("--tls-key", "Its key, when it is in a file of its own.", type=_FILE),
            _option(
                "--client-ca",
                "Let in only who has a certificate of this authority.",
                type=_FILE,
            ),
            _option(
                "--label",
                "Tell dispatchers this of the host. Repeatable.",
                multiple=True,
                metavar="NAME=VALUE",
            ),
            _option("--max-tasks", "Tasks at once (default 1024).", type=count, metavar="N"),
            _option("--max-body", "Bytes of a request (default 16MiB).", metavar="SIZE"),
            _option("--max-output", "Bytes that a task may write (10GiB).", metavar="SIZE"),
            _option("--max-spool", "Bytes of output on disk (default 20GiB).", metavar="SIZE"),
            _option("--keep-tasks", "Ended tasks that are known (1000).", type=count, metavar="N"),
            _option("--keep-for", "How long they are (default 24h).", metavar="DURATION"),
            click.option("--verbose", is_flag=True, help="Tell of every request on stderr."),
        )
    ):
        command = option(command)
    return command


def settings_of(options: Mapping[str, Any], *, quiet: bool = False) -> AgentSettings:
    """The settings. Raises UsageError naming the option that is wrong."""
    from runyard.agent.settings import AgentSettings, Bounds
    from runyard.model.duration import parse_duration, parse_size

    known = Bounds()
    bounds = Bounds(
        tasks=options["max_tasks"] or known.tasks,
        body=_read("--max-body", options["max_body"], parse_size, known.body),
        output=_read("--max-output", options["max_output"], parse_size, known.output),
        spool=_read("--max-spool", options["max_spool"], parse_size, known.spool),
        keep_tasks=options["keep_tasks"] or known.keep_tasks,
        keep_for=_read("--keep-for", options["keep_for"], parse_duration, known.keep_for),
    )
    settings = AgentSettings(
        state=options["state"],
        token=options["token"],
        token_file=options["token_file"],
        tls=_tls(options),
        labels=_labels(options["label"]),
        bounds=bounds,
        verbose=options["verbose"],
        quiet=quiet,
    )
    if not options["addr"]:
        return settings
    from dataclasses import replace

    return replace(settings, addresses=tuple(options["addr"]))


def _read(name: str, text: str | None, parse: Callable[[str], T], default: T) -> T:
    if text is None:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise click.UsageError(f"{name} {text!r}: {error}", click.get_current_context()) from None


def _tls(options: Mapping[str, Any]) -> Any:
    from runyard.agent.settings import Tls

    if options["tls_cert"] is None:
        for name in ("tls_key", "client_ca"):
            if options[name] is not None:
                word = name.replace("_", "-")
                text = f"--{word} goes with --tls-cert"
                raise click.UsageError(text, click.get_current_context())
        return None
    return Tls(options["tls_cert"], options["tls_key"], options["client_ca"])


def _labels(given: tuple[str, ...]) -> dict[str, str]:
    labels = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not name:
            text = f"--label {text!r} is not NAME=VALUE"
            raise click.UsageError(text, click.get_current_context())
        labels[name] = value
    return labels
