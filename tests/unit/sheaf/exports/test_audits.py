"""Client audits: logs of devices, read as far as they can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.exports import audits

NAMES = audits._COLUMNS


def parsed(text):
    rows = audits.parse(text if isinstance(text, bytes) else text.encode())
    return [{name: value for name, value in zip(NAMES, row, strict=True) if value} for row in rows]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        ("event,node\n", []),
        ("event,node\nopen,/a\n", [{"event": "open", "node": "/a"}]),
        ("\ufeffevent,node\r\nopen,/a\r\n", [{"event": "open", "node": "/a"}]),
        (" node , event\n /a , open \n", [{"event": "open", "node": "/a"}]),
        ("event,other\nopen,x\n", [{"event": "open"}]),
        (
            "event,node\nopen\n\n,\nclose,/b,beyond\n",
            [{"event": "open"}, {"event": "close", "node": "/b"}],
        ),
        ('event,new-value\nq,"a, ""b""\nc"\n', [{"event": "q", "new-value": 'a, "b"\nc'}]),
        ('event,new-value\nq,a "b" c\n', [{"event": "q", "new-value": 'a "b" c'}]),
        ("event\nopen\0\n", [{"event": "open"}]),
        (b"event,user\nopen,\xff\n", [{"event": "open", "user": "\ufffd"}]),
        ("no log at all", []),
    ],
)
def test_logs_are_read(text, rows):
    assert parsed(text) == rows


@given(st.binary())
def test_whatever_a_log_holds_it_is_read(data):
    assert all(len(row) == len(NAMES) for row in audits.parse(data))
