"""Reading facts: histories in words, one fact with its personal values, documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _
from markupsafe import Markup

import webapp
from webapp import database
from webapp.actor import Actor, full_name
from webapp.evidence import rules
from webapp.evidence.models import Chain, Document, Fact, PersonalFact
from webapp.evidence.rules import Finding


def fact_by_id(fact_id: UUID) -> Fact | None:
    """One fact."""
    return database.session().get(Fact, fact_id)


def record_of(fact: Fact) -> dict[str, Any]:
    """A fact's record as values."""
    content: dict[str, Any] = json.loads(fact.record)
    return content


def personal_values(records: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The personal values that these records name, by the id of each value; erased ones are missing."""
    ids = [UUID(entry["id"]) for record in records for entry in record["personal"].values()]
    if not ids:
        return {}
    rows = database.session().execute(sa.select(PersonalFact.id, PersonalFact.value).where(PersonalFact.id.in_(ids)))
    return {str(row.id): row.value for row in rows}


def personal_rows(record: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Salt and value of each personal value of one record, by name: what stands on a full receipt."""
    by_id = {UUID(entry["id"]): name for name, entry in record["personal"].items()}
    rows = database.session().execute(
        sa.select(PersonalFact.id, PersonalFact.salt, PersonalFact.value).where(PersonalFact.id.in_(list(by_id)))
    )
    return {by_id[row.id]: (row.salt, row.value) for row in rows}


def document(sha256: str) -> Document | None:
    """A document's bytes by their digest."""
    return database.session().get(Document, sha256)


# --- names, told by the slices that know them ----------------------------------------------------------------

_organizations: Callable[[set[UUID]], Mapping[UUID, str]] = lambda _ids: {}  # noqa: E731
_people: Callable[[set[UUID]], Mapping[UUID, tuple[str, str]]] = lambda _ids: {}  # noqa: E731
_members: Callable[[UUID], Sequence[tuple[UUID, str, str]]] = lambda _organization_id: ()  # noqa: E731
_programs: Callable[[set[UUID]], Mapping[UUID, str]] = lambda _ids: {}  # noqa: E731


def organizations_named_by(find: Callable[[set[UUID]], Mapping[UUID, str]]) -> None:
    """Set the query for names of organizations by id: evidence knows no organizations."""
    global _organizations
    _organizations = find


def people_named_by(find: Callable[[set[UUID]], Mapping[UUID, tuple[str, str]]]) -> None:
    """Set the query for (given name, family name) of people by id; erased people are missing."""
    global _people
    _people = find


def members_found_by(find: Callable[[UUID], Sequence[tuple[UUID, str, str]]]) -> None:
    """Set the query for the people of an organization: (id, given name, family name)."""
    global _members
    _members = find


def programs_named_by(find: Callable[[set[UUID]], Mapping[UUID, str]]) -> None:
    """Set the query for names of programs that use the API, by their ids and by those of the people that they act as."""
    global _programs
    _programs = find


def members_of(organization_id: UUID) -> list[tuple[UUID, str]]:
    """The people of an organization with their names in the reader's order: what a history is filtered by."""
    return [(id_, full_name(given, family)) for id_, given, family in _members(organization_id)]


# --- histories -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filter:
    """What of a history is wanted. `kinds` are beginnings ("agreement."); `since` <= at < `until`."""

    kinds: tuple[str, ...] = ()
    person_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


Place = tuple[datetime, UUID]
_COLUMNS = (Fact.id, Fact.chain_id, Fact.position, Fact.kind, Fact.at, Fact.person_id, Fact.record)


def _own_columns(actor: Actor) -> tuple[sa.ColumnElement[UUID | None], ...]:
    if actor.is_customer:
        return (Fact.customer_id.expression,)
    return (Fact.partner_id.expression, Fact.other_partner_id.expression, Fact.acting_partner_id.expression)


def _conditions(actor: Actor, wanted: Filter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if not actor.is_customer:
        found.append(Fact.kind.not_in(rules.CUSTOMERS_OWN))
    if wanted.kinds:
        found.append(sa.or_(*(Fact.kind.startswith(each, autoescape=True) for each in wanted.kinds)))
    if wanted.person_id is not None:
        found.append(Fact.person_id == wanted.person_id)
    if wanted.since is not None:
        found.append(Fact.at >= wanted.since)
    if wanted.until is not None:
        found.append(Fact.at < wanted.until)
    return found


def history(
    actor: Actor, wanted: Filter, *, size: int, older_than: Place | None = None, newer_than: Place | None = None
) -> list[sa.Row[Any]]:
    """Facts that concern the actor's organization, newest first, at most `size`.

    A customer reads every fact about itself; a partner those that name it, apart from `rules.CUSTOMERS_OWN`. `older_than` and `newer_than` are the
    place (moment, id) of the last row of the page before, or of the first row of the page after.
    """
    up = newer_than is not None
    order = (Fact.at.asc(), Fact.id.asc()) if up else (Fact.at.desc(), Fact.id.desc())
    conditions = _conditions(actor, wanted)
    if older_than is not None:
        at, id_ = older_than
        conditions.append(sa.or_(Fact.at < at, sa.and_(Fact.at == at, Fact.id < id_)))
    if newer_than is not None:
        at, id_ = newer_than
        conditions.append(sa.or_(Fact.at > at, sa.and_(Fact.at == at, Fact.id > id_)))
    parts = [
        sa.select(*_COLUMNS).where(column == actor.organization_id, *conditions).order_by(*order).limit(size).subquery()
        for column in _own_columns(actor)
    ]
    together = sa.union(*(sa.select(part) for part in parts)).subquery()
    ends = [together.c.at.asc(), together.c.id.asc()] if up else [together.c.at.desc(), together.c.id.desc()]
    rows = list(database.session().execute(sa.select(together).order_by(*ends).limit(size)))
    return rows[::-1] if up else rows


def how_many(actor: Actor, wanted: Filter, at_most: int) -> int:
    """How many facts a history holds, counted no further than `at_most`."""
    found = 0
    for column in _own_columns(actor):
        part = sa.select(Fact.id).where(column == actor.organization_id, *_conditions(actor, wanted)).limit(at_most)
        found += database.session().scalar(sa.select(sa.func.count()).select_from(part.subquery())) or 0
    return min(found, at_most)


def by_person(person_id: UUID, size: int) -> list[sa.Row[Any]]:
    """The newest facts of what one person did."""
    return list(
        database.session().execute(
            sa.select(*_COLUMNS).where(Fact.person_id == person_id).order_by(Fact.at.desc(), Fact.id.desc()).limit(size)
        )
    )


def chain(chain_id: UUID) -> Chain | None:
    """A chain: how many facts it holds, and the hash of the last."""
    return database.session().get(Chain, chain_id)


def newest_at() -> datetime | None:
    """When the newest fact of the site's own chain or any other was recorded."""
    return database.session().scalar(sa.select(sa.func.max(Fact.at)))


# --- facts in words ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A fact as a history shows it. `network_address` and `browser` are empty where the reader may not see them."""

    at: datetime
    kind: str
    position: int
    words: Markup
    network_address: str
    browser: str


class _Personal(dict[str, str]):
    """Personal values by name; what was erased or is not the reader's says so in words."""

    def __missing__(self, _name: str) -> str:
        return str(_("(not shown)"))


def templates_for(kind: str) -> list[str]:
    """Where the words of a kind of fact may stand: `templates/<slice>/facts/<kind, dots as _>.html`."""
    name = kind.replace(".", "_")
    return [f"{slice_name}/facts/{name}.html" for slice_name in webapp.SLICES]


def tell(rows: Sequence[Any], reader: Actor) -> list[Entry]:
    """Facts (rows with `kind`, `at`, `position`, `record`) in the reader's words.

    The template of a kind reads `who` (who did it), `fact` (its facts), `personal` (personal values by name),
    `customer`, `partner` and `other_partner` (names), and `name_of(id)` for any id among the facts. Whoever acted as a
    delegated administrator is `who` together with its partner, whoever acted through a program together with that. A partner sees no more of another's person than
    `rules.SEEN_BY_PARTNERS`.
    """
    records = [json.loads(row.record) for row in rows]
    values = personal_values(records)
    ids = {UUID(word) for record in records for word in _ids_in(record)}
    names = {**{id_: full_name(*name) for id_, name in _people(ids).items()}, **_organizations(ids)}
    by_text = {str(id_): name for id_, name in names.items()}
    through = {UUID(record[part]) for record in records if "client_id" in record for part in ("client_id", "person_id")}
    programs = {str(id_): name for id_, name in _programs(through).items()} if through else {}
    return [
        _entry(row, record, values, by_text, programs, reader) for row, record in zip(rows, records, strict=True)
    ]  # fmt: skip


def _entry(
    row: Any, record: dict[str, Any], values: dict[str, str], names: dict[str, str], programs: dict[str, str], reader: Actor
) -> Entry:  # fmt: skip
    seen = rules.seen_by(reader.organization_kind, str(reader.organization_id), record)
    personal = _Personal(
        {
            name: values[entry["id"]]
            for name, entry in record["personal"].items()
            if entry["id"] in values and (seen is None or name in seen)
        }
    )
    words = current_app.jinja_env.select_template([*templates_for(row.kind), "evidence/facts/other.html"]).render(
        who=_who(record, personal, names, programs),
        kind=row.kind,
        fact=record["facts"],
        personal=personal,
        name_of=lambda word: names.get(str(word), _("(not shown)")),
        **{part: names.get(record[f"{part}_id"] or "", "") for part in ("customer", "partner", "other_partner")},
    )
    return Entry(
        at=row.at,
        kind=row.kind,
        position=row.position,
        words=Markup(words.strip()),  # noqa: S704 - our own template, which escapes
        network_address=personal.get("network_address", ""),
        browser=personal.get("browser", ""),
    )


def _who(record: dict[str, Any], personal: _Personal, names: dict[str, str], programs: dict[str, str]) -> str:
    if record["person_id"] in programs:
        return str(_("%(name)s (program)", name=programs[record["person_id"]]))
    if record["person_id"]:
        name = personal.get("actor_name") or names.get(record["person_id"]) or str(_("An erased person"))
        if record.get("client_id") in programs:
            program = programs[record["client_id"]]
            return str(_("%(name)s (through the program %(program)s)", name=name, program=program))
        if "acting" not in record:
            return name
        return str(_("%(name)s (%(partner)s)", name=name, partner=names.get(record["organization_id"], "")))
    return str(_("The operator") if record["source"] == "operator" else _("Countersign"))


_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def _ids_in(record: dict[str, Any]) -> set[str]:
    texts = [
        record["facts"],
        *(record[name] for name in ("person_id", "customer_id", "partner_id", "other_partner_id")),
    ]
    return set(_ID.findall(json.dumps(texts)))


# --- verifying -----------------------------------------------------------------------------------------------

BATCH = 500
_REPEATED = ("person_id", "customer_id", "partner_id", "other_partner_id", "acting_partner_id")


def chain_ids() -> list[UUID]:
    """Every chain, and every chain that facts name although it is gone."""
    session = database.session()
    known = list(session.scalars(sa.select(Chain.id).order_by(Chain.id)))
    lost = sa.select(Fact.chain_id).where(Fact.chain_id.not_in(sa.select(Chain.id))).distinct()
    return known + list(session.scalars(lost))


def verify_chain(chain_id: UUID) -> Iterator[Finding | int]:
    """Walk one chain in constant memory; yield each finding, and at the end how many facts were read."""
    before = _row_of(chain_id)
    if before is None:
        yield Finding("missing", 0, "the chain's own row is gone")
        before = (0, rules.GENESIS)
    walk = rules.Walk()
    walk.watch(before[0])
    count = 0
    for batch in _facts_of(chain_id):
        records = [_parsed(row.record) for row in batch]
        personal = _salted([record for record in records if record is not None])
        for row, record in zip(batch, records, strict=True):
            yield from walk.follow(_link(row))
            if record is not None:
                yield from rules.personal_findings(row.position, record, personal)
            count += 1
        yield from _documents_missing(batch, records)
    yield from walk.finish(*before, now=_row_of(chain_id))
    yield count


def _row_of(chain_id: UUID) -> tuple[int, str] | None:
    row = database.session().execute(sa.select(Chain.length, Chain.head).where(Chain.id == chain_id)).first()
    return (row.length, row.head) if row is not None else None


def _facts_of(chain_id: UUID) -> Iterator[Sequence[Any]]:
    table = Fact.__table__.c
    place: tuple[int, UUID] | None = None
    while True:
        statement = sa.select(*table).where(table.chain_id == chain_id)
        if place is not None:
            position, id_ = place
            statement = statement.where(
                sa.or_(table.position > position, sa.and_(table.position == position, table.id > id_))
            )
        batch = database.session().execute(statement.order_by(table.position, table.id).limit(BATCH)).all()
        if not batch:
            return
        yield batch
        place = (batch[-1].position, batch[-1].id)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _link(row: Any) -> rules.Link:
    columns = {name: str(value) if (value := getattr(row, name)) is not None else None for name in _REPEATED}
    columns |= {"kind": row.kind, "at": row.at.isoformat(timespec="microseconds"), "chain_id": str(row.chain_id)}
    return rules.Link(str(row.id), row.position, row.record, row.previous_hash, row.hash, columns)


def _salted(records: Iterable[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    ids = [UUID(entry["id"]) for record in records for entry in record.get("personal", {}).values()]
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(ids), BATCH):
        rows = database.session().execute(
            sa.select(PersonalFact.id, PersonalFact.salt, PersonalFact.value).where(
                PersonalFact.id.in_(ids[start : start + BATCH])
            )
        )
        found |= {str(row.id): (row.salt, row.value) for row in rows}
    return found


#: Facts under these names hold the digest of a document that is kept.
DOCUMENTS = ("source_sha256", "html_sha256", "document_sha256")


def _documents_missing(batch: Sequence[Any], records: Sequence[dict[str, Any] | None]) -> Iterator[Finding]:
    named = {
        str(record["facts"][name]): row.position
        for row, record in zip(batch, records, strict=True)
        if record is not None and isinstance(record.get("facts"), dict)
        for name in DOCUMENTS
        if record["facts"].get(name)
    }
    if not named:
        return
    kept = set(database.session().scalars(sa.select(Document.sha256).where(Document.sha256.in_(list(named)))))
    for digest, position in named.items():
        if digest not in kept:
            yield Finding("missing", position, f"the document {digest} is gone")


def verify_documents() -> Iterator[Finding | int]:
    """Compare every document's bytes with its digest; yield findings, and at the end how many were read."""
    count, last = 0, ""
    while True:
        row = (
            database.session()
            .execute(
                sa.select(Document.sha256, Document.content)
                .where(Document.sha256 > last)
                .order_by(Document.sha256)
                .limit(1)
            )
            .first()
        )
        if row is None:
            yield count
            return
        if rules.document_digest(row.content) != row.sha256:
            yield Finding("edited", 0, f"the document {row.sha256} does not match its digest")
        count, last = count + 1, row.sha256


def verify_receipt(receipt: Mapping[str, Any]) -> list[Finding]:
    """Check a receipt by itself, then against the fact at its place. Raises ValueError when it is no receipt."""
    found = rules.receipt_findings(receipt)
    try:
        chain_id = UUID(str(receipt["chain_id"]))
    except ValueError as wrong:
        raise ValueError(f"not a receipt: {wrong}") from wrong
    position = int(receipt["position"])
    row = (
        database.session()
        .execute(sa.select(Fact.hash, Fact.record).where(Fact.chain_id == chain_id, Fact.position == position))
        .first()
    )
    if row is None:
        length = (_row_of(chain_id) or (0, ""))[0]
        kind = "cut" if length < position else "missing"
        return [*found, Finding(kind, position, "the database holds no fact at the receipt's place")]
    if (row.hash, row.record) != (receipt["hash"], receipt["record"]):
        found.append(Finding("mismatch", position, "the database holds another record at the receipt's place"))
    return found


def receipt_of(fact: Fact, documents: Iterable[str] = ()) -> dict[str, Any]:
    """A fact as its receipt holds it: all that is needed to verify it without this database.

    `documents` are the SHA-256 of texts to enclose. Holds salts and personal values: for the customer only.
    """
    enclosed = {digest: document(digest) for digest in documents}
    return {
        "record": fact.record,
        "previous_hash": fact.previous_hash,
        "hash": fact.hash,
        "chain_id": str(fact.chain_id),
        "position": fact.position,
        "personal": {
            name: {"salt": salt, "value": value}
            for name, (salt, value) in sorted(personal_rows(record_of(fact)).items())
        },
        "documents": {
            digest: {"media_type": each.media_type, "content": each.content.decode()}
            for digest, each in enclosed.items()
            if each is not None
        },
    }
