"""What each function loads before its first request: the set of packages, never a time.

A cold start is mostly imports (`python -m bench.imports` measures them). What is rarely needed is
imported where it is used, so it must not appear here.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.imports import environment, functions, loading

# Every function: the table and its client, the log.
EVERYWHERE = {
    "aws_lambda_powertools",
    "botocore",
    "dateutil",
    "jmespath",
    "pynamodb",
    "six",
    "typing_extensions",
    "urllib3",
}
# What some functions cannot do without.
BESIDES = {
    "form_drafts/set": {"lxml"},
    "forms/create": {"lxml"},
    "openrosa/submit": {"multipart"},
}
# What writes no line of its own to the log.
SILENT = {"workers/tally": {"aws_lambda_powertools", "typing_extensions"}}
# What must be loaded where it is used, if at all: each takes 5 ms to a second.
LATE = {"boto3", "cryptography", "openpyxl", "pydantic", "pyxform", "requests", "xlrd", "zxcvbn"}

# Where a package comes from tells it from Python's own modules; site start-up hooks are no imports.
# botocore takes certifi's certificates where it is installed, as it is beside the tests' tools; the
# layer holds botocore's own.
_LISTING = """
import json
found = {
    name.partition(".")[0] for name, module in sys.modules.items()
    if "site-packages" in (getattr(module, "__file__", None) or "")
}
standard = sorted(name for name in sys.modules if name in %r)
print(json.dumps([sorted(found - {"_distutils_hack", "certifi", "sitecustomize"}), standard]))
"""
# Parts of the standard library that are slow to load and easily pulled in.
SLOW = {
    "asyncio",
    "concurrent.futures.process",
    "multiprocessing",
    "sqlite3",
    "tkinter",
    "unittest",
}


def loaded(function):
    done = subprocess.run(
        [sys.executable, "-c", loading(function) + _LISTING % (SLOW,)],
        check=False,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    packages, standard = json.loads(done.stdout)
    return set(packages), set(standard)


@pytest.fixture(scope="module")
def found():
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(functions(), pool.map(loaded, functions()), strict=True))


def test_a_function_loads_what_is_declared_and_nothing_else(found):
    declared = {
        name: (EVERYWHERE | BESIDES.get(name, set())) - SILENT.get(name, set())
        for name in functions()
    }
    assert {name: packages for name, (packages, _) in found.items()} == declared


def test_what_is_declared_belongs_to_functions_that_exist():
    assert BESIDES.keys() | SILENT.keys() <= set(functions())


def test_what_is_slow_and_seldom_needed_is_loaded_late(found):
    assert not {name for name, (packages, _) in found.items() if packages & LATE}


def test_no_function_loads_slow_parts_of_the_standard_library(found):
    assert {name: slow for name, (_, slow) in found.items() if slow} == {}
