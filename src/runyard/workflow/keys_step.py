"""The keys of a step and of what stands in it (contract 1, "Document")."""

from __future__ import annotations

from runyard.workflow.habits import ERROR_HABITS, MODULE_HABITS, SCHEDULE
from runyard.workflow.kinds import (
    DELAY,
    DURATION,
    SIZE,
    Anything,
    Condition,
    Either,
    Flag,
    ListOf,
    MapOf,
    Number,
    Share,
    Text,
    User,
    Word,
)
from runyard.workflow.table import Key, table

VARIABLE = Text("a variable's name (letters, digits and _)", r"[A-Za-z_][A-Za-z0-9_]*")
NAME = Text("a name of at most 200 characters on one line", r"[^\x00-\x1f\x7f]{0,200}")
ACTION = Text("the name of an action, such as cmd.run")
TEXT = Text()
NAMES = ListOf(NAME, "a list of names")
STRINGS = ListOf(TEXT, "a list of strings")
VARIABLES = ListOf(VARIABLE, "a list of variable names")
VALUES = MapOf(Anything(), "a map of names to values", r"[A-Za-z_][A-Za-z0-9_]*")
ARGS = MapOf(Anything(), "a map of argument names to values")
RETRY_ON = Text(
    "any, execution, timeout, network, system or exit:N",
    r"any|execution|timeout|network|system|exit:\d{1,3}",
)
SHARE = Either({"scalar": Share()}, Share.words)

RETRIES = table(
    "retries",
    "When to try again, and after how long.",
    Key("attempts", Number(1, 1000), "tries in all, the first one included", default="1"),
    Key("delay", DELAY, "pause before the second try", default="1s"),
    Key("backoff", Number(1, 100, real=True), "factor from pause to pause", default="2"),
    Key("max_delay", DELAY, "upper bound of a pause", default="60s"),
    Key("jitter", Number(0, 1, real=True), "random share of the pause, both ways", default="0.1"),
    Key(
        "on",
        ListOf(RETRY_ON, "a list of error classes"),
        "try again only for these: any, execution, timeout, network, system, exit:N",
        default="every failure that may pass",
    ),
    habits={"count": "write attempts: N + 1 (the first try counts)", "max": "write attempts:"},
)
OFFLINE = table(
    "offline",
    "What to do about a host that cannot be reached.",
    Key("policy", Word(("wait", "fail", "skip")), "wait, fail or skip", default="fail"),
    Key("deadline", DURATION, "with wait: how long", default="for ever"),
    Key("lease", DURATION, "the host ends what nobody asks for so long", default="it goes on"),
)
APPROVAL = table(
    "approval",
    "A person decides before the step starts, once for all its hosts.",
    Key("message", TEXT, "the question"),
    Key("approvers", STRINGS, "who may decide", default="anybody"),
    Key("timeout", DURATION, "how long to wait for the answer", default="for ever"),
    Key("form", MapOf(Anything(), "a map of fields"), "fields that the answer fills in"),
)
CACHE = table(
    "cache",
    "Reuse an earlier success while arguments and inputs are the same.",
    Key("ttl", DURATION, "how long a result is good", default="1d"),
    Key("inputs", STRINGS, "files or globs whose contents count"),
)
LIMITS = table(
    "limits",
    "Bounds for the whole process tree; more than that ends it.",
    Key("memory", SIZE, "resident memory, summed"),
    Key("processes", Number(1, 1_000_000), "processes at once"),
    Key("cpu_time", DURATION, "CPU time, summed"),
    Key("open_files", Number(3, 10_000_000), "open files per process"),
    Key("output", SIZE, "bytes written to both streams"),
    example="{memory: 1g}",
)
CALL = table(
    "call",
    "An action with its arguments.",
    Key("action", ACTION, "the action", required=True),
    Key("args", ARGS, "its arguments"),
    Key("timeout", DURATION, "how long it may take"),
    example="{action: cmd.run, args: {cmd: …}}",
)

RETRIES_FORMS = Either(
    {"scalar": Number(0, 999), "map": RETRIES}, "a number of retries, or a map: attempts, delay, …"
)
OFFLINE_FORMS = Either(
    {"scalar": Word(("wait", "fail", "skip")), "map": OFFLINE}, "wait, fail or skip, or a map"
)
SERIAL = Either(
    {"scalar": SHARE, "list": ListOf(SHARE, "a list of batch sizes", empty=False)},
    "a batch size such as 1 or 10%, or a list of them",
)

FAN_KEYS = (
    Key("targets", NAMES, "hosts, groups and patterns (web*, !db1, @group)", default="all hosts"),
    Key("depends_on", NAMES, "names or ids that must be done first", default="the one before"),
    Key("concurrency", Number(1, 100_000), "hosts at once", default="10"),
    Key("serial", SERIAL, "batch sizes, such as [1, 10%, 50%]; the last one repeats"),
    Key("max_failures", Number(0), "failed hosts that are borne before the rest is not started"),
    Key("fail_fast", Flag(), "the first failure stops the other hosts", default="false"),
    Key("run_once", Flag(), "only the first host runs it", default="false"),
    Key("tags", NAMES, "words for `run --tags`"),
    Key("approval", Either({"scalar": TEXT, "map": APPROVAL}, "a question, or a map"),
        "a person decides before it starts"),
)  # fmt: skip
POLICY_KEYS = (
    Key("retries", RETRIES_FORMS, "tries after the first one, or a map", default="0"),
    Key("timeout", DURATION, "how long one try may take", default="for ever"),
    Key("grace", DURATION, "between SIGTERM and SIGKILL when it is ended", default="10s"),
    Key("continue_on_error", Flag(), "a failure does not end the run", default="false"),
    Key("become", User(), "run as root (true), as this user, or as who logs in (false)",
        default="as the host says"),
    Key("limits", LIMITS, "bounds of the process tree"),
    Key("offline", OFFLINE_FORMS, "what to do about a host that cannot be reached",
        default="fail"),
)  # fmt: skip
WORK_KEYS = (
    Key("name", NAME, "unique in the document", required=True),
    Key("id", NAME, "a short name for depends_on"),
    Key("action", ACTION, "what to do: see `runyard actions`", required=True),
    Key("args", ARGS, "the action's arguments"),
    Key("with", ARGS, "the old name of args", alias_of="args"),
    Key("when", Condition(), "run only where this is true"),
    Key("loop", ListOf(Anything(), "a list of values", empty=False),
        "one instance per value, in ${item}"),
    Key("matrix", MapOf(ListOf(Anything(), "a list of values", empty=False),
                        "a map of names to lists", r"[A-Za-z_][A-Za-z0-9_]*",
                        example="[a, b]"),
        "one instance per combination, in ${matrix.NAME}"),
    *POLICY_KEYS,
    Key("expect_vars", VARIABLES, "variables that it must export"),
    Key("must_vars", VARIABLES, "variables that must be set, and not empty, before it starts"),
    Key("notify", NAMES, "handlers to run at the end where it changed something"),
    Key("changed_when", Condition(), "it changed something when this is true"),
    Key("check", Either({"scalar": TEXT, "map": ARGS}, "a command, or {cmd: …}"),
        "a command; exit 0 means that there is nothing to do"),
    Key("rollback", CALL, "the action that undoes it"),
    Key("fallback", CALL, "the action that stands in when it failed for good"),
    Key("cache", Either({"scalar": Flag(), "map": CACHE}, "true, or a map: ttl, inputs"),
        "reuse an earlier success"),
)  # fmt: skip
_SHELL = "write action: cmd.run with args: {cmd: …}"
HABITS: dict[str, str] = {
    "run": _SHELL, "cmd": _SHELL, "command": _SHELL, "exec": _SHELL, "shell": _SHELL,
    "script": "write action: shell.run with args: {script: …}",
    "uses": "write action: NAME; `runyard actions` lists them",
    "module": "write action: NAME; `runyard actions` lists them",
    "type": "write action: NAME; `runyard actions` lists them",
    "env": "write args: {env: {NAME: value}}", "environment": "write args: {env: {NAME: value}}",
    "vars": "write vars: at the top of the document, or args: {env: {NAME: value}}",
    "if": "write when: with ${NAME} for variables", "unless": 'write when: "!(…)"',
    "needs": "write depends_on: [NAME]", "after": "write depends_on: [NAME]",
    "hosts": "write targets: [NAME]", "host": "write targets: [NAME]",
    "target": "write targets: [NAME]", "delegate_to": "write targets: [NAME]",
    "register": "export it: args: {export_vars: true}, and echo BOPS_EXPORT:NAME=value",
    "export_vars": "write it inside args:", "output_path": "write it inside args:",
    "max_output_bytes": "write it inside args:",
    "items": "write loop: [a, b]", "with_items": "write loop: [a, b]",
    "foreach": "write loop: [a, b]", "for_each": "write loop: [a, b]",
    "become_user": "write become: USER", "sudo": "write become: true",
    "ignore_errors": "write continue_on_error: true",
    "ignore_error": "write continue_on_error: true",
    "continue-on-error": "write continue_on_error: true", "timeout-minutes": "write timeout: 5m",
    "retry": "write retries: 3", "until": "use the action wait.until",
    "delay": "write retries: {attempts: 4, delay: 5s}",
    "dir": "write args: {dir: …}", "cwd": "write args: {dir: …}", "chdir": "write args: {dir: …}",
    "working-directory": "write args: {dir: …}", "working_dir": "write args: {dir: …}",
    "creates": 'write check: {cmd: test -e …}', "handlers": "handlers stand at the document's top",
    "failed_when": "let the command exit with a code other than 0",
    **MODULE_HABITS, **ERROR_HABITS,
    "block": "write the steps one after the other; rollback:, fallback: and finally: do the rest",
    "rescue": "write fallback: (stands in) or rollback: (undoes it) in the step that may fail",
    "always": "write the steps under finally: at the top of the document",
    "preconditions": "write check: (nothing to do) or when: (only where it is true)",
    "output": "export it: args: {export_vars: true}, and echo BOPS_EXPORT:NAME=value",
    "outputs": "export it: args: {export_vars: true}, and echo BOPS_EXPORT:NAME=value",
    "retryPolicy": "write retries: {attempts: 4, delay: 5s}",
    "retry_policy": "write retries: {attempts: 4, delay: 5s}",
    "repeatPolicy": "use the action wait.until",
    "strategy": "write matrix: {NAME: [a, b]}", "schedule": SCHEDULE, "cron": SCHEDULE,
    "executor": "write action: NAME; `runyard actions` lists them",
    "on_failure": "write on_failure: at the top of the document, or fallback: here",
}  # fmt: skip

_EXAMPLE = "{name: …, action: cmd.run, args: {cmd: …}}"
_ORDER = (
    "name", "id", "tags", "when", "targets", "loop", "matrix", "depends_on", "approval", "run_once",
    "concurrency", "serial", "max_failures", "fail_fast", "must_vars", "become", "timeout",
    "grace", "retries", "limits", "offline", "cache", "check",
    "action", "args", "with",
    "expect_vars", "changed_when", "notify", "continue_on_error", "rollback", "fallback",
)  # fmt: skip
_KEYS = {key.name: key for key in (*WORK_KEYS, *FAN_KEYS)}
_OWN = {key.name for key in WORK_KEYS}
STEP = table(
    "step",
    "One piece of work on its hosts.",
    *(_KEYS[name] for name in _ORDER),
    habits=HABITS,
    example=_EXAMPLE,
)
_ON_TASK = {key.name: f"{key.name} belongs to the task: write it beside steps:" for key in FAN_KEYS}
TASK_STEP = table(
    "task_step",
    "One step of a task; hosts and order are the task's.",
    *(_KEYS[name] for name in _ORDER if name in _OWN),
    habits={**HABITS, **_ON_TASK},
    example=_EXAMPLE,
)
_HANDLER_KEYS = ("name", "action", "args", "with", "when", "retries", "timeout")
HANDLER = table(
    "handler",
    "A step that others notify: it runs once, at the end, where something changed.",
    *(key for key in WORK_KEYS if key.name in _HANDLER_KEYS),
    habits={**HABITS, "listen": "notify: names the handler itself"},
    example=_EXAMPLE,
)
