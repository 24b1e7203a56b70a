"""The catalogue of errors, and docs/errors.md, which is made of it.

`WRITE_DOCS=1 python -m pytest tests/catalogue/test_problems.py` writes the page anew.
"""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path

from sheaf import problems
from sheaf.problems import Problem

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
SOURCE = Path(problems.__file__).read_text()
STATUSES = {400, 401, 403, 404, 406, 409, 413, 500, 501, 503}
INTRODUCTION = """# Errors

Every error that the API gives, as `layers/core/sheaf/problems.py` states it; this page is made from
that file, and a test holds both equal.

The HTTP status is the integer part of the code. In JSON the code is a number:

```json
{"message": "Required parameter name missing.", "code": 400.2, "details": {"field": "name"}}
```

`details` is there where the error has any. OpenRosa routes tell the message alone, in their XML;
the `$metadata` of OData tells code, message and details in XML. What nobody foresaw is a 500 with
the message `Internal Server Error` and no code. Codes and texts are ODK Central's, but for those
that are marked as Sheaf's own.

| Code | When | Message |
| --- | --- | --- |
"""


def catalogue() -> list[type[Problem]]:
    """All problems, in the order in which the file states them."""
    classes = [
        each
        for _, each in inspect.getmembers(problems, inspect.isclass)
        if issubclass(each, Problem) and each is not Problem
    ]
    return sorted(classes, key=lambda each: inspect.getsourcelines(each)[1])


def page() -> str:
    """docs/errors.md, as it must be."""
    return INTRODUCTION + "".join(_row(each) for each in catalogue())


def _row(problem: type[Problem]) -> str:
    when = " ".join((problem.__doc__ or "").split())
    message = re.sub(r"\{\{|\}\}", lambda brace: brace[0][0], problem.message)
    return f"| {problem.code} | {_cell(when)} | `{_cell(message)}` |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def key(problem: type[Problem]) -> tuple[int, int]:
    """A code as it counts: 400.11 comes after 400.9."""
    status, _, number = str(problem.code).partition(".")
    return int(status), int(number)


def test_codes_are_in_order_and_each_is_used_once():
    codes = [key(each) for each in catalogue()]
    assert codes == sorted(set(codes))


def test_codes_can_travel_as_numbers():
    for each in catalogue():
        written = re.search(rf"class {each.__name__}\(.*?code = ([0-9.]+)\n", SOURCE, re.DOTALL)
        assert written is not None
        assert written[1] == str(each.code), "400.10 would read 400.1"
        status, number = key(each)
        assert status in STATUSES, each
        assert 1 <= number <= 99, each
        assert each.code * 100 == round(each.code * 100, 6)


def test_each_says_when_it_occurs():
    for each in catalogue():
        assert (each.__doc__ or "").splitlines()[0].endswith("."), each
        named = set(re.findall(r"(?<!\{)\{(\w+)\}", each.message))
        own = "__init__" in vars(each)
        assert own or all(name in (each.__doc__ or "") for name in named), each


def test_a_message_speaks_to_the_client():
    for each in catalogue():
        assert each.message[0].isupper(), each
        assert "\n" not in each.message


def test_the_page_tells_what_the_file_says():
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()
