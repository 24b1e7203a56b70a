"""Commands in the docs are commands that exist: of AWS's command line, of make, and of the API."""

import re
import shlex
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore import xform_name

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.name: page.read_text() for page in PAGES}
# Options that every command of AWS's has.
EVERYWHERE = {"query", "output", "cli-binary-format"}
# What is no operation of the service's API, but made of several.
MADE = {"s3": {"cp", "ls", "rb", "rm", "sync"}, "logs": {"tail"}}


def commands(word):
    """(page, line) of every command in the pages that begins with a word; "…" ends a mention."""
    found = []
    for name, text in TEXTS.items():
        joined = text.replace("\\\n", " ")
        lines = re.findall(rf"^ *({word} [^\n`]*)$", joined, re.MULTILINE)
        lines += [f"{cut} …" for cut in re.findall(rf"`({word} [^`\n]+)`", joined)]
        found += [(name, line.split(" #")[0]) for line in lines]
    return found


@pytest.mark.parametrize(("page", "line"), commands("aws"))
def test_a_command_of_aws_names_an_operation_and_its_options(page, line):
    # An argument may run over lines; what it says is not looked at.
    whole = line if line.count("'") % 2 == 0 else line.rpartition("'")[0]
    _, service, verb, *rest = shlex.split(whole)
    if verb in MADE.get(service, ()):
        return
    named = {"s3api": "s3"}.get(service, service)
    model = botocore.session.get_session().get_service_model(named)
    operations = {xform_name(each, "-"): each for each in model.operation_names}
    assert verb in operations, line
    shape = model.operation_model(operations[verb]).input_shape
    members = {xform_name(each, "-") for each in shape.members} if shape else set()
    options = {each.removeprefix("--").partition("=")[0] for each in rest if each.startswith("--")}
    assert options - EVERYWHERE <= members | {"no-" + each for each in members}, line
    # What is named within a sentence need not be whole.
    if shape and "…" not in rest:
        assert all(xform_name(each, "-") in options for each in shape.required_members), line


def test_the_runbook_asks_the_api_for_what_it_has():
    paths = yaml.safe_load((ROOT / "openapi.yaml").read_text())["paths"]
    known = {
        (method, path.partition("/hooks/{hookId}")[2])
        for path, methods in paths.items()
        if "/hooks/{hookId}" in path
        for method in methods
    }
    text = TEXTS["runbook.md"]
    asked = set(re.findall(r"`(GET|POST|PATCH|DELETE) …(/?[\w/{}]*)", text))
    assert len(asked) >= 8
    for method, path in asked:
        named = re.sub(r"\{\w+\}", lambda found: found[0], path)
        method_ = "x-amazon-apigateway-any-method" if method == "GET" else method.lower()
        assert (method_, named) in known, (method, path)


def test_headings_that_are_linked_to_are_there():
    for name, text in TEXTS.items():
        for target, anchor in re.findall(r"\]\(([\w.]*)#([\w-]+)\)", text):
            page = TEXTS[target or name]
            headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert anchor in anchors, f"{name}: {target}#{anchor}"


def test_every_command_of_make_is_there():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for page, line in commands("make"):
        words = [each for each in line.split()[1:] if re.fullmatch(r"[a-z]+", each)]
        assert set(words[:1]) <= targets, (page, line)
