"""Every document of the corpus gets exactly its diagnostics, or exactly its compiled shape."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from runyard.runners.registry import ActionRegistry
from runyard.workflow.codes import CODES
from runyard.workflow.compose import compose
from runyard.workflow.diagnostic import Diagnostic
from runyard.workflow.document import InvalidWorkflow
from runyard.workflow.load import load, loads
from runyard.workflow.report import Report
from runyard.workflow.schema import json_schema
from runyard.workflow.source import Source
from tests.conformance.workflow.cases import HERE, Case, bad_cases, told
from tests.conformance.workflow.shape import shape

ACTIONS = ActionRegistry()
BAD = bad_cases()
GOOD = sorted((HERE / "good").glob("*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(json_schema(ACTIONS))


def diagnose(text: str | bytes) -> tuple[Diagnostic, ...]:
    try:
        return loads(text, path="f", actions=ACTIONS).warnings
    except InvalidWorkflow as error:
        return error.diagnostics


@pytest.mark.parametrize("case", BAD, ids=str)
def test_a_wrong_document_gets_its_diagnostics(case: Case) -> None:
    found = diagnose(case.document)
    assert told(found) == case.expected
    assert case.valid is all(d.severity == "warning" for d in found)
    for diagnostic in found:
        assert diagnostic.code in CODES
        assert diagnostic.render().count("\n") >= 2


def test_the_corpus_is_large() -> None:
    assert len(BAD) >= 150
    assert len({str(case) for case in BAD}) == len(BAD)
    assert len(GOOD) >= 25


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.stem)
def test_a_right_document_compiles_to_its_shape(path: Path) -> None:
    workflow = load(path, actions=ACTIONS)
    assert shape(workflow) == json.loads(path.with_suffix(".json").read_text())
    assert told(workflow.warnings) == ""


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.stem)
def test_the_json_schema_takes_every_right_document(path: Path) -> None:
    source = Source(str(path), path.read_text())
    root = compose(source, Report(source))
    assert root is not None
    assert [e.message for e in VALIDATOR.iter_errors(root.plain())] == []


SHAPE_CODES = {"WF012", "WF020", "WF021", "WF022", "WF023", "WF024", "WF025", "WF026", "WF033"}


@pytest.mark.parametrize("case", [c for c in BAD if not c.valid], ids=str)
def test_the_json_schema_refuses_what_is_wrong_in_shape(case: Case) -> None:
    """An editor must not call a document right whose keys or types are wrong."""
    source = Source("f", case.document)
    root = compose(source, Report(source))
    codes = {line.split()[1] for line in case.expected.splitlines() if line[0] != " "}
    if root is None or not codes & SHAPE_CODES or "__proto__" in case.document:
        return
    assert list(VALIDATOR.iter_errors(root.plain())) != []
