from __future__ import annotations

import base64

from runyard.engine.seal import seal
from runyard.expr.redact import Redactor
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Inventory
from runyard.model.result import Outcome
from runyard.model.status import Status

SECRETS = {"TOKEN": "correct-horse-battery"}


def test_no_secret_is_left_anywhere_and_variables_keep_a_reference() -> None:
    raw = SECRETS["TOKEN"]
    outcome = Outcome(
        Status.FAILED,
        stdout=f"out {raw}",
        stderr=base64.b64encode(f"x{raw}y".encode()).decode(),
        message=f"bad {raw}",
        error={"message": f"bad {raw}", "code": "X", "retryable": True},
        warnings=(f"careful with {raw}",),
        data={"headers": {"Auth": f"Bearer {raw}"}, "list": [raw], "status": 401},
        exports={"A": raw, "B": f"https://me:{raw}@host/", "N": 3, "M": {"deep": [raw]}},
    )
    sealed = seal(outcome, SECRETS, Redactor(SECRETS))
    assert raw not in repr(sealed)
    assert base64.b64encode(raw.encode()).decode()[4:-4] not in sealed.stderr
    assert sealed.data["status"] == 401
    variables = Variables(Inventory.local(), secrets=SECRETS)
    variables.record_exports("s", {"local": sealed.exports})
    scope = variables.scope("local")
    assert scope.lookup("A") == raw
    assert scope.lookup("B") == f"https://me:{raw}@host/"
    assert scope.lookup("M.deep") == [raw]


def test_without_secrets_nothing_is_touched() -> None:
    outcome = Outcome(Status.SUCCESS, stdout="x")
    assert seal(outcome, {}, Redactor({})) is outcome
