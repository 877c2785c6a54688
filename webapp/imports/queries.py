"""Reading imports, their rows, and all at once what rows are checked against."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from webapp import clock, database
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.agreements import queries as agreements
from webapp.agreements.models import Attestation
from webapp.agreements.rules import CUSTOMER_AGREEMENT, SIGNATORY
from webapp.customers import queries as customers
from webapp.customers import rules as customer_rules
from webapp.customers.models import Overview
from webapp.delegated_admin import queries as delegated_admin
from webapp.directory import queries as directory
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.imports import rules
from webapp.imports.models import Import, ImportRow
from webapp.imports.rules import Candidate, Known, KnownPeople, Other
from webapp.invitations import queries as invitations
from webapp.organizations import queries as organizations
from webapp.organizations.models import Domain, Organization, RoleAssignment
from webapp.organizations.rules import domain_of, name_key
from webapp.policies import queries as policies
from webapp.relationships.models import Distrust, Ending, Relationship
from webapp.subscriptions import queries as subscriptions

PAGE = 40
#: Rows to repair on one page.
REPAIRED_AT_ONCE = 10
#: Values asked for in one query.
_CHUNK = 500
Place = tuple[datetime, UUID]
T = TypeVar("T")


def by_id(import_id: UUID) -> Import | None:
    """One import."""
    return database.session().get(Import, import_id)


def import_for(actor: Actor, import_id: UUID) -> Import | None:
    """An import of the actor's own organization."""
    found = by_id(import_id)
    return found if found is not None and found.organization_id == actor.organization_id else None


# --- lists -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """How many rows there are of each sort. `waiting`: good and not done; `bad`: with faults, before the start."""

    waiting: int = 0
    bad: int = 0
    left_out: int = 0
    done: int = 0
    already: int = 0
    refused: int = 0

    @property
    def finished(self) -> int:
        return self.done + self.already + self.refused

    @property
    def taken(self) -> int:
        """The rows that were started."""
        return self.waiting + self.finished


def counts_of(ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """How many rows of each sort these imports have."""
    left_out = sa.and_(ImportRow.left_out_at.is_not(None), ImportRow.done_at.is_(None))
    sort = sa.case(
        (ImportRow.done_at.is_not(None), ImportRow.result),
        (left_out, "left_out"),
        (ImportRow.fault != "", "bad"),
        else_="waiting",
    )
    found: dict[UUID, dict[str, int]] = {each: {} for each in ids}
    rows = database.session().execute(
        sa.select(ImportRow.import_id, sort.label("sort"), sa.func.count().label("number"))
        .where(ImportRow.import_id.in_(list(ids)))
        .group_by(ImportRow.import_id, sort)
    )
    for row in rows:
        found[row.import_id][row.sort] = row.number
    return {each: Counts(**numbers) for each, numbers in found.items()}


def count_of(import_: Import) -> Counts:
    """How many rows of each sort one import has."""
    return counts_of([import_.id])[import_.id]


@dataclass(frozen=True)
class Listed:
    """A line of the list: `by` is who uploaded it, given and family name (None once erased)."""

    row: Import
    state: str
    counts: Counts
    by: tuple[str, str] | None


def list_for(
    actor: Actor, *, older_than: Place | None = None, newer_than: Place | None = None
) -> tuple[list[Listed], bool]:
    """One page of the organization's imports, newest first, and whether there are more in the direction asked for."""
    statement = sa.select(Import).where(Import.organization_id == actor.organization_id)
    at, key = Import.created_at, Import.id
    if older_than is not None:
        statement = statement.where(at <= older_than[0], sa.or_(at < older_than[0], key < older_than[1]))
    if newer_than is not None:
        statement = statement.where(at >= newer_than[0], sa.or_(at > newer_than[0], key > newer_than[1]))
        order: list[sa.ColumnElement[Any]] = [at.asc(), key.asc()]
    else:
        order = [at.desc(), key.desc()]
    found = list(database.session().scalars(statement.order_by(*order).limit(PAGE + 1)))
    rows, more = found[:PAGE], len(found) > PAGE
    if newer_than is not None:
        rows.reverse()
    running = [row.id for row in rows if row.ended_at is None and row.cancelled_at is None]
    counted = counts_of(running)  # what ended carries its numbers itself
    names = _names({row.created_by_id for row in rows})
    now = clock.now()
    return [
        Listed(
            row,
            rules.state_of(row, now),
            counted.get(row.id) or Counts(done=row.done or 0, already=row.already or 0, refused=row.refused or 0),
            names.get(row.created_by_id),
        )
        for row in rows
    ], more


def _names(ids: set[UUID]) -> dict[UUID, tuple[str, str]]:
    rows = database.session().execute(
        sa.select(Person.id, Person.given_name, Person.family_name).where(
            Person.id.in_(list(ids)), Person.erased_at.is_(None)
        )
    )
    return {row.id: (row.given_name, row.family_name) for row in rows}


def name_of(person_id: UUID) -> tuple[str, str] | None:
    """Given and family name of somebody; None once erased."""
    return _names({person_id}).get(person_id)


def bad_rows(import_id: UUID, after: int = 0) -> tuple[list[ImportRow], bool]:
    """The rows to repair after a number, a page of them, and whether there are more."""
    return _page(import_id, after, REPAIRED_AT_ONCE, ImportRow.fault > "", _open())


def open_rows(import_id: UUID, numbers: Collection[int]) -> list[ImportRow]:
    """The rows with these numbers that are neither done nor left out, in the order of the file."""
    return list(
        database.session().scalars(
            sa.select(ImportRow)
            .where(ImportRow.import_id == import_id, ImportRow.number.in_(list(numbers)), _open())
            .order_by(ImportRow.number)
        )
    )


def refused_rows(import_id: UUID, after: int = 0) -> tuple[list[ImportRow], bool]:
    """The rows that were refused while they ran, a page of them, and whether there are more."""
    return _page(import_id, after, PAGE, ImportRow.result == "refused")


def _page(import_id: UUID, after: int, size: int, *conditions: sa.ColumnElement[bool]) -> tuple[list[ImportRow], bool]:
    found = list(
        database.session().scalars(
            sa.select(ImportRow)
            .where(ImportRow.import_id == import_id, ImportRow.number > after, *conditions)
            .order_by(ImportRow.number)
            .limit(size + 1)
        )
    )
    return found[:size], len(found) > size


def _open() -> sa.ColumnElement[bool]:
    return sa.and_(ImportRow.done_at.is_(None), ImportRow.left_out_at.is_(None))


def warnings_of(import_id: UUID) -> dict[str, int]:
    """How many rows that would be done have each warning."""
    rows = database.session().execute(
        sa.select(ImportRow.warning, sa.func.count().label("number"))
        .where(ImportRow.import_id == import_id, ImportRow.warning != "", ImportRow.fault == "", _open())
        .group_by(ImportRow.warning)
        .order_by(ImportRow.warning)
    )
    return {row.warning: row.number for row in rows}


def same_file_before(import_: Import) -> Import | None:
    """An earlier import of the very same file that was started, by the same organization; the newest."""
    return database.session().scalar(
        sa.select(Import)
        .where(
            Import.organization_id == import_.organization_id,
            Import.sha256 == import_.sha256,
            Import.kind == import_.kind,
            Import.id != import_.id,
            Import.started_at.is_not(None),
            Import.created_at <= import_.created_at,
        )
        .order_by(Import.created_at.desc())
        .limit(1)
    )


def rows_of(import_id: UUID) -> Iterator[ImportRow]:
    """Every row in the order of the file, read a thousand at a time."""
    last = 0
    while rows := _page(import_id, last, 1000)[0]:
        yield from rows
        last = rows[-1].number
        for row in rows:
            database.session().expunge(row)


def customer_names(ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """The names of customers by id."""
    found: dict[UUID, str] = {}
    for chunk in _chunks(sorted(set(ids))):
        found |= organizations.names_of(set(chunk))
    return found


def mails_today(actor: Actor) -> tuple[int, int]:
    """How many mails with invitations the partner sent today, and how many it may send a day."""
    own = organizations.organization_by_id(actor.organization_id)
    assert own is not None
    begins = clock.end_of(clock.today(own.zone) - timedelta(days=1), own.zone)
    return invitations.sent_since(own.id, begins), policies.value("invitation.sends_a_day")


# --- what rows are checked against -----------------------------------------------------------------------------


def known_for(actor: Actor, kind: str, rows: Sequence[Mapping[str, str]]) -> Known | KnownPeople:
    """All that these rows are checked against, in a number of queries that grows with every 500 customers, not rows."""
    own = organizations.organization_by_id(actor.organization_id)
    assert own is not None
    if kind == "people":
        return _known_people(own, rows)
    people = {person.address.casefold() for person in organizations.people_of(own.id)}
    domains = {each.name for each in organizations.domains_of(own.id)} | {domain_of(each) for each in people}
    others = _others(own) if kind == "invitations" else []
    seen = [
        row
        for chunk in _chunks(sorted(_named(actor, rows)))
        for row in customers.chosen_for(actor, chunk)
        if customer_rules.may_see_profile(customers.sight_of(row))
    ]
    return Known(
        candidates=[each for chunk in _chunks(seen) for each in _candidates(own, kind, chunk)],
        programme=own.programme,
        people=people,
        domains=domains,
        others=others,
        allowed=policies.value("attestation.programmes"),
        today=clock.today("UTC"),
        last_day=date.fromisoformat(policies.value("attestation.last_day")),
        providers=[each.name for each in organizations.providers_of(own.id)],
    )


def _known_people(own: Organization, rows: Sequence[Mapping[str, str]]) -> KnownPeople:
    """What is known of these addresses and domains, and which seats there are."""
    addresses = {row["email"].strip().casefold() for row in rows if rules.is_readable(row.get("email", ""))} - {""}
    members: set[str] = set()
    elsewhere: dict[str, str] = {}
    for chunk in _chunks(sorted(addresses)):
        found = database.session().execute(
            sa.select(Person.address_key, Organization.id, Organization.kind, Organization.name)
            .join(Organization, Organization.id == Person.organization_id)
            .where(Person.address_key.in_(chunk))
        )
        for row in found:
            if row.id == own.id:
                members.add(row.address_key)
            else:
                elsewhere[row.address_key] = row.name if row.kind == "partner" else ""
    held: dict[str, str] = {}
    others: set[str] = set()
    for domain in sorted({domain_of(each) for each in addresses if rules.mail_in(each)})[: rules.DOMAINS_AHEAD]:
        anybody = f"anybody@{domain}"
        partner = organizations.partner_holding(anybody)
        if partner is not None:
            held[domain] = partner.name
        elif organizations.is_in_others_hands(anybody, own.id):
            others.add(domain)
    return KnownPeople(own.id, frozenset(members), elsewhere, held, frozenset(others), seats_by_name(own))


def seats_by_name(customer: Organization) -> dict[str, list[rules.Seats]]:
    """The subscriptions whose seats a customer can give now, by all that they are called: name and code, folded."""
    by_id = {each.id: each for each in subscriptions.products()}
    found: dict[str, list[rules.Seats]] = {}
    for each in directory.seats_of(customer):
        product = by_id.get(each.standing.product_id) if each.standing.product_id is not None else None
        names = {each.standing.product} | ({product.code, product.name_en, product.name_ja} if product else set())
        for name in {rules.folded(name) for name in names}:
            found.setdefault(name, []).append(rules.Seats(each.standing.line_id, each.left))
    return found


def actor_for(import_: Import) -> Actor | None:
    """The person in whose name the rows are done, as it is at this moment: who acts for a customer acts for it here too.
    None for who can no longer sign in, or has no rights there any more."""
    own = organizations.actor_of_person(import_.person_id)
    if own is None or own.organization_id == import_.organization_id:
        return own
    found = delegated_admin.acting_of(own, import_.organization_id)
    return found if isinstance(found, Actor) else None


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _named(actor: Actor, rows: Sequence[Mapping[str, str]]) -> set[UUID]:
    """The ids of organizations that the rows may mean, by id, domain or name."""
    words = {
        row.get("customer") or domain_of(row.get("recipient", "")) for row in rows if row.get("customer") or row.get("recipient")
    }  # fmt: skip
    found: set[UUID] = set()
    for word in words:
        try:
            found.add(UUID(word))
        except ValueError:
            continue
    session = database.session()
    readable = [word for word in words if rules.is_readable(word)]
    for chunk in _chunks(sorted({rules.folded(word) for word in readable if "." in word})):
        found |= set(session.scalars(sa.select(Domain.organization_id).where(Domain.name.in_(chunk))))
    for chunk in _chunks(sorted({name_key(word) for word in readable})):
        found |= set(
            session.scalars(
                sa.select(Overview.customer_id).where(
                    Overview.partner_id == actor.organization_id, Overview.name_key.in_(chunk)
                )
            )
        )
    return found


def _others(own: Organization) -> list[Other]:
    rows: Sequence[Organization] = ()
    if own.programme == "indirect_provider":
        rows = organizations.resellers_of(own.id)
    elif own.programme == "indirect_reseller":
        rows = organizations.providers_of(own.id)
    return [
        Other(
            row.id,
            frozenset(
                {str(row.id), rules.folded(row.name), row.partner_number or str(row.id)}
                | {each.name for each in organizations.domains_of(row.id)}
            ),
        )
        for row in rows
    ]


def _candidates(own: Organization, kind: str, rows: Sequence[Any]) -> list[Candidate]:
    ids = [row.customer_id for row in rows]
    session = database.session()
    profiles = {
        row.id: row
        for row in session.execute(
            sa.select(Organization.id, Organization.zone, Organization.country).where(Organization.id.in_(ids))
        )
    }
    domains: dict[UUID, set[str]] = {}
    for each in session.execute(sa.select(Domain.organization_id, Domain.name).where(Domain.organization_id.in_(ids))):
        domains.setdefault(each.organization_id, set()).add(each.name)
    on_file = _addresses_on_file(ids)
    unknown = _unknown_to(own, ids)
    attests = kind == "attestations"
    sells, last = (_sold_to(own, ids), _last_signatories(ids)) if attests else (set(), {})
    countries = {row.country for row in profiles.values()}
    texts = {each: agreements.texts_of(each) for each in countries} if attests else {}
    now = clock.now()
    return [
        Candidate(
            id=row.customer_id,
            name=row.name,
            domains=frozenset(domains.get(row.customer_id, ())),
            country=profiles[row.customer_id].country,
            today=clock.day_of(now, profiles[row.customer_id].zone),
            on_file=on_file.get(row.customer_id, ""),
            sells=row.customer_id in sells,
            invited=_is_invited(row, now),
            accepted=row.agreement_state == "accepted",
            unknown_to=(own.name,) if row.customer_id in unknown else (),
            texts=texts.get(profiles[row.customer_id].country, ()),
            last=last.get(row.customer_id),
        )
        for row in rows
    ]


def _is_invited(row: Any, now: datetime) -> bool:
    step = customer_rules.present_step(row.invitation_step, row.invitation_closes_at, now)
    return step != "" and step not in customer_rules.ENDED


def _addresses_on_file(ids: Sequence[UUID]) -> dict[UUID, str]:
    """The first global administrator's address of each customer: where invitations and notices go."""
    rows = database.session().execute(
        sa.select(Person.organization_id, Person.address)
        .join(RoleAssignment, RoleAssignment.person_id == Person.id)
        .where(
            Person.organization_id.in_(ids),
            Person.disabled_at.is_(None),
            Person.erased_at.is_(None),
            RoleAssignment.role == "global_administrator",
        )
        .order_by(Person.family_name, Person.given_name, Person.id)
    )
    found: dict[UUID, str] = {}
    for row in rows:
        found.setdefault(row.organization_id, row.address)
    return found


def _unknown_to(own: Organization, ids: Sequence[UUID]) -> set[UUID]:
    """The customers that say they do not know the partner."""
    rows = database.session().execute(
        sa.select(Distrust.customer_id, Distrust.kind)
        .where(Distrust.customer_id.in_(ids), Distrust.partner_id == own.id)
        .order_by(Distrust.ordinal)
    )
    newest = {row.customer_id: row.kind for row in rows}
    return {each for each, kind in newest.items() if kind == "said"}


def _sold_to(own: Organization, ids: Sequence[UUID]) -> set[UUID]:
    """`agreements.sells_to` for many customers: those with an open relationship of this partner itself."""
    return set(
        database.session().scalars(
            sa.select(Relationship.customer_id)
            .outerjoin(Ending, Ending.relationship_id == Relationship.id)
            .where(Relationship.customer_id.in_(ids), Relationship.partner_id == own.id, Ending.id.is_(None))
        )
    )


def _last_signatories(ids: Sequence[UUID]) -> dict[UUID, Mapping[str, str]]:
    """Who agreed, according to each customer's newest attestation."""
    session = database.session()
    facts = {
        row.customer_id: row.record
        for row in session.execute(
            sa.select(Attestation.customer_id, Fact.record)
            .join(Fact, Fact.id == Attestation.fact_id)
            .where(Attestation.customer_id.in_(ids), Attestation.type == CUSTOMER_AGREEMENT)
            .order_by(Attestation.at, Attestation.id.desc())
        )
    }
    entries = {
        each: {name: entry for name, entry in json.loads(record)["personal"].items() if name in SIGNATORY}
        for each, record in facts.items()
    }
    values = evidence.personal_values([{"personal": personal} for personal in entries.values()])
    return {
        each: {name: values[entry["id"]] for name, entry in personal.items() if entry["id"] in values}
        for each, personal in entries.items()
    }


# --- what the worker asks --------------------------------------------------------------------------------------


def runnable(now: datetime) -> list[UUID]:
    """The imports whose rows can be done now, the oldest first."""
    return list(
        database.session().scalars(
            sa.select(Import.id)
            .where(
                Import.started_at.is_not(None),
                Import.ended_at.is_(None),
                Import.cancelled_at.is_(None),
                Import.paused_at.is_(None),
                sa.or_(
                    Import.waits_until.is_(None),
                    Import.waits_until <= now,
                    Import.waits_until > now + rules.LONGEST_WAIT,
                ),
            )
            .order_by(Import.started_at)
        )
    )


def open_with(organization_id: UUID, person_id: UUID | None) -> list[Import]:
    """The imports of an organization that were started and have not ended; of one person: those in its name, for
    whichever organization (a partner's person runs some for customers)."""
    whose = Import.organization_id == organization_id if person_id is None else Import.person_id == person_id
    statement = sa.select(Import).where(whose, Import.started_at.is_not(None), Import.ended_at.is_(None))
    return list(database.session().scalars(statement.order_by(Import.started_at)))


def chains_of(ids: Sequence[UUID]) -> dict[UUID | None, UUID]:
    """The evidence chains of customers by id."""
    rows = database.session().execute(sa.select(Organization.id, Organization.chain_id).where(Organization.id.in_(ids)))
    return {row.id: row.chain_id for row in rows}


def remaining(import_id: UUID) -> bool:
    """Whether rows of an import wait, leased or not."""
    return (
        database.session().scalar(sa.select(ImportRow.id).where(ImportRow.import_id == import_id, _open()).limit(1))
        is not None
    )


def to_let_go(now: datetime) -> list[UUID]:
    """The imports whose values have been kept long enough."""
    return list(
        database.session().scalars(
            sa.select(Import.id)
            .where(Import.created_at <= now - rules.KEPT, Import.emptied_at.is_(None))
            .order_by(Import.created_at)
            .limit(100)
        )
    )
