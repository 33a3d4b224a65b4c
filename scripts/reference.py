"""Write the generated pages of docs/reference, or with --check tell which are out of date.

python -m scripts.reference [--check]
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import runyard
from runyard.cli.reference import markdown as cli_page
from runyard.model import errors
from runyard.runners.reference import actions_page
from runyard.workflow.reference import diagnostics_page, workflow_page

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make docs`. Change the code instead. -->\n\n"


def errors_page() -> str:
    """The error tree: what each class means, its code, its exit code."""
    rows = []
    for name, found in inspect.getmembers(errors, inspect.isclass):
        if issubclass(found, errors.RunyardError) and found is not errors.RunyardError:
            meaning = (found.__doc__ or "").strip().splitlines()[0]
            again = "yes" if found.retryable else "no"
            rows.append(
                f"| `{name}` | `{found.code}` | {found.klass} | {again} | {found.exit_code} "
                f"| {meaning} |"
            )
    return (
        "# Errors\n\n"
        "Every failure that a user is told of is one of these. `retryable` says whether `retries`\n"
        "without `on` try again; `class` is what `retries.on` names. Codes are stable.\n\n"
        "| class in Python | code | class | retryable | exit code | meaning |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def python_page() -> str:
    """The names of the library door."""
    parts = [
        "# Python\n\n"
        "Everything that `from runyard import …` offers. All of it is typed. Names are imported\n"
        "when they are first used, so that `import runyard` is cheap.\n"
        "[Embed it](../how-to/embed-in-python.md) shows how they go together.\n"
    ]
    for name in runyard.__all__:
        found = getattr(runyard, name)
        text = re.sub(r" \((?:contract|seed) [^)]*\)", "", inspect.cleandoc(found.__doc__ or ""))
        parts.append(f"## `{name}`\n\n```text\n{_call(name, found)}\n```\n\n{_fenced(text)}\n")
    return "\n".join(parts)


def _call(name: str, found: object) -> str:
    if isinstance(found, type) and issubclass(found, Enum):
        return f"{name}: " + " ".join(found)
    if not callable(found):
        return name
    parameters = inspect.signature(found).parameters.values()
    words = [str(p).replace("'", "").replace("<factory>", "…") for p in parameters]
    line = f"{name}({', '.join(words)})"
    return line if len(line) < 100 else f"{name}(\n    " + ",\n    ".join(words) + ",\n)"


def _fenced(docstring: str) -> str:
    """A docstring as Markdown: what follows its first paragraph stays as it was written."""
    head, mark, rest = docstring.partition("\n\n")
    return f"{head}\n\n```text\n{rest}\n```" if mark else head


PAGES: dict[str, Callable[[], str]] = {
    "actions.md": lambda: NOTE + actions_page(),
    "cli.md": cli_page,
    "diagnostics.md": lambda: NOTE + diagnostics_page(),
    "errors.md": lambda: NOTE + errors_page(),
    "python.md": lambda: NOTE + python_page(),
    "workflow.md": lambda: NOTE + workflow_page(),
}


def main(arguments: list[str]) -> int:
    """0, or 1 when --check found a page out of date."""
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if "--check" not in arguments:
            path.write_text(text)
    if stale and "--check" in arguments:
        print("out of date, run `make docs`: " + ", ".join(stale), file=sys.stderr)
        return 1
    print(f"docs/reference: {len(PAGES)} generated pages, {len(stale)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
