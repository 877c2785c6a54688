"""Links and codes that grant something: first sign-in, mailbox confirmation, reset.

A link's secret is an HMAC of the token's id and never stored: the row alone grants nothing, and the secret is
put into a mail only when that mail is handed over. Opening a link changes nothing; only the POST of its form,
in which the receiver types the address it was sent to, uses it up.

The application's keys are used here alone, so sealing what must not be readable in the database is here as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app
from sqlalchemy.orm import Mapped, mapped_column

from webapp import clock, database
from webapp.database import Model, WithId


class Token(WithId, Model):
    """One grant. `address_digest` is the keyed digest of the address it was sent to (never the address)."""

    __tablename__ = "tokens"

    purpose: Mapped[str] = mapped_column(sa.String(40))
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    address_digest: Mapped[str] = mapped_column(sa.String(64), index=True)
    facts: Mapped[dict[str, Any]]
    key_id: Mapped[str] = mapped_column(sa.String(16))
    code_digest: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    def is_open(self, at: datetime) -> bool:
        return self.used_at is None and at < self.expires_at


def _keys() -> dict[str, bytes]:
    keys: dict[str, bytes] = current_app.config["KEYS"]
    return keys


def _mac(key_id: str, *parts: str) -> bytes:
    return hmac.new(_keys()[key_id], "\0".join(parts).encode(), hashlib.sha256).digest()


def keyed_digest(text: str, *, about: str, key_id: str | None = None) -> str:
    """A keyed digest (hex) of a value that must be recognized but not readable in the database."""
    return _mac(key_id or next(iter(_keys())), "digest", about, text).hex()


def address_digest(address: str, key_id: str) -> str:
    """Digest of a mail address as typed or stored: letter case and blanks do not matter."""
    return keyed_digest(address.strip().casefold(), about="address", key_id=key_id)


def seal(plain: bytes, *, about: str, row_id: UUID) -> tuple[str, bytes]:
    """Encrypt what must not be readable in the database, for one row and one purpose (`about`). Answers the id of the
    application's key, to be stored beside it, and the sealed bytes."""
    key_id, nonce = next(iter(_keys())), secrets.token_bytes(12)
    return key_id, nonce + _sealing(about, row_id, key_id).encrypt(nonce, plain, row_id.bytes)


def unseal(sealed: bytes, *, about: str, row_id: UUID, key_id: str) -> bytes:
    """What was sealed. Raises KeyError where the application has that key no more, InvalidTag where it was sealed for
    another row or purpose, or altered."""
    return _sealing(about, row_id, key_id).decrypt(sealed[:12], sealed[12:], row_id.bytes)


def _sealing(about: str, row_id: UUID, key_id: str) -> AESGCM:
    """What seals one row: a key of its own, which follows from the application's."""
    return AESGCM(bytes.fromhex(keyed_digest(row_id.hex, about=about, key_id=key_id)))


def issue(purpose: str, address: str, *, lasts: timedelta, person_id: UUID | None = None, **facts: Any) -> Token:
    """Make a token for whoever reads the mailbox `address`. Needs an open `write()`."""
    key_id = next(iter(_keys()))
    now = clock.now()
    token = Token(
        purpose=purpose,
        person_id=person_id,
        address_digest=address_digest(address, key_id),
        facts=facts,
        key_id=key_id,
        created_at=now,
        expires_at=now + lasts,
    )
    database.session().add(token)
    database.session().flush()
    return token


def issue_code(purpose: str, address: str, *, lasts: timedelta, person_id: UUID, **facts: Any) -> Token:
    """Make a token that is proved by a code of six digits, mailed to `address`. The code is stored nowhere: it is computed
    when its mail is handed over, and the row holds a keyed digest. Needs an open `write()`."""
    token = issue(purpose, address, lasts=lasts, person_id=person_id, **facts)
    token.code_digest = _code_digest(token, code_of(token))
    database.session().flush()
    return token


def code_of(token: Token) -> str:
    """The six digits of a token that is proved by a code, computed at hand-over."""
    number = int.from_bytes(_mac(token.key_id, "code", token.purpose, token.id.hex)[:8])
    return f"{number % 1_000_000:06d}"


def _code_digest(token: Token, code: str) -> str:
    return keyed_digest(code, about=f"code {token.id.hex}", key_id=token.key_id)


def is_code(token: Token, code: str) -> bool:
    """Whether these are the digits that were mailed."""
    return token.code_digest is not None and hmac.compare_digest(token.code_digest, _code_digest(token, code))


def secret_of(token: Token) -> str:
    """The secret part of the token's link, computed at hand-over."""
    proof = _mac(token.key_id, "link", token.purpose, token.id.hex)[:16]
    return base64.urlsafe_b64encode(token.id.bytes + proof).decode().rstrip("=")


def found_by(secret: str, purpose: str) -> Token | None:
    """The token that a secret belongs to, open or not; None when it belongs to none. Changes nothing."""
    try:
        raw = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
        token = database.session().get(Token, UUID(bytes=raw[:16]))
    except ValueError:
        return None
    if token is None or token.purpose != purpose or token.key_id not in _keys():
        return None
    return token if hmac.compare_digest(secret_of(token), secret) else None


def was_sent_to(token: Token, address: str) -> bool:
    """Whether the token was sent to this address."""
    return hmac.compare_digest(token.address_digest, address_digest(address, token.key_id))


def sent_there(address: str) -> sa.ColumnElement[bool]:
    """The same as SQL, for tokens of every key. One whose key is gone cannot be told and counts as sent there."""
    digests = [address_digest(address, key_id) for key_id in _keys()]
    return sa.or_(Token.address_digest.in_(digests), Token.key_id.not_in(list(_keys())))


def last_issued(purpose: str, address: str) -> datetime | None:
    """When the newest token of a purpose was issued to an address (with the current key)."""
    digest = address_digest(address, next(iter(_keys())))
    return database.session().scalar(
        sa.select(Token.created_at)
        .where(Token.purpose == purpose, Token.address_digest == digest)
        .order_by(Token.created_at.desc())
        .limit(1)
    )


def revoke(purpose: str, person_id: UUID) -> None:
    """Use up every open token of a person for a purpose: a corrected address kills earlier links."""
    database.session().execute(
        sa.update(Token)
        .where(Token.purpose == purpose, Token.person_id == person_id, Token.used_at.is_(None))
        .values(used_at=clock.now())
    )
