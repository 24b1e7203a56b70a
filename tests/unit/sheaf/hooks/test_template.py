"""Templates around a body."""

import json

import pytest

from sheaf.hooks import template

BODY = '{"name":"Ada \\"the first\\"","n":7}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%SUBMISSION%", json.loads(BODY)),
        ('{"fields": %SUBMISSION%}', {"fields": json.loads(BODY)}),
        ("[%SUBMISSION%, %SUBMISSION%]", [json.loads(BODY)] * 2),
        ('{"text": "New: %SUBMISSION%!"}', {"text": f"New: {BODY}!"}),
        ('{"%SUBMISSION%": 1}', {BODY: 1}),
        ('{"a": "%SUB%", "b": %SUBMISSION%}', {"a": "%SUB%", "b": json.loads(BODY)}),
        ('{"a": "\\"%SUBMISSION%\\\\"}', {"a": f'"{BODY}\\'}),
        ('{"constant": true}', {"constant": True}),
        (' {"é": "%"} ', {"é": "%"}),
    ],
)
def test_the_placeholder_is_the_body_or_a_part_of_a_text(text, expected):
    assert template.is_json(text)
    assert json.loads(template.fill(text, BODY)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%SUBMISSION",
        "{%SUBMISSION%}",
        '{"a": %OTHER%}',
        '{"a": "%SUBMISSION%}',
        "NaN",
        "[" * 9999,
    ],
)
def test_what_is_no_json_is_told(text):
    assert not template.is_json(text)


def test_everything_else_stays_as_it_was_written():
    text = '{ "b" : 1.50,\n "a" : %SUBMISSION% }'
    assert template.fill(text, "{}") == '{ "b" : 1.50,\n "a" : {} }'


def test_a_long_template_takes_no_longer_than_it_is():
    text = '["' + '\\"' * 9000 + "%SUBMISSION " * 100
    assert template.fill(text, "{}") == text
