"""The table of commands: all that `runyard --help` needs to know about them."""

from __future__ import annotations

from runyard.cli.lazy import Entry

_WRITE = "Workflows"
_RUN = "Runs"
_LOOK = "Looking at runs"
_HOSTS = "Hosts"
_ETC = "This machine"

COMMANDS = {
    "run": Entry("runyard.cli.commands.run:run", "Run a workflow.", _WRITE),
    "plan": Entry(
        "runyard.cli.commands.plan:plan", "Show what a run would do, and why; run nothing.", _WRITE
    ),
    "validate": Entry(
        "runyard.cli.commands.validate:validate", "Check workflow files; report all errors.", _WRITE
    ),
    "fmt": Entry("runyard.cli.commands.fmt:fmt", "Format workflow files.", _WRITE),
    "schema": Entry(
        "runyard.cli.commands.schema:schema", "Print the JSON Schema of workflows.", _WRITE
    ),
    "actions": Entry(
        "runyard.cli.commands.actions:actions", "List the actions, or describe one.", _WRITE
    ),
    "exec": Entry(
        "runyard.cli.commands.exec:execute",
        "Run a command on many hosts, or a unit of work.",
        _WRITE,
    ),
    "resume": Entry(
        "runyard.cli.commands.resume:resume", "Go on with a run from what is not done.", _RUN
    ),
    "rollback": Entry(
        "runyard.cli.commands.rollback:rollback", "Undo the steps that changed something.", _RUN
    ),
    "cancel": Entry("runyard.cli.commands.cancel:cancel", "Stop a run; wait until it is.", _RUN),
    "approve": Entry(
        "runyard.cli.commands.decide:approve", "Say yes to a run that waits for approval.", _RUN
    ),
    "reject": Entry(
        "runyard.cli.commands.decide:reject", "Say no to a run that waits for approval.", _RUN
    ),
    "event": Entry(
        "runyard.cli.commands.event:event", "Post a named event to a run that waits for it.", _RUN
    ),
    "runs": Entry("runyard.cli.commands.runs:runs", "List runs, newest first.", _LOOK),
    "show": Entry("runyard.cli.commands.show:show", "Show a run: steps, hosts, errors.", _LOOK),
    "logs": Entry("runyard.cli.commands.logs:logs", "Print or follow the output of a run.", _LOOK),
    "events": Entry(
        "runyard.cli.commands.events:events", "Print or follow the event log of a run.", _LOOK
    ),
    "inventory": Entry(
        "runyard.cli.commands.inventory:inventory", "Show hosts, groups and variables.", _HOSTS
    ),
    "facts": Entry(
        "runyard.cli.commands.facts:facts",
        "Ask hosts what they are, and whether they are there.",
        _HOSTS,
    ),
    "agents": Entry("runyard.cli.commands.agents:agents", "Ask push agents how they are.", _HOSTS),
    "agent": Entry(
        "runyard.cli.commands.agent:agent", "Be a push agent on this host, or install one.", _ETC
    ),
    "prune": Entry("runyard.cli.commands.prune:prune", "Remove old runs and their output.", _ETC),
    "doctor": Entry(
        "runyard.cli.commands.doctor:doctor", "Check that runyard can work here.", _ETC
    ),
    "completion": Entry(
        "runyard.cli.commands.completion:completion", "Print shell completion code.", _ETC
    ),
}
