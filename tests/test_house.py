"""Rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "runyard"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def tracked() -> list[Path]:
    """Every file of the repository, without what .gitignore leaves out."""
    found = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    return [path for name in found.decode().split("\0") if (path := ROOT / name).is_file()]


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def test_no_file_names_the_host_of_a_package_registry() -> None:
    hosts = [
        ".".join(parts)
        for parts in [
            ("pypi", "org"),
            ("files", "pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("deb", "debian", "org"),
            ("archive", "ubuntu", "com"),
            ("proxy", "golang", "org"),
        ]
    ]
    guilty = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        for host in hosts
        if host.encode() in path.read_bytes()
    ]
    assert guilty == []


def test_source_files_are_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in modules()}
    assert {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > 400} == {}
    assert statistics.median(lengths.values()) <= 150


def test_source_has_no_leftovers() -> None:
    platform = "os|select|signal|socket|resource"
    words = re.compile(rf"\b(TODO|FIXME|XXX|HACK)\b|\bhasattr\((?!({platform}),)")
    guilty = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in modules()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if words.search(line)
    ]
    assert guilty == []


def test_packages_open_with_a_docstring_and_nothing_else() -> None:
    """Importing one module of a package must not pull in its siblings."""
    for path in SOURCE.glob("*/**/__init__.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        assert len(tree.body) == 1, path


def imported(path: Path, version: tuple[int, int] | None = None) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(), feature_version=version)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_supervisor_is_python_38_and_the_standard_library_alone() -> None:
    files = sorted((SOURCE / "supervisor").rglob("*.py"))
    own = {path.stem for path in files} | {"supervisor"}
    foreign = {
        f"{path.name}: {name}"
        for path in files
        for name in imported(path, (3, 8))
        if name not in sys.stdlib_module_names and name not in own
    }
    assert foreign == set()


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def test_constraints_pin_everything_exactly() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [
        line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.+]*", line)
    ] == []
    pinned = {name_of(line) for line in lines}
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    wanted += PYPROJECT["build-system"]["requires"]
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = name_of(requirement)
        if name in seen:
            continue
        seen.add(name)
        try:
            needs = requires(name) or []
        except PackageNotFoundError:  # not for this Python or platform
            continue
        wanted += [need for need in needs if "extra ==" not in need]
    platform_only = {
        "async-timeout", "backports-asyncio-runner", "cffi", "colorama", "exceptiongroup",
        "importlib-metadata", "importlib-resources", "pycares", "tomli", "winloop", "zipp",
    }  # fmt: skip
    assert seen - pinned - platform_only == set()


def test_project_metadata() -> None:
    project = PYPROJECT["project"]
    assert project["scripts"]["runyard"] == "runyard.cli.main:main"
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert (SOURCE / "py.typed").exists()
    version = re.search(r'__version__ = "(.+)"', (SOURCE / "__init__.py").read_text())
    assert version
    assert version[1] == project["version"]
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_make_lists_its_targets() -> None:
    make = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[1] for line in shown.stdout.splitlines()] == (
        ["help", "demo", "demo-hosts", "test", "check", "bench", "docs"]
    )


LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize(
    "page", [p for p in tracked() if p.suffix == ".md"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    missing = [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    assert missing == []


def test_every_page_can_be_reached_from_the_index() -> None:
    docs = ROOT / "docs"
    seen: set[Path] = set()
    open_pages = [docs / "index.md"]
    while open_pages:
        page = open_pages.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        open_pages += [
            (page.parent / target).resolve() for target in LINK.findall(page.read_text())
        ]
    assert set(docs.rglob("*.md")) - seen == set()


def test_architecture_table_is_what_import_linter_enforces() -> None:
    layers: list[str] = next(
        c["layers"] for c in PYPROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "layers"
    )
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)/` \|[^|]*\|([^|]*)\|$", text, re.MULTILINE)
    assert [name for name, _ in rows] == layers
    for place, (name, may) in enumerate(rows):
        below = [] if name == "supervisor" else layers[place + 1 :]
        said = re.findall(r"`(\w+)`", may)
        assert (layers[layers.index(said[0]) :] if "and below" in may else said) == below, name
