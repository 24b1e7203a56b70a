"""Passwords: what is demanded of them, and how they rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.access import passwords
from sheaf.problems import PasswordTooLong, PasswordTooShort, PasswordTooWeak, Problem

GOOD = "purple monkey dishwasher"


def test_a_good_password_passes():
    for password in (GOOD, "Xk7$9q!zPw2m", "é" * 5 + "-Größe-ñandú", "日本語のパスワードだよ"):
        passwords.check(password)


def test_the_first_thing_wrong_is_told():
    for password in ("", "short", "Xk7$9q!zP", "🦄" * 9):
        with pytest.raises(PasswordTooShort):
            passwords.check(password)
    for password in (GOOD * 3 + "x", "é" * 37, "x" * 100_000):
        with pytest.raises(PasswordTooLong):
            passwords.check(password)
    for password in ("password123", "aaaaaaaaaaaaaaaa", "qwertyuiop", "1234567890", "2026-11-22"):
        with pytest.raises(PasswordTooWeak):
            passwords.check(password)
    passwords.check(GOOD * 3)


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=10, max_size=40))
def test_no_text_breaks_the_check(password):
    try:
        passwords.check(password)
    except Problem as problem:
        assert problem.status == 400
    except UnicodeEncodeError:
        assert any("\ud800" <= letter <= "\udfff" for letter in password)


def test_a_sealed_password_matches_itself_alone():
    sealed = passwords.seal(GOOD)
    assert GOOD not in sealed
    assert sealed.startswith("scrypt$")
    assert passwords.matches(GOOD, sealed)
    for other in ("", GOOD + " ", GOOD[:-1], GOOD.upper(), GOOD + "\0", "x" * 100_000):
        assert not passwords.matches(other, sealed), other[:40]


def test_equal_passwords_are_sealed_unequally():
    assert passwords.seal(GOOD) != passwords.seal(GOOD)


def test_nothing_matches_where_there_is_no_password():
    for sealed in (None, ""):
        for password in ("", "None", GOOD):
            assert not passwords.matches(password, sealed)
