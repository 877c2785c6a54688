"""Keeping a file's rows, repairing them, starting, and doing them one by one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError, OperationalError

from webapp import clock, database, errors, worker
from webapp.access import Permission, roles_with
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.actor import Actor
from webapp.agreements import actions as agreements
from webapp.agreements.rules import ResellerCannotAttest, SameAttestation
from webapp.customers import queries as customers
from webapp.directory import actions as directory
from webapp.directory.rules import PersonKnown, check_new
from webapp.errors import Forbidden, Refusal
from webapp.evidence import actions as evidence
from webapp.imports import queries, rules
from webapp.imports.models import Import, ImportRow
from webapp.imports.rules import Checked, KnownPeople
from webapp.invitations import actions as invitations
from webapp.invitations import queries as invitation_queries
from webapp.invitations.rules import SendLimitReached
from webapp.messages.actions import reader_of
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import Stop
from webapp.policies import queries as policies
from webapp.subscriptions import queries as subscriptions

log = logging.getLogger("countersign.imports")

#: Who may import what needs the permission for the act itself.
NEEDS = {
    "invitations": Permission.WRITE_INVITATIONS,
    "attestations": Permission.ATTEST,
    "people": Permission.MANAGE_PEOPLE,
}
_INSERTED_AT_ONCE = 1000


def register(_app: Flask) -> None:
    """Let go of an erased person's values in rows; say what disabling stops."""
    accounts.holds(_forget_person)
    organization_actions.stops(_open_with)


def _open_with(organization_id: UUID, person_id: UUID | None) -> list[Stop]:
    """The imports that stop with an organization, or with the person in whose name they run."""
    found = queries.open_with(organization_id, person_id)
    counts = queries.counts_of([row.id for row in found])
    return [Stop("import", row.id, f"import of {counts[row.id].waiting} {row.kind} that are left") for row in found]


# --- before the start ------------------------------------------------------------------------------------------


def check_may_import(kind: str, by: Actor) -> None:
    """Raises Forbidden, ResellerCannotAttest: what is told before a file is chosen."""
    if not by.may(NEEDS[kind]):
        raise Forbidden(permission=NEEDS[kind], roles=roles_with(by.organization_kind, NEEDS[kind]))
    own = organizations.partner_by_id(by.organization_id)
    if kind == "attestations" and own is not None and own.programme == "indirect_reseller":
        raise ResellerCannotAttest(providers=tuple(each.name for each in organizations.providers_of(own.id)))


def upload(
    *, by: Actor, kind: str, language: str, file_name: str, sha256: str, lines: Sequence[tuple[int, Mapping[str, str]]],
    ignored: Sequence[str] = (),
) -> Import:  # fmt: skip
    """Keep the rows of a file, checked; nothing of them is done. `lines`: number and values of each row.

    Raises what `check_may_import` raises.
    """
    check_may_import(kind, by)
    known = queries.known_for(by, kind, [values for _number, values in lines])
    checked = [(number, rules.check_row(kind, values, known)) for number, values in lines]
    rules.mark_repeated(kind, checked)
    if isinstance(known, KnownPeople):
        rules.mark_without_seats(checked, known)
    database.write()
    row = Import(
        id=uuid4(), organization_id=by.organization_id, created_by_id=by.person_id, person_id=by.person_id, kind=kind,
        language=language, file_name=file_name[:200], sha256=sha256, ignored=list(ignored)[:20], rows=len(checked),
        created_at=clock.now(),
    )  # fmt: skip
    session = database.session()
    session.add(row)
    session.flush()
    for start in range(0, len(checked), _INSERTED_AT_ONCE):
        session.execute(
            sa.insert(ImportRow),
            [
                {"id": uuid4(), "import_id": row.id, "number": number, "facts": {}, **_columns(kind, each)}
                for number, each in checked[start : start + _INSERTED_AT_ONCE]
            ],
        )
    return row


def _columns(kind: str, checked: Checked) -> dict[str, Any]:
    """What a check found, as it is stored."""
    address = checked.values.get(rules.ADDRESS[kind], "")
    return {
        "values": checked.values,
        "address_key": address.casefold()[:254] or None,
        "customer_id": checked.customer_id,
        "other_id": checked.other_id,
        "fault": checked.faults[0].code if checked.faults else "",
        "faults": {"all": [asdict(each) for each in checked.faults]},
        "warning": checked.warning,
    }


@dataclass(frozen=True)
class Repaired:
    """How many of the rows that were sent are good now, still wrong, and left out."""

    good: int
    bad: int
    left_out: int


def repair_rows(import_: Import, typed: Mapping[int, Mapping[str, str]], *, leave_out: int = 0, by: Actor) -> Repaired:
    """Keep what was typed into many rows, by their numbers, and check them again; leave one out.

    All that was typed is kept, also where it is still wrong. Rows that say what they said, or that somebody left out
    meanwhile, stay as they are. Raises ImportStarted, ImportOver.
    """
    known = queries.known_for(by, import_.kind, list(typed.values()))
    row = _unstarted(import_.id)
    good = bad = omitted = 0
    for each in queries.open_rows(row.id, {*typed, leave_out}):
        if each.number == leave_out:
            database.locked(each).left_out_at = clock.now()
            omitted += 1
        elif typed[each.number] == {name: str(each.values.get(name, "")) for name in typed[each.number]}:
            bad += bool(each.fault)
        else:
            checked = rules.check_row(row.kind, {**each.values, **typed[each.number]}, known)
            _keep(row, database.locked(each), checked)
            good, bad = good + (not checked.faults), bad + bool(checked.faults)
    database.session().flush()
    return Repaired(good, bad, omitted)


def _keep(import_: Import, row: ImportRow, checked: Checked) -> None:
    for name, value in _columns(import_.kind, checked).items():
        setattr(row, name, value)


def _unstarted(import_id: UUID) -> Import:
    found = queries.by_id(import_id)
    assert found is not None
    fresh = database.locked(found)
    rules.check_unstarted(fresh, clock.now())
    return fresh


def leave_out(row: ImportRow) -> None:
    """Leave one row out. Raises ImportStarted, ImportOver."""
    _unstarted(row.import_id)
    database.locked(row).left_out_at = clock.now()
    database.session().flush()


def leave_out_all(import_: Import, which: str) -> int:
    """Leave out every row that is wrong ("faults") or has a warning ("warnings"); answer how many.

    Raises ImportStarted, ImportOver.
    """
    _unstarted(import_.id)
    return _leave_out(import_.id, ImportRow.fault != "" if which == "faults" else ImportRow.warning != "")


def _leave_out(import_id: UUID, condition: sa.ColumnElement[bool]) -> int:
    result = database.session().execute(
        sa.update(ImportRow)
        .where(ImportRow.import_id == import_id, condition)
        .where(ImportRow.left_out_at.is_(None), ImportRow.done_at.is_(None))
        .values(left_out_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return database.rows_of(result)


def start(import_: Import, *, by: Actor, sends: bool) -> bool:
    """Have the worker do every good row, in the name of who starts it. False when it was started.

    Raises NothingToImport, ImportOver, and what `check_may_import` raises.
    """
    row = database.locked(import_, chain=by.chain_id)
    check_may_import(row.kind, by)
    rules.check_open(row, clock.now())
    if row.started_at is not None:
        return False
    rules.check_some(queries.count_of(row).waiting, row.id)
    _leave_out(row.id, ImportRow.fault != "")
    row.started_at, row.person_id = clock.now(), by.person_id
    row.sends = sends and row.kind == "invitations"
    _record(row, "started", by)
    return True


def _record(row: Import, what: str, by: Actor) -> None:
    counts = queries.count_of(row)
    is_customers = row.kind == "people"
    evidence.record(
        f"import.{what}",
        by=by,
        customer_id=row.organization_id if is_customers else None,
        partner_id=None if is_customers else row.organization_id,
        facts={
            "import_id": str(row.id), "import_kind": row.kind, "sha256": row.sha256, "rows": counts.taken,
            "finished": counts.finished, "sends": row.sends,
        },
    )  # fmt: skip


def pause(import_: Import) -> bool:
    """Do no more rows until somebody goes on. False when it was paused, or not started. Raises ImportOver."""
    row = database.locked(import_)
    rules.check_open(row, clock.now())
    if row.paused_at is not None or row.started_at is None:
        return False
    row.paused_at = clock.now()
    return True


def resume(import_: Import, *, by: Actor) -> bool:
    """Go on, in the name of who says so. False when it was not paused. Raises ImportOver, Forbidden."""
    row = database.locked(import_, chain=by.chain_id)
    check_may_import(row.kind, by)
    rules.check_open(row, clock.now())
    if row.paused_at is None:
        return False
    row.paused_at, row.stopped_for, row.person_id = None, "", by.person_id
    _record(row, "resumed", by)
    return True


def cancel(import_: Import, *, by: Actor) -> bool:
    """Do none of the rows that are left; what was done stays. False when it was cancelled. Raises ImportOver."""
    row = database.locked(import_, chain=by.chain_id)
    if row.cancelled_at is not None:
        return False
    rules.check_open(row, clock.now())
    _leave_out(row.id, sa.true())
    row.cancelled_at = clock.now()
    if row.started_at is not None:
        _record(row, "cancelled", by)
    _end(row)
    if row.started_at is None:
        _let_go(row)  # nothing came of it: nobody needs what it says
    return True


def _end(row: Import) -> None:
    """Keep the numbers of an import that has no row left to do."""
    counts = queries.count_of(row)
    row.done, row.already, row.refused = counts.done, counts.already, counts.refused
    row.ended_at = clock.now()


# --- doing rows ------------------------------------------------------------------------------------------------


def turn() -> int:
    """Do a batch of rows of every import that can run; answer how many rows were looked at.

    Safe to run on any number of workers: a row is taken by lease, and done under its lock.
    """
    looked_at = 0
    for import_id in queries.runnable(clock.now()):
        run = uuid4()
        taken = claim(import_id, run)
        for each in taken:
            if worker.is_stopping():
                release(run)
                return looked_at
            looked_at += 1
            if not do_row(each, run):
                release(run)
                break
        if not taken:
            looked_at += finish(import_id)
    return looked_at


@dataclass(frozen=True)
class Taken:
    """A row that a run leased, and the chain of its customer (None: there is no such customer any more)."""

    row_id: UUID
    chain_id: UUID | None


def claim(import_id: UUID, run: UUID) -> list[Taken]:
    """Lease up to `rules.BATCH` rows of an import for one run of a worker.

    A lease that ran out is free again (its worker died), and so is one that ends further ahead than any can (the clock
    was set back). A worker whose clock is up to `rules.SKEW` behind another's leaves alone what the other leased.
    """
    with database.unit_of_work():
        database.write()
        now = clock.now()
        free = (
            sa.select(ImportRow.id)
            .where(
                ImportRow.import_id == import_id,
                ImportRow.done_at.is_(None),
                ImportRow.left_out_at.is_(None),
                sa.or_(
                    ImportRow.leased_until.is_(None),
                    ImportRow.leased_until <= now,
                    ImportRow.leased_until > now + rules.LEASE + rules.SKEW,
                ),
            )
            .order_by(ImportRow.number)
            .limit(rules.BATCH)
            .with_for_update(skip_locked=True)
        )
        claimed = database.session().execute(
            sa.update(ImportRow)
            .where(ImportRow.id.in_(free.scalar_subquery()))
            .values(leased_until=now + rules.LEASE, leased_by=run)
            .returning(ImportRow.id, ImportRow.number, ImportRow.customer_id)
            .execution_options(synchronize_session=False)
        )
        rows = sorted(claimed, key=lambda row: row.number)
        chains = queries.chains_of([row.customer_id for row in rows if row.customer_id is not None])
        return [Taken(row.id, chains.get(row.customer_id)) for row in rows]


def release(run: UUID) -> None:
    """Give back what a run leased and did not do: somebody else may take it at once."""
    with database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(ImportRow)
            .where(ImportRow.leased_by == run, ImportRow.done_at.is_(None))
            .values(leased_until=None, leased_by=None)
            .execution_options(synchronize_session=False)
        )


@dataclass(frozen=True)
class Outcome:
    """What came of a row that was done."""

    about_id: UUID
    reference: str = ""


class _MayNoMore(Exception):
    """The person in whose name an import runs may do its rows no more."""

    def __init__(self, person_id: UUID) -> None:
        super().__init__(person_id)
        self.person_id = person_id


def do_row(taken: Taken, run: UUID) -> bool:
    """Do one row: its effect and its mark are one transaction, so that it is done once whatever dies between.

    False when the rest of the import has to wait: it was paused, its person may do this no more, or the day's mails are
    used up.
    """
    try:
        with database.unit_of_work():
            return _do(taken, run)
    except _MayNoMore as found:
        _stop(taken.row_id, found.person_id)
        return False
    except SendLimitReached as refusal:
        _wait(taken.row_id, refusal)
        return False
    except Refusal as refusal:
        _refuse(taken.row_id, run, refusal)
    except IntegrityError as error:
        met = errors.refusal_of(error)
        _refuse(taken.row_id, run, met) if met is not None else _fail(taken.row_id, run, error)
    except OperationalError:
        raise  # the database is not there, or busy: the lease runs out, and the row is tried again
    except Exception as error:
        _fail(taken.row_id, run, error)
    return True


def _held(row_id: UUID, run: UUID) -> ImportRow | None:
    """The row, locked, while this run holds it and it is not done; else another worker took it over."""
    row = database.session().get(ImportRow, row_id, with_for_update=True, populate_existing=True)
    if row is None or row.done_at is not None or row.left_out_at is not None or row.leased_by != run:
        return None
    return row


def _do(taken: Taken, run: UUID) -> bool:
    database.write(chain=taken.chain_id)
    fresh = _held(taken.row_id, run)
    if fresh is None:
        return True
    import_ = database.session().get_one(Import, fresh.import_id, populate_existing=True)
    if import_.cancelled_at is not None or import_.paused_at is not None:
        return False
    actor = queries.actor_for(import_)
    if actor is None or not _may(actor, import_.kind):
        raise _MayNoMore(import_.person_id)  # noted once the row is let go: `cancel` holds the import, then its rows
    if import_.kind == "people":
        seen = organizations.organization_by_id(import_.organization_id)
    else:
        seen = customers.seen_customer(actor, fresh.customer_id) if fresh.customer_id is not None else None
    if seen is None or not seen.is_open:
        _mark(fresh, "refused", reason="no_customer")
        return True
    with reader_of(import_.language, actor.zone):
        outcome = _EFFECTS[import_.kind](import_, fresh, seen, actor)
    _mark(fresh, "done", about_id=outcome.about_id, reference=outcome.reference)
    return True


def _may(actor: Actor, kind: str) -> bool:
    return actor.may(NEEDS[kind]) and (kind == "people" or actor.may(Permission.IMPORT))


def _invite(import_: Import, row: ImportRow, customer: Organization, by: Actor) -> Outcome:
    """One invitation. It takes the row's own id: a second one would be refused by the database."""
    values = row.values
    day = rules.day_in(values.get("last_day", ""))
    made = invitations.make(
        by=by,
        asks=values.get("asks") or "relationship",
        customer=customer,
        other=organizations.partner_by_id(row.other_id) if row.other_id is not None else None,
        language=values.get("language") or customer.language,
        last_day=day or clock.today(customer.zone) + timedelta(days=policies.value("invitation.days")),
        recipient=values.get("recipient") or invitation_queries.address_on_file(customer.id),
        key=row.id,
        source="import",
    )
    if import_.sends and made.recipient:
        invitations.send(made, by=by, source="import")
    return Outcome(made.id)


def _attest(_import: Import, row: ImportRow, customer: Organization, by: Actor) -> Outcome:
    """One attestation; the customer is told of each."""
    made = agreements.attest(
        customer,
        by=by,
        signatory=rules.signatory_of(row.values),
        agreed_on=rules.day_in(row.values["agreed_on"]) or date.max,
        source="import",
    )
    return Outcome(made.id, made.reference)


def _add_person(_import: Import, row: ImportRow, customer: Organization, by: Actor) -> Outcome:
    """One person with all its licences, or nothing; it gets its first mail like one that was added on the page."""
    values, seats = row.values, queries.seats_by_name(customer)
    words = rules.words_in(values.get("licences", ""))
    unknown = next((word for word in words if rules.folded(word) not in seats), None)
    if unknown is not None:
        raise rules.NoSuchLicence(word=unknown[:100])
    lines = {rules.chosen(seats[rules.folded(word)]).line_id for word in words}
    added = directory.add(
        by=by, given_name=values["given_name"], family_name=values["family_name"], address=values["email"],
        language=values.get("language") or None, lines=[each for each in subscriptions.of_customer(customer.id) if each.line_id in lines], source="import",
    )  # fmt: skip
    check_new(added.is_new, added.person.id)
    return Outcome(added.person.id)


_EFFECTS: dict[str, Callable[[Import, ImportRow, Organization, Actor], Outcome]] = {
    "invitations": _invite,
    "attestations": _attest,
    "people": _add_person,
}


def _mark(
    row: ImportRow, result: str, *, reason: str = "", facts: Mapping[str, Any] | None = None,
    about_id: UUID | None = None, reference: str = "",
) -> None:  # fmt: skip
    row.done_at, row.result = clock.now(), result
    row.reason, row.facts = reason, dict(facts or {})
    row.about_id, row.reference = about_id, reference
    row.leased_until = row.leased_by = None


def _refuse(row_id: UUID, run: UUID, refusal: Refusal) -> None:
    """Keep why a row was refused; that it is so already is no fault."""
    with database.unit_of_work():
        database.write()
        fresh = _held(row_id, run)
        if fresh is not None:
            result = "already" if isinstance(refusal, SameAttestation | PersonKnown) else "refused"
            _mark(fresh, result, reason=refusal.name, facts=rules.plain(refusal.facts))


def _fail(row_id: UUID, run: UUID, error: Exception) -> None:
    """A fault of our own: try again later, at last give the row up so that the others go on."""
    log.error("row %s of an import failed", row_id, exc_info=error)
    with database.unit_of_work():
        database.write()
        fresh = _held(row_id, run)
        if fresh is None:
            return
        fresh.attempts += 1
        fresh.leased_by = None  # the lease itself stays: a pause before the next try
        if fresh.attempts >= rules.LAST_ATTEMPT:
            _mark(fresh, "refused", reason="our_fault")


def _stop(row_id: UUID, person_id: UUID) -> None:
    """This person may do the rows no more: they wait until somebody goes on, unless somebody did meanwhile."""
    with database.unit_of_work():
        database.write()
        row = database.session().get_one(ImportRow, row_id)
        import_ = database.session().get_one(Import, row.import_id, with_for_update=True)
        if import_.person_id == person_id and import_.paused_at is None and import_.ended_at is None:
            import_.paused_at, import_.stopped_for = clock.now(), "Forbidden"


def _wait(row_id: UUID, refusal: SendLimitReached) -> None:
    """The day's mails are used up: the rows wait for the next day."""
    with database.unit_of_work():
        database.write()
        row = database.session().get_one(ImportRow, row_id)
        import_ = database.session().get_one(Import, row.import_id, with_for_update=True)
        import_.waits_until = refusal.opens_at


def finish(import_id: UUID) -> int:
    """Note that every row is done, once. 1 when it was noted now."""
    if queries.remaining(import_id):
        return 0
    found = queries.by_id(import_id)
    assert found is not None
    with database.unit_of_work():
        row = database.locked(found)
        if row.ended_at is not None or queries.remaining(import_id):
            return 0
        _end(row)
    return 1


# --- letting go ------------------------------------------------------------------------------------------------


def let_go(import_id: UUID) -> bool:
    """Empty the values of an import's rows, which name persons; what was not done by then is not done any more."""
    found = queries.by_id(import_id)
    if found is None:
        return False
    row = database.locked(found)
    if row.emptied_at is not None:
        return False
    _leave_out(row.id, sa.true())
    if row.ended_at is None:
        row.cancelled_at = row.cancelled_at or clock.now()
        _end(row)
    _let_go(row)
    return True


def _let_go(row: Import) -> None:
    _empty(ImportRow.import_id == row.id)
    row.emptied_at = clock.now()


def _empty(condition: sa.ColumnElement[bool]) -> int:
    result = database.session().execute(
        sa.update(ImportRow)
        .where(condition)
        .values(values={}, address_key=None, faults={}, facts={})
        .execution_options(synchronize_session=False)
    )
    return database.rows_of(result)


def _forget_person(person_id: UUID) -> tuple[int, list[Any]]:
    """Empty the rows that hold an erased person's address; those that were not done are left out."""
    person = people.person_by_id(person_id)
    if person is None or not person.address:
        return 0, []
    about = ImportRow.address_key == person.address.casefold()
    database.session().execute(
        sa.update(ImportRow)
        .where(about, ImportRow.done_at.is_(None), ImportRow.left_out_at.is_(None))
        .values(left_out_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return _empty(about), []
