"""Write the generated pages of docs/reference, or with --check tell which are out of date.

python -m scripts.reference [--check]
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

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


PAGES: dict[str, Callable[[], str]] = {
    "actions.md": actions_page,
    "diagnostics.md": diagnostics_page,
    "errors.md": errors_page,
    "workflow.md": workflow_page,
}


def main(arguments: list[str]) -> int:
    """0, or 1 when --check found a page out of date."""
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, NOTE + make()
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
