"""What a run is made of: a pipeline, the hosts, the variables, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from runyard.engine.pipeline import Pipeline
from runyard.engine.policy import Approval, Offline
from runyard.engine.task import Task
from runyard.hosts.inventory import Inventory
from runyard.hosts.site import Access, Site
from runyard.model.errors import UsageError
from runyard.model.light import dataclass
from runyard.store.home import Home
from runyard.workflow.document import Workflow


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is started, beside its workflow.

    Attributes:
        run_id: generated when None.
        vars: `--var`, over all but loop items and a step's own `env`.
        local: every host is this machine, under its own name and variables.
        limit: host patterns; tags: only tasks with one of them.
        approve: every approval is answered with yes.
        cwd: directory that work on this machine starts in; empty is where we are. A resume starts
            it where the run was started first.
        inventory: sources of the inventory beside the workflow, for `run --plan`, which reads them
            again. A resume takes what the run was started with.
        access: how hosts let us in; tokens are not written down, and must be given to a resume.
        offline: replaces policy and deadline of the workflow for hosts that cannot be reached;
            steps and hosts that have a policy of their own keep it, and so does all the lease.
    """

    run_id: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    local: bool = False
    limit: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    approve: bool = False
    cwd: str = ""
    access: Access = Access()
    inventory: tuple[str, ...] = ()
    offline: Offline | None = None

    def site(self, home: Home, run_id: str, epoch: int = 1) -> Site:
        """The place of run `run_id` under these options."""
        return Site(home.root, run_id, epoch, self.cwd, self.access)

    def admitted_by(self, access: Access) -> RunOptions:
        """The same, with what `access` says of how hosts let us in."""
        return replace(self, access=self.access.under(access))

    def to_dict(self) -> dict[str, Any]:
        """What a resume needs to know of them."""
        return {
            "vars": dict(self.vars),
            "local": self.local,
            "limit": list(self.limit),
            "tags": list(self.tags),
            "approve": self.approve,
            "cwd": self.cwd,
            "token_file": self.access.token_file,
            "accept_new": self.access.accept_new,
            "inventory": list(self.inventory),
            "offline": None
            if self.offline is None
            else {"policy": self.offline.policy, "deadline": self.offline.deadline},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RunOptions:
        """The inverse of `to_dict`."""
        return cls(
            vars=data["vars"],
            local=data["local"],
            limit=tuple(data["limit"]),
            tags=tuple(data["tags"]),
            approve=data["approve"],
            cwd=data["cwd"],
            access=Access(
                token_file=data.get("token_file", ""), accept_new=data.get("accept_new", False)
            ),
            inventory=tuple(data.get("inventory", ())),
            offline=None if (offline := data.get("offline")) is None else Offline.of(offline),
        )


@dataclass(frozen=True, slots=True)
class Job:
    """A workflow, or a pipeline built in Python, ready to be run.

    `text` and `path` are those of the document (empty for Python); `digest` tells whether a
    resume is of the same work. `outer` is the inventory beside the document, which is written down
    with the run, so that a resume has the same one.
    """

    pipeline: Pipeline
    inventory: Inventory
    version: str = ""
    vars: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    offline: Offline = Offline()
    base: Path = Path()
    path: str = ""
    text: str = ""
    digest: str = ""
    manual: bool = False
    outer: Inventory | None = None

    @classmethod
    def of(cls, work: Workflow | Pipeline, inventory: Inventory | None = None) -> Job:
        """From a document or from Python; `inventory` replaces the document's."""
        if isinstance(work, Pipeline):
            names = "\n".join(step.key for step in work.steps())
            return cls(work, inventory or Inventory.local(), base=Path.cwd(), digest=names)
        return cls(
            pipeline=work.pipeline,
            inventory=inventory or work.inventory,
            version=work.version,
            vars=work.vars,
            defaults=work.defaults,
            secrets=work.secrets,
            offline=work.offline,
            base=Path(work.path).absolute().parent if work.path else Path.cwd(),
            path=work.path,
            text=work.text,
            digest=work.digest,
            manual=work.plan_mode == "manual-approve",
            outer=work.outer,
        )

    def under(self, options: RunOptions) -> Job:
        """Narrowed to `--local` and `--tags`, with `--offline`; checks `--limit`.

        Raises:
            UsageError: no task has one of the tags, `--limit` names an unknown host or leaves
                nobody.
        """
        inventory = self.inventory.as_local() if options.local else self.inventory
        if not inventory.select(options.limit) and options.limit:
            text = ",".join(options.limit)
            raise UsageError(f"no host is selected by --limit {text}", code="TARGET")
        pipeline = self.pipeline
        if options.tags:
            modules = tuple(
                replace(module, tasks=_tagged(module.tasks, options.tags))
                for module in pipeline.modules
            )
            if not any(module.tasks for module in modules):
                known = sorted({tag for task in pipeline.tasks() for tag in task.tags})
                raise UsageError(
                    f"no step has the tag {' or '.join(options.tags)}",
                    code="TAGS",
                    hint=f"tags here: {', '.join(known)}" if known else "no step has any tag",
                )
            pipeline = replace(pipeline, modules=modules)
        given, offline = options.offline, self.offline
        if given is not None:
            offline = replace(offline, policy=given.policy, deadline=given.deadline)
        return replace(self, inventory=inventory, pipeline=pipeline, offline=offline)

    def asking_first(self) -> Job:
        """The same, with a person's approval before anything starts."""
        ask = Approval(f'start "{self.pipeline.name}"?')
        return replace(self, pipeline=replace(self.pipeline, approval=ask))


def _tagged(tasks: tuple[Task, ...], tags: tuple[str, ...]) -> tuple[Task, ...]:
    """Tasks with one of `tags`; an order through a task that is left out is kept."""
    kept = tuple(task for task in tasks if set(task.tags) & set(tags))
    names = {task.name for task in kept}
    return tuple(
        task
        if task.after is None
        else replace(task, after=tuple(n for n in task.after if n in names))
        for task in kept
    )
