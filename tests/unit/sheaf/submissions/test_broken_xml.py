"""The readers of XML against ten thousand broken documents: what they say, or what is wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sheaf.data import row
from sheaf.forms import xform
from sheaf.problems import Problem
from sheaf.submissions import diff, instance
from tests.mutations import mutated, seeds

FORM = xform.read((Path(__file__).parents[3] / "data/forms/clinic-visit.xml").read_bytes())
FIELDS = FORM.fields
BATCHES = range(10)


def read(raw: bytes) -> str:
    """Do with a document all that is done with a submission; give what came of it."""
    try:
        said = instance.read(raw)
        instance.attachment_names(said.text, FIELDS)
        row.read(said.text, FIELDS)
        diff.between(said.text, said.text[::2], FIELDS)
    except Problem as problem:
        assert 400 <= problem.status < 500, problem
        return type(problem).__name__
    assert said.text
    return "read"


@pytest.mark.parametrize("batch", BATCHES)
def test_a_thousand_broken_documents(batch):
    outcomes = Counter(read(raw) for raw in mutated(1000, seed=batch))
    assert outcomes.total() == 1000
    # They are broken in ways that matter, and not beyond recognition.
    assert outcomes["read"] > 300
    assert outcomes["MissingParameter"] > 50


def test_whole_documents_are_read():
    outcomes = [read(raw) for raw in seeds()]
    assert outcomes[-4:] == ["MissingParameter"] * 4
    assert len(outcomes) > 10
    assert set(outcomes[:-4]) == {"read"}
