"""Every diagnostic code: what it means, an example, what to do. Codes never change meaning."""

from __future__ import annotations

from runyard.model.light import dataclass

FILE, DOCUMENT, STEP = "file", "document", "step"
_HEAD = "version: v0.1\nname: example\n"
_STEP = "  - name: one\n    action: cmd.run\n    args: {cmd: date}\n"


@dataclass(repr=False, eq=False)
class Code:
    """One row of docs/reference/diagnostics.md.

    Attributes:
        example: what raises it: prose about a FILE, a whole DOCUMENT, or keys of a STEP.
    """

    title: str
    meaning: str
    fix: str
    kind: str
    example: str

    def document(self) -> str:
        """The example as a whole document."""
        if self.kind == DOCUMENT:
            return self.example
        keys = "".join(f"    {line}\n" for line in self.example.splitlines())
        return f"{_HEAD}steps:\n{_STEP}{keys}"


def _doc(text: str) -> str:
    return f"{_HEAD}{text}"


CODES: dict[str, Code] = {
    "WF001": Code("file cannot be read", "The file does not exist, or may not be read.",
        "Check the name and the permissions.", FILE, "a missing file"),
    "WF002": Code("a directory", "A directory was named where a file is wanted.",
        "Name a file inside it.", FILE, "runyard validate examples/"),
    "WF003": Code("file too large", "A workflow has at most 16 MiB.",
        "Keep data out of the workflow: read it in a step.", FILE, "a file of 100 MB"),
    "WF004": Code("binary file", "The file holds NUL bytes: it is no text.",
        "Name the YAML file.", FILE, "runyard validate /bin/sh"),
    "WF005": Code("not UTF-8", "Some bytes are not valid in the file's encoding: UTF-8, or UTF-16 "
        "or UTF-32 with a byte order mark.", "Save the file as UTF-8.", FILE,
        "a file saved as Latin-1"),
    "WF006": Code("empty document", "The file holds nothing but blanks and comments.",
        "Begin with version, name and steps.", DOCUMENT, "# nothing here yet\n"),
    "WF007": Code("not YAML", "The text breaks the rules of YAML; parsing stopped here.",
        "Mind brackets, quotes and indentation near the place.", DOCUMENT,
        _doc("steps: [\n")),
    "WF008": Code("tab in indentation", "YAML indents with spaces only.",
        "Replace tabs by spaces.", DOCUMENT,
        _doc("steps:\n\t- {name: one, action: cmd.run, args: {cmd: date}}\n")),
    "WF009": Code("several documents", "A file holds one workflow; another begins after `---`.",
        "Split the file.", DOCUMENT, _doc("---\n" + _HEAD)),
    "WF010": Code("nested too deep", "Lists and maps stand at most 100 deep in each other.",
        "Flatten the data.", DOCUMENT, _doc("vars: {deep: " + "[" * 100 + "]" * 100 + "}\n")),
    "WF011": Code("too many values", "A document has at most 1,000,000 values; aliases count as "
        "what they stand for.", "Do not nest aliases of aliases.", DOCUMENT,
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{new}: &{new} [" + ", ".join([f"*{old}"] * 10) + "]\n"
            for old, new in ("ab", "bc", "cd", "de", "ef", "fg"))),
    "WF012": Code("unknown key", "Nothing reads this key. A document is strict, so that a typing "
        "error does not go unnoticed.", "Correct or remove the key.", STEP, "timeuot: 5m"),
    "WF013": Code("duplicate key", "One map holds the key twice.", "Keep one.", STEP,
        "timeout: 5m\ntimeout: 6m"),
    "WF014": Code("bad alias", "`*name` stands before its anchor `&name`, or inside it.",
        "Define the anchor first, or quote the text.", STEP, "tags: *common"),
    "WF015": Code("tag not supported", "Only the core tags (`!!str`, `!!int`, …) are known, and "
        "their text must fit. An unquoted `!` at the start of a value is a tag as well: YAML drops "
        "it, and with it the negation.", "Quote the value, or remove the tag.", STEP,
        "timeout: !duration 5m"),
    "WF016": Code("key is not a word", "A list or a map stands where a key belongs.",
        "Quote `{…}` and `[…]` that are meant as text.", STEP, "{a: b}: c"),
    "WF017": Code("bad merge", "`<<` takes a map, or a list of maps.", "Write `<<: *anchor`.", STEP,
        "<<: common"),
    "WF018": Code("partly quoted", "The quotes end before the value does.",
        "Quote the whole expression.", STEP, 'when: "${A}" == "b"'),
    "WF020": Code("wrong type", "The value is of another type than this key takes.",
        "Write what the message asks for.", STEP, "targets: web1"),
    "WF021": Code("required key missing", "The map lacks a key, or it is empty.", "Add it.",
        DOCUMENT,
                "version: v0.1\nsteps:\n" + _STEP),
    "WF022": Code("bad duration", "A duration is one or more numbers with units: ms, s, m, h, d.",
        "Write 30s, 5m or 1h30m.", STEP, "timeout: 5 parsecs"),
    "WF023": Code("bad size", "A size is a number with a unit: k, M, G or T, powers of 1024.",
        "Write 64k, 512MB or 2GiB.", STEP, "limits: {memory: lots}"),
    "WF024": Code("word not allowed", "The key takes one of a few words.",
        "Write one of the words listed.", STEP, "offline: {policy: sleep}"),
    "WF025": Code("out of bounds", "The number is too small or too large.",
        "Stay within the bounds.", STEP, "concurrency: 0"),
    "WF026": Code("not a name", "The text does not follow the rule for such a name.",
        "Use letters, digits and _.", STEP, "must_vars: [a-b]"),
    "WF027": Code("must not be empty", "The list or text is empty.", "Add an element.", DOCUMENT,
        _doc("steps: []\n")),
    "WF028": Code("version not supported", "The only version of the format is v0.1.",
        "Write `version: v0.1`.", DOCUMENT, 'version: "2"\nname: example\nsteps:\n' + _STEP),
    "WF029": Code("old key", "The key still works under its old name.", "Write the new name.",
        DOCUMENT, _doc("steps:\n  - name: one\n    action: cmd.run\n    with: {cmd: date}\n")),
    "WF030": Code("exclude each other", "Two keys say the same, or contradict each other.",
        "Keep one of them.", DOCUMENT, _doc("steps:\n" + _STEP + "modules: []\n")),
    "WF031": Code("duplicate name", "Names of steps, ids, handlers, modules and tasks are unique.",
        "Rename one.", DOCUMENT, _doc("steps:\n" + _STEP * 2)),
    "WF032": Code("unknown action", "No built-in action and no plugin has this name.",
        "`runyard actions` lists them.", DOCUMENT,
        _doc("steps:\n  - name: one\n    action: cmd.rum\n    args: {cmd: date}\n")),
    "WF033": Code("unknown argument", "The action takes no such argument.",
        "`runyard actions NAME` describes it.", DOCUMENT,
        _doc("steps:\n  - name: one\n    action: cmd.run\n    args: {cmd: date, dri: /}\n")),
    "WF034": Code("argument missing", "The action needs an argument that is not given.", "Add it.",
        DOCUMENT, _doc("steps:\n  - name: one\n    action: cmd.run\n")),
    "WF035": Code("bad argument", "An argument's value is of the wrong type or form.",
        "Write what the message asks for.", DOCUMENT,
        _doc("steps:\n  - name: one\n    action: cmd.run\n    args: {cmd: {}}\n")),
    "WF036": Code("unknown target", "No host, group or pattern of the inventory is called so.",
        "Correct the name, or add the host.", STEP, "targets: [web9]"),
    "WF037": Code("group names an unknown host", "A group lists a host that the inventory lacks.",
        "Add it to `inventory.hosts`.", DOCUMENT,
        _doc("inventory:\n  groups: {web: {hosts: [web2]}}\n  hosts: {web1: {}}\n"
             "steps:\n" + _STEP)),
    "WF038": Code("no hosts", "An inventory is present, and no host in it.",
        "Add hosts, or remove `inventory` to run on this machine.", DOCUMENT,
        _doc("inventory: {hosts: {}}\nsteps:\n" + _STEP)),
    "WF039": Code("handler not found", "`notify` names a handler that the document lacks.",
        "Add it under `handlers`.", STEP, "notify: [restart]"),
    "WF040": Code("bad condition", "A `when` or `changed_when` expression is not well formed.",
        "Mind `==`, quotes and parentheses.", STEP, "when: ${A} = 1"),
    "WF041": Code("depends on an unknown step", "`depends_on` names no step of the same list.",
        "Use a step's name or id.", STEP, "depends_on: [two]"),
    "WF042": Code("steps wait for each other", "The order has a circle. A step without "
        "`depends_on` waits for the one before it.", "Remove one `depends_on`.", STEP,
        "depends_on: [one]"),
    "WF043": Code("too many instances", "A step has at most 10,000 instances, a document 100,000.",
        "Loop inside a script.", STEP,
        "loop: [" + ", ".join(["0"] * 101) + "]\nmatrix: {x: [" + ", ".join(["0"] * 100) + "]}"),
    "WF044": Code("no such loop value", "`${item}` stands in a step without `loop`, or "
        "`${matrix.X}` in one without that axis.", "Add the loop or the axis.", STEP,
        'when: ${item} == "a"'),
    "WF045": Code("approval in the middle", "`approval.wait` is asked once, before a task starts.",
        "Give the steps that follow a task of their own.", DOCUMENT,
        _doc("modules:\n  - name: m\n    tasks:\n      - name: t\n        steps:\n"
             "          - {name: one, action: cmd.run, args: {cmd: date}}\n"
             "          - {name: two, action: approval.wait}\n")),
    "WF046": Code("expects, but exports nothing", "`expect_vars` without `export_vars: true` in "
        "the arguments: no export is looked for, so the step will fail.",
        "Add `export_vars: true`.", STEP, "expect_vars: [OK]"),
    "WF047": Code("bad reference", "A `${…}` in an argument is not closed, or is no reference.",
        "Write `${NAME}`; `$${` stands for a literal `${`.", DOCUMENT,
        _doc("steps:\n  - name: one\n    action: cmd.run\n    args: {cmd: date, dir: '${HOME'}\n")),
    "WF048": Code("bad address", "A host's address is none that can be reached.",
        "Leave it out for this machine, or write ssh://, http:// or https://.", DOCUMENT,
        _doc("inventory:\n  hosts: {web1: {address: 10.0.0.1}}\nsteps:\n" + _STEP)),
    "WF049": Code("bad child of a group", "A child of a group is no group, or groups contain each "
        "other.", "Name groups under `children`, hosts under `hosts`.", DOCUMENT,
        _doc("inventory:\n  hosts: {web1: {}}\n  groups: {web: {children: [dbs]}}\n"
             "steps:\n" + _STEP)),
    "WF050": Code("unknown fact", "No host is asked for a fact of this name: it would be empty "
        "everywhere.", "Correct the name; `runyard facts -o json` shows what hosts answer.", STEP,
        "when: ${facts.oss} == \"linux\""),
    "WF099": Code("too many diagnostics", "After 1,000 the rest is left out.",
        "Repair the first ones.", DOCUMENT,
        _doc("steps: [" + ", ".join(["x"] * 1001) + "]\n")),
}  # fmt: skip
"""In the order of the reference."""
