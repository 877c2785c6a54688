"""Links that grant something: the row alone grants nothing, and only the right secret finds it."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from flask import Flask

from tests.support.engines import KEYS
from webapp import clock, database, tokens
from webapp.tokens import Token


def issued(app: Flask, **more: str) -> tuple[Token, str]:
    """A token for a purpose, and its secret."""
    with app.app_context(), database.unit_of_work():
        database.write()
        token = tokens.issue("reset", " Me@Customer.Example ", lasts=timedelta(hours=1), person_id=uuid4(), **more)
        secret = tokens.secret_of(token)
        database.session().refresh(token)
        database.session().expunge(token)
    return token, secret


def test_the_right_secret_finds_the_token_and_changes_nothing(app: Flask) -> None:
    token, secret = issued(app, kind="x")
    with app.app_context():
        found = tokens.found_by(secret, "reset")
        assert found is not None
        assert found.id == token.id
        assert found.facts == {"kind": "x"}
        assert found.used_at is None
        assert found.is_open(clock.now())
        assert not found.is_open(found.expires_at)


def test_neither_secret_nor_address_is_stored(app: Flask, engine: str) -> None:
    token, secret = issued(app)
    with app.app_context():
        row = database.session().execute(sa.text("SELECT * FROM tokens")).one()
        stored = " ".join(str(value) for value in row).casefold()
    proof = base64.urlsafe_b64decode(secret + "=")[16:]
    assert secret.casefold() not in stored
    assert proof.hex() not in stored
    assert "customer.example" not in stored
    assert token.address_digest in stored


def spoiled(secret: str) -> list[str]:
    last = "A" if secret[-1] != "A" else "E"
    return [
        "", "x", secret[:-1], secret[:22], secret[:21], secret + "A", secret + "=", secret + "==", secret + "!", "!" + secret,
        secret[:-1] + last, secret[:30] + ("A" if secret[30] != "A" else "B") + secret[31:], secret.swapcase(), secret[::-1],
        " " + secret, secret + "\n", "é" * 43, "\0" * 43, secret + secret, "%00", "A" * 43, "A" * 100_000,
    ]  # fmt: skip


def test_no_other_secret_finds_it(app: Flask) -> None:
    _token, secret = issued(app)
    with app.app_context():
        for wrong in spoiled(secret):
            assert tokens.found_by(wrong, "reset") is None, wrong[:60]
        assert tokens.found_by(secret, "first-sign-in") is None
        assert tokens.found_by(secret, "") is None


def test_a_token_of_a_key_that_is_gone_is_found_by_nothing(app: Flask, make_app: Callable[..., Flask]) -> None:
    _token, secret = issued(app)
    rotated = make_app(keys={"k2": bytes(32), **KEYS})
    gone = make_app(keys={"k2": bytes(32)})
    forged = make_app(keys={"k1": bytes(32)})
    with rotated.app_context():
        found = tokens.found_by(secret, "reset")
        assert found is not None
        assert tokens.was_sent_to(found, "me@customer.example")
        with database.unit_of_work():
            database.write()
            assert tokens.issue("reset", "x@y.example", lasts=timedelta(1)).key_id == "k2"
    for app_ in (gone, forged):
        with app_.app_context():
            assert tokens.found_by(secret, "reset") is None


def test_the_address_matches_whatever_its_case_and_no_other_does(app: Flask) -> None:
    token, _secret = issued(app)
    with app.app_context():
        for same in ("me@customer.example", "ME@CUSTOMER.EXAMPLE", "  me@Customer.example\n"):
            assert tokens.was_sent_to(token, same)
        for other in ("", "me@customer.example.evil.example", "you@customer.example", "mé@customer.example", "\0"):
            assert not tokens.was_sent_to(token, other)


def test_revoking_uses_up_the_open_tokens_of_the_purpose_only(app: Flask) -> None:
    person, other = uuid4(), uuid4()
    with app.app_context():
        with database.unit_of_work():
            database.write()
            for purpose, of in (("reset", person), ("reset", person), ("confirm", person), ("reset", other)):
                tokens.issue(purpose, "a@b.example", lasts=timedelta(1), person_id=of)
        with database.unit_of_work():
            database.write()
            tokens.revoke("reset", person)
        rows = database.session().scalars(sa.select(Token)).all()
        assert sorted((row.purpose, row.person_id == person, row.used_at is None) for row in rows) == [
            ("confirm", True, True), ("reset", False, True), ("reset", True, False), ("reset", True, False),
        ]  # fmt: skip


def test_secrets_are_compared_in_constant_time(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    token, secret = issued(app)
    compared: list[str] = []
    original = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append(other)
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    with app.app_context():
        tokens.found_by(secret, "reset")
        tokens.was_sent_to(token, "me@customer.example")
    assert compared[0] == secret
    assert len(compared) == 2


def test_digests_differ_by_what_they_are_about_and_by_key(app: Flask) -> None:
    with app.app_context():
        digests = {
            tokens.keyed_digest("a", about="x"), tokens.keyed_digest("a", about="y"), tokens.keyed_digest("b", about="x"),
            tokens.keyed_digest("a", about="x", key_id="k0"), tokens.keyed_digest("x\0a", about=""),
        }  # fmt: skip
    assert len(digests) == 5


def test_what_is_sealed_is_read_for_its_row_and_purpose_alone(app: Flask) -> None:
    row_id = uuid4()
    with app.app_context():
        key_id, sealed = tokens.seal(b"plain words", about="a test", row_id=row_id)
        assert b"plain" not in sealed
        assert tokens.seal(b"plain words", about="a test", row_id=row_id)[1] != sealed
        assert tokens.unseal(sealed, about="a test", row_id=row_id, key_id=key_id) == b"plain words"
        for about, of in (("else", row_id), ("a test", uuid4())):
            with pytest.raises(InvalidTag):
                tokens.unseal(sealed, about=about, row_id=of, key_id=key_id)
        with pytest.raises(KeyError):
            tokens.unseal(sealed, about="a test", row_id=row_id, key_id="gone")
