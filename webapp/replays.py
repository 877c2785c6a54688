"""A retried request of the API gets the first answer again.

A client that heard nothing sends the same `MS-RequestId` or `Idempotency-Key` once more. The key is claimed in the very
transaction of the effect, so that of two retries that arrive together the second waits and reads the first one's answer.
Only answers of success are kept, for 24 hours: what was refused may be tried again with the same key. A key is a program's
in one person's name: what another person did through the same program is told to nobody else. An answer may hold links and
people's values, so it is sealed in the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Response, current_app, g, request
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from webapp import access, clock, database, rest, tokens
from webapp import actor as actors
from webapp.actor import Actor
from webapp.database import Model, WithId

KEPT = timedelta(hours=24)
LONGEST_KEY = 255
#: Headers of an answer that its replay has as well.
_HEADERS = ("Location", "ETag", "Content-Type")
_SEALED = "first answer"


class FirstAnswer(WithId, Model):
    """The answer to a client's request, in a person's name, by its key. `request_digest` tells another request with the
    same key apart. `body` is sealed with the application's key `key_id`."""

    __tablename__ = "first_answers"
    __table_args__ = (sa.UniqueConstraint("client_id", "person_id", "key"),)

    client_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(index=True)
    key: Mapped[str] = mapped_column(sa.String(264))
    request_digest: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int] = mapped_column(default=0)
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    key_id: Mapped[str] = mapped_column(sa.String(16), default="")
    body: Mapped[bytes] = mapped_column(default=b"")
    at: Mapped[datetime] = mapped_column(index=True)


def without(body: bytes) -> None:
    """Say what a replay of the answer being made has as its body: the same without what is said once only."""
    g.replayed_body = body


def answered(run: Callable[[], Response]) -> Response:
    """The answer of this request: the first one's where it carries a key that was used, else what `run` makes.

    The claim opens the writer, which on SQLite is one for all: what `run` does before it would have opened it is then done
    while everybody else waits to write, the hash of a new person's password (a fraction of a second) among it. That is
    accepted: only calls with a key that write do so, each organization's calls are limited, and a claim that is made any
    later would let two retries do the work twice.
    """
    actor = actors.current() if actors.is_api_place(request.path) else None
    key = _key() if actor is not None else ""
    if actor is None or actor.client_id is None or not key:
        return run()
    digest = _digest()
    found = _first(actor, key)
    if found is not None:
        return _replay(found, digest)
    claimed = FirstAnswer(
        client_id=actor.client_id, person_id=actor.person_id, key=key, request_digest=digest, at=clock.now()
    )
    unit = g.unit
    try:
        database.write()
        _forget_old(actor, key)
        database.session().add(claimed)
        database.session().flush()
    except (IntegrityError, access.SubjectMissing):
        # The key was claimed meanwhile, and what it did there may have removed the object that this request is about.
        database.rollback()
        database.begin_unit(unit.after_lock)
        database.session().expire_all()
        found = _first(actor, key)
        if found is None:
            raise
        access.check_still_may(_requirement(), actor)
        return _replay(found, digest)
    response = run()
    if response.status_code < 300:
        claimed.status = response.status_code
        claimed.headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
        body = g.get("replayed_body", response.get_data())
        claimed.key_id, claimed.body = tokens.seal(body, about=_SEALED, row_id=claimed.id)
        database.session().flush()
    return response


def first_answer(actor: Actor) -> Response | None:
    """The first answer to this very request of this client and person, where there is one. What may be asked before the
    object of the request is known."""
    rest.before()
    key = _key()
    found = _first(actor, key) if key else None
    digest = _digest() if found is not None else ""
    return _replay(found, digest) if found is not None and found.request_digest == digest else None


def _key() -> str:
    if request.method in database.READING or request.endpoint is None:
        return ""
    if _requirement().permission is None:
        return ""  # what is open to anyone gives tokens: they are said once, and kept nowhere
    key = request.headers.get("Idempotency-Key")
    if key is not None:
        if not 0 < len(key) <= LONGEST_KEY or any(not 32 < ord(each) < 127 for each in key):
            raise rest.ApiError(400, 2000, _("Idempotency-Key must be at most 255 printable ASCII characters."))
        return f"key:{key}"
    return f"request:{rest.call().request_id}" if request.headers.get("MS-RequestId") else ""


def _requirement() -> access.Requirement:
    """What the route of this request asks for."""
    declared = access.requirement_of(current_app, request.endpoint or "")
    assert declared is not None
    return declared


def _digest() -> str:
    parts = (request.method.encode(), request.full_path.encode(), request.get_data(cache=True))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _of(actor: Actor, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        FirstAnswer.client_id == actor.client_id, FirstAnswer.person_id == actor.person_id, FirstAnswer.key == key
    )


def _first(actor: Actor, key: str) -> FirstAnswer | None:
    return database.session().scalar(sa.select(FirstAnswer).where(_of(actor, key), FirstAnswer.at > clock.now() - KEPT))


def _forget_old(actor: Actor, key: str) -> None:
    database.session().execute(sa.delete(FirstAnswer).where(_of(actor, key), FirstAnswer.at <= clock.now() - KEPT))


def _replay(first: FirstAnswer, digest: str) -> Response:
    if first.request_digest != digest:
        said = _("This request id was used for another request. Send a new one.")
        raise rest.ApiError(409, 800060, said)
    try:
        body = tokens.unseal(first.body, about=_SEALED, row_id=first.id, key_id=first.key_id)
    except KeyError:  # the application's keys were changed since
        raise rest.ApiError(
            409, 800060, _("This request was answered before, but its answer cannot be read any more.")
        ) from None
    response = Response(body, first.status)
    for name, value in first.headers.items():
        response.headers[name] = value
    response.headers["Idempotent-Replayed"] = "true"
    return response


def forget_person(person_id: UUID) -> int:
    """Delete the answers to what was asked in a person's name; answer how many. What others were told of the person stays
    sealed for its 24 hours. The caller writes."""
    return database.rows_of(
        database.session().execute(sa.delete(FirstAnswer).where(FirstAnswer.person_id == person_id))
    )


def forget_old(limit: int = 1000) -> int:
    """Delete answers older than 24 hours; answer how many. Called by the worker."""
    old = sa.select(FirstAnswer.id).where(FirstAnswer.at <= clock.now() - KEPT).limit(limit)
    with database.unit_of_work():
        database.write()
        return database.rows_of(
            database.session().execute(sa.delete(FirstAnswer).where(FirstAnswer.id.in_(old.scalar_subquery())))
        )
