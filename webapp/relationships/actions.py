"""Beginning and ending a relationship; asking to end it; saying that a partner is not known.

Each verb is one act in the customer's chain, and tells whoever it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from flask import Flask

from webapp import clock, database
from webapp.access import Permission, roles_with
from webapp.accounts import actions as accounts
from webapp.accounts.rules import Stays
from webapp.actor import Actor
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence import queries as records
from webapp.evidence.models import Fact
from webapp.messages import queries as outbox
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import Stop
from webapp.policies import queries as policies
from webapp.relationships import emails, queries, rules
from webapp.relationships.models import Distrust, Ending, EndingAnswer, EndingReminder, EndingRequest, Relationship
from webapp.tasks import actions as tasks

speaks("uq_relationships_customer_id_partner_id_reseller_key_ordinal", lambda: rules.AlreadyRelated(since=clock.now()))
speaks("uq_relationship_endings_relationship_id", lambda: rules.RelationshipOver(at=clock.now(), by=""))
speaks("uq_ending_answers_request_id", lambda: rules.RequestAnswered(answer="", at=clock.now(), by=""))
speaks("uq_ending_requests_relationship_id_ordinal", lambda: rules.EndingAskedAlready())
speaks("uq_distrusts_customer_id_partner_id_ordinal", lambda: rules.DistrustChanged())


def register(_app: Flask) -> None:
    """Say what stays when a signer is erased, and what disabling an organization stops."""
    accounts.holds(_stays)
    organization_actions.stops(_live_with)


#: What ends with the last relationship of a customer with a partner: function(customer_id, partner_id).
EndingWith = Callable[[UUID, UUID], Iterable[rules.EndsWith]]
_ending_with: list[EndingWith] = []


def ends_with(function: EndingWith) -> None:
    """Have a slice asked what ends with a partner's last relationship. The function only reads: what it names is ended
    by the slice's own follower of "relationship.ended"."""
    if function not in _ending_with:
        _ending_with.append(function)


def _live_with(organization_id: UUID, person_id: UUID | None) -> list[Stop]:
    """The live relationships that stop with an organization; they do not hang on one person."""
    if person_id is not None:
        return []
    stops = []
    for row in queries.live_with(organization_id):
        customer, partner = (organizations.organization_by_id(id_) for id_ in (row.customer_id, row.partner_id))
        assert customer is not None
        assert partner is not None
        words = f"relationship of {customer.name} with {partner.name}, since {row.began_at:%Y-%m-%d}"
        stops.append(Stop("relationship", row.id, words))
    return stops


def _stays(person_id: UUID) -> tuple[int, list[Stays]]:
    """A signer's name, address and authority stay while the relationship lasts and for the retention time."""
    years = policies.value("evidence.retention_years")
    accepted = queries.accepted_by(person_id)
    signed = [
        Stays(
            f"the signature of relationship {queries.reference_of(row)}",
            f"it is evidence of a contract; kept while in force, and {years} years",
            rules.kept_until(row.began_at.date(), years),
            frozenset(UUID(entry["id"]) for entry in records.record_of(queries.fact_of(row))["personal"].values()),
        )
        for row in accepted
    ]
    mailed = [
        Stays(
            f"receipts of relationship {queries.reference_of(row)} mailed to colleagues",
            "they name the signer, and are copies of evidence that others hold",
        )
        for row in accepted
        if outbox.went_to_others(row.id, "receipt", person_id)
    ]
    return 0, signed + mailed


def check_trusted(customer_id: UUID, partner_id: UUID) -> None:
    """Raises PartnerDistrusted while the customer says that it does not know the partner: no new right for it."""
    partner = organizations.organization_by_id(partner_id)
    assert partner is not None
    rules.check_trusted(queries.distrusted_since(customer_id, partner_id), partner.name, partner_id)


def begin(
    customer: Organization,
    *,
    partner_id: UUID,
    reseller_id: UUID | None,
    origin: str,
    by: Actor | None,
    invitation_id: UUID | None = None,
    facts: Mapping[str, Any] | None = None,
    personal: Mapping[str, str] | None = None,
    source: str = "page",
) -> Relationship:
    """Begin a reseller relationship; one act, one fact in the customer's chain. Raises AlreadyRelated,
    PartnerDistrusted.

    `origin` is "acceptance" or "creation"; `facts` adds what the customer was shown (literal words of the box,
    language, fingerprint), `personal` the signer's title and the like.
    """
    database.write(chain=customer.chain_id)
    for each in (partner_id, reseller_id):
        if each is not None:
            check_trusted(customer.id, each)
    present = queries.open_between(customer.id, partner_id, reseller_id)
    rules.check_can_begin(present.began_at if present is not None else None)
    relationship_id = uuid4()
    fact = evidence.record(
        "relationship.accepted" if origin == "acceptance" else "relationship.created",
        by=by,
        source=source,
        customer_id=customer.id,
        partner_id=partner_id,
        other_partner_id=reseller_id,
        facts={
            "relationship_id": str(relationship_id),
            "invitation_id": str(invitation_id) if invitation_id else None,
            **(facts or {}),
        },
        personal=personal,
    )
    row = Relationship(
        id=relationship_id,
        customer_id=customer.id,
        partner_id=partner_id,
        reseller_id=reseller_id,
        reseller_key=str(reseller_id) if reseller_id else "",
        ordinal=queries.how_many(customer.id, partner_id, reseller_id) + 1,
        origin=origin,
        began_at=fact.at,
        person_id=by.person_id if by is not None else None,
        invitation_id=invitation_id,
        fact_id=fact.id,
    )
    database.session().add(row)
    database.session().flush()
    return row


# --- asking to end ---------------------------------------------------------------------------------------------


def ask_to_end(relationship: Relationship, *, by: Actor, reason: str = "") -> bool:
    """The customer asks to end a relationship; both its partners are told. False while a request waits for an answer.

    Raises RelationshipOver.
    """
    row = _held(relationship)
    _check_open(row)
    before = queries.requests_of(row.id)
    if any(answer is None for _request, answer in before):
        return False
    request_id = uuid4()
    fact = _record(row, "ending_asked", by=by, facts={"request_id": str(request_id)}, reason=reason)
    request = EndingRequest(
        id=request_id, relationship_id=row.id, ordinal=len(before) + 1, at=fact.at, person_id=by.person_id,
        fact_id=fact.id,
    )  # fmt: skip
    database.session().add(request)
    database.session().flush()
    customer, partner, reseller = queries.parties_of(row)
    for each in (partner, reseller):
        if each is not None:
            tasks.put(
                each.id, "ending_asked", about_key=str(request_id), about_id=request_id, waits=True,
                facts={"customer": customer.name}, path=_path(row, "partner"),
            )  # fmt: skip
    _tell(row, "ending_asked", by=by, reason=reason)
    return True


def withdraw_ending_request(request: EndingRequest, *, by: Actor) -> bool:
    """The customer takes its request back; the relationship goes on. False when it did. Raises RequestAnswered."""
    row = _held(_relationship_of(request))
    if _is_repeated(request.id, "withdrawn"):
        return False
    fact = _record(row, "ending_withdrawn", by=by, facts={"request_id": str(request.id)})
    _answer(row, request.id, "withdrawn", by=by, fact=fact)
    _tell(row, "ending_withdrawn", by=by)
    return True


def answer_ending(request: EndingRequest, *, by: Actor, agree: bool, reason: str = "") -> bool:
    """A partner of the relationship agrees, which ends it, or refuses with a reason. False when it answered so.

    Raises RequestAnswered, RelationshipOver, ReasonMissing, SubscriptionsActive.
    """
    row = _held(_relationship_of(request))
    if _is_repeated(request.id, "agreed" if agree else "refused"):
        return False
    _check_open(row)
    rules.check_reason(agree, reason)
    if agree:
        _end(row, by, reason)
        return True
    fact = _record(row, "ending_refused", by=by, facts={"request_id": str(request.id)}, reason=reason)
    _answer(row, request.id, "refused", by=by, fact=fact)
    _put_answer(row, str(request.id), "refused", by)
    _tell(row, "ending_refused", by=by, reason=reason)
    return True


def remind(request: EndingRequest) -> bool:
    """Remind the partners of a request that waits for too long; after downtime once for all days that have passed.
    Decided again under the lock: safe to run twice. False when nothing was due."""
    row = _held(_relationship_of(request))
    waiting = queries.request_by_id(request.id)
    if waiting is None or queries.answer_to(request.id) is not None:
        return False
    days = [int(each) for each in policies.value("relationship.reminder_days")]
    now = clock.now()
    due = rules.reminders_due(waiting.at, queries.reminded_days(waiting.id), days, now)
    if not due:
        return False
    for each in due:
        database.session().add(EndingReminder(request_id=waiting.id, days=each, at=now))
    database.session().flush()
    _tell(row, "ending_reminder", by=None, to=("partner",), asked_at=waiting.at, days=(now - waiting.at).days)
    return True


# --- ending ----------------------------------------------------------------------------------------------------


def end(relationship: Relationship, *, by: Actor, reason: str = "") -> bool:
    """A partner of the relationship ends it, at once. False when it has ended already.

    Raises SubscriptionsActive.
    """
    row = _held(relationship)
    if queries.end_of(row.id) is not None:
        return False
    _end(row, by, reason)
    return True


def _end(row: Relationship, by: Actor, reason: str) -> None:
    """One fact: the end, and with it the answer to the request that waits."""
    rules.check_nothing_active(queries.held_by(row))
    waiting = next((request for request, answer in queries.requests_of(row.id) if answer is None), None)
    partners = [each for each in (row.partner_id, row.reseller_id) if each is not None]
    left = [each for each in partners if not queries.related_otherwise(row.customer_id, each, row.id)]
    ends = [found for each in left for ask in _ending_with for found in ask(row.customer_id, each)]
    facts: dict[str, Any] = {
        "ends": [{"id": str(each.id), "name": each.name} for each in ends if not each.waits],
        "withdraws": [{"id": str(each.id), "name": each.name} for each in ends if each.waits],
    }
    if waiting is not None:
        facts["request_id"] = str(waiting.id)
    fact = _record(row, "ended", by=by, facts=facts, reason=reason)
    database.session().add(
        Ending(
            relationship_id=row.id, at=fact.at, by_organization_id=by.organization_id, person_id=by.person_id,
            fact_id=fact.id,
        )
    )  # fmt: skip
    database.session().flush()
    if waiting is not None:
        _answer(row, waiting.id, "agreed", by=by, fact=fact)
    _put_answer(row, str(waiting.id if waiting is not None else row.id), "ended", by)
    _tell(row, "ended", by=by, reason=reason, asked=waiting is not None, ends=ends, remains=len(left) < len(partners))


def _held(relationship: Relationship) -> Relationship:
    """Hold the customer's chain, then the relationship."""
    customer, _partner, _reseller = queries.parties_of(relationship)
    return database.locked(relationship, chain=customer.chain_id)


def _relationship_of(request: EndingRequest) -> Relationship:
    found = queries.relationship_by_id(request.relationship_id)
    assert found is not None  # a foreign key
    return found


def _check_open(row: Relationship) -> None:
    ended = queries.end_of(row.id)
    rules.check_open(ended.at if ended is not None else None, _organization_name(ended))


def _is_repeated(request_id: UUID, wanted: str) -> bool:
    given = queries.answer_to(request_id)
    return rules.is_repeated(
        given.answer if given is not None else None, wanted, at=given.at if given is not None else None,
        by=_organization_name(given),
    )  # fmt: skip


def _organization_name(act: Ending | EndingAnswer | None) -> str:
    """The name of the organization that did something; empty for the operator."""
    if act is None or act.by_organization_id is None:
        return ""
    return organizations.names_of({act.by_organization_id})[act.by_organization_id]


def _record(
    row: Relationship, kind: str, *, by: Actor, facts: Mapping[str, Any] | None = None, reason: str = ""
) -> Fact:
    return evidence.record(
        f"relationship.{kind}", by=by, customer_id=row.customer_id, partner_id=row.partner_id,
        other_partner_id=row.reseller_id, facts={"relationship_id": str(row.id), **(facts or {})},
        personal={"reason": reason} if reason else None,
    )  # fmt: skip


def _answer(row: Relationship, request_id: UUID, answer: str, *, by: Actor, fact: Fact) -> None:
    """Write what became of a request; what waited for it in the partners' inboxes is done."""
    database.session().add(
        EndingAnswer(
            request_id=request_id, answer=answer, at=fact.at, by_organization_id=by.organization_id,
            person_id=by.person_id, fact_id=fact.id,
        )
    )  # fmt: skip
    database.session().flush()
    for each in (row.partner_id, row.reseller_id):
        if each is not None:
            tasks.done(each, "ending_asked", str(request_id), by_id=by.person_id)


def _put_answer(row: Relationship, key: str, answer: str, by: Actor) -> None:
    """An entry in the customer's inbox: a partner refused, or ended the relationship."""
    tasks.put(
        row.customer_id, "ending_answered", about_key=key, about_id=row.id, waits=False,
        facts={"partner": by.organization_name, "answer": answer}, path=_path(row, "customer"),
    )  # fmt: skip


def _path(row: Relationship, side: str) -> str:
    if side == "partner":
        return f"/partner/customers/relationships/{row.id}"
    return f"/settings/partner-relationships/{row.id}"


def _tell(
    row: Relationship,
    event: str,
    *,
    by: Actor | None,
    to: tuple[str, ...] = ("customer", "partner"),
    ends: Sequence[rules.EndsWith] = (),
    **more: Any,
) -> None:
    """Tell both sides: the customer's administrators, and the admin agents of provider and reseller. `ends`: what ends
    with it; a partner reads of its own alone."""
    customer, partner, reseller = queries.parties_of(row)
    held = queries.held_by(row)
    facts = {
        "customer": customer.name,
        "partners": f"{reseller.name} / {partner.name}" if reseller is not None else partner.name,
        "at": clock.now(), "held": held, "reason": "",
        "by_given": by.given_name if by is not None else "", "by_family": by.family_name if by is not None else "",
        "by_organization": by.organization_name if by is not None else "",
    } | more  # fmt: skip
    sides = (("customer", customer), ("partner", partner), ("partner", reseller))
    for side, organization in sides:
        if organization is None or side not in to or not organization.is_open:
            continue
        permission = Permission.WORK_INBOX if side == "customer" else Permission.END_RELATIONSHIPS
        its = [each for each in ends if side == "customer" or each.partner_id == organization.id]
        names = {
            "ends": [each.name for each in its if not each.waits], "withdraws": [each.name for each in its if each.waits]
        }  # fmt: skip
        for person in organizations.people_with(organization.id, *roles_with(side, permission)):
            emails.tell(
                event,
                to=person,
                side=side,
                zone=person.zone or organization.zone,
                relationship_id=row.id,
                **names,
                **facts,
            )


# --- a partner that is not known -------------------------------------------------------------------------------


def say_unknown(customer: Organization, partner: Organization, *, by: Actor, comment: str = "") -> bool:
    """A customer says that it does not know a partner: from now on this partner gets no new right there, and the
    operator is told. Rights that are there stay. False when it says so already."""
    database.write(chain=customer.chain_id)
    if queries.distrusted_since(customer.id, partner.id) is not None:
        return False
    _turn(customer, partner, "said", by=by, comment=comment)
    names = {"by_given": by.given_name, "by_family": by.family_name, "comment": comment}
    _tell_of_distrust("distrusted", customer, partner, **names)
    emails.tell_operator(
        person_id=by.person_id, partner_id=partner.id, customer_id=customer.id, customer=customer.name,
        partner=partner.name, partner_number=partner.partner_number or "", at=clock.now(), by_address=by.address,
        **names,
    )  # fmt: skip
    return True


def lift_unknown(customer: Organization, partner: Organization, *, by: Actor | None, why: str = "") -> bool:
    """The customer, or the operator (`by` None, with `why`), takes it back: the partner can get rights again. False
    when it is not said."""
    database.write(chain=customer.chain_id)
    if queries.distrusted_since(customer.id, partner.id) is None:
        return False
    _turn(customer, partner, "lifted", by=by, why=why)
    names = {"by_given": by.given_name if by else "", "by_family": by.family_name if by else "", "why": why}
    _tell_of_distrust("trusted", customer, partner, **names)
    return True


def _turn(
    customer: Organization, partner: Organization, kind: str, *, by: Actor | None, comment: str = "", why: str = ""
) -> None:
    """Record an act and add its row. The partner may read that it was said, not by whom: the name stands once more
    under one that partners do not see."""
    personal = {"said_by": by.name} if by is not None else {}
    if comment:
        personal["comment"] = comment
    fact = evidence.record(
        "relationship.distrusted" if kind == "said" else "relationship.trusted", by=by,
        source="page" if by is not None else "operator", customer_id=customer.id, partner_id=partner.id,
        facts={"why": why} if why else None, personal=personal,
    )  # fmt: skip
    newest = queries.distrust_of(customer.id, partner.id)
    row = Distrust(
        customer_id=customer.id, partner_id=partner.id, ordinal=(newest.ordinal if newest is not None else 0) + 1,
        kind=kind, at=fact.at, person_id=by.person_id if by is not None else None, fact_id=fact.id,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()


def _tell_of_distrust(event: str, customer: Organization, partner: Organization, **facts: Any) -> None:
    """Tell the customer's administrators; the partner is not told, only refused."""
    if not customer.is_open:
        return
    for person in organizations.people_with(customer.id, *roles_with("customer", Permission.WORK_INBOX)):
        emails.tell_of_distrust(
            event, to=person, zone=person.zone or customer.zone, partner_id=partner.id, customer=customer.name,
            partner=partner.name, at=clock.now(), **facts,
        )  # fmt: skip
