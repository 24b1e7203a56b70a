"""The tables that a form makes."""

from pathlib import Path

from sheaf.data import tables
from sheaf.forms import xform
from sheaf.forms.schema import Field

DATA = Path(__file__).parents[3] / "data"
FORM = xform.read((DATA / "forms/clinic-visit.xml").read_bytes())


def test_a_form_makes_a_table_and_one_more_for_each_repeat():
    root = tables.of(FORM.fields)
    assert [(table.path, table.name, table.way) for table in root.all()] == [
        ("", "Submissions", ()),
        ("/household", "Submissions.household", ("household",)),
        ("/household/visit", "Submissions.household.visit", ("visit",)),
    ]
    assert [[column.names for column in table.columns] for table in root.all()] == [
        [
            ("start",),
            ("seen-at",),
            ("place",),
            ("patient", "full-name"),
            ("patient", "age"),
            ("patient", "weight"),
            ("patient", "symptoms"),
            ("patient", "portrait"),
            ("route",),
            ("field",),
            ("consent",),
            ("meta", "instanceID"),
            ("meta", "instanceName"),
            ("meta", "audit"),
        ],
        [("street",)],
        [("day",), ("photo",)],
    ]
    household, visit = root.repeats[0], root.repeats[0].repeats[0]
    assert (household.parent, visit.parent) == (root, household)
    assert [column.index for column in root.columns] == list(range(14))


def test_a_repeat_in_groups_knows_the_way_from_the_table_above():
    fields = xform.read((DATA / "forms/register-tree.xml").read_bytes()).fields
    assert tables.of(fields).repeats == []
    nested = [
        Field("/a", "structure"),
        Field("/a/r", "repeat"),
        Field("/a/r/b", "structure"),
        Field("/a/r/b/c-d", "repeat"),
        Field("/a/r/b/c-d/e", "string"),
    ]
    deepest = list(tables.of(nested).all())[-1]
    assert (deepest.way, deepest.name) == (("b", "c-d"), "Submissions.a.r.b.c_d")
    assert deepest.columns[0].names == ("e",)
