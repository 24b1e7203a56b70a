"""Files of submissions (Central: `/submissions/{instanceId}/attachments`)."""

from __future__ import annotations

import hashlib
import urllib.request
from unicodedata import normalize
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from sheaf import blobs, settings
from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.forms.forms import Form
from sheaf.problems import Busy, Forbidden
from sheaf.submissions import attachments, reception
from sheaf.submissions.files import File
from sheaf.submissions.records import Submission
from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.cast import Cast, audits, stored, xml
from tests.contract.test_forms import together
from tests.contract.test_submissions import size
from tests.wire import Wire

FORM = "/v1/projects/1/forms/simple"
PATH = f"{FORM}/submissions"
ONE = f"{PATH}/one"
FILES = f"{ONE}/attachments"
FILE = f"{FILES}/a.jpg"
JPEG = {"content-type": "image/jpeg"}


@pytest.fixture(autouse=True)
def form(cast):
    cast.form()
    assert cast.submit("one", by=cast.colin, photo="a.jpg").status == 200


def blob_keys(aws) -> list[str]:
    """What lies in the bucket for the one submission there is."""
    (item,) = stored("S#")
    prefix = blobs.submission_prefix(item["sk"]["S"])
    listed = aws.client("s3").list_objects_v2(Bucket=settings.BUCKET_NAME, Prefix=prefix)
    return [each["Key"] for each in listed.get("Contents", ())]


def photos(*names: str, instance_id: str = "two") -> bytes:
    named = "".join(f"<photo>{name}</photo>" for name in names)
    return xml(instance_id).replace(b"<photo></photo>", named.encode())


# Slots.


def test_slots_are_what_the_xml_names(cast):
    assert cast.bob.get(FILES).json == [{"name": "a.jpg", "exists": False}]
    assert cast.bob.get(FILE).json == NOT_FOUND
    body = photos("b.jpg", " a.jpg ", "b.jpg", "", "é.jpg", "&lt;1&gt;&amp;.jpg")
    assert cast.bob.post(PATH, body).status == 200
    assert cast.bob.get(f"{PATH}/two/attachments").json == [
        {"name": "<1>&.jpg", "exists": False},
        {"name": "a.jpg", "exists": False},
        {"name": "b.jpg", "exists": False},
        {"name": "é.jpg", "exists": False},
    ]
    assert cast.submit("three").status == 200
    assert cast.bob.get(f"{PATH}/three/attachments").json == []


def test_an_envelope_has_slots_for_its_media_and_itself(cast):
    body = (
        '<data id="simple" version="1" encrypted="yes"><base64EncryptedKey>k</base64EncryptedKey>'
        "<meta><instanceID>sealed</instanceID></meta><media><file>b.jpg.enc</file></media>"
        "<media><file>a.jpg.enc</file></media>"
        "<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>"
    )
    assert cast.bob.post(PATH, body.encode()).status == 200
    listed = cast.bob.get(f"{PATH}/sealed/attachments").json
    assert [each["name"] for each in listed] == ["a.jpg.enc", "b.jpg.enc", "submission.xml.enc"]


def test_a_submission_cannot_name_too_many_files(cast):
    names = [f"{number}.jpg" for number in range(2_000)]
    before = stored("S#")
    answer = cast.bob.post(PATH, photos(*names))
    assert answer.status == 400
    assert answer.json["code"] == 400.8
    assert answer.json["details"] == {
        "field": "attachments",
        "value": 2_000,
        "reason": "a submission cannot name so many files",
    }
    assert stored("S#") == before


def test_a_submission_of_as_many_files_as_it_may_name_fits_its_item(cast):
    """All slots filled, with the longest type, besides the longest of all else."""
    name = "😀" * 4_000
    count = reception.LARGEST_SLOTS // (reception.SLOT + 8)
    said = photos(*(f"{number:04}.jpg" for number in range(count)), instance_id="😀" * 64)
    noise = hashlib.shake_256(b"").digest(80_000).hex()
    said = said.replace(b"Alan", noise.encode()).replace(
        b"</orx:meta>", f"<orx:instanceName>{name}</orx:instanceName></orx:meta>".encode()
    )
    path = f"{PATH}?deviceID={quote('😀' * 255)}"
    assert cast.bob.post(path, said, headers={"user-agent": "😀" * 255}).status == 200
    submission = next(
        each for item in stored("S#") if (each := Submission.ref(("", "")).read(item)).slots[1:]
    )
    assert submission.xml_packed is not None
    held = blobs.Blob(
        f"{blobs.submission_prefix(submission.id)}{'0' * 71}", "t" * 100, 5 * 10**9, "0" * 32, 2**50
    )
    submission.slots = [{"n": slot["n"], "b": held.to_item()} for slot in submission.slots]
    submission.first = submission.root
    submission.save()
    filled = next(item for item in stored("S#") if item["sk"]["S"] == submission.id)
    taken = sum(len(name.encode()) + size(value) for name, value in filled.items())
    # An item's limit, but for what ten years of weekly changes add.
    assert 340_000 < taken < 400 * 1024 - 520 * 10


# Upload and download.


def test_a_file_is_uploaded_and_comes_back(cast, aws):
    answer = cast.bob.post(FILE, b"picture", headers=JPEG | {"x-action-notes": "late"})
    assert (answer.status, answer.json) == (200, DONE)
    assert cast.bob.get(FILES).json == [{"name": "a.jpg", "exists": True}]
    answer = cast.vera.get(FILE)
    assert (answer.status, answer.body) == (200, b"picture")
    assert {
        name: answer.headers[name]
        for name in ("content-type", "etag", "content-disposition", "cache-control", "vary")
    } == {
        "content-type": "image/jpeg",
        "etag": f'"{hashlib.md5(b"picture").hexdigest()}"',
        "content-disposition": "inline; filename=\"a.jpg\"; filename*=UTF-8''a.jpg",
        "cache-control": "private, no-cache",
        "vary": "Accept-Encoding, Origin",
    }
    assert len(blob_keys(aws)) == 1
    (created,), (row,) = audits("submission.create"), audits("submission.attachment.update")
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "submission.attachment.update",
        "acteeId": created["acteeId"],
        "details": {
            "instanceId": "one",
            "submissionDefId": created["details"]["submissionDefId"],
            "name": "a.jpg",
            "oldBlobId": None,
            "newBlobId": row["details"]["newBlobId"],
        },
        "loggedAt": row["loggedAt"],
        "notes": "late",
    }
    assert isinstance(row["details"]["newBlobId"], int)
    assert cast.bob.get(ONE).json["updatedAt"] is None


def test_a_file_that_the_client_has_is_not_sent_again(cast):
    cast.bob.post(FILE, b"picture", headers=JPEG)
    etag = cast.bob.get(FILE).headers["etag"]
    for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = cast.bob.get(FILE, headers={"if-none-match": given})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    assert cast.bob.get(FILE, headers={"if-none-match": '"other"'}).status == 200
    head = cast.bob.head(FILE)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "7")


def test_a_file_is_replaced(cast, aws):
    cast.bob.post(FILE, b"old", headers=JPEG)
    (old,) = blob_keys(aws)
    assert cast.bob.post(FILE, b"new", headers={"content-type": "image/png"}).json == DONE
    answer = cast.bob.get(FILE)
    assert (answer.body, answer.headers["content-type"]) == (b"new", "image/png")
    first, second = [row["details"] for row in audits("submission.attachment.update")]
    assert second["oldBlobId"] == first["newBlobId"] != second["newBlobId"]
    (new,) = blob_keys(aws)
    assert new != old


def test_the_same_file_again_changes_nothing(cast, aws):
    for _ in range(2):
        assert cast.bob.post(FILE, b"picture", headers=JPEG).json == DONE
    assert len(audits("submission.attachment.update")) == len(blob_keys(aws)) == 1
    # The same bytes under another type are another file.
    assert cast.bob.post(FILE, b"picture", headers={"content-type": "text/x"}).json == DONE
    assert cast.bob.get(FILE).headers["content-type"] == "text/x"


def test_a_slot_is_cleared(cast, aws):
    cast.bob.post(FILE, b"picture")
    for _ in range(2):
        answer = cast.bob.delete(FILE)
        assert (answer.status, answer.json) == (200, DONE)
        assert cast.bob.get(FILES).json == [{"name": "a.jpg", "exists": False}]
        assert cast.bob.get(FILE).json == NOT_FOUND
    came, went, nothing = [row["details"] for row in audits("submission.attachment.update")]
    assert went == {
        "instanceId": "one",
        "submissionDefId": came["submissionDefId"],
        "name": "a.jpg",
        "oldBlobId": came["newBlobId"],
    }
    assert nothing == went | {"oldBlobId": None}
    assert blob_keys(aws) == []
    assert cast.bob.post(FILE, b"again").json == DONE
    assert cast.bob.get(FILE).body == b"again"


def test_a_file_may_be_empty(cast):
    assert cast.bob.post(FILE, b"", headers=JPEG).json == DONE
    assert cast.bob.get(FILES).json == [{"name": "a.jpg", "exists": True}]
    answer = cast.bob.get(FILE)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["etag"] == f'"{hashlib.md5(b"").hexdigest()}"'
    assert answer.headers["content-type"] == "image/jpeg"


def test_a_file_may_be_anything(cast):
    for data in (bytes(range(256)), b"\r\n", b"\xff", "text ü".encode()):
        assert cast.bob.post(FILE, data, headers=JPEG).json == DONE
        assert cast.bob.get(FILE).body == data


def test_what_the_xml_does_not_name_has_no_place(cast):
    for name in ("b.jpg", "A.jpg", "a.jpg%00", "x" * 5000):
        for answer in (
            cast.bob.post(f"{FILES}/{name}", b"x"),
            cast.colin.post(f"{FILES}/{name}", b"x"),
            cast.bob.get(f"{FILES}/{name}"),
            cast.bob.delete(f"{FILES}/{name}"),
        ):
            assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert audits("submission.attachment.update") == []


def test_the_type_is_the_client_s_or_the_name_s(cast):
    names = ("x.csv", "x.CSV", "x.geojson", "x.jpg", "x", ".csv", "csv")
    assert cast.bob.post(PATH, photos(*names)).status == 200
    kinds = {}
    for name in names:
        path = f"{PATH}/two/attachments/{name}"
        assert cast.bob.post(path, b"x").json == DONE
        kinds[name] = cast.bob.get(path).headers["content-type"]
    unknown = "application/octet-stream"
    assert kinds == {
        "x.csv": "text/csv",
        "x.CSV": "text/csv",
        "x.geojson": "application/geo+json",
        "x.jpg": unknown,
        "x": unknown,
        ".csv": "text/csv",
        "csv": unknown,
    }
    for said, kept in (
        ("text/x; charset=latin-1", "text/x; charset=latin-1"),
        ("nonsense", "nonsense"),
        ("é/x", unknown),
        ("x" * 101, unknown),
        ("", unknown),
    ):
        assert cast.bob.post(FILE, said.encode(), headers={"content-type": said}).json == DONE
        assert cast.bob.get(FILE).headers["content-type"] == kept


def test_only_pictures_are_shown_in_the_browser(cast):
    for kind, way in (
        ("image/jpeg", "inline"),
        ("image/png", "inline"),
        ("image/gif", "inline"),
        ("image/svg+xml", "attachment"),
        ("application/pdf", "attachment"),
        ("video/mp4", "attachment"),
        ("text/html", "attachment"),
    ):
        cast.bob.post(FILE, b"x", headers={"content-type": kind})
        assert cast.bob.get(FILE).headers["content-disposition"].partition(";")[0] == way


def test_names_stand_in_the_header_as_central_writes_them(cast):
    names = {
        'a/b "c" (1)\'*~!.png': "filename=\"ab c (1)'~!.png\"; filename*=UTF-8''"
        "ab%20c%20%281%29%27~!.png",
        "f😂le3\u0635\u0627\u062f\u0642": "filename=\"f-le3-\"; filename*=UTF-8''"
        "f%F0%9F%98%82le3%D8%B5%D8%A7%D8%AF%D9%82",
    }
    escaped = [name.replace('"', "&quot;") for name in names]
    assert cast.bob.post(PATH, photos(*escaped)).status == 200
    for name, written in names.items():
        path = f"{PATH}/two/attachments/{quote(name, safe='')}"
        assert cast.bob.post(path, b"x").json == DONE
        assert cast.bob.get(path).headers["content-disposition"] == f"attachment; {written}"


def test_composed_and_decomposed_names_are_one(cast):
    composed, decomposed = (normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    cast.bob.post(PATH, photos(decomposed))
    cast.bob.post(PATH, photos(composed, decomposed, instance_id="both"))
    path = f"{PATH}/two/attachments"
    assert cast.bob.post(f"{path}/{quote(composed)}", b"x").json == DONE
    assert cast.bob.get(path).json == [{"name": decomposed, "exists": True}]
    assert cast.bob.get(f"{path}/{quote(decomposed)}").body == b"x"
    answer = cast.bob.get(f"{path}/{quote(composed)}")
    assert answer.body == b"x"
    assert "e%CC%81.jpg" in answer.headers["content-disposition"]
    assert audits("submission.attachment.update")[0]["details"]["name"] == decomposed
    # Where the XML names both, each is itself.
    path = f"{PATH}/both/attachments"
    cast.bob.post(f"{path}/{quote(composed)}", b"c")
    cast.bob.post(f"{path}/{quote(decomposed)}", b"d")
    assert cast.bob.get(f"{path}/{quote(composed)}").body == b"c"
    assert cast.bob.get(f"{path}/{quote(decomposed)}").body == b"d"
    assert cast.bob.delete(f"{path}/{quote(decomposed)}").json == DONE
    assert cast.bob.get(f"{path}/{quote(composed)}").body == b"c"


def test_what_a_response_cannot_carry_comes_from_the_bucket(cast):
    data = bytes(range(256)) * 17_400
    assert len(data) > blobs.INLINE_LIMIT
    cast.bob.post(PATH, photos("ü b.png"))
    path = f"{PATH}/two/attachments/{quote('ü b.png')}"
    assert cast.bob.post(path, data, headers={"content-type": "image/png"}).json == DONE
    answer = cast.vera.get(path)
    assert answer.status == 307
    url = answer.headers["location"]
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["60"]
    with urllib.request.urlopen(url, timeout=30) as response:
        assert response.read() == data
        assert response.headers["content-type"] == "image/png"
        assert response.headers["content-disposition"] == (
            "inline; filename=\"- b.png\"; filename*=UTF-8''%C3%BC%20b.png"
        )
    etag = {"if-none-match": f'"{hashlib.md5(data).hexdigest()}"'}
    assert cast.vera.get(path, headers=etag).status == 304


# Rights.


def test_who_reads_files(cast):
    cast.bob.post(FILE, b"x")
    for api in (cast.alice, cast.bob, cast.vera):
        assert [api.get(path).status for path in (FILES, FILE)] == [200, 200]
    for path in (FILES, FILE, f"{PATH}/none/attachments", f"{FILES}/none"):
        for api in (cast.colin, cast.chelsea):
            assert api.get(path).json == FORBIDDEN
        assert cast.api.get(path).json == ANONYMOUS


def test_a_collector_sends_each_file_of_his_once(cast):
    assert cast.colin.post(FILE, b"x").json == DONE
    # A repetition is no overwriting.
    assert cast.colin.post(FILE, b"x").json == DONE
    assert cast.colin.post(FILE, b"y").json == FORBIDDEN
    assert cast.colin.delete(FILE).json == FORBIDDEN
    assert cast.bob.get(FILE).body == b"x"
    cast.bob.delete(FILE)
    assert cast.colin.post(FILE, b"z").json == DONE
    # Not into another's submission, and not into a later version.
    cast.submit("two", by=cast.bob, photo="a.jpg")
    assert cast.colin.post(f"{PATH}/two/attachments/a.jpg", b"x").json == FORBIDDEN
    assert cast.colin.put(ONE, xml("three", deprecated="one", photo="b.jpg")).status == 200
    assert cast.colin.post(f"{FILES}/b.jpg", b"x").json == FORBIDDEN
    assert cast.bob.post(f"{FILES}/b.jpg", b"x").json == DONE


def test_who_may_not_send_files(cast):
    for name in ("vera", "chelsea"):
        for path in (FILE, f"{FILES}/none", f"{PATH}/none/attachments/a.jpg"):
            assert getattr(cast, name).post(path, b"x").json == FORBIDDEN
            assert getattr(cast, name).delete(path).json == FORBIDDEN
    assert cast.api.post(FILE, b"x").json == ANONYMOUS
    assert cast.api.delete(FILE).json == ANONYMOUS
    assert cast.bob.post(f"{PATH}/none/attachments/a.jpg", b"x").json == NOT_FOUND
    assert cast.bob.post(f"{FORM}x/submissions/one/attachments/a.jpg", b"x").json == NOT_FOUND
    assert audits("submission.attachment.update") == []


# At once.


def test_files_sent_at_once_all_arrive(cast):
    names = [f"{number}.jpg" for number in range(4)]
    cast.bob.post(PATH, photos(*names))
    path = f"{PATH}/two/attachments"
    answers = together(*(lambda n=n: cast.bob.post(f"{path}/{n}", b"same") for n in names))
    assert [answer.json for answer in answers] == [DONE] * 4
    assert cast.bob.get(path).json == [{"name": name, "exists": True} for name in names]
    assert len(audits("submission.attachment.update")) == 4


def test_of_two_collectors_files_at_once_one_stays(cast):
    answers = together(lambda: cast.colin.post(FILE, b"x"), lambda: cast.colin.post(FILE, b"y"))
    assert sorted(answer.status for answer in answers) == [200, 403]
    assert len(audits("submission.attachment.update")) == 1


def test_a_slot_that_was_filled_meanwhile_is_judged_anew(cast):
    """What a collector may do depends on what is there when it is done, not when it was asked."""
    (item,) = stored("S#")
    stale = Submission.ref(("", "")).read(item)
    form = reads.get(Form.ref(keys.form(1, "simple")))
    from sheaf.access.actors import Actor

    colin = reads.get(Actor.ref(keys.actor(cast.users["colin"]["id"])))
    cast.bob.post(FILE, b"bob's")
    with pytest.raises(Forbidden):
        attachments.upload(form, stale, File("a.jpg", b"colin's"), by=Auth(colin))
    assert cast.bob.get(FILE).body == b"bob's"


def test_files_belong_to_the_current_version(cast):
    cast.bob.put(ONE, xml("two", deprecated="one", photo="b.jpg"))
    assert cast.bob.post(FILE, b"x").json == NOT_FOUND
    assert cast.bob.post(f"{FILES}/b.jpg", b"x").json == DONE
    (version,), (row,) = audits("submission.update.version"), audits("submission.attachment.update")
    assert row["details"]["submissionDefId"] == version["details"]["submissionDefId"]
    assert row["details"]["instanceId"] == "one"
    assert cast.bob.post(f"{Cast.SUBMISSIONS}/two/attachments/b.jpg", b"x").json == NOT_FOUND


@pytest.mark.parametrize("asked", [{}, {"range": "bytes=0-2"}])
@pytest.mark.parametrize(("method", "then"), [("post", 200), ("delete", 404)])
def test_who_reads_a_file_that_goes_meanwhile_is_asked_to_come_again(cast, method, then, asked):
    assert cast.bob.post(FILE, b"first", JPEG).status == 200

    def overtake(_: int) -> None:
        if wire.names[-1] == "GetObject":
            assert getattr(cast.bob, method)(FILE, b"second", JPEG).status == 200

    with Wire(before=overtake) as wire:
        late = cast.bob.get(FILE, None, asked)
    assert (late.status, late.json["code"]) == (503, Busy.code)
    again = cast.bob.get(FILE)
    assert again.status == then
    assert then == 404 or again.body == b"second"


# Parts of a file.


@pytest.fixture
def ten(cast):
    """A file of the bytes 0 to 9."""
    assert cast.submit("ten", photo="a.bin").status == 200
    file = f"{Cast.SUBMISSIONS}/ten/attachments/a.bin"
    assert cast.bob.post(file, b"0123456789", {"content-type": "text/csv"}).json == DONE
    return file


@pytest.mark.parametrize(
    ("asked", "body", "told"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=9-9", b"9", "bytes 9-9/10"),
    ],
)
def test_a_part_of_a_file_is_given(cast, ten, asked, body, told):
    answer = cast.bob.get(ten, headers={"range": asked, "accept-encoding": "gzip"})
    assert (answer.status, answer.body) == (206, body)
    assert answer.headers["content-range"] == told
    assert answer.headers["content-type"] == "text/csv"
    assert answer.headers["etag"] == f'"{hashlib.md5(b"0123456789").hexdigest()}"'


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_part_that_is_not_there_is_told_so(cast, ten, asked):
    answer = cast.bob.get(ten, headers={"range": asked})
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == "bytes */10"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=5-2", "lines=1-2", "bytes=-", "bytes=x"])
def test_what_is_no_single_range_gets_the_whole(cast, ten, asked):
    answer = cast.bob.get(ten, headers={"range": asked})
    assert (answer.status, answer.body) == (200, b"0123456789")
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_part_is_given_only_of_the_file_that_was_begun(cast, ten):
    etag = cast.bob.get(ten).headers["etag"]
    asked = {"range": "bytes=4-"}
    assert cast.bob.get(ten, headers=asked | {"if-range": etag}).status == 206
    assert cast.bob.get(ten, headers=asked | {"if-range": '"other"'}).body == b"0123456789"
    assert cast.bob.get(ten, headers=asked | {"if-none-match": etag}).status == 304
    head = cast.bob.head(ten, headers=asked)
    assert (head.status, head.headers["content-length"]) == (200, "10")
