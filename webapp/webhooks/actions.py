"""Registering, noting what is to be sent in the transaction of the fact, and keeping what came of sending it."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from flask import Flask, current_app
from sqlalchemy.orm import aliased

from webapp import clock, database, pages, tokens
from webapp.actor import Actor
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence.models import Fact
from webapp.organizations import actions as organization_actions
from webapp.organizations.models import Organization
from webapp.organizations.rules import Stop
from webapp.webhooks import queries, rules
from webapp.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookKey, WebhookRegistration
from webapp.webhooks.rules import Outcome


class Told(NamedTuple):
    """What somebody is told of a fact. `partner_id` None: every partner that it concerns. `kind`: the kind of fact that it
    amounts to, with its facts; the resource has no address where they lack its id. `shows_record`: the partner may read
    what the history says of the fact."""

    partner_id: UUID | None
    kind: str
    facts: Mapping[str, Any]
    shows_record: bool = True


#: Further events of a fact, told by the slice that knows them.
More = Callable[[Fact, Mapping[str, Any]], Iterable[Told]]
_more: list[More] = []
#: Partners that a fact concerns although it names none of them.
Concerns = Callable[[Fact], Iterable[UUID]]
_concerns: list[Concerns] = []


def register(_app: Flask) -> None:
    """Follow what happens, and say what disabling a partner stops."""
    evidence.follow(follow)
    organization_actions.stops(_sends_to)
    speaks("uq_webhook_registrations_open", rules.AlreadyRegistered)


def _sends_to(organization_id: UUID, person_id: UUID | None) -> list[Stop]:
    """Where a partner's events go; it does not hang on one person."""
    row = queries.registration_of(organization_id) if person_id is None else None
    return [Stop("webhook", row.id, f"events sent to {urlsplit(row.url).netloc}")] if row is not None else []


def also_told_by(more: More) -> None:
    """Have a function asked, with each fact and its record, who is to be told what of it beyond what follows from its kind.
    It is asked before the followers of higher slices, and only reads."""
    if more not in _more:
        _more.append(more)


def also_concerns(concerns: Concerns) -> None:
    """Have a function asked, with each fact that is told, which partners it concerns beside those that it names."""
    if concerns not in _concerns:
        _concerns.append(concerns)


# --- what is to be sent ------------------------------------------------------------------------------------------


def follow(fact: Fact, record: Mapping[str, Any]) -> None:
    """Note what each partner that a fact names asked to be told of it; writes no other rows."""
    everything: list[Told] = []
    if fact.kind in rules.OF_FACTS:
        everything.append(Told(None, fact.kind, record["facts"]))
    for more in _more:
        everything += more(fact, record)
    if not everything:
        return
    named = {fact.partner_id, fact.other_partner_id, fact.acting_partner_id, *(each.partner_id for each in everything)}
    named |= {partner_id for concerns in _concerns for partner_id in concerns(fact)}
    for registration_id, organization_id, wanted in queries.open_of({each for each in named if each is not None}):
        events = [
            (event, each)
            for each in everything
            if each.partner_id in {None, organization_id}
            for event in rules.OF_FACTS.get(each.kind, ())
        ]
        for number, (event, told) in enumerate(events):
            if event in wanted:
                _note(fact, registration_id, organization_id, event, told, fact.position * rules.WIDTH + number)
    database.session().flush()


def _note(fact: Fact, registration_id: UUID, organization_id: UUID, event: str, told: Told, place: int) -> None:
    ids = {name: value for name, value in told.facts.items() if name.endswith("_id")}
    audit_id = fact.id if told.shows_record else None
    database.session().add(
        WebhookDelivery(
            id=uuid4(),
            organization_id=organization_id,
            registration_id=registration_id,
            event=event,
            audit_id=audit_id,
            customer_id=fact.customer_id,
            stream=fact.customer_id or fact.chain_id,
            place=place,
            body=rules.body_of(
                event,
                ids | {"customer_id": fact.customer_id},
                base=_base(),
                audit_id=str(audit_id) if audit_id is not None else None,
                at=fact.at,
            ),
            created_at=fact.at,
            next_attempt_at=fact.at,
            attempts=0,
        )
    )


def _base() -> str:
    return str(current_app.config["PUBLIC_URL"])


# --- registering -------------------------------------------------------------------------------------------------


def register_webhook(*, by: Actor, url: str, events: Iterable[str]) -> tuple[WebhookRegistration, str]:
    """Register an address for the actor's partner; the row and the secret, which is shown this once.

    Raises AlreadyRegistered, TargetForbidden.
    """
    rules.target_of(url, queries.listed())
    database.write(chain=by.chain_id)
    if queries.registration_of(by.organization_id) is not None:
        raise rules.AlreadyRegistered()
    now = clock.now()
    row = WebhookRegistration(
        id=uuid4(), organization_id=by.organization_id, url=url, events=rules.known_names(events),
        key_id=_current_key(), generation=1, created_at=now, changed_at=now,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    _record("registered", row, by)
    return row, secret_of(row)


def _current_key() -> str:
    return str(next(iter(current_app.config["KEYS"])))


def _record(past: str, row: WebhookRegistration, by: Actor) -> Fact:
    """The address without its query, which may hold a key."""
    parts = urlsplit(row.url)
    return evidence.record(
        f"webhook.{past}", by=by, partner_id=row.organization_id,
        facts={
            "registration_id": str(row.id), "url": f"{parts.scheme}://{parts.netloc}{parts.path}", "events": row.events
        },
    )  # fmt: skip


def change(registration: WebhookRegistration, *, by: Actor, url: str, events: Iterable[str]) -> WebhookRegistration:
    """Send to another address, or other events, from now on; what waits goes to the new address. Raises TargetForbidden."""
    rules.target_of(url, queries.listed())
    row = _locked(registration, by)
    wanted = rules.known_names(events)
    if (row.url, row.events) == (url, wanted):
        return row
    row.url, row.events, row.changed_at, row.away_until = url, wanted, clock.now(), None
    _record("changed", row, by)
    return row


def _locked(registration: WebhookRegistration, by: Actor) -> WebhookRegistration:
    """The registration under its lock. Raises LookupError when it ended meanwhile."""
    row = database.locked(registration, chain=by.chain_id)
    if row.ended_at is not None:
        raise LookupError("the registration ended")
    return row


def rotate(registration: WebhookRegistration, *, by: Actor) -> tuple[WebhookRegistration, str]:
    """Give a registration a new secret, shown this once; row and secret. The one before signs as well for a day."""
    row = _locked(registration, by)
    now = clock.now()
    row.previous_key_id, row.previous_until = row.key_id, now + rules.ROTATION_LASTS
    row.key_id, row.generation, row.changed_at = _current_key(), row.generation + 1, now
    _record("secret_rotated", row, by)
    return row, secret_of(row)


def end(registration: WebhookRegistration, *, by: Actor) -> None:
    """Send nothing any more; what waits is dropped."""
    row = _locked(registration, by)
    row.ended_at = row.changed_at = clock.now()
    database.session().execute(
        sa.update(WebhookDelivery)
        .where(WebhookDelivery.registration_id == row.id, WebhookDelivery.closed_at.is_(None))
        .values(closed_at=row.ended_at, leased_until=None, leased_by=None)
    )
    _record("ended", row, by)


def send_test(registration: WebhookRegistration, *, by: Actor) -> WebhookDelivery:
    """Have a test event sent, whether or not it is registered. Raises TooManyTestEvents."""
    row = _locked(registration, by)
    now = clock.now()
    if queries.tests_since(row.id, now - rules.TESTS_WITHIN) >= rules.TESTS:
        raise rules.TooManyTestEvents(minutes=1)
    id_ = uuid4()
    delivery = WebhookDelivery(
        id=id_, organization_id=row.organization_id, registration_id=row.id, event=rules.TEST, stream=id_, place=0,
        body=rules.body_of(rules.TEST, {"delivery_id": id_}, base=_base(), audit_id=None, at=now),
        created_at=now, next_attempt_at=now, attempts=0,
    )  # fmt: skip
    database.session().add(delivery)
    database.session().flush()
    return delivery


def replay(delivery: WebhookDelivery, registration: WebhookRegistration | None) -> None:
    """Have a dead letter of the open registration sent once more, with its id and all attempts. Raises DeliveryNotDead."""
    row = database.locked(delivery)
    if row.dead_at is None or registration is None or registration.id != row.registration_id:
        raise rules.DeliveryNotDead()
    row.dead_at = row.closed_at = None
    row.attempts, row.next_attempt_at = 0, clock.now()


def replay_all(delivery_id: UUID | None) -> int:
    """Have one dead letter, or every one, of open registrations sent once more; answer how many."""
    database.write()
    still_open = sa.select(WebhookRegistration.id).where(WebhookRegistration.ended_at.is_(None))
    statement = sa.update(WebhookDelivery).where(
        WebhookDelivery.dead_at.is_not(None), WebhookDelivery.registration_id.in_(still_open)
    )
    if delivery_id is not None:
        statement = statement.where(WebhookDelivery.id == delivery_id)
    return database.rows_of(
        database.session().execute(
            statement.values(dead_at=None, closed_at=None, attempts=0, next_attempt_at=clock.now())
        )
    )


# --- signing -----------------------------------------------------------------------------------------------------


def secret_of(registration: WebhookRegistration) -> str:
    """The secret of a registration as receivers type it; empty where the application's key that it follows from is gone
    (then it must be rotated)."""
    return _secret(registration, registration.key_id, registration.generation)


def _secret(registration: WebhookRegistration, key_id: str, generation: int) -> str:
    if key_id not in current_app.config["KEYS"]:
        return ""
    digest = tokens.keyed_digest(f"{registration.id.hex} {generation}", about="webhook secret", key_id=key_id)
    return "whsec_" + base64.b64encode(bytes.fromhex(digest)).decode()


def _secrets(registration: WebhookRegistration, now: datetime) -> list[str]:
    """The secrets that sign now: after a rotation, for a day, also the one before."""
    found = [secret_of(registration)]
    before = registration.previous_key_id
    if before is not None and registration.previous_until is not None and now < registration.previous_until:
        found.append(_secret(registration, before, registration.generation - 1))
    return [each for each in found if each]


def headers_of(
    delivery: WebhookDelivery, registration: WebhookRegistration, key: WebhookKey, now: datetime
) -> dict[str, str]:
    """What is sent beside the body: Partner Center's signature over the body (RSA-SHA256), and that of Standard Webhooks
    over id, moment and body."""
    body, message_id, moment = delivery.body.encode(), f"msg_{delivery.id.hex}", str(int(now.timestamp()))
    content = f"{message_id}.{moment}.".encode() + body
    signatures = [
        hmac.digest(base64.b64decode(each.removeprefix("whsec_")), content, "sha256")
        for each in _secrets(registration, now)
    ]
    found = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Countersign-Webhooks/1",
        "Authorization": "Signature " + base64.b64encode(_rsa_signature(key, body)).decode(),
        "X-MS-Certificate-Url": pages.absolute("webhooks.certificate", key_id=key.id),
        "X-MS-Signature-Algorithm": "rsa-sha256",
        "webhook-id": message_id,
        "webhook-timestamp": moment,
    }
    if signatures:
        found["webhook-signature"] = " ".join("v1," + base64.b64encode(each).decode() for each in signatures)
    return found


#: The number under which PostgreSQL keeps the lock of making a key pair.
_KEY_LOCK = 5_174_006
_SEALED = "webhook private key"
_CERTIFICATE_LASTS = timedelta(days=3650)


def ensure_signing_key() -> WebhookKey:
    """The key pair that signs, made under a lock where there is none: of all processes one makes it, the others read it."""
    found = queries.signing_key()
    if found is not None:
        return found
    with database.unit_of_work():
        database.write()
        database.alone(_KEY_LOCK)
        if queries.signing_key() is None:
            database.session().add(_new_key())
            database.session().flush()
    found = queries.signing_key()
    assert found is not None
    return found


def _new_key() -> WebhookKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now, id_ = clock.now(), uuid4()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Countersign webhooks")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _CERTIFICATE_LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    plain = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_id, sealed = tokens.seal(plain, about=_SEALED, row_id=id_)
    return WebhookKey(
        id=id_, key_id=key_id, sealed=sealed,
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(), created_at=now,
        ends_at=now + _CERTIFICATE_LASTS,
    )  # fmt: skip


def _rsa_signature(key: WebhookKey, body: bytes) -> bytes:
    plain = tokens.unseal(key.sealed, about=_SEALED, row_id=key.id, key_id=key.key_id)
    private = serialization.load_der_private_key(plain, password=None)
    assert isinstance(private, rsa.RSAPrivateKey)
    return private.sign(body, padding.PKCS1v15(), hashes.SHA256())


# --- leases ------------------------------------------------------------------------------------------------------


def claim(now: datetime, by: UUID) -> list[tuple[UUID, UUID]]:
    """Lease what is due for one run of a worker (`by`): of each stream the first that is open, of each registration so
    many at most that one receiver takes no other's turn. Id and registration of each, the oldest first.

    As with mail, a lease that ran out is due again, and so is what lies further ahead than any lease or pause can reach
    (the clock was set back). What waits for an earlier one of its stream is not due, whoever holds that.
    What goes to a disabled partner waits until it is enabled.
    """
    this, before = WebhookDelivery, aliased(WebhookDelivery)
    earlier = sa.exists().where(
        before.registration_id == this.registration_id, before.stream == this.stream, before.place < this.place,
        before.closed_at.is_(None),
    )  # fmt: skip
    away = WebhookRegistration.away_until
    reachable = (
        sa.select(WebhookRegistration.id)
        .join(Organization, Organization.id == WebhookRegistration.organization_id)
        .where(
            WebhookRegistration.ended_at.is_(None),
            Organization.disabled_at.is_(None),
            sa.or_(away.is_(None), away <= now, away > now + rules.AWAY + rules.SKEW),
        )
    )
    due = (
        this.closed_at.is_(None),
        sa.or_(this.next_attempt_at <= now, this.next_attempt_at > now + rules.PAUSES[-1] + rules.SKEW),
        sa.or_(
            this.leased_until.is_(None), this.leased_until <= now, this.leased_until > now + rules.LEASE + rules.SKEW
        ),
        this.registration_id.in_(reachable),
        ~earlier,
    )  # fmt: skip
    turn = sa.func.row_number().over(
        partition_by=this.registration_id, order_by=(this.next_attempt_at, this.created_at, this.place, this.id)
    )
    ranked = sa.select(this.id, this.next_attempt_at, turn.label("turn")).where(*due).subquery()
    chosen = (
        sa.select(ranked.c.id)
        .where(ranked.c.turn <= rules.AT_A_TIME)
        .order_by(ranked.c.turn, ranked.c.next_attempt_at)
        .limit(rules.BATCH)
    )
    with database.unit_of_work():
        database.write()
        session = database.session()
        # PostgreSQL locks no rows that a window was laid over: they are chosen first, then locked while they are still due.
        ids = session.scalars(chosen).all()
        held = session.scalars(
            sa.select(this.id).where(this.id.in_(ids), *due).with_for_update(skip_locked=True)
        ).all()  # fmt: skip
        claimed = session.execute(
            sa.update(this)
            .where(this.id.in_(held))
            .values(leased_until=now + rules.LEASE, leased_by=by)
            .returning(this.id, this.registration_id, this.created_at)
        )
        ordered = sorted(claimed, key=lambda row: (row.created_at, row.id))
        return [(row.id, row.registration_id) for row in ordered]


def release(by: UUID) -> None:
    """Give back what a run leased and did not try."""
    with database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(WebhookDelivery)
            .where(WebhookDelivery.leased_by == by, WebhookDelivery.closed_at.is_(None))
            .values(leased_until=None, leased_by=None)
        )


def lease_again(delivery_id: UUID, by: UUID) -> tuple[WebhookDelivery, WebhookRegistration] | None:
    """What is to be sent, with a lease that outlasts the attempt; None when another worker took it over, its registration
    ended, or its partner was disabled."""
    now = clock.now()
    enabled = sa.select(Organization.id).where(Organization.disabled_at.is_(None))
    with database.unit_of_work():
        database.write()
        renewed = database.session().execute(
            sa.update(WebhookDelivery)
            .where(
                WebhookDelivery.id == delivery_id,
                WebhookDelivery.leased_by == by,
                WebhookDelivery.closed_at.is_(None),
                WebhookDelivery.organization_id.in_(enabled),
            )
            .values(leased_until=now + rules.LEASE)
        )
        if not database.rows_of(renewed):
            return None
    session = database.session()
    delivery = session.get_one(WebhookDelivery, delivery_id, populate_existing=True)
    return delivery, session.get_one(WebhookRegistration, delivery.registration_id, populate_existing=True)


def keep_outcome(delivery: WebhookDelivery, registration: WebhookRegistration, by: UUID, outcome: Outcome) -> None:
    """Write down what came of an attempt, and what follows. A worker that lost its lease meanwhile says only that it was
    delivered: the other one goes on."""
    with database.unit_of_work():
        row = database.locked(delivery)
        now = clock.now()
        database.session().add(
            WebhookAttempt(
                delivery_id=row.id,
                url=registration.url,
                at=now,
                response_code=outcome.code,
                response_message=outcome.message[:200],
                error=outcome.error,
                detail=outcome.detail[:300],
            )
        )
        if outcome.is_away:
            database.session().execute(
                sa.update(WebhookRegistration)
                .where(WebhookRegistration.id == registration.id)
                .values(away_until=now + rules.AWAY)
            )
        if row.closed_at is None and (outcome.is_delivered or row.leased_by == by):
            _follows(row, outcome, now)
        database.session().flush()


def _follows(row: WebhookDelivery, outcome: Outcome, now: datetime) -> None:
    row.attempts += 1
    row.leased_until = row.leased_by = None
    if outcome.is_delivered:
        row.delivered_at = row.closed_at = now
        return
    again = rules.next_attempt(row.attempts, now)
    if again is None:
        row.dead_at = row.closed_at = now
    else:
        row.next_attempt_at = again


def forget_old(limit: int = 1000) -> int:
    """Delete what was over long ago, with its attempts; answer how many. Called by the worker."""
    now = clock.now()
    over = sa.or_(
        sa.and_(WebhookDelivery.dead_at.is_(None), WebhookDelivery.closed_at < now - rules.KEPT),
        WebhookDelivery.closed_at < now - rules.KEPT_DEAD,
    )
    old: Sequence[UUID] = database.session().scalars(sa.select(WebhookDelivery.id).where(over).limit(limit)).all()
    if not old:
        return 0
    with database.unit_of_work():
        database.write()
        session = database.session()
        session.execute(sa.delete(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(old)))
        return database.rows_of(session.execute(sa.delete(WebhookDelivery).where(WebhookDelivery.id.in_(old), over)))
