"""Signing in and out, passwords, and the mails that prove a mailbox."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Flask, g
from flask import session as cookie
from flask_login import UserMixin, login_user
from sqlalchemy.exc import IntegrityError

from webapp import actor as actors
from webapp import clock, database, tokens
from webapp.accounts import emails, queries, rules
from webapp.accounts.models import Activity, Attempt, Person, Session
from webapp.actor import Actor, full_name
from webapp.evidence import actions as evidence
from webapp.extensions import login_manager
from webapp.messages import actions as messages
from webapp.policies import queries as policies
from webapp.tokens import Token

#: OWASP's parameters: 19 MiB, two passes, one lane.
hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = hasher.hash("nobody has this password")


@dataclass(frozen=True)
class SignedIn(UserMixin):  # type: ignore[misc]
    """What Flask-Login keeps of a signed-in browser: the session's id in the cookie, the actor in memory."""

    actor: Actor

    def get_id(self) -> str:
        return str(self.actor.session_id)


def register(app: Flask) -> None:
    """Let Flask-Login find the actor of a session."""
    login_manager.session_protection = None

    @login_manager.user_loader  # type: ignore[untyped-decorator]
    def load(session_id: str) -> SignedIn | None:
        try:
            found = actors.load(UUID(session_id))
        except ValueError:
            return None
        return SignedIn(found) if found is not None else None


def hash_password(password: str) -> str:
    """The stored form of a password (slow on purpose; never while a lock is held)."""
    return hasher.hash(password)


def password_matches(stored: str | None, password: str) -> bool:
    """Whether a password is right; takes the same time for nobody."""
    try:
        return hasher.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def count_attempt(kind: str, who: str, network_address: str) -> None:
    """Count an attempt as a failure, in a unit of work of its own, before it is judged; success clears it.

    Raises TooManyAttempts once a limit was reached.
    """
    pair, network = queries.attempt_keys(kind, who, network_address)
    rules.check_attempts(*queries.failures(pair, network))
    with database.unit_of_work():
        database.write()
        database.session().add(Attempt(kind=kind, pair=pair, network=network, at=clock.now()))


def clear_attempts(kind: str, who: str, network_address: str) -> None:
    """Forget the failures of a pair after a success."""
    pair, _network = queries.attempt_keys(kind, who, network_address)
    database.write()
    database.session().execute(sa.delete(Attempt).where(Attempt.pair == pair))


def forget_attempts() -> int:
    """Delete the failures that are older than a day: they have long stopped to count. Answers how many."""
    database.write()
    result = database.session().execute(sa.delete(Attempt).where(Attempt.at < clock.now() - rules.ATTEMPTS_KEPT))
    return database.rows_of(result)


def forget_old_sessions() -> int:
    """Delete the sessions that were over 90 days ago, with when they were last seen. Answers how many.

    Nothing refers to them: what was signed keeps its own record of network address and browser.
    """
    database.write()
    session, before = database.session(), clock.now() - rules.SESSIONS_KEPT
    is_over = sa.or_(Session.ended_at < before, Session.expires_at < before)
    session.execute(sa.delete(Activity).where(Activity.session_id.in_(sa.select(Session.id).where(is_over))))
    return database.rows_of(session.execute(sa.delete(Session).where(is_over)))


def sign_in(
    address: str, password: str, *, network_address: str, browser: str, continue_to: str = ""
) -> Session | Token | None:
    """Start a session for the person with this address and password; None when they do not fit.

    A temporary password starts none: a code is mailed to the address on file, and its token answered. Raises
    TooManyAttempts, OrganizationClosed, TemporaryPasswordOver. Nothing tells whether the account exists.
    """
    count_attempt("sign-in", address, network_address)
    person = queries.person_by_address(address)
    usable = person is not None and person.can_sign_in()
    if not password_matches(person.password_hash if person is not None and usable else None, password):
        return None
    assert person is not None
    _check_home(queries.home_of(person))
    if person.temporary_until is not None:
        return send_code(person, continue_to)
    clear_attempts("sign-in", address, network_address)
    return start_session(person.id, proof="password", network_address=network_address, browser=browser)


def start_session(person_id: UUID, *, proof: str, network_address: str, browser: str) -> Session:
    """Insert the session of a person who proved himself by `proof`."""
    database.write()
    now = clock.now()
    row = Session(
        id=uuid4(),
        person_id=person_id,
        proof=proof,
        created_at=now,
        expires_at=now + timedelta(days=policies.value("session.days")),
        browser=browser[:300],
        address=network_address[:64],
    )
    database.session().add(row)
    database.session().flush()
    return row


# --- temporary passwords -------------------------------------------------------------------------------------


def new_temporary_password() -> tuple[str, str]:
    """A temporary password and its stored form (slow on purpose; never while a lock is held)."""
    password = rules.temporary_password(secrets.choice)
    return password, hash_password(password)


def temporary_until() -> datetime:
    """Until when a temporary password that is given now signs in (policy)."""
    return clock.now() + timedelta(days=policies.value("link.temporary_password_days"))


def give_temporary_password(person: Person, hashed: str) -> bool:
    """Give a person a temporary password: every earlier password, link, code and session of it ends. The caller holds the
    chain, records, and has made sure that nobody signed in there yet.

    False when no code is left for the address on file: the person then has no password, for this one would sign in never.
    """
    row = database.locked(person)
    works = queries.codes_left(row) > 0
    row.password_hash, row.temporary_until = (hashed, temporary_until()) if works else (None, None)
    for purpose in (rules.FIRST, rules.RESET, rules.CONFIRM, rules.CODE):
        tokens.revoke(purpose, row.id)
    end_sessions_of(row.id)
    return works


def correct_address(person: Person, address: str) -> None:
    """Set the sign-in name of somebody who never signed in; the caller gives another password with it. Raises
    AddressInUse."""
    row = database.locked(person)
    holder = queries.person_by_address(address)
    if holder is not None and holder.id != row.id:
        raise rules.AddressInUse()
    row.address, row.address_key, row.confirmed_at = address, queries.address_key(address), None


def send_code(person: Person, continue_to: str = "") -> Token:
    """Mail the code that a temporary password needs to the address on file, at most once a minute; answer the newest.

    Only whoever typed the right temporary password comes here. Raises TemporaryPasswordOver.
    """
    row = database.locked(person)
    if row.temporary_until is None:
        raise rules.CodeOver()  # a password of its own was chosen meanwhile
    now, last = clock.now(), queries.newest_code(row.id)
    left = queries.codes_left(row)
    if last is not None and not rules.may_send_code(last.created_at, now):
        rules.check_temporary(row.temporary_until, now, left + 1)
        return last
    rules.check_temporary(row.temporary_until, now, left)
    tokens.revoke(rules.CODE, row.id)
    token = tokens.issue_code(
        rules.CODE, row.address, lasts=rules.CODE_LASTS, person_id=row.id, continue_to=continue_to, tries=0
    )
    home = queries.home_of(row)
    emails.code(person=row, organization=home.name, token=token, zone=row.zone or home.zone)
    return token


def sign_in_with_code(token_id: UUID, code: str, *, network_address: str, browser: str) -> tuple[Session, str] | None:
    """Use up a mailed code: confirm the mailbox and start a session, in which a password of one's own comes first.

    Answers the session and the path to continue at; None when the code is not right. Each try counts before it is
    judged. Raises CodeOver, TooManyAttempts, OrganizationClosed, TemporaryPasswordOver.
    """
    found = queries.waiting_code(token_id)
    if found is None:
        raise rules.CodeOver()
    token, person = found
    count_attempt("code", str(person.id), network_address)
    _count_try(token)
    if not tokens.is_code(token, code):
        return None
    home = queries.home_of(person)
    _check_home(home)
    row = database.locked(person, chain=home.chain_id)
    token = database.locked(token)
    now = clock.now()
    if row.temporary_until is None or not token.is_open(now) or not tokens.was_sent_to(token, row.address):
        raise rules.CodeOver()  # somebody was faster, or the address was corrected
    rules.check_temporary(row.temporary_until, now, 1)  # this one was sent
    token.used_at = now
    row.confirmed_at = row.confirmed_at or now
    for kind, who in (("code", str(row.id)), ("sign-in", row.address)):
        clear_attempts(kind, who, network_address)
    session = start_session(row.id, proof=rules.WITH_CODE, network_address=network_address, browser=browser)
    _record(row, "person.mailbox_confirmed", by=actors.load(session.id), facts={"how": rules.WITH_CODE})
    return session, str(token.facts.get("continue_to", ""))


def _count_try(token: Token) -> None:
    """Count a try of a code, in a unit of work of its own and under its lock. Raises CodeOver once there were too many."""
    with database.unit_of_work():
        row = database.locked(token)
        tries = int(row.facts.get("tries", 0))
        rules.check_code(row.is_open(clock.now()), tries)
        row.facts = {**row.facts, "tries": tries + 1}


def choose_own_password(actor: Actor, password: str) -> bool:
    """Put a password of one's own in the place of the temporary one; False when it is the same."""
    person = queries.person_by_id(actor.person_id)
    assert person is not None
    if password_matches(person.password_hash, password):
        return False
    hashed = hash_password(password)
    row = _own(actor, chain=actor.chain_id)
    row.password_hash, row.temporary_until = hashed, None
    _use_up_links(row.id)
    end_sessions_of(row.id, but=actor.session_id)
    _record(row, "person.password_set", by=actor, facts={"how": "temporary"})
    return True


def remember_code(token: Token) -> None:
    """Let the browser that typed the right temporary password come to the page for the code."""
    cookie["code"] = str(token.id)


def remember(row: Session) -> None:
    """Give the browser the cookie of a session that just started; what an earlier one held is dropped."""
    person = actors.load(row.id)
    assert person is not None
    cookie.clear()
    g.pop("csrf_token", None)  # made for the session that was just dropped
    cookie.permanent = True
    login_user(SignedIn(person))
    g.actor = person


def end_session(session_id: UUID) -> None:
    """End one session, in every process at once."""
    database.write()
    database.session().execute(
        sa.update(Session).where(Session.id == session_id, Session.ended_at.is_(None)).values(ended_at=clock.now())
    )


def act_for(session_id: UUID, customer_id: UUID | None) -> UUID | None:
    """Note for which customer the person at a browser acts from now on (None: for none); answers for whom it did before.

    It opens nothing by itself: the rights are asked for at each request. Raises LookupError once the session is over.
    """
    row = queries.session_by_id(session_id)
    if row is None:
        raise LookupError("the session is gone")
    row = database.locked(row)
    if row.ended_at is not None:
        raise LookupError("the session is over")
    before, row.acting_for_id = row.acting_for_id, customer_id
    database.session().flush()
    return before


def end_sessions_of(person_id: UUID, *, but: UUID | None = None) -> None:
    """End every session of a person (except one): what a new password or a reset means."""
    database.write()
    statement = sa.update(Session).where(Session.person_id == person_id, Session.ended_at.is_(None))
    if but is not None:
        statement = statement.where(Session.id != but)
    database.session().execute(statement.values(ended_at=clock.now()))


def note_activity(session_id: UUID) -> None:
    """Note when a session was last seen, or a program (by its id) last called, at most once in five minutes, in a
    transaction of its own."""
    now = clock.now()
    seen = database.session().scalar(sa.select(Activity.seen_at).where(Activity.session_id == session_id))
    if seen is not None and abs(now - seen) < timedelta(minutes=5):
        return
    with database.unit_of_work(of_activity=True):
        database.write()
        session = database.session()
        noted = session.execute(sa.update(Activity).where(Activity.session_id == session_id).values(seen_at=now))
        if not database.rows_of(noted):
            with suppress(IntegrityError), session.begin_nested():  # another tab of the browser was faster
                session.add(Activity(session_id=session_id, seen_at=now))
                session.flush()


def add_person(
    *,
    organization_id: UUID,
    given_name: str,
    family_name: str,
    address: str,
    language: str,
    zone: str | None = None,
    password_hash: str | None = None,
    confirmed: bool = False,
    created_by_partner_id: UUID | None = None,
    temporary_until: datetime | None = None,
) -> Person:
    """Insert a person. `temporary_until`: the password is a temporary one, good until then. Raises AddressInUse (through the constraint) when the address signs in elsewhere."""
    database.write()
    now = clock.now()
    person = Person(
        id=uuid4(),
        organization_id=organization_id,
        given_name=given_name,
        family_name=family_name,
        address=address,
        address_key=queries.address_key(address),
        password_hash=password_hash,
        language=language,
        zone=zone,
        created_at=now,
        confirmed_at=now if confirmed else None,
        created_by_partner_id=created_by_partner_id,
        temporary_until=temporary_until,
    )
    if queries.person_by_address(address) is not None:
        raise rules.AddressInUse()
    database.session().add(person)
    database.session().flush()
    return person


def _check_home(home: queries.Home) -> None:
    if not home.is_open:
        raise rules.OrganizationClosed(organization=home.name)


# --- links from mails ----------------------------------------------------------------------------------------


def send_first_sign_in(person: Person, continue_to: str = "") -> bool:
    """Mail a person the link with which it sets its first password, to the address on file.

    `continue_to` is a path of ours where the person lands afterwards. False when the last mail with a link is less
    than ten minutes old: nothing is sent then. Raises PersonErased.
    """
    return _send_link(person, rules.FIRST, continue_to)


def send_password_reset(person: Person, continue_to: str = "") -> bool:
    """Mail a person the link with which it sets a new password; otherwise like `send_first_sign_in`."""
    return _send_link(person, rules.RESET, continue_to)


def _send_link(person: Person, purpose: str, continue_to: str) -> bool:
    row = database.locked(person)
    if row.erased_at is not None:
        raise rules.PersonErased()
    if not rules.may_mail_again(queries.last_link_at(row.id, rules.FIRST, rules.RESET), clock.now()):
        return False
    setting, unit = ("link.first_sign_in_days", "days") if purpose == rules.FIRST else ("link.reset_hours", "hours")
    lasts = timedelta(**{unit: policies.value(setting)})
    token = tokens.issue(purpose, row.address, lasts=lasts, person_id=row.id, continue_to=continue_to)
    home = queries.home_of(row)
    (emails.first_sign_in if purpose == rules.FIRST else emails.password_reset)(
        person=row, organization=home.name, token=token, zone=row.zone or home.zone
    )
    return True


def request_link(address: str, *, network_address: str, continue_to: str = "") -> None:
    """Send whoever signs in with this address the link that fits: for a first password, or for a new one.

    The caller learns nothing: neither whether there is an account nor whether a mail was sent. Raises
    TooManyAttempts.
    """
    count_attempt("link-request", address, network_address)
    person = queries.person_by_address(address)
    if person is None or not person.can_sign_in() or not queries.home_of(person).is_open:
        return
    _send_link(person, rules.RESET if person.password_hash else rules.FIRST, continue_to)


def set_password_by_link(
    purpose: str, secret: str, *, address: str, password: str, network_address: str, browser: str
) -> tuple[Session, str] | None:
    """Use up a link: set the password, confirm the mailbox, end every other session, start one.

    Answers the session and the path to continue at; None when `address` is not the one the link was sent to (it is
    then counted as a failure, and the link stays). Raises LinkUsedOrExpired, TooManyAttempts, OrganizationClosed.
    """
    token, person = queries.open_link(purpose, secret)
    count_attempt("link", str(token.id), network_address)
    if not tokens.was_sent_to(token, address):
        return None
    home = queries.home_of(person)
    _check_home(home)
    hashed = hash_password(password)
    row = database.locked(person, chain=home.chain_id)
    token, _ = queries.open_link(purpose, secret)  # again, now that nobody else can use it
    clear_attempts("link", str(token.id), network_address)
    now = clock.now()
    row.password_hash, row.temporary_until = hashed, None
    row.confirmed_at = row.confirmed_at or now
    _use_up_links(row.id)
    end_sessions_of(row.id)
    session = start_session(row.id, proof="link", network_address=network_address, browser=browser)
    _record(row, "person.password_set", by=actors.load(session.id), facts={"how": purpose, "confirmed": True})
    return session, str(token.facts.get("continue_to", ""))


def _use_up_links(person_id: UUID) -> None:
    for purpose in (rules.FIRST, rules.RESET, rules.CODE):
        tokens.revoke(purpose, person_id)


def _record(
    person: Person, kind: str, *, by: Actor | None = None, source: str = "page", facts: dict[str, object] | None = None,
    personal: dict[str, str] | None = None,
) -> None:  # fmt: skip
    home = queries.home_of(person)
    evidence.record(
        kind, by=by, source=source, customer_id=home.customer_id, partner_id=home.partner_id,
        facts={"about_person_id": str(person.id)} | (facts or {}), personal=personal, personal_of=person.id,
    )  # fmt: skip


# --- a person's own account ----------------------------------------------------------------------------------


def _own(actor: Actor, *, chain: UUID | None = None) -> Person:
    person = queries.person_by_id(actor.person_id)
    assert person is not None
    return database.locked(person, chain=chain)


def choose_language(actor: Actor, language: str) -> None:
    """Show pages and write mails to a person in another language ("ja" or "en")."""
    _own(actor).language = language


def choose_zone(actor: Actor, zone: str | None) -> None:
    """Show times to a person in another zone (an IANA name; None: the organization's)."""
    _own(actor).zone = zone


def change_name(actor: Actor, *, given_name: str, family_name: str) -> None:
    """Change a person's own name. What was signed before keeps the name it was signed with."""
    person = _own(actor, chain=actor.chain_id)
    if (person.given_name, person.family_name) == (given_name, family_name):
        return
    before = full_name(person.given_name, person.family_name)
    person.given_name, person.family_name = given_name, family_name
    names = {"name": full_name(given_name, family_name), "previous_name": before}
    _record(person, "person.name_changed", by=actor, personal=names)


def change_password(actor: Actor, current: str, password: str, *, network_address: str) -> bool:
    """Set another password and end every other session; False when `current` is not right (counted).

    Raises TooManyAttempts.
    """
    if not is_own_password(actor, current, network_address=network_address):
        return False
    hashed = hash_password(password)
    person = _own(actor, chain=actor.chain_id)
    clear_attempts("own-password", str(actor.person_id), network_address)
    person.password_hash = hashed
    _use_up_links(person.id)
    end_sessions_of(person.id, but=actor.session_id)
    _record(person, "person.password_set", by=actor, facts={"how": "account"})
    return True


def is_own_password(actor: Actor, password: str, *, network_address: str) -> bool:
    """Whether a signed-in person knows its password. Counted as a failure until cleared. Raises TooManyAttempts."""
    count_attempt("own-password", str(actor.person_id), network_address)
    person = queries.person_by_id(actor.person_id)
    return password_matches(person.password_hash if person is not None else None, password)


AddressCheck = Callable[[Person, str], None]
_address_checks: list[AddressCheck] = []


def checks_address(function: AddressCheck) -> None:
    """Have a slice asked whether a person may sign in with another address: it raises its refusal if not."""
    if function not in _address_checks:
        _address_checks.append(function)


def request_address_change(actor: Actor, address: str, current: str, *, network_address: str) -> bool:
    """Mail a link to another address; only when it is used does that address become the sign-in name.

    The present address gets a notice. False when the password `current` is not right. An address that signs in
    elsewhere gets nothing, and the asker does not learn it. Raises TooManyAttempts.
    """
    if not is_own_password(actor, current, network_address=network_address):
        return False
    person = _own(actor, chain=actor.chain_id)
    clear_attempts("own-password", str(actor.person_id), network_address)
    for check in _address_checks:
        check(person, address)
    now = clock.now()
    rules.check_address_changes(queries.links_since(person.id, rules.CONFIRM, now - rules.ADDRESS_WINDOW))
    tokens.revoke(rules.CONFIRM, person.id)
    lasts = timedelta(days=policies.value("link.confirmation_days"))
    token = tokens.issue(rules.CONFIRM, address, lasts=lasts, person_id=person.id)
    _record(person, "person.address_change_requested", by=actor)
    emails.address_change_notice(person=person, zone=actor.zone)
    if queries.person_by_address(address) is None:
        emails.mailbox_confirmation(person=person, to=address, token=token, zone=actor.zone)
    return True


def confirm_mailbox(secret: str, address: str, *, network_address: str) -> Person | None:
    """Use up a confirmation link: its address becomes the person's sign-in name.

    None when `address` is not the one the link was sent to (counted; the link stays). Raises LinkUsedOrExpired,
    TooManyAttempts, AddressInUse.
    """
    token, person = queries.open_link(rules.CONFIRM, secret)
    count_attempt("link", str(token.id), network_address)
    if not tokens.was_sent_to(token, address):
        return None
    row = database.locked(person, chain=queries.home_of(person).chain_id)
    token, _ = queries.open_link(rules.CONFIRM, secret)
    clear_attempts("link", str(token.id), network_address)
    for check in _address_checks:
        check(row, address)
    holder = queries.person_by_address(address)
    if holder is not None and holder.id != row.id:
        raise rules.AddressInUse()
    before = row.address
    row.address, row.address_key, row.confirmed_at = address, queries.address_key(address), clock.now()
    tokens.revoke(rules.CONFIRM, row.id)
    _use_up_links(row.id)  # they were sent to the address that was left
    _record(
        row, "person.address_changed", source="link", personal={"address": address, "previous_address": before}
    )  # fmt: skip
    return row


# --- what the operator does ----------------------------------------------------------------------------------


def reset(person: Person, why: str) -> bool:
    """Take a person's password away, end its sessions and mail it a new link. False when none was sent.

    Raises PersonErased.
    """
    row = database.locked(person, chain=queries.home_of(person).chain_id)
    if row.erased_at is not None:
        raise rules.PersonErased()
    row.password_hash = row.temporary_until = None
    end_sessions_of(row.id)
    _record(row, "person.reset", source="operator", facts={"why": why})
    return send_password_reset(row)


def disable(person: Person, why: str, facts: dict[str, object], *, by: Actor | None = None) -> bool:
    """Stop a person from signing in, at once and everywhere. False when it is stopped already.

    `by` is a colleague; None: the operator, who says why.
    """
    row = database.locked(person, chain=queries.home_of(person).chain_id)
    if row.disabled_at is not None:
        return False
    row.disabled_at = clock.now()
    end_sessions_of(row.id)
    _use_up_links(row.id)
    _record(row, "person.disabled", by=by, source="page" if by is not None else "operator", facts={"why": why} | facts)
    return True


def enable(person: Person, why: str = "", *, by: Actor | None = None) -> bool:
    """Let a person sign in again. False when it can. Raises PersonErased. `by` as for `disable`."""
    row = database.locked(person, chain=queries.home_of(person).chain_id)
    if row.erased_at is not None:
        raise rules.PersonErased()
    if row.disabled_at is None:
        return False
    row.disabled_at = None
    _record(row, "person.enabled", by=by, source="page" if by is not None else "operator", facts={"why": why})
    return True


Holds = Callable[[UUID], tuple[int, Sequence[rules.Stays | tuple[object, ...]]]]
_holds: list[Holds] = []


def holds(function: Holds) -> None:
    """Have a slice asked when a person is erased.

    The function erases what the slice holds of the person and need not keep, in the same transaction, and answers
    how much that was and what stays: `rules.Stays`, or just (what, why, until).
    """
    if function not in _holds:
        _holds.append(function)


def erase(person: Person, why: str) -> tuple[int, list[rules.Stays]]:
    """Erase a person: name, address, password, sessions, mails, and what the slices hold. Cannot be undone.

    Answers how much went and what stays. A second time nothing more goes. The row stays, without a name, because
    acts name it.
    """
    row = database.locked(person, chain=queries.home_of(person).chain_id)
    first = row.erased_at is None
    stays: list[rules.Stays] = []
    erased = 0
    for ask in _holds:
        count, left = ask(row.id)
        erased += count
        stays += [each if isinstance(each, rules.Stays) else rules.Stays(*each) for each in left]  # type: ignore[arg-type]
    erased += messages.forget(row.id, row.address)
    erased += _forget_sessions(row.id)
    erased += evidence.forget_personal(row.id, set().union(*(each.personal for each in stays)))
    if first:
        row.given_name = row.family_name = row.address = ""
        row.address_key = f"erased {row.id}"
        row.password_hash, row.zone, row.temporary_until, row.erased_at = None, None, None, clock.now()
        erased += 1
        _record(row, "person.erased", source="operator", facts={"why": why})
    return erased, stays


def _forget_sessions(person_id: UUID) -> int:
    session = database.session()
    own = sa.select(Session.id).where(Session.person_id == person_id)
    session.execute(sa.delete(Activity).where(Activity.session_id.in_(own)))
    session.execute(sa.delete(tokens.Token).where(tokens.Token.person_id == person_id))
    return database.rows_of(session.execute(sa.delete(Session).where(Session.person_id == person_id)))
