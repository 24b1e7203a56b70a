"""What one may do, and on what."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sheaf.access import roles
from sheaf.access.actors import Actor
from sheaf.access.auth import SITE, SYSTEM, Auth
from sheaf.problems import AuthenticationFailed, Forbidden


@dataclass
class Thing:
    actees: tuple[str, ...]


PROJECT = Thing(("p",))
FORM = Thing(("f", "p"))
OTHER = Thing(("q",))


def actor(*grants: str, kind: str = "user") -> Actor:
    return Actor("A#9", "A", id=9, type=kind, actee_id="me", grants=set(grants) or None)


def test_who_has_no_role_may_nothing():
    for auth in (Auth(actor()), SYSTEM):
        for on in (None, PROJECT, FORM):
            assert auth.verbs(on) == set()
            with pytest.raises(Forbidden):
                auth.require("project.read", on=on)
    assert SYSTEM.actor_id is None


def test_a_role_on_the_site_holds_everywhere():
    auth = Auth(actor(f"5:{SITE}"))
    for on in (None, PROJECT, FORM, OTHER):
        assert auth.verbs(on) == set(roles.verbs(5))
        auth.require("project.read", on=on)


def test_a_role_holds_where_it_was_given_and_inside():
    auth = Auth(actor("6:p", "8:f"))
    assert auth.verbs(PROJECT) == set(roles.verbs(6))
    assert auth.verbs(FORM) == set(roles.verbs(6)) | set(roles.verbs(8))
    assert auth.verbs(OTHER) == auth.verbs() == set()
    assert auth.can("submission.create", FORM)
    assert not auth.can("submission.create", PROJECT)


def test_one_of_several_verbs_suffices():
    auth = Auth(actor("8:p"))
    auth.require("form.read", "open_form.read", on=PROJECT)
    with pytest.raises(Forbidden):
        auth.require("form.read", "form.list", on=PROJECT)
    with pytest.raises(Forbidden):
        auth.require(on=PROJECT)


def test_a_refusal_may_be_another_problem():
    with pytest.raises(AuthenticationFailed):
        Auth(actor()).require("submission.create", on=FORM, otherwise=AuthenticationFailed)


def test_one_may_see_and_change_oneself_and_log_out():
    me = Thing(("me",))
    assert Auth(actor()).verbs(me) == {"user.read", "user.update", "session.end"}
    assert Auth(actor(kind="public_link")).can("session.end", me)
    assert Auth(actor(kind="field_key")).verbs(me) == {"user.read", "user.update"}
    assert Auth(actor()).verbs(PROJECT) == set()
