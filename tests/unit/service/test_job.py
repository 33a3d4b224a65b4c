from __future__ import annotations

import pytest

from runyard.engine.module import Module
from runyard.engine.pipeline import Pipeline
from runyard.engine.task import Task
from runyard.hosts.inventory import Host, Inventory
from runyard.model.errors import UsageError
from runyard.service.job import Job, RunOptions
from tests.unit.engine.support import Do


def job(*tasks: Task) -> Job:
    inventory = Inventory.of([Host("web", "http://127.0.0.1:1", vars={"A": 1})])
    return Job.of(Pipeline("p", (Module("m", tasks),)), inventory)


def task(name: str, *tags: str, after: tuple[str, ...] | None = None) -> Task:
    return Task(name, (Do(name),), tags=tags, after=after)


def test_options_survive_the_journal() -> None:
    options = RunOptions("run-00000001", {"A": "1"}, True, ("web*",), ("x",), True)
    assert RunOptions.from_dict(options.to_dict()) == RunOptions(
        None, {"A": "1"}, True, ("web*",), ("x",), True
    )
    sources = RunOptions(inventory=("/etc/hosts.ini", "web1,"))
    assert RunOptions.from_dict(sources.to_dict()).inventory == sources.inventory


def test_local_keeps_names_and_variables() -> None:
    host = job(task("a")).under(RunOptions(local=True)).inventory.select()[0]
    assert (host.name, host.transport, host.vars) == ("web", "local", {"A": 1})


def test_tags_leave_out_the_others_and_what_was_after_them_waits_no_more() -> None:
    whole = job(task("a", "x"), task("b", "y"), task("c", "x", after=("a", "b")))
    kept = list(whole.under(RunOptions(tags=("x",))).pipeline.tasks())
    assert [t.name for t in kept] == ["a", "c"]
    assert kept[1].after == ("a",)
    with pytest.raises(UsageError, match="no step has the tag z") as refusal:
        whole.under(RunOptions(tags=("z",)))
    assert refusal.value.hint == "tags here: x, y"


@pytest.mark.parametrize("limit", ["!web", "x*", "web & !all"])
def test_a_limit_that_leaves_nobody_is_refused(limit: str) -> None:
    with pytest.raises(UsageError, match="no host is selected by --limit") as refusal:
        job(task("a")).under(RunOptions(limit=(limit,)))
    assert limit in refusal.value.message
