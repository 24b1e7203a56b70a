"""Evaluate a form's XPath over its instance: lxml's XPath 1.0 with ODK's commoner functions.

What it cannot evaluate (an unknown function, dates compared as numbers) has the value None.
Functions and their meaning: ODK XForms specification, "XPath Functions".
"""

import contextlib
import math
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

from lxml import etree

from local.xform import JAVAROSA, Form

# Where XForms writes /data/x, the one document has /form/data/x. Quoted text is left alone.
ABSOLUTE = re.compile(r"""('[^']*'|"[^"]*")|(?<![^\s(\[,=<>+|-])/(?=\w)""")
# XPath's own functions of these names take other arguments than ODK's, and cannot be replaced.
OVERLOADED = re.compile(r"\b(position|round|concat|number)\s*\((?=\s*[^)\s])")


class Logic:
    """The expressions of one form, with fixed chance and a fixed present moment."""

    def __init__(self, form: Form, rng: Random, moment: datetime) -> None:
        self.form, self.rng, self.moment = form, rng, moment
        self.functions: dict[tuple[str | None, str], Callable[..., Any]] = {
            (None, name.removeprefix("_f_").replace("_", "-")): getattr(self, name)
            for name in dir(self)
            if name.startswith("_f_")
        }
        self.functions[(JAVAROSA, "itext")] = lambda _, key: form.texts.get(_text(key), "")

    def value(self, expression: str, node: Any) -> Any:
        """Return what an expression gives at a node: bool, float, str, list of nodes, or None."""
        path = ABSOLUTE.sub(lambda m: m[1] or "/form/", expression)
        path = OVERLOADED.sub(r"odk-\1(", path)
        with contextlib.suppress(etree.XPathError):
            compiled = etree.XPath(
                path, namespaces=self.form.namespaces, extensions=self.functions, regexp=False
            )
            return compiled(node)
        return None

    def text(self, expression: str, node: Any) -> str | None:
        """Return an expression's value as an answer is written, or None if it is unknown."""
        found = self.value(expression, node)
        return None if found is None else _text(found)

    def holds(self, expression: str | None, node: Any) -> bool:
        """Tell whether a condition is met. No condition, and one beyond us, hold."""
        found = self.value(expression, node) if expression else None
        return found is None or bool(found)

    def nodes(self, expression: str, node: Any) -> list[Any]:
        """Return the nodes that an expression selects; none if it is beyond us."""
        found = self.value(expression, node)
        return found if isinstance(found, list) else []

    # Each _f_name is the function `name`; the first argument is lxml's evaluation context.

    def _f_if(self, _: Any, condition: Any, then: Any, otherwise: Any) -> Any:
        return then if condition else otherwise

    def _f_coalesce(self, _: Any, first: Any, second: Any) -> str:
        return _text(first) or _text(second)

    def _f_once(self, context: Any, value: Any) -> str:
        return context.context_node.text or _text(value)

    def _f_current(self, context: Any) -> list[Any]:
        return [context.context_node]

    def _f_instance(self, _: Any, name: str) -> list[Any]:
        return [e for e in self.form.wrapper[1:] if e.get("id") == _text(name)]

    def _f_selected(self, _: Any, answer: Any, choice: Any) -> bool:
        return _text(choice) in _text(answer).split()

    def _f_count_selected(self, _: Any, answer: Any) -> float:
        return float(len(_text(answer).split()))

    def _f_selected_at(self, _: Any, answer: Any, index: float) -> str:
        return (_text(answer).split()[int(index) :] or [""])[0]

    def _f_count_non_empty(self, _: Any, nodes: list[Any]) -> float:
        return float(sum(1 for node in nodes if node.text))

    def _f_join(self, _: Any, between: Any, *values: Any) -> str:
        return _text(between).join(t for value in values for t in _texts(value))

    def _f_odk_concat(self, _: Any, *values: Any) -> str:
        return "".join(t for value in values for t in _texts(value))

    def _f_odk_round(self, _: Any, value: Any, places: float = 0) -> float:
        number = _number(value)
        return number if math.isnan(number) else round(number, int(places))

    def _f_odk_number(self, _: Any, value: Any) -> float:
        return _number(value)

    def _f_odk_position(self, _: Any, nodes: list[Any]) -> float:
        return float(1 + sum(1 for _ in nodes[0].itersiblings(nodes[0].tag, preceding=True)))

    def _f_int(self, _: Any, value: Any) -> float:
        number = _number(value)
        return number if math.isnan(number) else float(int(number))

    def _f_min(self, _: Any, *values: Any) -> float:
        return min((_number(t) for value in values for t in _texts(value)), default=math.nan)

    def _f_max(self, _: Any, *values: Any) -> float:
        return max((_number(t) for value in values for t in _texts(value)), default=math.nan)

    def _f_regex(self, _: Any, value: Any, pattern: Any) -> bool:
        return re.fullmatch(_text(pattern), _text(value)) is not None

    def _f_uuid(self, *_: Any) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def _f_random(self, _: Any) -> float:
        return self.rng.random()

    def _f_today(self, _: Any) -> str:
        return self.moment.date().isoformat()

    def _f_now(self, _: Any) -> str:
        return self.moment.isoformat(timespec="milliseconds")

    def _f_format_date(self, _: Any, value: Any, pattern: Any) -> str:
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(_text(value)).strftime(_text(pattern))
        return ""


def _texts(value: Any) -> list[str]:
    return [e.text or "" for e in value] if isinstance(value, list) else [_text(value)]


def _text(value: Any) -> str:
    """Return a value as XForms writes it: 3 for 3.0, true for true, nothing for NaN."""
    if isinstance(value, list):
        return (_texts(value) or [""])[0]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return str(value)


def _number(value: Any) -> float:
    try:
        return float(_text(value))
    except ValueError:
        return math.nan
