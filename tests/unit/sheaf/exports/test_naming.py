"""Names of files in an archive."""

from hypothesis import given
from hypothesis import strategies as st

from sheaf.exports.naming import Naming, after, safe


def test_the_first_keeps_its_name_and_others_get_a_folder():
    naming = Naming()
    assert naming.give("uuid:1", ["a.jpg", "b.jpg"]) == {"a.jpg": "a.jpg", "b.jpg": "b.jpg"}
    assert naming.give("uuid:2", ["a.jpg", "c.jpg"]) == {"a.jpg": "uuid2/a.jpg", "c.jpg": "c.jpg"}
    assert naming.give("uuid:3", ["A.JPG", "B.jpg"]) == {
        "A.JPG": "uuid3/A.JPG",
        "B.jpg": "uuid3/B.jpg",
    }


def test_spellings_of_one_name_are_one():
    naming = Naming()
    assert naming.give("1", ["caf\u00e9.jpg"]) == {"caf\u00e9.jpg": "caf\u00e9.jpg"}
    assert naming.give("2", ["cafe\u0301.jpg"]) == {"cafe\u0301.jpg": "2/cafe\u0301.jpg"}


def test_files_of_one_submission_are_numbered():
    naming = Naming()
    naming.give("1", ["a.jpg"])
    assert naming.give("2", ["a.jpg", "A.jpg", "a"]) == {
        "a.jpg": "2/a.jpg",
        "A.jpg": "2/A~2.jpg",
        "a": "a",
    }


def test_a_folder_is_no_files_name():
    naming = Naming()
    naming.give("0", ["1", "a"])
    assert naming.give("1", ["a"]) == {"a": "1~2/a"}
    assert naming.give("2", ["1~2"]) == {"1~2": "2/1~2"}


def test_names_that_no_file_system_takes_are_mended():
    assert safe("a/b:c.jpg") == "abc.jpg"
    assert safe("photo.jpg.enc") == "photo.jpg"
    assert safe("..") == safe("") == safe(".enc") == "unnamed"
    assert Naming().give("../..", ["x"]) == {"x": "x"}
    naming = Naming()
    naming.give("a", ["x"])
    assert naming.give("/..", ["x"]) == {"x": "unnamed/x"}


def test_what_is_named_after_a_form_ends_as_it_must():
    assert after("a/b: c", "-child.csv") == "ab c-child.csv"
    assert after("CON", ".csv") == "_CON.csv"
    assert after("CON", "-child.csv") == "CON-child.csv"
    long = "\u1793" * 100
    names = [after(long, ending) for ending in (".csv", "-a.csv", "-child~2.csv", ".csv.zip")]
    assert names == [
        f"{long[:83]}.csv", f"{long[:83]}-a.csv", f"{long[:81]}-child~2.csv",
        f"{long[:82]}.csv.zip",
    ]  # fmt: skip
    assert max(len(name.encode()) for name in names) <= 255


def test_what_was_given_out_is_known_to_who_goes_on():
    first = Naming()
    first.give("1", ["a.jpg"])
    news = [first.news()]
    first.give("2", ["b.jpg"])
    news.append(first.news())
    assert first.news() == b""
    assert Naming(news).give("3", ["a.jpg", "b.jpg", "c.jpg"]) == {
        "a.jpg": "3/a.jpg",
        "b.jpg": "3/b.jpg",
        "c.jpg": "c.jpg",
    }


NAMES = st.sampled_from(["a", "A", "a.jpg", "A.jpg", "b", "1", "2", "a:", "a/", "a~2", "2~2", ".."])


@given(st.lists(st.tuples(NAMES, st.lists(NAMES, unique=True))))
def test_no_two_files_ever_have_one_name(submissions):
    naming, given_out = Naming(), []
    for root_id, names in submissions:
        given_out += naming.give(root_id, names).values()
    folded = [path.casefold() for path in given_out]
    assert len(set(folded)) == len(folded)
    folders = {path.partition("/")[0] for path in folded if "/" in path}
    assert not folders & {path for path in folded if "/" not in path}
