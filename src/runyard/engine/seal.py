"""Taking secrets out of a result before anybody can read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.expr.redact import Redactor
from runyard.model.result import Outcome


def seal(outcome: Outcome, secrets: Mapping[str, str], redactor: Redactor) -> Outcome:
    """`outcome` with every secret masked (contract 1, "Variables").

    Variables keep a reference, `${secret:NAME}`, where a secret stood, so that later steps and
    later lives of the run still see the value.
    """
    if not secrets:
        return outcome
    error = outcome.error and {k: _mask(v, redactor) for k, v in outcome.error.items()}
    changes: dict[str, Any] = {
        "message": redactor.text(outcome.message),
        "error": error,
        "warnings": tuple(redactor.text(warning) for warning in outcome.warnings),
        "data": _mask(outcome.data, redactor),
        "exports": _refer(outcome.exports, secrets),
        "env": _refer(outcome.env, secrets),
    }
    if not outcome.logged:
        changes["stdout"] = redactor.text(outcome.stdout)
        changes["stderr"] = redactor.text(outcome.stderr)
    return outcome.but(**changes)


def _mask(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.text(value)
    if isinstance(value, Mapping):
        return {key: _mask(each, redactor) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(each, redactor) for each in value]
    return value


def _refer(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, secret in secrets.items():
            value = value.replace(secret, f"${{secret:{name}}}")
        return value
    if isinstance(value, Mapping):
        return {key: _refer(each, secrets) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_refer(each, secrets) for each in value]
    return value
