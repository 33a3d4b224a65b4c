"""The keys of the document and of its inventory, defaults, modules and tasks."""

from __future__ import annotations

from runyard.workflow.habits import ERROR_HABITS, SCHEDULE
from runyard.workflow.keys_step import (
    APPROVAL,
    CACHE,
    CALL,
    FAN_KEYS,
    HANDLER,
    LIMITS,
    NAME,
    NAMES,
    OFFLINE,
    OFFLINE_FORMS,
    POLICY_KEYS,
    RETRIES,
    STEP,
    TASK_STEP,
    TEXT,
    VALUES,
)
from runyard.workflow.kinds import Anything, Condition, Flag, ListOf, MapOf, Number, User, Word
from runyard.workflow.table import Key, Table, table

VERSION = "v0.1"
_LETTERS = r"A-Za-z0-9_\u00c0-\u1fff\u3005-\uffdc"
_HOST_NAME = rf"[{_LETTERS}][{_LETTERS}.-]{{0,252}}"
_HOST_WORDS = "letters, digits, _ - and ., and begins with none of - and ."

LINK = (
    Key("user", TEXT, "who logs in at ssh:// addresses that do not say it", default="as of ssh"),
    Key("port", Number(1, 65535), "port of ssh:// addresses that do not say it",
        default="as of ssh"),
    Key("become", User(), "for steps that do not say it: run as root (true) or as this user"),
    Key("python", TEXT, "Python 3.8 or newer on the host", default="python3"),
    Key("identity", TEXT, "file of the private key for ssh://", default="as of ssh"),
    Key("known_hosts", TEXT, "file of known hosts for ssh://", default="as of ssh"),
    Key("jump", TEXT, "user@host:port to go through for ssh://, several with commas",
        default="as of ssh"),
    Key("offline", OFFLINE_FORMS, "what to do when it cannot be reached, for steps that do not "
        "say it", default="as of the run"),
)  # fmt: skip
"""What leads to hosts: said of everybody, of a group, or of a host, whose word is the last."""
_HABITS = {
    "ansible_port": "write port:", "ansible_user": "write user:", "ssh_user": "write user:",
    "ssh_port": "write port:", "ssh_key": "write identity:",
    "ansible_ssh_private_key_file": "write identity:", "key": "write identity:",
    "private_key": "write identity:", "identity_file": "write identity:",
    "ansible_ssh_common_args": "write jump: or known_hosts:", "proxy_jump": "write jump:",
    "bastion": "write jump:", "gateway": "write jump:",
    "ansible_become": "write become: true", "become_user": "write become: USER",
    "ansible_become_user": "write become: USER", "sudo": "write become: true",
    "ansible_python_interpreter": "write python:", "interpreter": "write python:",
}  # fmt: skip
HOST = table(
    "host",
    "One machine.",
    Key("address", TEXT, "empty or local: this machine; http(s)://… a push agent; "
        "ssh://user@host:port", default="this machine"),
    Key("vars", VALUES, "variables of this host"),
    *LINK,
    habits={
        "ansible_host": "write address: ssh://user@host",
        "hostname": "write address:", "ip": "write address: ssh://user@IP",
        "host": "write address:", "url": "write address:",
        "groups": "write inventory.groups: {NAME: {hosts: […]}}",
        "ansible_connection": "write address: local, ssh://… or docker://…",
        **_HABITS,
    },
    example="{address: ssh://user@host}",
)  # fmt: skip
GROUP = table(
    "group",
    "Hosts under one name.",
    Key("hosts", ListOf(NAME, "a list of host names"), "names of hosts"),
    Key(
        "children",
        ListOf(NAME, "a list of group names"),
        "names of groups whose hosts are its hosts; their variables win over its own",
    ),
    Key("vars", VALUES, "variables of its hosts"),
    *LINK,
    habits=_HABITS,
    example="{hosts: [web1, web2]}",
)
INVENTORY = table(
    "inventory",
    "The hosts that steps run on. Without it everything runs on this machine.",
    Key("vars", VALUES, "variables of all hosts"),
    Key("groups", MapOf(GROUP, "a map of group names to {hosts, vars}", _HOST_NAME, _HOST_WORDS,
                        nullable=True, example=GROUP.example), "groups of hosts"),
    Key("hosts", MapOf(HOST, "a map of host names to {address, vars}", _HOST_NAME, _HOST_WORDS,
                       nullable=True, example=HOST.example), "the hosts"),
    *LINK,
    habits=_HABITS,
    example="{hosts: {web1: {address: ssh://user@host}}}",
)  # fmt: skip
_FAN_DEFAULTS = ("concurrency", "serial", "max_failures", "fail_fast")
DEFAULTS = table(
    "defaults",
    "What holds for every step that does not say otherwise.",
    Key("vars", VALUES, "variables of the lowest precedence"),
    *POLICY_KEYS,
    *(key for key in FAN_KEYS if key.name in _FAN_DEFAULTS),
    habits={"env": "write vars:", "targets": "every step names its own targets"},
)
PLAN = table(
    "plan",
    "Whether a person accepts the plan before the run starts.",
    Key("mode", Word(("auto", "manual-approve")), "auto or manual-approve", default="auto"),
    example="{mode: auto}",
)
TASK = table(
    "task",
    "Steps that run one after the other on each host.",
    Key("name", NAME, "unique in the document", required=True),
    Key("roles", NAMES, "groups that it runs on; adds to targets"),
    *FAN_KEYS,
    Key("when", Condition(), "hosts where this is false skip the task"),
    Key("ignore_error", Flag(), "a failure does not stop the module", default="false"),
    Key("steps", ListOf(TASK_STEP, "a list of steps", example=STEP.example),
        "its steps", required=True),
    habits={
        "hosts": "write targets: [NAME]", "groups": "write roles: [NAME]",
        "filter": "write targets: with a pattern such as web*",
        "continue_on_error": "write ignore_error: true",
        "action": "steps have actions: write steps:",
    },
    example="{name: …, steps: […]}",
)  # fmt: skip
MODULE = table(
    "module",
    "Tasks that belong together.",
    Key("name", NAME, "unique in the document", required=True),
    Key("enabled", Condition(), "the module runs only when this is true", default="true"),
    Key("when", Condition(), "the same as enabled"),
    Key("tasks", ListOf(TASK, "a list of tasks", example=TASK.example), "its tasks", required=True),
    habits={"steps": "write tasks: [{name: …, steps: […]}]"},
    example="{name: …, tasks: […]}",
)
DOCUMENT = table(
    "workflow",
    "A workflow.",
    Key("version", Anything(VERSION), f"the version of this format: {VERSION}", required=True),
    Key("name", NAME, "what the workflow is called", required=True),
    Key("description", TEXT, "what it is for"),
    Key("inventory", INVENTORY, "the hosts", default="this machine"),
    Key("vars", VALUES, "variables"),
    Key("defaults", DEFAULTS, "what holds for every step that does not say otherwise"),
    Key("plan", PLAN, "whether the plan must be accepted"),
    Key("offline", OFFLINE_FORMS, "what to do about hosts that cannot be reached", default="fail"),
    Key("on_failure", Word(("stop", "rollback")), "what a failure leads to", default="stop"),
    Key("steps", ListOf(STEP, "a list of steps", example=STEP.example), "the work, in order"),
    Key("modules", ListOf(MODULE, "a list of modules", example=MODULE.example),
        "the long form of steps"),
    Key("handlers", ListOf(HANDLER, "a list of handlers", example=HANDLER.example),
        "steps that others notify"),
    Key("finally", ListOf(STEP, "a list of steps", example=STEP.example),
        "steps that run in any case, at the end"),
    habits={
        "hosts": "write inventory: {hosts: {NAME: {address: …}}}",
        "groups": "write it inside inventory:",
        "tasks": "write steps:", "jobs": "write steps:", "stages": "write modules:",
        "pipeline": "write modules:", "roles": "write modules:", "plays": "write modules:",
        "env": "write vars:", "variables": "write vars:", "environment": "write vars:",
        **ERROR_HABITS, "schedule": SCHEDULE, "cron": SCHEDULE, "on": SCHEDULE,
        "preconditions": "write check: or when: in a step", "block": "write steps:",
        "retryPolicy": "write defaults: {retries: …}", "strategy": "write matrix: in a step",
        "output": "write args: {export_vars: true} in the step that gives it",
        "outputs": "write args: {export_vars: true} in the step that gives it",
        "executor": "every step names its own action",
        "title": "write name:", "post": "write finally:", "always": "write finally:",
        "rescue": "write rollback: in a step, and on_failure: rollback here",
        "rollback": "write rollback: in a step, and on_failure: rollback here",
        "timeout": "write defaults: {timeout: …}", "retries": "write defaults: {retries: …}",
        "concurrency": "write defaults: {concurrency: …}", "gather_facts": "remove it",
        "become": "write defaults: {become: true}", "targets": "every step names its own targets",
    },
)  # fmt: skip

TABLES: tuple[Table, ...] = (
    DOCUMENT, INVENTORY, HOST, GROUP, DEFAULTS, STEP, RETRIES, APPROVAL, CALL, CACHE, LIMITS,
    OFFLINE, HANDLER, PLAN, MODULE, TASK, TASK_STEP,
)  # fmt: skip
"""All of them, in the order of the reference."""
