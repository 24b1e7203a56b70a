"""One module builds keys, and docs/table.md draws all of them."""

import ast
import re
from pathlib import Path

from sheaf.db import keys

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "core" / "sheaf"
PAGE = (ROOT / "docs" / "table.md").read_text()
# Texts with a separator that are no keys: the names that OData gives rows of repeats.
NO_KEYS = {"data/row.py"}


def patterns():
    """(pk, sk, kind of item) of the module's docstring."""
    for line in keys.__doc__.split("\n\n")[1].splitlines()[2:]:
        pk, sk, item = re.fullmatch(r" {4}(\S.*?) {2,}(\S+) +(.+)|", line.rstrip()).groups()
        yield pk, sk, item


def rows(section):
    """The cells of a section's table."""
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_draws_every_pattern():
    drawn = [tuple(row) for row in rows("Keys")]
    assert drawn == list(patterns())
    assert len(drawn) >= 20


def test_the_page_says_of_every_kind_who_reads_and_writes_it():
    kinds = list(dict.fromkeys(item.split(":")[0] for _, _, item in patterns()))
    kinds = [re.sub(r"^(Submission),.*|^(Claim) of.*|^(Hook) \(.*", r"\1\2\3", k) for k in kinds]
    assert [row[0] for row in rows("Who reads and writes what")] == kinds
    assert all(all(cell for cell in row) for row in rows("Who reads and writes what"))


def test_every_pattern_is_made_by_a_function_and_every_prefix_is_drawn():
    source = (LAYER / "db" / "keys.py").read_text()
    made = set(re.findall(r'["{]([A-Z]+)#', source.split('"""', 2)[2]))
    drawn = {
        match for pk, sk, _ in patterns() for match in re.findall(r"\b([A-Z]+)#", f"{pk} {sk}")
    }
    assert made == drawn


def literals(path):
    """Every text in code, docstrings aside."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def test_no_other_module_builds_a_key():
    parts = re.compile(r"^[A-Z]+#|^#$|^#\{|^[^&]#$|^(COUNTERS|EMAILS|PROJECTS|PURGE|RUN)$")
    found = {
        str(path.relative_to(LAYER)): [text for text in literals(path) if parts.search(text)]
        for path in LAYER.rglob("*.py")
        if path != LAYER / "db" / "keys.py"
    }
    building = {name for name, texts in found.items() if texts} - NO_KEYS
    assert building == set(), {name: found[name] for name in building}


def test_no_module_scans_the_table():
    scanning = [
        str(path)
        for path in LAYER.rglob("*.py")
        if re.search(r"\b[A-Z]\w+\.(rate_limited_)?scan\(", path.read_text())
    ]
    assert scanning == []


def test_a_kinds_docstring_states_its_key():
    for path in LAYER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and "Item" in {
                getattr(base, "id", "") for base in node.bases
            }:
                assert re.search(r"\(key: ", ast.get_docstring(node) or ""), f"{path}: {node.name}"
