"""The hosts of an ad hoc command: what its TARGETS and `--limit` name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runyard.cli.inventories import ENVIRONMENT, with_inventory
from runyard.cli.settings import Settings
from runyard.cli.views.plain import tell
from runyard.hosts.inventory import Inventory
from runyard.hosts.pattern import split_patterns
from runyard.model.errors import UsageError
from runyard.model.light import dataclass

if TYPE_CHECKING:
    from runyard.hosts.inventory import Host
    from runyard.service.job import RunOptions

_HERE = "local"


@dataclass(frozen=True)
class Chosen:
    """Hosts of an inventory (`outer`; None: this machine) that `patterns` select.

    `options` say the same to a run: its limit is `patterns`, unless there was one already.
    """

    options: RunOptions
    outer: Inventory | None
    patterns: tuple[str, ...]
    hosts: list[Host]

    def refuse_more(self, words: Sequence[str]) -> None:
        """Refuse a command, without `--` before it, that begins with another target.

        Raises:
            UsageError: it does.
        """
        word = words[0] if words else ""
        try:
            named = word and (self.outer or Inventory.local()).select([word])
        except UsageError:
            named = []
        if named or "://" in word.split(" ")[0]:
            raise UsageError(
                f"{word!r} is a target, and would be executed as a command",
                hint="write -- between TARGETS and the command",
            )


def choose(targets: Sequence[str], options: RunOptions, settings: Settings) -> Chosen:
    """Find the hosts that `targets` name, within the limit of `options`.

    Targets that are addresses (`ssh://user@host`) are an inventory of their own. Without any
    inventory there is this machine; who has not named it as `local` is told so.

    Raises:
        RunyardError: nobody is selected, a name is unknown, the inventory cannot be used.
    """
    patterns = _split(targets)
    if any("://" in word for word in patterns):
        options, patterns = (
            replace(options, inventory=(_as_inventory(patterns, options),)),
            ("all",),
        )
    options, outer = with_inventory(options, settings)
    limit = _split(options.limit)
    known = outer or Inventory.local()
    try:
        hosts = known.select(patterns)
        allowed = {host.name for host in known.select(limit)}
    except UsageError as error:
        if outer is not None or error.code != "TARGET":
            raise
        raise UsageError(
            error.message,
            code=error.code,
            hint=f"name an inventory with -i or {ENVIRONMENT}; `{_HERE}` is this machine, "
            "an address such as ssh://user@host needs none",
        ) from None
    hosts = [host for host in hosts if host.name in allowed]
    if not hosts:
        within = f" within --limit {','.join(limit)}" if limit else ""
        raise UsageError(f"no host is selected by {','.join(targets)}{within}", code="TARGET")
    if outer is None and patterns != (_HERE,) and not settings.quiet:
        tell(f"runyard: warning: no inventory: this machine only (-i FILE, {ENVIRONMENT})")
    return Chosen(replace(options, limit=limit or patterns), outer, patterns, hosts)


def _split(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(pattern for word in words for pattern in split_patterns(word))


def _as_inventory(words: Sequence[str], options: RunOptions) -> str:
    """Addresses as the text of an inventory. Raises UsageError."""
    if options.inventory:
        raise UsageError(
            "TARGETS are addresses, and --inventory is given",
            hint="name hosts of the inventory, or leave it out",
        )
    names = [word for word in words if "://" not in word]
    if names:
        raise UsageError(
            f"TARGETS are addresses, and {names[0]!r} is none",
            hint=f"write ssh://{names[0]}, or narrow addresses with --limit",
        )
    return ",".join(words) + ","
