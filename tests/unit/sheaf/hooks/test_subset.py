"""Fields of a submission, with the meaning that KoBoToolbox gives their names."""

from lxml import etree

from sheaf.hooks import subset

# The record and the XML of KoBoToolbox's own parser tests, in shape.
FLAT = {
    "_id": 1,
    "subgroup1/q3": "q3 value",
    "group1/subgroup1/q4": "q4 value",
    "group1/subgroup2/subgroup1/q5": "q5 value",
    "group1/subgroup11/q6": "q6 value",
    "group1/q7": "q7 value",
    "group2/subgroup11/q1": "q1 value",
    "rep": [{"rep/q8": "a"}, {"rep/q8": "b"}],
    "a.b": "dotted",
    "axb": "not dotted",
}


def test_a_name_means_each_field_and_group_that_bears_it():
    assert subset.of_flat(FLAT, ["subgroup1", "q7", "group2/subgroup11/q1"]) == {
        "subgroup1/q3": "q3 value",
        "group1/subgroup1/q4": "q4 value",
        "group1/subgroup2/subgroup1/q5": "q5 value",
        "group1/q7": "q7 value",
        "group2/subgroup11/q1": "q1 value",
    }


def test_a_path_means_itself():
    assert subset.of_flat(FLAT, ["group1/subgroup1"]) == {}
    assert subset.of_flat(FLAT, ["group1/q7"]) == {"group1/q7": "q7 value"}


def test_names_are_no_patterns():
    assert subset.of_flat(FLAT, ["a.b"]) == {"a.b": "dotted"}
    assert subset.of_flat(FLAT, [".*", "q[0-9]", "(", "group1/.*"]) == {}


def test_a_repeat_comes_whole_and_what_is_about_the_submission_when_it_is_named():
    assert subset.of_flat(FLAT, ["rep", "_id"]) == {"_id": 1, "rep": FLAT["rep"]}


ROW = {
    "name": "Ada",
    "group1": {"q1": 1, "inner": {"q2": 2}, "q3": None},
    "meta": {"instanceID": "uuid:1", "instanceName": None},
    "child": [
        {"name": "Bo", "age": 7, "__id": "a"},
        {"name": "Cy", "age": 9, "__id": "b"},
    ],
    "_1st_choice": "x",
    "__id": "uuid:1",
    "__system": {"edits": 0},
}
ABOUT = {"__id": "uuid:1", "__system": {"edits": 0}}


def test_of_a_row_the_same_with_what_stands_around_it():
    def part(*names):
        return subset.of_row(ROW, names)

    assert part("group1", "meta/instanceID") == {
        "group1": ROW["group1"],
        "meta": {"instanceID": "uuid:1"},
        **ABOUT,
    }
    assert part("q2") == {"group1": {"inner": {"q2": 2}}, **ABOUT}
    assert part("group1/inner") == {"group1": {"inner": {"q2": 2}}, **ABOUT}
    assert part("q3") == {"group1": {"q3": None}, **ABOUT}
    assert part("1st choice") == {"_1st_choice": "x", **ABOUT}
    assert part("nothing") == ABOUT
    assert list(part("meta", "q3", "group1/q1")) == ["group1", "meta", "__id", "__system"]


def test_of_rows_of_a_repeat_the_fields_that_are_wanted():
    ages = [{"age": 7, "__id": "a"}, {"age": 9, "__id": "b"}]
    assert subset.of_row(ROW, ["child/age"]) == {"child": ages, **ABOUT}
    assert subset.of_row(ROW, ["child"]) == {"child": ROW["child"], **ABOUT}
    assert subset.of_row({"child": []}, ["age"]) == {}


XML = """<?xml version="1.0"?><!-- hello -->
<data xmlns:orx="http://openrosa.org/xforms" id="simple" version="1">
  <group1><q1>1</q1><subgroup1><q2 a="x &quot; y" b='"'>2 &amp; 3</q2></subgroup1></group1>
  <subgroup1><q3><![CDATA[<4>]]></q3></subgroup1>
  <subgroup11>no</subgroup11>
  <rep><q1>5</q1></rep><rep><q1>6</q1><q9/></rep>
  <orx:meta><orx:instanceID>uuid:1</orx:instanceID></orx:meta>
</data>"""


def shape(text):
    def told(node):
        return node.tag.split("}")[-1], (node.text or "").strip(), [told(child) for child in node]

    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    return told(etree.fromstring(text.encode()))


def test_of_xml_elements_of_a_name_with_all_in_and_around_them():
    assert shape(subset.of_xml(XML, ["subgroup1"])) == (
        "data",
        "",
        [
            ("group1", "", [("subgroup1", "", [("q2", "2 & 3", [])])]),
            ("subgroup1", "", [("q3", "<4>", [])]),
        ],
    )
    assert shape(subset.of_xml(XML, ["rep/q1", "q9"])) == (
        "data",
        "",
        [("rep", "", [("q1", "5", [])]), ("rep", "", [("q1", "6", []), ("q9", "", [])])],
    )
    # meta only when it is named, by its local name.
    meta = ("meta", "", [("instanceID", "uuid:1", [])])
    assert shape(subset.of_xml(XML, ["meta"])) == ("data", "", [meta])
    assert shape(subset.of_xml(XML, ["instanceID"])) == ("data", "", [meta])
    assert shape(subset.of_xml(XML, ["nothing", "q1/q2", ".*"])) == ("data", "", [])


def test_what_is_kept_of_xml_is_kept_as_it_was_written():
    cut = subset.of_xml(XML, ["q2", "q3"])
    assert """<q2 a="x &quot; y" b='"'>2 &amp; 3</q2>""" in cut
    assert "<![CDATA[<4>]]>" in cut
    assert 'xmlns:orx="http://openrosa.org/xforms" id="simple" version="1"' in cut
    assert "hello" not in cut


def test_of_broken_xml_comes_what_a_tolerant_reader_sees():
    assert subset.of_xml("<data id='x'><a><b>1</a><c>2", ["b", "c"]).endswith(
        '<data id="x"><a><b>1</b></a><c>2</c></data>'
    )


def test_of_rows_fields_are_named_as_in_the_form_or_as_in_the_row():
    row = {"gr_e_93c6a3": 1, "gr_e_cd56cb": 2, "g": {"c_d_38f284": 3, "c_d": 4}}
    assert subset.of_row(row, ["größe"]) == {"gr_e_93c6a3": 1}
    assert subset.of_row(row, ["gr_e_cd56cb"]) == {"gr_e_cd56cb": 2}
    assert subset.of_row(row, ["g/c_d"]) == {"g": {"c_d": 4}}
    assert subset.of_row(row, ["nothing"]) == {}
