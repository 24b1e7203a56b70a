"""The fields of a form version."""

from hypothesis import given
from hypothesis import strategies as st

from sheaf.forms import schema
from sheaf.forms.schema import Field

FIELDS = (
    Field("/1st name", "string"),
    Field("/group-a", "structure"),
    Field("/group-a/photo", "binary", binary=True),
    Field("/group-a/côté", "string", select_multiple=True),
    Field("/child", "repeat"),
)


def test_a_field_tells_its_place():
    photo = FIELDS[2]
    assert (photo.name, photo.parent, photo.structural) == ("photo", "/group-a", False)
    assert [field.structural for field in FIELDS] == [False, True, False, False, True]
    assert FIELDS[0].parent == ""


def test_a_field_reads_as_centrals_does():
    assert FIELDS[2].to_api() == {
        "path": "/group-a/photo",
        "name": "photo",
        "type": "binary",
        "binary": True,
        "selectMultiple": None,
    }
    assert FIELDS[3].to_api() == {
        "path": "/group-a/côté",
        "name": "côté",
        "type": "string",
        "binary": None,
        "selectMultiple": True,
    }


def test_fields_are_kept_in_little_space():
    dumped = schema.dump(FIELDS)
    assert dumped == (
        '[["/1st name","string"],["/group-a","structure"],["/group-a/photo","binary",1],'
        '["/group-a/côté","string",2],["/child","repeat"]]'
    )
    assert schema.load(dumped) == FIELDS


def test_odata_names_are_plain():
    assert [(field.path, field.name) for field in schema.odata(FIELDS)] == [
        ("/_1st_name", "_1st_name"),
        ("/group_a", "group_a"),
        ("/group_a/photo", "photo"),
        ("/group_a/c_t_", "c_t_"),
        ("/child", "child"),
    ]
    assert [schema.sanitize(name) for name in ("a--b", "-a", "_a", "é", "")] == [
        "a_b",
        "__a",
        "_a",
        "__",
        "",
    ]


def test_names_that_would_be_alike_are_told_apart():
    structures = {"/g": "structure", "/r": "repeat", "/g-": "structure"}
    paths = (
        "/größe", "/grüße", "/c_d", "/c-d", "/g", "/g/__id", "/g/grüße", "/g-", "/g-/x", "/g_",
        "/r", "/r/__id", "/r/__system", "/__id", "/__system",
    )  # fmt: skip
    fields = [Field(path, structures.get(path, "string")) for path in paths]
    shown = [field.path for field in schema.odata(fields)]
    assert shown == [
        "/gr_e_93c6a3", "/gr_e_cd56cb", "/c_d", "/c_d_38f284", "/g", "/g/__id", "/g/gr_e",
        "/g__e3db23", "/g__e3db23/x", "/g_", "/r", "/r/__id_77b6d0", "/r/__system",
        "/__id_77b6d0", "/__system_e3d0b4",
    ]  # fmt: skip
    # Wherever a new version of the form moves them.
    assert {field.path for field in schema.odata(fields[:4][::-1])} == set(shown[:4])
    for path, called in zip(paths, shown, strict=True):
        assert called.strip("/") in schema.spellings(path.strip("/"))


def test_fields_are_sorted_by_what_holds_them():
    assert schema.children(FIELDS) == {
        "": [FIELDS[0], FIELDS[1], FIELDS[4]],
        "/group-a": [FIELDS[2], FIELDS[3]],
    }


@given(st.lists(st.builds(Field, st.text(), st.text(), st.booleans(), st.booleans())))
def test_fields_survive_being_kept(fields):
    assert schema.load(schema.dump(fields)) == tuple(fields)


def test_fields_of_versions_are_merged_in_the_order_of_the_first():
    def fields(*paths):
        structures = {path.rpartition("/")[0] for path in paths}
        return [Field(path, "structure" if path in structures else "string") for path in paths]

    current = fields("/a", "/g", "/g/x", "/b")
    former = fields("/old", "/a", "/g", "/g/gone", "/g/x", "/lost", "/lost/y")
    assert [each.path for each in schema.merged([current, former])] == [
        "/a", "/g", "/g/x", "/g/gone", "/b", "/old", "/lost", "/lost/y",
    ]  # fmt: skip
    assert schema.merged([current]) == tuple(current)
    assert schema.merged([]) == ()
