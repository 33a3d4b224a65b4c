"""Pages of docs/reference that are made from the tables: never a second list."""

from __future__ import annotations

from runyard.workflow.codes import CODES, FILE, Code
from runyard.workflow.keys import DOCUMENT, TABLES, VERSION
from runyard.workflow.kinds import Either, ListOf, MapOf
from runyard.workflow.table import Key, Table


def workflow_page() -> str:
    """Every key of every map, with its type, default and meaning."""
    parts = [
        "# Workflow reference\n",
        f"A workflow is one YAML document of the format `{VERSION}`, at most 16 MiB, nested at\n"
        "most 100 deep. Scalars follow YAML 1.2: `on` and `no` are text, `012` is twelve, `1:30`\n"
        "is text. Anchors, aliases and `<<` work. An unknown or a duplicate key is an error;\n"
        "[diagnostics](diagnostics.md) lists all of them. A key without a value counts as\n"
        "absent.\n",
        "`runyard schema` prints the same as JSON Schema for an editor, `runyard fmt` puts keys\n"
        "in this order, `runyard actions` describes the actions.\n",
    ]
    for table in TABLES:
        parts.append(_section(table))
    return "\n".join(parts)


def _section(table: Table) -> str:
    title = "The document" if table is DOCUMENT else f"`{table.name}`"
    rows = "\n".join(_row(key) for key in table.keys.values())
    head = "| key | takes | meaning | default |\n|---|---|---|---|"
    return f"## {title}\n\n{table.doc}\n\n{head}\n{rows}\n"


def _row(key: Key) -> str:
    default = "**required**" if key.required else key.default
    name = f"`{key.name}`" + (" (deprecated)" if key.alias_of else "")
    cells = [name, _takes(key), key.doc, default]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _takes(key: Key) -> str:
    kind = key.kind
    link = _link(kind)
    if link:
        return f"a map: {link}"
    if isinstance(kind, ListOf | MapOf) and (link := _link(kind.item)):
        return f"{kind.words}: {link}"
    if isinstance(kind, Either):
        links = [found for form in kind.forms.values() if (found := _link(form))]
        return f"{kind.words}: {', '.join(links)}" if links else kind.words
    return kind.words


def _link(kind: object) -> str:
    return f"[{kind.name}](#{kind.name})" if isinstance(kind, Table) else ""


def diagnostics_page() -> str:
    """Every code with its meaning, an example and what to do."""
    parts = [
        "# Diagnostics\n",
        "What `runyard validate` and `runyard run` say about a document. All mistakes are told\n"
        "at once, each with file, line and column, the line itself, a stable code, a guess where\n"
        "there is one, and the repair where it is known. `-o json` gives the same as data. The\n"
        "exit code is 2; warnings alone let a workflow run.\n",
    ]
    parts += [_code(name, code) for name, code in CODES.items()]
    return "\n".join(parts)


def _code(name: str, code: Code) -> str:
    shown = code.example.rstrip("\n")
    if len(shown) > 400:
        shown = shown[:120] + " …"
    example = f"Example: {shown}." if code.kind == FILE else f"```yaml\n{shown}\n```"
    return f"## {name}: {code.title}\n\n{code.meaning}\n\n{example}\n\nWhat to do: {code.fix}\n"
