"""What an edit changed, as Central's /diffs tells it."""

import json
import sys
from collections.abc import Callable
from functools import reduce
from html import escape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.forms import xform
from sheaf.forms.schema import Field
from sheaf.problems import UnexpectedValue
from sheaf.submissions import diff
from sheaf.submissions.markup import MAX_DEPTH
from sheaf.submissions.tree import MAX_LEVELS

DATA = Path(__file__).parents[3] / "data"
SIMPLE = (
    Field("/name", "string"),
    Field("/age", "int"),
    Field("/meta", "structure"),
    Field("/meta/instanceID", "string"),
)
# A household: people in a group, each with pets in a group; notes right below the root.
HOUSEHOLD = (
    Field("/name", "string"),
    Field("/people", "structure"),
    Field("/people/person", "repeat"),
    Field("/people/person/name", "string"),
    Field("/people/person/age", "int"),
    Field("/people/person/pets", "structure"),
    Field("/people/person/pets/pet", "repeat"),
    Field("/people/person/pets/pet/kind", "string"),
    Field("/note", "repeat"),
    Field("/note/text", "string"),
    Field("/meta", "structure"),
    Field("/meta/instanceID", "string"),
)


def xml(value, name="data"):
    """A tree as XML: objects are elements with elements, lists the rows of a repeat."""
    if isinstance(value, str):
        return f"<{name}>{escape(value)}</{name}>"
    inner = "".join(
        xml(each, key)
        for key, kid in value.items()
        for each in (kid if isinstance(kid, list) else [kid])
    )
    return f"<{name}>{inner}</{name}>"


def changes(old, new, fields=HOUSEHOLD):
    return diff.between(xml(old), xml(new), fields)


def people(*persons):
    return {"people": {"person": list(persons)}}


def person(name, age=None, pets=()):
    said = {"name": name}
    if age is not None:
        said["age"] = age
    return said | ({"pets": {"pet": [{"kind": kind} for kind in pets]}} if pets else {})


# --- texts and groups -------------------------------------------------------------------------


def test_a_first_edit_changes_its_ids_too():
    old = "<data><name>Dana</name><age>44</age><meta><instanceID>one</instanceID></meta></data>"
    new = (
        "<data><name>Donna</name><age>55</age>"
        "<meta><instanceID>two</instanceID><deprecatedID>one</deprecatedID></meta></data>"
    )
    assert diff.between(old, new, SIMPLE) == [
        {"old": "Dana", "new": "Donna", "path": ["name"]},
        {"old": "44", "new": "55", "path": ["age"]},
        {"old": "one", "new": "two", "path": ["meta", "instanceID"]},
        {"new": "one", "path": ["meta", "deprecatedID"]},
    ]


def test_equal_versions_do_not_differ():
    assert (
        changes({"name": "Ada", **people(person("Bo"))}, people(person("Bo")) | {"name": "Ada"})
        == []
    )
    assert diff.between("", "", SIMPLE) == []
    assert diff.between("no markup", "<data/>", SIMPLE) == []


def test_what_is_added_has_no_old_and_what_is_removed_no_new():
    assert changes({"name": "Ada"}, {}) == [{"old": "Ada", "path": ["name"]}]
    assert changes({}, {"name": "Ada"}) == [{"new": "Ada", "path": ["name"]}]


def test_an_empty_text_is_not_a_missing_one():
    assert changes({"name": "Ada"}, {"name": ""}) == [{"old": "Ada", "new": "", "path": ["name"]}]
    assert changes({"name": ""}, {}) == [{"old": "", "path": ["name"]}]
    assert changes({}, {"name": ""}) == [{"new": "", "path": ["name"]}]


def test_a_group_that_comes_or_goes_is_told_whole():
    both = {"person": [{"name": "Bo", "age": "4"}]}
    assert changes({}, {"people": both}) == [{"new": both, "path": ["people"]}]
    assert changes({"people": both}, {}) == [{"old": both, "path": ["people"]}]


def test_a_repeat_that_comes_or_goes_is_told_whole():
    notes = {"note": [{"text": "a"}, {"text": "b"}]}
    assert changes({}, notes) == [{"new": notes["note"], "path": ["note"]}]
    assert changes(notes, {}) == [{"old": notes["note"], "path": ["note"]}]


def test_old_nodes_come_in_their_order_and_added_ones_at_the_end():
    old = {"b": "1", "name": "Ada", "c": "1"}
    new = {"d": "2", "name": "Ada", "c": "2", "a": "2", "b": "2"}
    assert changes(old, new) == [
        {"old": "1", "new": "2", "path": ["b"]},
        {"old": "1", "new": "2", "path": ["c"]},
        {"new": "2", "path": ["d"]},
        {"new": "2", "path": ["a"]},
    ]


def test_order_alone_is_no_change():
    row = person("Bo", "4")
    turned = dict(reversed(row.items()))
    assert changes(people(row), people(turned)) == []


def test_names_go_without_their_prefixes():
    old = "<data><orx:meta><orx:instanceID>one</orx:instanceID></orx:meta></data>"
    new = (
        "<data><meta><instanceID>two</instanceID>"
        "<orx:deprecatedID>one</orx:deprecatedID></meta></data>"
    )
    expected = [
        {"old": "one", "new": "two", "path": ["meta", "instanceID"]},
        {"new": "one", "path": ["meta", "deprecatedID"]},
    ]
    assert diff.between(old, new, SIMPLE) == expected
    assert diff.between(old.replace("one", "two"), new, SIMPLE) == expected[1:]


def test_texts_are_decoded_and_not_trimmed():
    old = "<data><name>A &amp; B</name><age> 1</age></data>"
    new = "<data><name><![CDATA[A &amp; B]]></name><age>1</age></data>"
    assert diff.between(old, new, SIMPLE) == [
        {"old": "A & B", "new": "A &amp; B", "path": ["name"]},
        {"old": " 1", "new": "1", "path": ["age"]},
    ]


def test_white_space_between_elements_is_no_text():
    old, new = people(person("Bo")), people(person("Bob"))
    spaced = xml(new).replace("><", ">\n  <")
    assert diff.between(xml(old), spaced, HOUSEHOLD) == changes(old, new)


def test_what_the_form_does_not_know_is_compared_too():
    old = "<data><x>1</x><g><y>1</y><z>1</z></g><h>text</h></data>"
    new = "<data><x>2</x><g><y>2</y><z>1</z></g><h><i>1</i></h></data>"
    assert diff.between(old, new, SIMPLE) == [
        {"old": "1", "new": "2", "path": ["x"]},
        {"old": "1", "new": "2", "path": ["g", "y"]},
        {"old": "text", "new": {"i": "1"}, "path": ["h"]},
    ]


def test_several_elements_of_one_field_are_read_as_one():
    old = "<data><name>a</name><name>b</name><people/></data>"
    new = (
        "<data><name>a</name><name>c</name>"
        "<people><x>1</x></people><people><x>2</x></people></data>"
    )
    assert diff.between(old, new, HOUSEHOLD) == [
        {"old": "ab", "new": "ac", "path": ["name"]},
        {"new": "12", "path": ["people", "x"]},
    ]


# --- rows -------------------------------------------------------------------------------------

ADA, BO, CY = person("Ada", "30"), person("Bo", "4"), person("Cy", "6")


def at(number, *rest):
    return ["people", ["person", number], *rest]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            people(ADA, BO, CY),
            people(ADA, CY),
            [{"old": BO, "path": at(1)}],
        ),
        (
            people(ADA, CY),
            people(ADA, BO, CY),
            [{"new": BO, "path": at(1)}],
        ),
        (
            people(ADA, BO, CY),
            people(ADA, person("Bob", "4"), person("Cy", "7")),
            [
                {"old": "Bo", "new": "Bob", "path": at(1, "name")},
                {"old": "6", "new": "7", "path": at(2, "age")},
            ],
        ),
        (
            # x y -> x'
            people(ADA, BO, person("Zoe", "80"), CY),
            people(ADA, person("Bo", "5"), CY),
            [
                {"old": "4", "new": "5", "path": at(1, "age")},
                {"old": {"name": "Zoe", "age": "80"}, "path": at(2)},
            ],
        ),
        (
            # x y -> y'
            people(ADA, person("Zoe", "80"), BO, CY),
            people(ADA, person("Bo", "5"), CY),
            [
                {"old": {"name": "Zoe", "age": "80"}, "path": at(1)},
                {"old": "4", "new": "5", "path": at(2, "age")},
            ],
        ),
        (
            # x -> x' y
            people(ADA, BO, CY),
            people(ADA, person("Bo", "5"), person("Zoe", "80"), CY),
            [
                {"old": "4", "new": "5", "path": at(1, "age")},
                {"new": {"name": "Zoe", "age": "80"}, "path": at(2)},
            ],
        ),
        (
            # y -> x y': the added row counts in the new list, the changed one in the old.
            people(ADA, BO, CY),
            people(ADA, person("Zoe", "80"), person("Bo", "5"), CY),
            [
                {"new": {"name": "Zoe", "age": "80"}, "path": at(1)},
                {"old": "4", "new": "5", "path": at(1, "age")},
            ],
        ),
        (
            # Nothing alike: the first is paired, the later ones are added.
            people(ADA),
            people(BO, CY),
            [
                {"old": "Ada", "new": "Bo", "path": at(0, "name")},
                {"old": "30", "new": "4", "path": at(0, "age")},
                {"new": CY, "path": at(1)},
            ],
        ),
        (
            # The one that is most alike stays, wherever it stands.
            people(ADA, BO, CY),
            people(person("Bo", "5")),
            [
                {"old": ADA, "path": at(0)},
                {"old": "4", "new": "5", "path": at(1, "age")},
                {"old": CY, "path": at(2)},
            ],
        ),
        (
            people(ADA, BO, CY),
            people(person("Zoe"), BO, CY, ADA),
            [
                {"old": "Ada", "new": "Zoe", "path": at(0, "name")},
                {"old": "30", "path": at(0, "age")},
                {"new": ADA, "path": at(3)},
            ],
        ),
    ],
    ids=[
        "removed", "added", "changed", "x y to x'", "x y to y'", "x to x' y", "y to x y'",
        "nothing alike", "one of three", "two hunks",
    ],
)  # fmt: skip
def test_rows_are_aligned(old, new, expected):
    assert changes(old, new) == expected


def test_rows_within_rows_are_aligned_too():
    old = people(ADA, person("Bo", pets=["cat", "dog", "newt"]), CY)
    new = people(ADA, person("Bo", pets=["cat", "newt", "owl"]), CY)
    pet = [*at(1), "pets"]
    assert changes(old, new) == [
        {"old": {"kind": "dog"}, "path": [*pet, ["pet", 1]]},
        {"new": {"kind": "owl"}, "path": [*pet, ["pet", 2]]},
    ]


def test_a_row_is_recognised_by_what_lies_deep_in_it():
    bo, bea = person("Bo", pets=["cat", "dog", "newt"]), person("Bea", pets=["emu"])
    new = people(person("Bob", pets=["cat", "dog", "eft"]))
    assert changes(people(bea, bo), new) == [
        {"old": bea, "path": at(0)},
        {"old": "Bo", "new": "Bob", "path": at(1, "name")},
        {"old": "newt", "new": "eft", "path": [*at(1), "pets", ["pet", 2], "kind"]},
    ]


def test_no_row_is_told_twice_where_none_is_like_another():
    """A case of Central's: rows with nested rows, none of them kept."""
    old = people(
        person("2dd9", pets=["2dd9", "3e4e", "3e4e"]),
        person("57a5", pets=["57a5"]),
    )
    new = people(person("2b19", pets=["2b19"]))
    assert changes(old, new) == [
        {"old": old["people"]["person"][0], "path": at(0)},
        {"old": "57a5", "new": "2b19", "path": at(1, "name")},
        {"old": "57a5", "new": "2b19", "path": [*at(1), "pets", ["pet", 0], "kind"]},
    ]


def test_a_repeat_right_below_the_root_has_no_other_name_on_its_path():
    old = {"note": [{"text": "a"}, {"text": "b"}]}
    new = {"note": [{"text": "a"}, {"text": "c"}]}
    assert changes(old, new) == [{"old": "b", "new": "c", "path": [["note", 1], "text"]}]


def test_a_repeat_of_another_form_version_is_a_group_to_this_one():
    """Central asks the published form alone; what it does not know as a repeat is one thing."""
    old, new = {"note": [{"text": "a"}]}, {"note": [{"text": "b"}]}
    assert changes(old, new, SIMPLE) == [{"old": "a", "new": "b", "path": ["note", "text"]}]


def test_a_real_form_is_diffed_by_its_own_fields():
    form = xform.read((DATA / "forms/clinic-visit.xml").read_bytes())
    old = (DATA / "submissions/clinic-visit.xml").read_text(encoding="utf-8")
    new = old.replace("second.jpg", "third.jpg").replace("fever", "chills")
    assert old != new
    assert diff.between(old, new, form.fields) == [
        {"old": "cough fever", "new": "cough chills", "path": ["patient", "symptoms"]},
        {
            "old": "second.jpg",
            "new": "third.jpg",
            "path": [["household", 1], ["visit", 0], "photo"],
        },
    ]


# --- several versions -------------------------------------------------------------------------


def test_a_history_tells_of_each_version_but_the_first():
    versions = [
        ("three", xml({"name": "Anne", "age": "35"})),
        ("two", xml({"name": "Anne", "age": "30"})),
        ("one", xml({"name": "Ann", "age": "30"})),
    ]
    told = diff.history(versions, SIMPLE)
    assert told == {
        "three": [{"old": "30", "new": "35", "path": ["age"]}],
        "two": [{"old": "Ann", "new": "Anne", "path": ["name"]}],
    }
    assert list(told) == ["three", "two"]
    assert diff.history(versions[:1], SIMPLE) == diff.history([], SIMPLE) == {}


# --- the law ----------------------------------------------------------------------------------

TEXTS = st.sampled_from(["", "a", "b", " b ", "<&>", "\U0001f600"])


def groups(**kids):
    """Objects with some of these members, in any order."""
    chosen = st.fixed_dictionaries({}, optional=kids)
    return chosen.flatmap(lambda group: st.permutations(list(group.items())).map(dict))


PETS = groups(kind=TEXTS)
PERSONS = groups(
    name=TEXTS, age=TEXTS, pets=groups(pet=st.lists(PETS, min_size=1, max_size=4)), odd=TEXTS
)
UNKNOWN = st.one_of(TEXTS, groups(x=TEXTS, y=TEXTS).filter(bool))
TREES = groups(
    name=TEXTS,
    people=groups(person=st.lists(PERSONS, min_size=1, max_size=6)),
    note=st.lists(groups(text=TEXTS), min_size=1, max_size=5),
    unknown=UNKNOWN,
    meta=groups(instanceID=TEXTS),
)


def apply(told, old):
    """Make the new tree of the old one and what is told of their difference."""
    tree = json.loads(json.dumps(old))
    moving = []
    for change in told:
        *way, last = change["path"]
        place = reduce(step, way, tree)
        if isinstance(last, str):
            put(place, last, change)
        elif "old" in change and "new" in change:
            put(place[last[0]], last[1], change)
        else:
            moving.append((place[last[0]], last[1], change))
    # Numbers count in the old list: rows move only once all changes have found theirs.
    for repeat, number, _ in sorted((m for m in moving if "old" in m[2]), key=lambda m: -m[1]):
        del repeat[number]
    for repeat, number, change in (m for m in moving if "new" in m[2]):
        repeat.insert(number, change["new"])
    return tree


def step(here, part):
    return here[part] if isinstance(part, str) else here[part[0]][part[1]]


def put(place, key, change):
    if "new" in change:
        place[key] = change["new"]
    else:
        del place[key]


@given(TREES, TREES)
def test_a_diff_makes_the_new_tree_of_the_old_one(old, new):
    assert apply(changes(old, new), old) == new


@given(TREES)
def test_nothing_differs_from_itself(tree):
    assert changes(tree, tree) == []


@given(TREES, TREES, st.integers(0, 60))
def test_a_diff_that_is_cut_short_is_true_all_the_same(old, new, effort):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diff, "EFFORT", effort)
        assert apply(changes(old, new), old) == new


@given(st.text(alphabet="<>/abn: &;=\"'"), st.text(alphabet="<>/abn: &;=\"'"))
def test_any_text_can_be_compared(old, new):
    json.dumps(diff.between(old, new, HOUSEHOLD))


# --- what is made to hurt ---------------------------------------------------------------------


def calls(do: Callable[[], object]) -> int:
    """How many calls of functions something makes, which is what it costs, give or take."""
    count = 0

    def note(_frame, event, _arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        do()
    finally:
        sys.setprofile(None)
    return count


def wide(size, text):
    return xml({f"n{number}": text for number in range(size)})


def deep(size, text):
    return "<data>" + "<g>" * size + text + "</g>" * size + "</data>"


def rows(size, text):
    return xml(people(*(person(f"{text} {number}", str(number)) for number in range(size))))


def turned(size, text):
    numbers = range(size) if text == "old" else reversed(range(size))
    return xml(people(*(person(str(number)) for number in numbers)))


def uneven(size, text):
    return rows(size if text == "old" else size - 1, text)


def nested(size, text):
    # Rows of rows, uneven at both levels.
    several = size // 50 + (text == "old")
    each = [
        person(f"{text} {n}", pets=[f"{text} {n} {m}" for m in range(50 + n % 2)])
        for n in range(several)
    ]
    return xml(people(*each))


def alike(size, text):
    return xml(
        people(*(person("a" if number % 2 else "b") for number in range(size)), person(text))
    )


def steep(size, text):
    # Many changes, each with a long path.
    inner = "".join(f"<n{number}>{text}</n{number}>" for number in range(size))
    return "<data>" + "<g>" * 200 + inner + "</g>" * 200 + "</data>"


@pytest.mark.parametrize("make", [wide, rows, alike, steep])
def test_the_cost_grows_with_the_size(make):
    cost = [
        calls(lambda size=size: diff.between(make(size, "old"), make(size, "new"), HOUSEHOLD))
        for size in (200, 800)
    ]
    assert cost[1] < 5 * cost[0]


@pytest.mark.parametrize("make", [turned, uneven, nested])
def test_the_cost_of_telling_rows_apart_has_a_limit(make, monkeypatch):
    monkeypatch.setattr(diff, "EFFORT", 5_000)
    size = 1000
    grown = calls(
        lambda: [diff.Forest(HOUSEHOLD).grow(make(size, text)) for text in ("old", "new")]
    )
    whole = calls(lambda: diff.between(make(size, "old"), make(size, "new"), HOUSEHOLD))
    assert whole < 2 * grown + 20 * diff.EFFORT


def test_a_diff_is_no_larger_than_what_it_is_of():
    size = 10_000
    old, new = steep(size, "old"), steep(size, "new")
    told = json.dumps(diff.between(old, new, HOUSEHOLD))
    assert len(told) < 10 * (len(old) + len(new)) + 20 * diff.EFFORT


def test_depth_beyond_reason_is_read_as_text_or_refused():
    told = diff.between(deep(MAX_DEPTH - 2, "a"), deep(MAX_DEPTH - 2, "b"), HOUSEHOLD)
    assert told == [{"old": "a", "new": "b", "path": ["g"] * MAX_LEVELS}]
    told = diff.between("<data/>", deep(MAX_DEPTH - 2, "b"), HOUSEHOLD)
    assert json.loads(json.dumps(told)) == told
    with pytest.raises(UnexpectedValue):
        diff.between("<data/>", deep(MAX_DEPTH, "b"), HOUSEHOLD)
