"""Every inventory of the corpus is read to its shape, or gets exactly its diagnostics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runyard.inventory.load import load_inventory
from runyard.inventory.problem import InvalidInventory
from runyard.model.errors import RunyardError
from tests.conformance.inventory.cases import GOOD, HERE, Case, bad_cases, shape
from tests.conformance.workflow.cases import told

BAD = bad_cases()


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_an_inventory_is_read_to_its_shape(path: Path) -> None:
    expected = json.loads((HERE / "good" / f"{path.name}.expected.json").read_text())
    # Through JSON: 5 and True are told apart from 5.0 and 1, lists from tuples are not.
    found = json.dumps(shape(load_inventory([f"good/{path.name}"], HERE)))
    found = found.replace(f"{HERE}/", "")
    assert json.dumps(json.loads(found), indent=1) == json.dumps(expected, indent=1)


@pytest.mark.parametrize("case", BAD, ids=str)
def test_a_wrong_inventory_gets_its_diagnostics(case: Case, tmp_path: Path) -> None:
    (tmp_path / case.file).write_text(case.text)
    with pytest.raises(RunyardError) as caught:
        load_inventory([case.file], tmp_path)
    error = caught.value
    if isinstance(error, InvalidInventory):
        assert told(error.diagnostics) == case.expected
        assert all(d.file == str(tmp_path / case.file) for d in error.diagnostics)
        assert error.code == "INVENTORY"
    else:
        text = error.message.replace(f"{tmp_path}/", "")
        hint = f"  hint: {error.hint}\n".replace(f"{tmp_path}/", "") if error.hint else ""
        assert f"error {error.code} {text}\n{hint}" == case.expected


def test_the_corpus_is_large() -> None:
    assert len(GOOD) >= 12
    assert len(BAD) >= 50
    assert len({str(case) for case in BAD}) == len(BAD)
