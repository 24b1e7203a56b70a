"""Versions of forms (Central: `/versions`)."""

import pytest

from tests import workbooks
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import xform
from tests.contract.test_form_drafts import begin
from tests.contract.test_forms import FORM, FORMS, KEYS

VERSIONS = f"{FORM}/versions"


@pytest.fixture
def published(cast):
    """The form as it was with version 1, and with version "" after it."""
    first = cast.form()
    begin(cast, xform(version="").replace(b">Simple<", b">Nameless<"))
    assert cast.bob.post(f"{FORM}/draft/publish").status == 200
    return first, cast.bob.get(FORM).json


def test_versions_are_listed_newest_first(cast, published):
    first, second = published
    answer = cast.bob.get(VERSIONS)
    assert answer.status == 200
    assert [list(each) for each in answer.json] == [KEYS, KEYS]
    assert answer.json == [second, first | {"updatedAt": second["updatedAt"]}]


def test_a_draft_is_no_version(cast):
    cast.draft()
    assert cast.bob.get(VERSIONS).json == []
    assert cast.bob.get(f"{VERSIONS}/1").json == NOT_FOUND
    cast.bob.post(f"{FORM}/draft/publish")
    begin(cast)
    assert [each["version"] for each in cast.bob.get(VERSIONS).json] == ["1"]
    assert cast.bob.get(f"{VERSIONS}/2").json == NOT_FOUND


def test_a_version_is_told_of_and_given(cast, published):
    first, second = published
    assert cast.bob.get(f"{VERSIONS}/1").json == first | {"updatedAt": second["updatedAt"]}
    assert cast.bob.get(f"{VERSIONS}/1.xml").body == xform()
    assert cast.bob.get(f"{VERSIONS}/1/fields").json == cast.bob.get(f"{FORM}/fields").json
    for suffix in ("xls", "xlsx"):
        assert cast.bob.get(f"{VERSIONS}/1.{suffix}").json == NOT_FOUND


def test_three_lines_stand_for_a_version_without_a_name(cast, published):
    _, second = published
    assert cast.bob.get(f"{VERSIONS}/___").json == second
    assert b"Nameless" in cast.bob.get(f"{VERSIONS}/___.xml").body
    assert len(cast.bob.get(f"{VERSIONS}/___/fields").json) == 6


def test_a_version_s_name_may_be_any_text(cast):
    assert cast.bob.post(f"{FORMS}?publish=true", xform(version="a/b c#d%2F")).status == 200
    answer = cast.bob.get(f"{VERSIONS}/a%2Fb%20c%23d%252F")
    assert answer.json["version"] == "a/b c#d%2F"


def test_a_version_s_spreadsheet(cast):
    sheet = workbooks.xlsx("sheet")
    cast.bob.post(f"{FORMS}?publish=true", sheet, {"content-type": workbooks.XLSX})
    answer = cast.bob.get(f"{FORMS}/sheet/versions/1.xlsx")
    assert (answer.status, answer.body) == (200, sheet)


def test_versions_that_do_not_exist(cast, published):
    for path in ("/9", "/9.xml", "/9/fields", "/"):
        answer = cast.bob.get(f"{VERSIONS}{path}")
        assert answer.status in (404, 308)
    assert cast.bob.get(f"{FORMS}/none/versions").json == NOT_FOUND
    assert cast.bob.get(f"{FORMS}/none/versions/1").json == NOT_FOUND


@pytest.mark.parametrize("path", ["", "/1", "/1.xml", "/1/fields"])
def test_who_sees_versions(cast, published, path):
    for api in (cast.alice, cast.bob, cast.vera, cast.colin):
        assert api.get(VERSIONS + path).status == 200
    assert cast.chelsea.get(VERSIONS + path).json == FORBIDDEN
    assert cast.api.get(VERSIONS + path).json == ANONYMOUS
    cast.bob.patch(FORM, {"state": "closed"})
    assert cast.vera.get(VERSIONS + path).status == 200
    assert cast.colin.get(VERSIONS + path).json == FORBIDDEN
