"""Every way out, whole: a form of every type of question, in two versions, against kept files.

Each file of `data/golden` is what one request answers, checked by hand; of an archive its members,
one after the other. What only this run knows stands there as `<…>`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import all_types
from tests.all_types import FEED, FORM, SUBMISSIONS
from tests.archives import linked, members, unpacked
from tests.exporting import nothing_fits, work

GOLDEN = Path(__file__).parents[1] / "data/golden"
ARCHIVE = f"{SUBMISSIONS}.csv.zip"
TABLE = f"{SUBMISSIONS}.csv"
FILTER = "$filter=" + quote("(startswith(text, 'one') or integer lt 8) and deviceid ne '=1+1'")
ALL = (
    "groupPaths=false&deletedFields=true&splitSelectMultiples=true&bom=true&guardFormulas=true"
    "&mediaNames=central"
)
EXPORTS = {
    "plain": "",
    "without-attachments": "attachments=false",
    "without-group-paths": "groupPaths=false",
    "with-deleted-fields": "deletedFields=true",
    "split": "splitSelectMultiples=true",
    "filtered": FILTER,
    "marked": "bom=true",
    "guarded": "guardFormulas=true",
    "central-names": "mediaNames=central",
    "all": ALL,
    "all-filtered": f"{ALL}&{FILTER}",
}
VISITS = "Submissions.house.member.visits.visit"
FEEDS = {
    "service": FEED,
    "rows": f"{FEED}/Submissions?$count=true",
    "expanded": f"{FEED}/Submissions('uuid:1')?$expand=*&$wkt=true",
    "houses": f"{FEED}/Submissions.house",
    "members": f"{FEED}/Submissions.house.member",
    "visits": f"{FEED}/{VISITS}?$count=true",
    "visits-wkt": f"{FEED}/{VISITS}?$wkt=true&$top=2&$skip=1",
    "crops": f"{FEED}/Submissions.farm.crop",
    "map": f"{SUBMISSIONS}.geojson",
    "map-of-lines": f"{SUBMISSIONS}.geojson?fieldpath=/where/inner/trace",
    "map-of-spots": f"{SUBMISSIONS}.geojson?fieldpath=/house/member/visits/visit/spot",
    "map-of-one": f"{SUBMISSIONS}/uuid:1.geojson",
    "fields": f"{FORM}/fields?odata=true",
}


@pytest.fixture
def filled(cast):
    """The form with what was sent to it, and what stands for what only this run knows."""
    all_types.fill(cast)
    tokens = {f'"submitterId":"{cast.users["alice"]["id"]}"': '"submitterId":"<alice>"'}
    tokens[f",{cast.users['alice']['id']},Alice,"] = ",<alice>,Alice,"
    for each in cast.alice.get(SUBMISSIONS).json:
        name = each["instanceId"].removeprefix("uuid:")
        tokens[each["createdAt"]] = f"<{name}>"
        if each["updatedAt"]:
            tokens[each["updatedAt"]] = f"<{name} updated>"

    def blank(text):
        for value, token in tokens.items():
            text = text.replace(value, token)
        return re.sub(r"(skiptoken=01)[\w%]+", r"\1<token>", text)

    return cast.alice, blank


def golden(name):
    return (GOLDEN / name).read_bytes().decode()


def test_archives(filled):
    alice, blank = filled
    for name, query in EXPORTS.items():
        found = members(alice.get(f"{ARCHIVE}?{query}"))
        said = "".join(f"=== {member}\n{data.decode()}\n" for member, data in found.items())
        assert blank(said) == golden(f"exports/{name}.txt"), name


def test_tables_alone_are_those_of_archives_with_files_called_as_they_were_sent(filled):
    alice, _ = filled
    for query in EXPORTS.values():
        table = alice.get(f"{TABLE}?{query}").body
        named = query if "mediaNames" in query else f"{query}&mediaNames=central"
        assert table == members(alice.get(f"{ARCHIVE}?{named}"))["all-types.csv"], query
        assert alice.post(f"{TABLE}?{query}", {}).body == table


def test_what_outgrows_its_request_comes_out_the_same(filled):
    alice, _ = filled

    def made_later(path, steps):
        """By workers that have time for so many steps each."""
        with nothing_fits():
            answer = alice.get(path)
        assert answer.status == 303, answer.text
        location = answer.headers["location"]
        for _ in range(99):
            work(location.rpartition("/")[2], steps)
            state = alice.get(location, headers={"accept": "application/json"}).json["state"]
            if state == "done":
                return linked(alice.get(location).headers["location"])
        raise AssertionError(state)

    for number, query in enumerate(EXPORTS.values()):
        at_once = members(alice.get(f"{ARCHIVE}?{query}"))
        steps = 1_000_000 if number % 2 else 12
        assert unpacked(made_later(f"{ARCHIVE}?{query}", steps)) == at_once, query
        assert made_later(f"{TABLE}?{query}", steps) == alice.get(f"{TABLE}?{query}").body, query


def test_feeds_and_maps(filled):
    alice, blank = filled
    for name, path in FEEDS.items():
        answer = alice.get(path)
        assert answer.status == 200, answer.text
        said = json.dumps(json.loads(blank(answer.text)), indent=1, ensure_ascii=False)
        assert f"{said}\n" == golden(f"feeds/{name}.json"), name
    assert alice.get(f"{FEED}/$metadata").text + "\n" == golden("feeds/metadata.xml")
