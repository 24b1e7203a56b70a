"""A spreadsheet form with a question of every type of XLSForm, in two versions, and what is sent.

The second version lacks some questions of the first, has a new one, and asks by text what the first
asked by choices. Names of its questions are those of columns that exports add.
"""

from __future__ import annotations

from tests import workbooks
from tests.cast import Cast

FORM = f"{Cast.FORMS}/all-types"
SUBMISSIONS = f"{FORM}/submissions"
FEED = f"{FORM}.svc"

_HEAD = ("type", "name", "label", "calculation", "parameters", "save_to")
_META = ["start", "end", "today", "deviceid", "username", "phonenumber", "email", "audit"]
_CHANGING = {
    "1": [
        ("decimal", "weight", "Weight"),
        ("select_one yes_no", "happy", "Happy?"),
        ("select_multiple colours", "flag", "Colours of the flag"),
    ],
    "2": [
        ("text", "happy", "Happy?"),
        ("text", "flag", "Colours of the flag"),
        ("text", "added", "New"),
    ],
}
_SURVEY = [
    ("text", "text", "Text", "", "", "said"),
    ("integer", "integer", "Whole number"),
    ("decimal", "decimal", "Number"),
    ("range", "range", "Range", "", "start=0 end=10 step=1"),
    ("range", "range_half", "Range in halves", "", "start=0 end=10 step=0.5"),
    ("begin group", "when", "When"),
    ("date", "date", "Date"),
    ("time", "time", "Time"),
    ("datetime", "datetime", "Moment"),
    ("end group",),
    ("begin group", "where", "Where"),
    ("geopoint", "point", "Point"),
    ("begin group", "inner", "Within"),
    ("geotrace", "trace", "Line"),
    ("geoshape", "shape", "Shape"),
    ("end group",),
    ("end group",),
    ("select_one yes_no", "one", "One"),
    ("select_multiple colours", "several", "Several"),
    ("select_one_from_file places.csv", "from_file", "Of a file"),
    ("select_multiple_from_file places.csv", "from_files", "Several of a file"),
    ("rank colours", "ranked", "Ranked"),
    ("select_one yes_no or_other", "other", "Or another"),
    ("acknowledge", "ok", "OK?"),
    ("image", "image", "Picture"),
    ("audio", "audio", "Sound"),
    ("background-audio", "background", ""),
    ("video", "video", "Film"),
    ("file", "document", "Document"),
    ("barcode", "barcode", "Barcode"),
    ("note", "note", "A note"),
    ("calculate", "calculated", "", "1 + 1"),
    ("hidden", "hidden", ""),
    ("begin repeat", "house", "House"),
    ("text", "name", "Name"),
    ("begin repeat", "member", "Member"),
    ("text", "name", "Name"),
    ("begin group", "visits", "Visits"),
    ("begin repeat", "visit", "Visit"),
    ("date", "date", "Day"),
    ("select_multiple colours", "several", "Several"),
    ("image", "image", "Picture"),
    ("geopoint", "spot", "Spot"),
    ("end repeat",),
    ("end group",),
    ("end repeat",),
    ("end repeat",),
    ("begin group", "farm", "Farm"),
    ("begin repeat", "crop", "Crop"),
    ("text", "KEY", "Of the name of a column"),
    ("text", "PARENT_KEY", "Likewise"),
    ("end repeat",),
    ("end group",),
    ("text", "KEY", "Of the name of a column"),
    ("text", "SubmissionDate", "Likewise"),
    ("text", "Status", "Likewise"),
]
_CHOICES = [
    ("list_name", "name", "label"),
    *(("yes_no", name, name) for name in ("yes", "no")),
    *(("colours", name, name) for name in ("red", "green", "blue")),
]


def workbook(version: str) -> bytes:
    """A version of the form: `1` or `2`."""
    survey = [_HEAD, *((name, name) for name in _META), *_CHANGING[version], *_SURVEY]
    return workbooks.written(
        {
            "survey": survey,
            "choices": _CHOICES,
            "entities": [("list_name", "label"), ("things", "${text}")],
            "settings": [("form_id", "version", "form_title"), ("all-types", version, "All types")],
        }
    )


def full(number: int, version: str = "1", **said: str) -> str:
    """A submission in which every question is answered; `said` replaces what stands in it."""
    text = _FULL[version].format(version=version, number=number)
    for old, new in said.items():
        assert f"<{old}>" in text, old
        start = text.index(f"<{old}>") + len(old) + 2
        text = text[:start] + new + text[text.index(f"</{old}>", start) :]
    return text


_OF_VERSION = {
    "1": "<weight>71.5</weight><happy>yes</happy><flag>red blue</flag>",
    "2": "<happy>quite</happy><flag>red, or so</flag><added>new</added>",
}
_BODY = """\
<data xmlns:jr="http://openrosa.org/javarosa" xmlns:orx="http://openrosa.org/xforms" \
id="all-types" version="{version}">
  <start>2026-11-22T08:14:03.512+07:00</start><end>2026-11-22T08:41:57.090+07</end>
  <today>2026-11-22</today><deviceid>collect:abc</deviceid><username>amina</username>
  <phonenumber>+49 30 123</phonenumber><email>amina@example.org</email>
  CHANGING
  <text>one, "two" &amp; three
four &#x1F600;</text>
  <integer>7</integer><decimal>-31.50</decimal><range>3</range><range_half>2.5</range_half>
  <when><date>2026-11-22</date><time>09:30:00.000+07:00</time>
    <datetime>2026-11-22T09:30:00.000+07:00</datetime></when>
  <where><point>12.5 -1.25 7 0.5</point><inner><trace>1 2 3 4;5 6 7 8</trace>
    <shape>1 2 0 0;3 4 0 0;5 2 0 0;1 2 0 0</shape></inner></where>
  <one>yes</one><several>blue red</several><from_file>p1</from_file><from_files>p2 p1</from_files>
  <ranked>green red blue</ranked><other>other</other><other_other>purple</other_other><ok>OK</ok>
  <image>photo.jpg</image><audio>voice.m4a</audio><background>hall.amr</background>
  <video>clip.mp4</video><document>paper.csv</document><barcode>4006381333931</barcode><note/>
  <calculated>2</calculated><hidden/>
  <house><name>Blue</name>
    <member><name>Ada</name><visits>
      <visit><date>2026-01-01</date><several>green red</several><image>photo-{number}.jpg</image>
        <spot>1 2 3 4</spot></visit>
      <visit><date>2026-01-02</date><several/><image/><spot/></visit></visits></member>
    <member><name>Bob</name><visits/></member></house>
  <house><name>Red</name>
    <member><name>Eve</name><visits><visit><date/><several>red</several><image/><spot>-1 -2</spot>
      </visit></visits></member></house>
  <farm><crop><KEY>rye</KEY><PARENT_KEY>field 1</PARENT_KEY></crop></farm>
  <KEY>my key</KEY><SubmissionDate>my date</SubmissionDate><Status>my status</Status>
  <orx:meta><orx:audit>audit.csv</orx:audit><entity dataset="things" id="e{number}" create="1">
    <label>Thing</label></entity><orx:instanceID>uuid:{number}</orx:instanceID>
    <orx:instanceName>Full</orx:instanceName></orx:meta>
</data>"""
_FULL = {version: _BODY.replace("CHANGING", said) for version, said in _OF_VERSION.items()}

# What nobody answers so: texts that spreadsheets take for formulas, nodes that are missing, come
# again, or that the form does not know, CDATA, comments, prefixes, values of no such type.
ODD = """\
<?xml version="1.0"?><!-- before --><o:data xmlns:o="urn:other" id="all-types" version="1">
<today>yesterday</today><o:deviceid>=1+1</o:deviceid><username>+49</username>
<phonenumber>-49</phonenumber><email>@home</email><weight>-1e3</weight><happy>maybe</happy>
<flag>red unknown  red</flag><text>a<!-- within -->b</text><text><![CDATA[<c> & 'd']]></text>
<integer> 7 </integer><decimal>abc</decimal><range/><range_half>1e400</range_half>
<when><date>2026-13-40</date></when><when><time>soon</time></when><unknown><text>lost</text></unknown>
<where><point>95 181</point><inner><trace>1 2</trace><shape>1 2;3 4</shape>
<trace>nowhere</trace></inner></where><several>&#9;green
blue </several><image>photo.jpg</image><document>photo.jpg</document><barcode>&#9;tab</barcode>
<hidden>&#13;return</hidden><house/><house><member/><name>late</name><member><visits><visit>
<several>-1 @x</several></visit></visits></member></house>
<farm><crop><KEY>=k</KEY></crop></farm><farm><crop/></farm>
<meta><audit/><instanceID>uuid:odd</instanceID></meta></o:data><!-- after -->
"""

LOG = (
    "event,node,start,end,old-value,new-value\n"
    "question,/data/text,1700000000001,1700000000005,=old,one\n"
)


def fill(cast: Cast) -> None:
    """Publish the first version, send two submissions; publish the second and send another."""
    _publish(cast, "1")
    _send(cast, full(1))
    _send(cast, ODD)
    for name in ("photo.jpg", "photo-1.jpg", "voice.m4a"):
        _attach(cast, "uuid:1", name, f"{name} of 1".encode(), "image/jpeg")
    _attach(cast, "uuid:1", "audit.csv", LOG.encode(), "text/csv")
    _attach(cast, "uuid:odd", "photo.jpg", b"photo.jpg of odd", "image/jpeg")
    review = cast.alice.patch(f"{SUBMISSIONS}/uuid:1", {"reviewState": "approved"})
    assert review.status == 200, review.text
    _publish(cast, "2")
    _send(cast, full(2, "2", text="plain"))
    _attach(cast, "uuid:2", "paper.csv", b"a,b\n1,2\n", "text/csv")


def _publish(cast: Cast, version: str) -> None:
    kind = {"content-type": workbooks.XLSX}
    path = f"{cast.FORMS}?publish=true" if version == "1" else f"{FORM}/draft?"
    made = cast.alice.post(f"{path}&ignoreWarnings=true", workbook(version), kind)
    assert made.status == 200, made.text
    if version != "1":
        assert cast.alice.post(f"{FORM}/draft/publish").status == 200


def _send(cast: Cast, text: str) -> None:
    sent = cast.alice.post(f"{SUBMISSIONS}?deviceID=tablet", text.encode())
    assert sent.status == 200, sent.text


def _attach(cast: Cast, submission: str, name: str, data: bytes, kind: str) -> None:
    path = f"{SUBMISSIONS}/{submission}/attachments/{name}"
    assert cast.alice.post(path, data, {"content-type": kind}).status == 200
