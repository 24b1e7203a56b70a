"""Imports point one way, and what is slow or dangerous is kept where it belongs."""

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "core" / "sheaf"


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def importers(package):
    return {
        str(path.relative_to(LAYER))
        for path in LAYER.rglob("*.py")
        if any(name.split(".")[0] == package for name in imported(path))
    }


def test_the_layers_of_pyproject_hold():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "layers" / "core")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_function_imports_the_layer_and_no_library():
    for path in (ROOT / "functions").glob("*/*/app.py"):
        outside = {name.split(".")[0] for name in imported(path)} - {"__future__", "sheaf"}
        assert outside <= set(sys.stdlib_module_names), path


def test_a_function_is_one_file():
    for folder in (ROOT / "functions").glob("*/*"):
        kept = [each.name for each in folder.iterdir() if each.name != "__pycache__"]
        assert kept == ["app.py"], folder


def test_each_library_is_confined_to_the_modules_that_are_about_it():
    assert importers("boto3") == set()
    assert importers("aws_lambda_powertools") == {"telemetry.py"}
    assert importers("lxml") == {"forms/xform.py"}
    assert importers("pyxform") == {"forms/xlsform.py"}
    assert importers("zxcvbn") == {"access/passwords.py"}
    assert importers("cryptography") == {
        "data/decryption.py",
        "encryption/envelope.py",
        "encryption/keypairs.py",
        "sealing.py",
    }


def test_only_one_module_knows_time_and_chance():
    """Others draw both from `sheaf.clock`, but for what must never repeat or be steered."""
    measuring = {"http/endpoint.py", "http/authenticate.py"}
    hooks = {str(path.relative_to(LAYER)) for path in LAYER.glob("hooks/*.py")}
    assert importers("time") <= {"clock.py"} | measuring | hooks
    assert importers("random") == set()
    assert importers("secrets") <= {
        "clock.py", "access/passwords.py", "http/authenticate.py", "setup/bootstrap.py",
    }  # fmt: skip


def test_packages_say_what_they_are_and_load_nothing():
    for path in LAYER.rglob("__init__.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        if path != LAYER / "__init__.py":
            assert len(tree.body) == 1, path
        assert set(imported(path)) <= {"gc"}, path
