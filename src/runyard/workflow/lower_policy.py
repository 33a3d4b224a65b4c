"""The governing keys of a step, a task or `defaults`, as the engine wants them."""

from __future__ import annotations

from typing import Any

from runyard.engine.policy import Approval, Cache, Fan, Offline, Policy
from runyard.engine.retry import Retry
from runyard.model.duration import parse_duration, parse_size
from runyard.model.limits import Limits
from runyard.workflow.conditions import condition
from runyard.workflow.node import LIST, MAP, SCALAR, Node

_RETRY, _FAN, _CACHE = Retry(), Fan(), Cache()
_POLICY = Policy()


def policy_of(node: Node, defaults: Node | None) -> Policy:
    """A step's policy; `defaults` speaks where the step does not."""

    def said(key: str) -> Node | None:
        found = node.get(key)
        return found if found is not None or defaults is None else defaults.get(key)

    return Policy(
        when=_when(node, "when"),
        retry=retry_of(said("retries")),
        timeout=_seconds(said("timeout")),
        grace=_seconds(said("grace"), _POLICY.grace),
        continue_on_error=bool(_value(said("continue_on_error"), False)),
        expect_vars=_words(node, "expect_vars"),
        must_vars=_words(node, "must_vars"),
        notify=_words(node, "notify"),
        changed_when=_when(node, "changed_when"),
        limits=limits_of(said("limits")),
        cache=_cache(node.get("cache")),
        become=_become(said("become")),
        offline=offline_of(said("offline")),
    )


def fan_of(node: Node, defaults: Node | None) -> Fan:
    """How a plain step or a task spreads over its hosts."""

    def said(key: str, otherwise: Any) -> Any:
        found = node.get(key)
        if found is None and defaults is not None:
            found = defaults.get(key)
        return otherwise if found is None else found.plain()

    serial = said("serial", ())
    return Fan(
        concurrency=said("concurrency", _FAN.concurrency),
        serial=tuple(_share(s) for s in (serial if isinstance(serial, list | tuple) else [serial])),
        max_failures=said("max_failures", None),
        fail_fast=said("fail_fast", False),
        run_once=bool(_value(node.get("run_once"), False)),
    )


def retry_of(node: Node | None) -> Retry:
    """`retries: 3` is four tries; a map says the rest."""
    if node is None:
        return Retry()
    if node.kind == SCALAR:
        return Retry(attempts=node.value + 1)
    return Retry(
        attempts=_value(node.get("attempts"), _RETRY.attempts),
        delay=_seconds(node.get("delay"), _RETRY.delay),
        backoff=float(_value(node.get("backoff"), _RETRY.backoff)),
        max_delay=_seconds(node.get("max_delay"), _RETRY.max_delay),
        jitter=float(_value(node.get("jitter"), _RETRY.jitter)),
        on=_words(node, "on"),
    )


def offline_of(node: Node | None) -> Offline | None:
    """A word, or a map with a deadline."""
    return None if node is None else Offline.of(node.plain())


def approval_of(node: Node | None) -> Approval | None:
    """A question, a map, or the arguments of `approval.wait`."""
    if node is None:
        return None
    if node.kind == SCALAR:
        return Approval(node.value)
    approvers = node.get("approvers")
    form = node.get("form")
    return Approval(
        message=str(_value(node.get("message"), "")),
        approvers=_approvers(approvers),
        timeout=_seconds(node.get("timeout")),
        form=form.plain() if form is not None and form.kind == MAP else {},
    )


def limits_of(node: Node | None) -> Limits:
    """Bounds in bytes, seconds and counts."""
    if node is None:
        return Limits()
    return Limits(
        memory=_bytes(node.get("memory")),
        processes=_value(node.get("processes"), None),
        cpu_time=_seconds(node.get("cpu_time")),
        open_files=_value(node.get("open_files"), None),
        output=_bytes(node.get("output")),
    )


def _approvers(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    return tuple(str(n.value) for n in (node.value if node.kind == LIST else [node]))


def _cache(node: Node | None) -> Cache | None:
    if node is None or node.value is False:
        return None
    if node.kind == SCALAR:
        return Cache()
    return Cache(_seconds(node.get("ttl"), _CACHE.ttl), _words(node, "inputs"))


def _become(node: Node | None) -> str | None:
    if node is None:
        return None
    return {True: "root", False: ""}.get(node.value, node.raw)


def _share(value: Any) -> int | str:
    return int(value) if str(value).isdigit() else str(value)


def _when(node: Node, key: str) -> Any:
    found = node.get(key)
    return None if found is None else condition(found)


def _value(node: Node | None, otherwise: Any) -> Any:
    return otherwise if node is None else node.value


def _seconds(node: Node | None, otherwise: Any = None) -> Any:
    return otherwise if node is None else parse_duration(node.value)


def _bytes(node: Node | None) -> int | None:
    return None if node is None else parse_size(node.value)


def _words(node: Node, key: str) -> tuple[str, ...]:
    return tuple(text for text, _ in node.strings(key))
