"""The link to the page where a submission is edited."""

from __future__ import annotations

import pytest

from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import Cast, xml

ONE = f"{Cast.SUBMISSIONS}/uuid%3Aone"
FORM = f"{Cast.FORMS}/simple"


@pytest.fixture(autouse=True)
def submission(cast):
    cast.form()
    cast.submit("uuid:one")


def test_a_manager_is_sent_to_the_page(cast):
    answer = cast.bob.get(f"{ONE}/edit")
    page = "https://api.example.org/projects/1/forms/simple/submissions/uuid%3Aone/edit"
    assert (answer.status, answer.headers["location"]) == (302, page)
    assert answer.text == f"Found. Redirecting to {page}"


def test_it_is_for_those_who_may_edit(cast):
    for name, told in (("vera", FORBIDDEN), ("colin", FORBIDDEN), ("chelsea", FORBIDDEN)):
        assert getattr(cast, name).get(f"{ONE}/edit").json == told
    assert cast.api.get(f"{ONE}/edit").json == ANONYMOUS


def test_only_what_is_there_has_one_and_under_its_first_id(cast):
    cast.bob.put(ONE, xml("uuid:two", deprecated="uuid:one"))
    assert cast.bob.get(f"{ONE}/edit").status == 302
    for other in ("uuid%3Atwo", "nope"):
        assert cast.bob.get(f"{Cast.SUBMISSIONS}/{other}/edit").json == NOT_FOUND
    cast.bob.delete(ONE)
    assert cast.bob.get(f"{ONE}/edit").json == NOT_FOUND


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": "closing"}, 409.12),
        ({"state": "closed"}, 409.12),
        ({"webformsEnabled": False}, 409.11),
    ],
)
def test_a_form_that_is_not_filled_on_the_web_has_none(cast, change, code):
    assert cast.bob.patch(FORM, change).status == 200
    answer = cast.bob.get(f"{ONE}/edit")
    assert (answer.status, answer.json["code"]) == (409, code)
