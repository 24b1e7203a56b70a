"""What filters mean, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.data import filter as filters
from sheaf.data import tables
from sheaf.data.bounds import Bounds
from sheaf.data.values import Record, Sparse
from sheaf.forms.schema import Field
from sheaf.problems import Problem
from sheaf.submissions.records import Submission

FIELDS = (
    Field("/name", "string"),
    Field("/age", "int"),
    Field("/weight", "decimal"),
    Field("/seen", "date"),
    Field("/start", "dateTime"),
    Field("/where", "geopoint"),
    Field("/1st-group", "structure"),
    Field("/1st-group/note.1", "string"),
    Field("/children", "structure"),
    Field("/children/child", "repeat"),
    Field("/children/child/name", "string"),
    Field("/children/child/body", "structure"),
    Field("/children/child/body/weight", "decimal"),
    Field("/children/child/toy", "repeat"),
    Field("/children/child/toy/name", "string"),
    Field("/meta", "structure"),
    Field("/meta/instanceID", "string"),
)
ROOT = tables.of(FIELDS)
(CHILD,) = ROOT.repeats
VALUES = {
    "/name": "Ada O'Hara",
    "/age": "42",
    "/weight": " 61.5",
    "/seen": "2024-05-04",
    "/start": "2024-05-04T09:30:00.000+07",
    "/1st-group/note.1": "seen twice",
    "/children/child/name": "Bo",
    "/children/child/body/weight": "12",
}
CREATED = 1_714_790_000_123_456  # 2024-05-04T02:33:20.123456Z


def submission(**said):
    """A submission that Ada (5) sent, with what else is said of it."""
    given = {"submitter_id": 5, "instance_id": "uuid:1", "events": [CREATED]} | said
    return Submission("S#1#00", f"{CREATED:016d}00aa", **given)


def record(table, values):
    """The row of a table that holds these values."""
    columns = [column for column in table.columns if column.field.path in values]
    return Record(Sparse({column.index: values[column.field.path] for column in columns}))


def passes(text, *, table=ROOT, values=VALUES, **said):
    """Whether a row passes the filter."""
    read = filters.read(text, table)
    return read.matches(submission(**said), lambda: (record(ROOT, values), record(table, values)))


# One line is a filter and whether the submission above passes it.
CENTRAL = [
    ("__id eq 'uuid:1'", True),
    ("__id ne 'uuid:1'", False),
    ("'uuid:1' eq __id", True),
    ("$root/Submissions/__id eq 'uuid:1'", True),
    ("__system/submitterId eq 5", True),
    ("__system/submitterId eq '5'", True),
    ("__system/submitterId eq 6", False),
    ("__system/submitterId lt 10", True),
    ("(__system/submitterId eq 4 or __system/submitterId eq 5)", True),
    ("__system/reviewState eq null", True),
    ("__system/reviewState ne null", False),
    ("null eq __system/reviewState", True),
    ("null eq null", True),
    ("__system/reviewState ne 'approved'", True),
    ("not __system/reviewState eq 'approved'", True),
    ("not (__system/reviewState eq null)", False),
    ("not(__system/reviewState eq null)", False),
    # Whether an unknown value is less is unknown, and so is whether it is not.
    ("__system/reviewState lt 'b'", False),
    ("not __system/reviewState lt 'b'", False),
    ("__system/reviewState lt 'b' or __id eq 'uuid:1'", True),
    ("__system/reviewState lt 'b' and __id eq 'uuid:1'", False),
    ("not (__system/reviewState lt 'b' and __id eq 'x')", True),
    ("__system/updatedAt eq null", True),
    ("__system/deletedAt eq null", True),
    ("__system/submissionDate ge 2024-05-04", True),
    ("__system/submissionDate lt 2024-05-04", False),
    ("__system/submissionDate gt 2024-05-04T02:33:20.122Z", True),
    # Asked for again as it was shown, a moment is that moment.
    ("__system/submissionDate eq 2024-05-04T02:33:20.123Z", True),
    ("__system/submissionDate gt 2024-05-04T02:33:20.123Z", False),
    ("__system/submissionDate eq 2024-05-04T09:33:20.123+07:00", True),
    ("__system/submissionDate eq 2024-05-04T09:33:20.123 07:00", True),
    ("__system/submissionDate eq 2024-05-03T21:33:20.123-05:00", True),
    ("__system/submissionDate ge '2024-05-04'", True),
    ("__system/submissionDate lt now()", True),
    ("now() gt 2020-01-01", True),
    ("year(__system/submissionDate) eq 2024", True),
    ("month(__system/submissionDate) eq 5", True),
    ("day(__system/submissionDate) eq 4", True),
    ("hour(__system/submissionDate) eq 2", True),
    ("minute(__system/submissionDate) eq 33", True),
    ("second(__system/submissionDate) eq 20", True),
    ("2020 eq year(2020-01-01)", True),
    ("year(__system/updatedAt) eq null", True),
    ("3 eq 5", False),
    ("2 lt 3 and 5 gt 4", True),
    ("9 lt 10", True),
    ("'3' eq 3", True),
    ("3 eq 3 and 4 eq 5 or 6 eq 6", True),
    ("6 eq 6 or 3 eq 3 and 4 eq 5", True),
    ("(6 eq 6 or 3 eq 3) and 4 eq 5", False),
    ("not 1 eq 2 and 3 eq 4", False),
    ("(__id) eq 'uuid:1'", True),
    ("  __id   eq\t'uuid:1'  ", True),
]
BEYOND = [
    ("name eq 'Ada O''Hara'", True),
    ("name eq 'ada o''hara'", False),
    ("$root/Submissions/name ne null", True),
    ("contains(name,'O''H')", True),
    ("contains(name, 'x')", False),
    ("startswith(name, 'Ada')", True),
    ("endswith(name, 'Ada')", False),
    ("contains(__system/reviewState, 'a')", False),
    ("not contains(__system/reviewState, 'a')", False),
    ("contains(name, 'Ada') eq true", True),
    ("age eq 42", True),
    ("age gt 9", True),
    ("age eq '42'", True),
    ("age eq 42.0", True),
    ("age ge 42 and age le 42", True),
    ("weight eq 61.5", True),
    ("weight lt 1e2", True),
    ("weight gt -61.5", True),
    ("age lt weight", True),
    ("seen eq 2024-05-04", True),
    ("seen lt __system/submissionDate", True),
    ("year(seen) eq 2024", True),
    ("start eq 2024-05-04T02:30:00Z", True),
    ("start lt __system/submissionDate", True),
    ("hour(start) eq 2", True),
    ("where eq null", True),
    ("_1st_group/note_1 eq 'seen twice'", True),
    ("name gt 'Ada'", True),
    ("name eq 42", False),
    ("name eq meta/instanceID", False),
    ("(age eq 42) eq true", True),
]


@pytest.mark.parametrize(("text", "expected"), CENTRAL + BEYOND)
def test_a_filter_means(text, expected):
    assert passes(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name eq 'Bo'", True),
        ("$root/Submissions/name eq 'Ada O''Hara'", True),
        ("$root/Submissions/age eq 42 and body/weight lt 20", True),
        ("body/weight gt 12", False),
        ("$root/Submissions/__system/reviewState eq null", True),
        ("$root/Submissions/__id eq 'uuid:1'", True),
    ],
)
def test_a_filter_of_a_repeat_means(text, expected):
    assert passes(text, table=CHILD) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age eq null", True),
        ("age ne 5", True),
        ("age lt 5", False),
        ("start eq null", True),
        ("weight eq null", False),
        ("name eq null", True),
    ],
)
def test_what_cannot_be_read_in_its_type_is_null(text, expected):
    values = {"/age": "many", "/start": "yesterday", "/weight": "1kg", "/name": ""}
    assert passes(text, values=values) is expected


def test_states_and_moments_of_changes_are_compared():
    changed = {"review_state": "approved", "updated_at": CREATED + 1_000_000}
    assert passes("__system/reviewState eq 'approved'", **changed)
    assert passes("__system/reviewState gt 'a'", **changed)
    assert passes("__system/updatedAt gt __system/submissionDate", **changed)
    assert passes("__system/deletedAt ne null", deleted_at=CREATED)
    assert not passes("__system/deletedAt ne null")


def test_submissions_of_nobody_have_no_submitter():
    assert passes("__system/submitterId eq null", submitter_id=None)
    assert not passes("__system/submitterId lt 5", submitter_id=None)
    assert not passes("__system/submitterId ge 5", submitter_id=None)


def test_what_the_first_version_said_counts_for_ever():
    first = {"instance_id": "uuid:0", "submitter_id": 9}
    assert passes("__id eq 'uuid:0' and __system/submitterId eq 9", first=first)


# One line is a filter, a code, and what else the error says.
REFUSED = [
    ("", 400.18, "Fail at 0"),
    ("=", 400.18, "Fail at 0"),
    ("hello my dear", 400.18, "Unexpected character at 5"),
    ("__system/reviewState is 5", 400.18, "Unexpected character at 20"),
    ("__id eq 'x' and", 400.18, "Unexpected character at 11"),
    ("__id eq 'x' and (", 400.18, "Unexpected character at 11"),
    ("(__id eq 'x'", 400.18, "Fail at 0"),
    ("__id eq 'x')", 400.18, "Unexpected character at 11"),
    ("__id eq 'x", 400.18, "Unexpected character at 4"),
    ("__id eq", 400.18, "Unexpected character at 4"),
    ("__id eq 'x'and __id eq 'y'", 400.18, "Unexpected character at 11"),
    ("3 eq 2020-13-45", 400.18, "Unexpected character at 9"),
    ("year(", 400.18, "Fail at 0"),
    ("year(2020-01-01 eq 2020", 400.18, "Fail at 0"),
    ("contains(name 'x')", 400.18, "Fail at 0"),
    ("(" * 60 + "1 eq 1" + ")" * 60, 400.18, "Nested more than 50 deep at 50"),
    ("not " * 60 + "1 eq 1", 400.18, "Nested more than 50 deep at 200"),
    ("123 eq myfield", 501.5, {"at": 7, "text": "myfield"}),
    ("__system/status eq null", 501.5, {"at": 0, "text": "__system/status"}),
    ("$root/Other/__id eq 'x'", 501.5, {"at": 0, "text": "$root/Other/__id"}),
    ("meta eq 'x'", 501.5, {"at": 0, "text": "meta"}),
    ("children/child/name eq 'x'", 501.5, {"at": 0, "text": "children/child/name"}),
    ("3 add 4", 501.4, {"at": 0, "type": "CommonExpression", "text": "3 add 4"}),
    ("7 eq 3 add 4", 501.4, {"at": 5, "type": "AddExpression", "text": "3 add 4"}),
    ("__id", 501.4, {"at": 0, "type": "CommonExpression", "text": "__id"}),
    ("true", 501.4, {"at": 0, "type": "CommonExpression", "text": "true"}),
    ("now()", 501.4, {"at": 0, "type": "CommonExpression", "text": "now()"}),
    ("age has 5", 501.4, {"at": 0, "type": "HasExpression", "text": "age has 5"}),
    (
        "1 eq 1 and length(__id) eq 5",
        501.4,
        {"at": 11, "type": "MethodCallExpression", "text": "length(__id)"},
    ),
    ("year(5, 6) eq 5", 501.4, {"at": 0, "type": "MethodCallExpression", "text": "year(5, 6)"}),
    ("year(name) eq 5", 501.4, {"at": 0, "type": "MethodCallExpression", "text": "year(name)"}),
    (
        "contains(age, '4')",
        501.4,
        {"at": 0, "type": "MethodCallExpression", "text": "contains(age, '4')"},
    ),
    ("name eq age", 501.4, {"at": 0, "type": "EqualsExpression", "text": "name eq age"}),
    ("seen lt age", 501.4, {"at": 0, "type": "LesserThanExpression", "text": "seen lt age"}),
    (
        "__system/submitterId eq 'abc'",
        400.11,
        {"value": "abc", "expected": "type integer"},
    ),
    (
        "__system/submissionDate gt 'yesterday'",
        400.11,
        {"value": "yesterday", "expected": "type timestamp with time zone"},
    ),
    (
        "__system/submissionDate gt 2023-02-30",
        400.11,
        {"value": "2023-02-30", "expected": "type timestamp with time zone"},
    ),
    (
        "__system/submissionDate gt 5",
        400.11,
        {"value": "5", "expected": "type timestamp with time zone"},
    ),
    ("age eq 'many'", 400.11, {"value": "many", "expected": "type integer"}),
]


@pytest.mark.parametrize(("text", "code", "said"), REFUSED)
def test_a_filter_is_refused(text, code, said):
    with pytest.raises(Problem) as refused:
        filters.read(text, ROOT)
    assert refused.value.code == code
    assert refused.value.details == ({"reason": said} if isinstance(said, str) else said)


def test_refusals_are_worded_as_centrals():
    words = {
        "hello my dear": "The OData filter expression you provided could not be parsed: "
        "Unexpected character at 5",
        "123 eq myfield": "The given OData filter expression references fields not supported by "
        "this server: myfield at 7",
        "3 add 4": "The given OData filter expression uses features not supported by this server: "
        'CommonExpression at 0 ("3 add 4")',
    }
    for text, expected in words.items():
        with pytest.raises(Problem) as refused:
            filters.read(text, ROOT)
        assert str(refused.value) == expected


@pytest.mark.parametrize("text", ["__system/reviewState eq 'rejected'", "__id eq 'x'"])
def test_the_submission_of_a_repeats_row_is_named_from_the_root(text):
    with pytest.raises(Problem) as refused:
        filters.read(text, CHILD)
    assert refused.value.details == {"at": 0, "text": text.partition(" ")[0]}


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("__id eq 'x'", False),
        ("__system/deletedAt eq null", True),
        ("$root/Submissions/__system/deletedAt eq null", True),
        ("__id eq 'x' and (age gt 5 or not year(__system/deletedAt) eq 2020)", True),
        ("contains(name, '__system/deletedAt')", False),
    ],
)
def test_a_filter_tells_whether_it_mentions_deletion(text, mentions):
    assert filters.read(text, ROOT).mentions_deleted is mentions


def test_a_filter_tells_which_fields_it_looks_at():
    assert filters.read("__id eq 'x' or 1 eq 2", ROOT).paths == frozenset()
    read = filters.read("age gt 5 and contains(_1st_group/note_1, name)", ROOT)
    assert read.paths == {"/age", "/1st-group/note.1", "/name"}


def test_values_are_asked_for_only_when_they_count():
    read = filters.read("__id eq 'other' and age gt 5", ROOT)
    assert not read.matches(submission(), pytest.fail)


DAY = 1_704_067_200_000_000  # 2024-01-01


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__id eq 'x'", Bounds(trashed=False)),
        ("__system/deletedAt ne null", Bounds(live=False)),
        ("not __system/deletedAt eq null", Bounds(live=False)),
        ("not (null ne __system/deletedAt) and age gt 5", Bounds(trashed=False)),
        ("__system/deletedAt eq null or age gt 5", Bounds()),
        ("__system/deletedAt gt 2024-01-01", Bounds()),
        ("__system/submissionDate ge 2024-01-01", Bounds(trashed=False, since=DAY)),
        (
            "__system/submissionDate ge 2023-01-01 and '2024-01-01' le __system/submissionDate "
            "and __system/submissionDate lt 2024-01-02 and __system/submissionDate lt 2025-01-01",
            Bounds(trashed=False, since=DAY, until=DAY + 86_400_000_000 + 1000),
        ),
        (
            "__system/submissionDate eq 2024-01-01",
            Bounds(trashed=False, since=DAY, until=DAY + 1000),
        ),
        ("not __system/submissionDate ge 2024-01-01", Bounds(trashed=False)),
        ("__system/submissionDate ge 2024-01-01 or age gt 5", Bounds(trashed=False)),
        ("__system/submissionDate ne 2024-01-01", Bounds(trashed=False)),
        ("__system/submissionDate gt null", Bounds(trashed=False)),
    ],
)
def test_a_filter_tells_where_its_submissions_lie(text, expected):
    assert filters.read(text, ROOT).bounds == expected


# What expressions are made of, and what breaks them.
MANY = (
    "__id __system/submissionDate __system/deletedAt $root/Submissions/age name age weight seen "
    "start where nothing eq ne lt le gt ge has and or not add null true 5 -7.5 1e999 2024-01-01 "
    "0001-01-01T00:00:00+14:00 9999-12-31T23:59:59.999999999-14:00 2023-02-30 'x' 'it''s' ' ( ) , "
    "'2024-05-04' year( now( contains( second( startswith( / $ + \u00e9 \u20ac \ud800"
)
WORDS = st.sampled_from(MANY.split()) | st.text(max_size=3)
BROKEN = st.lists(WORDS, max_size=14).map(" ".join)
SIDES = (
    "__id __system/submissionDate __system/updatedAt __system/submitterId __system/reviewState "
    "__system/deletedAt age weight name seen start now() null 5 'x' 2024-01-01 year(seen)"
)
OPERANDS = st.sampled_from(SIDES.split())
COMPARISONS = st.tuples(
    OPERANDS, st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]), OPERANDS
).map(" ".join)
SOUND = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join)
        | inner.map("({})".format)
        | inner.map("not {}".format)
    ),
    max_leaves=8,
)


@given(BROKEN | SOUND, st.dictionaries(st.sampled_from(sorted(VALUES)), st.text(max_size=30)))
def test_any_text_is_a_filter_or_is_refused(text, values):
    try:
        read = filters.read(text, ROOT)
    except Problem as refused:
        assert refused.code in (400.11, 400.18, 501.4, 501.5)
    else:
        assert read.matches(submission(), lambda: (record(ROOT, values),) * 2) in (True, False)


@given(SOUND, st.booleans(), st.integers(0, 2**52))
def test_what_passes_lies_within_the_bounds(text, deleted, created):
    try:
        read = filters.read(text, ROOT)
    except Problem:
        return
    one = submission(deleted_at=created if deleted else None)
    one.sk = f"{created:016d}00aa"
    if not read.mentions_deleted and deleted:
        return  # never asked about what is in the trash
    if read.matches(one, lambda: (record(ROOT, VALUES),) * 2):
        bounds = read.bounds
        assert bounds.trashed if deleted else bounds.live
        assert bounds.since is None or bounds.since <= created
        assert bounds.until is None or created < bounds.until


@pytest.mark.parametrize(
    "text",
    [
        # As long as a request line can be: whatever reads back over itself does not end on these.
        "(" * 9000,
        "not " * 2250,
        "1 add " * 1500,
        "year(" * 1800,
        "1 eq 1 or " * 900 + "1 eq x",
        "'" * 9001,
        " " * 9000 + "x",
        "9" * 9000,
    ],
)
def test_a_long_filter_is_refused_as_a_short_one(text):
    with pytest.raises(Problem) as refused:
        filters.read(text, ROOT)
    assert refused.value.code in (400.18, 501.4, 501.5)


def test_a_long_filter_is_followed():
    text = " or ".join(f"__system/submitterId eq {number}" for number in range(6, 300))
    assert not passes(text)
    assert passes(f"{text} or __system/submitterId eq 5")
