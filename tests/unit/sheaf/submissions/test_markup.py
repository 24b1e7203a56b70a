"""Reading markup as it comes: well-formed, broken or hostile."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.problems import UnexpectedValue
from sheaf.submissions import markup
from sheaf.submissions.markup import MAX_DEPTH, Close, Open, Text, decode, scan, texts, unescape

BITS = st.one_of(
    st.sampled_from(
        ["<", ">", "/", "</", "<a", "<a>", "</a>", "<o:b>", "</o:b>", "<b/>", "=", " "]
    ),
    st.sampled_from(["<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE d>", "<?xml?>", "&amp;", "&#"]),
    st.sampled_from(['"', "'", "x", "\n", "\0"]),
)


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("", []),
        ('{"no": "markup"}', []),
        ("<a/>", [Open("a", {}), Close("a")]),
        ("<a / >b", [Open("a", {}), Close("a")]),
        (
            '\ufeff<?xml version="1.0"?><!DOCTYPE a><!-- <b> --><a>t</a>',
            [Open("a", {}), Text("t"), Close("a")],
        ),
        (
            '<o:a x="1" o:y=\'2 > 1\' z=3/ x=4 w v = ""></o:a>',
            [
                Open("o:a", {"x": "1", "o:y": "2 > 1", "z": "3/", "w": "", "v": ""}),
                Close("o:a"),
            ],
        ),
        (
            "<a>one &amp; <![CDATA[<two> &amp;]]><![CDATA[]]>&nbsp;</a>",
            [
                Open("a", {}),
                Text("one &amp; "),
                Text("<two> &amp;", cdata=True),
                Text("&nbsp;"),
                Close("a"),
            ],
        ),
    ],
    ids=["empty", "json", "empty tag", "spaced", "prolog", "attributes", "text"],
)
def test_events_are_those_of_the_first_element(text, events):
    assert list(scan(text)) == events


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("<a><b>t", "<a><b>t</b></a>"),
        ("<a><b>t</a>", "<a><b>t</b></a>"),
        ("<a></b>t</a>", "<a>t</a>"),
        ("<a>t</a><c>u</c>", "<a>t</a>"),
        ("<a>t</a ></a>", "<a>t</a>"),
        ("<a>t</ a x='>", "<a>t</a>"),
        ("<a>t</a", "<a>t</a>"),
        ("<a><b c='d", "<a></a>"),
        ("<a>t<!-- u", "<a>t</a>"),
        ("<a>t<?u", "<a>t</a>"),
        ("<a><![CDATA[t</a>", "<a>t</a></a>"),
        ("<a>1 < 2 << 3 <> </> </", "<a>1 < 2 << 3 <> </> </</a>"),
        ("<<<a>t</a>", "<a>t</a>"),
        ("<o:a><a>t</o:a>", "<o:a><a>t</a></o:a>"),
    ],
)
def test_broken_markup_is_mended(text, mended):
    assert "".join(map(written, scan(text))) == mended


def written(event: markup.Event) -> str:
    if isinstance(event, Text):
        return event.raw
    return f"</{event.name}>" if isinstance(event, Close) else f"<{event.name}>"


def test_names_are_known_without_their_prefixes():
    opened = Open("orx:meta", {"jr:id": "one", "id": "two"})
    assert (opened.local, opened.get("id"), opened.get("version")) == ("meta", "one", None)
    assert [markup.local(name) for name in ("a", "a:b:c", ":a", "a:")] == ["a", "b:c", ":a", "a:"]


def test_entities_are_never_expanded():
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a x="&c;">&c;</a>'
    events = list(scan(bomb))
    assert events == [Open("a", {"x": "&c;"}), Text("&c;"), Close("a")]
    assert unescape("&c;") == "&c;"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A &amp; B &lt;&gt;&quot;&apos;", "A & B <>\"'"),
        ("&#65;&#x42;&#X43;&#x1F600;", "ABC\U0001f600"),
        ("&#0000000000065;", "A"),
        ("&nbsp; &amp &AMP; &#; &#x; & &amp;amp;", "&nbsp; &amp &AMP; &#; &#x; & &amp;"),
        ("&#0;&#xD800;&#x110000;&#99999999999999999999;", "\ufffd" * 4),
        ("&#" + "9" * 10_000 + ";", "\ufffd"),
    ],
)
def test_only_xmls_own_references_are_decoded(text, value):
    assert unescape(text) == value


def test_elements_may_nest_to_the_limit_and_no_deeper():
    events = list(scan("<a>" * MAX_DEPTH))
    assert events == [Open("a", {})] * MAX_DEPTH + [Close("a")] * MAX_DEPTH
    with pytest.raises(UnexpectedValue) as caught:
        list(scan("<a>" * (MAX_DEPTH + 1)))
    assert caught.value.details == {
        "field": "xml depth",
        "value": 1001,
        "reason": "elements may be nested 1000 deep at most.",
    }


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        ("<a>é</a>".encode(), None, "<a>é</a>"),
        ("<a>é</a>".encode("utf-8-sig"), "iso-8859-1", "<a>é</a>"),
        ("\ufeff<a>é</a>".encode("utf-16-le"), None, "<a>é</a>"),
        ("\ufeff<a>é</a>".encode("utf-32-be"), None, "<a>é</a>"),
        ("<a>é</a>".encode("latin-1"), "ISO-8859-1", "<a>é</a>"),
        (
            '<?xml version="1.0" encoding="windows-1252"?>€'.encode("cp1252"),
            None,
            '<?xml version="1.0" encoding="windows-1252"?>€',
        ),
        (
            b"<?xml version='1.0' encoding='utf-16'?>ab",
            None,
            "<?xml version='1.0' encoding='utf-16'?>ab",
        ),
        ("é".encode(), "us-ascii", "é"),
        ("é".encode(), "no-such-charset", "é"),
        (b"x", "zlib", "x"),
        (b"\\u0041", "unicode_escape", "\\u0041"),
        (b"x", "\0", "x"),
        (b"\xff\x00<a/>", None, "\ufffd\x00<a/>"),
    ],
    ids=[
        "plain",
        "a mark outdoes the charset",
        "utf-16",
        "utf-32",
        "charset",
        "declared",
        "declared wrongly",
        "misfit",
        "unknown",
        "no text encoding",
        "no charset",
        "no name",
        "unreadable",
    ],
)
def test_bytes_become_text_one_way_or_another(raw, charset, text):
    assert decode(raw, charset) == text


def test_texts_are_found_by_path_whatever_the_root_is_called():
    text = (
        "<r><meta>no<id>1</id><id>2<x>no</x>&amp;</id><id/></meta><id>no</id>"
        "<o:meta><o:id><![CDATA[&amp;]]></o:id></o:meta><a><meta><id>no</id></meta></a></r>"
    )
    found = [
        (path, "".join(piece.raw for piece in pieces), "".join(piece.value for piece in pieces))
        for path, pieces in texts(text, {"/meta/id"})
    ]
    assert found == [
        ("/meta/id", "1", "1"),
        ("/meta/id", "2&amp;", "2&"),
        ("/meta/id", "&amp;", "&amp;"),
    ]


@given(st.one_of(st.text(), st.lists(BITS).map("".join), st.lists(BITS).map("<a>{}".format)))
def test_events_are_balanced_whatever_the_text(text):
    names = []
    events = list(scan(text))
    for number, event in enumerate(events):
        if isinstance(event, Open):
            names.append(event.name)
        else:
            assert names, "nothing stands outside the first element"
            if isinstance(event, Close):
                assert names.pop() == event.name
                assert bool(names) == (number < len(events) - 1)
            else:
                assert event.raw
    assert names == []


@given(st.binary(), st.one_of(st.none(), st.text(), st.sampled_from(["utf-16", "hz", "idna"])))
def test_decoding_never_fails(raw, charset):
    assert isinstance(decode(raw, charset), str)


@given(st.text())
def test_escaped_text_is_decoded_to_itself(text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&#34;")
    assert unescape(escaped) == text


@pytest.mark.parametrize(
    "make",
    [
        lambda size: "<" * size,
        lambda size: "<a>" + "&#1" * (size // 3),
        lambda size: "<a>&#" + "1" * size + ";</a>",
        lambda size: "<a><!--" + "-" * size,
        lambda size: "<a><![CDATA[" + "]]" * (size // 2),
        lambda size: "<!DOCTYPE a [" * (size // 13),
        lambda size: "<?" + "x" * size,
        lambda size: "<" + "a" * size,
        lambda size: "<a" + " " * size,
        lambda size: "<a" + "/" * size,
        lambda size: '<a b="' + "x" * size,
        lambda size: "<a " + "b =" * (size // 3),
        lambda size: "<a " + """b='"' c="'" """ * (size // 14),
        lambda size: "<a></" + " " * size,
        lambda size: "<a>" + "</a " * (size // 4),
        lambda size: "<a>" * (MAX_DEPTH - 1) + "</b>" * (size // 40),
        lambda size: "<a>" + "<b/>" * (size // 40),
    ],
)
def test_time_grows_with_the_text_and_no_faster(make):
    # Eight times the text: eight times the work when linear, sixty-four when quadratic.
    small, large = (spent(scan, make(size)) for size in (1_250_000, 10_000_000))
    assert large < 32 * max(small, 0.005)


def spent(work: Callable[..., object], text: str) -> float:
    started = time.process_time()
    for event in work(text):
        if isinstance(event, Text):
            assert event.value
    return time.process_time() - started
