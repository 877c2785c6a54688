"""Telling of coming ends, links to calendars, switching to direct billing."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from webapp import clock, database, tokens
from webapp.access import Permission, roles_with
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.renewals import emails, queries, rules
from webapp.renewals.models import DirectSwitch, RenewalMail, RenewalNotice
from webapp.renewals.queries import Direct
from webapp.subscriptions import actions as subscription_actions
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import Subscription, SubscriptionStanding
from webapp.tasks import actions as tasks
from webapp.tokens import Token

speaks(
    "uq_direct_switches_line_id",
    lambda: rules.SwitchedAlready(line_id=None, new_line_id=None, person=None, at=None),
)  # fmt: skip


# --- notices -----------------------------------------------------------------------------------------------------


def tell(line_id: UUID) -> bool:
    """Note the notice of a subscription's end that is due now, and who gets it by mail; False when none is due.

    Decided again under the customer's chain: safe to run twice and on several workers.
    """
    standing = subscriptions.standing_of(line_id)
    assert standing is not None
    customer = organizations.organization_by_id(standing.customer_id)
    assert customer is not None
    database.write(chain=customer.chain_id)
    found = queries.candidate(line_id)
    due = rules.due_now(found.ending, clock.now(), queries.notice_days()) if found is not None else None
    if due is None:
        return False
    note(database.session().get_one(SubscriptionStanding, line_id), days=due.days, days_left=due.days_left)
    return True


def _partner_of_record(standing: SubscriptionStanding) -> Organization | None:
    """Who is told as partner of record: nobody whose access is closed."""
    if standing.record_partner_id is None:
        return None
    found = organizations.organization_by_id(standing.record_partner_id)
    return found if found is not None and found.is_open else None


def note(standing: SubscriptionStanding, *, days: int, days_left: int) -> RenewalNotice:
    """Note one notice of a subscription's end; its mails leave with the next run of the job."""
    customer = organizations.organization_by_id(standing.customer_id)
    assert customer is not None
    database.write(chain=customer.chain_id)
    partner = _partner_of_record(standing)
    told = [each for each in (partner, customer) if each is not None]
    fact = evidence.record(
        "renewal.noticed",
        source="job",
        customer_id=customer.id,
        partner_id=partner.id if partner is not None else None,
        facts={
            "line_id": str(standing.line_id), "product": standing.product, "ends_on": standing.ends_on.isoformat(),
            "days": days, "days_left": days_left,
        },
    )  # fmt: skip
    notice = RenewalNotice(
        id=uuid4(), line_id=standing.line_id, ends_on=standing.ends_on, days=days, days_left=days_left,
        partner_id=partner.id if partner is not None else None, customer_id=customer.id, at=fact.at, fact_id=fact.id,
    )  # fmt: skip
    session = database.session()
    session.add(notice)
    session.flush()
    session.add_all([RenewalMail(id=uuid4(), notice_id=notice.id, organization_id=each.id) for each in told])
    session.flush()
    return notice


def _readers(organization: Organization) -> list[Person]:
    """Who of an organization is told by mail: who sells at a partner, who renews at a customer."""
    permission = Permission.PLACE_ORDERS if organization.kind == "partner" else Permission.RENEW
    return list(organizations.people_with(organization.id, *roles_with(organization.kind, permission)))


def mail(organization_id: UUID) -> int:
    """Mail an organization's people all notices that wait for it, as one mail a person; answer how many notices.

    A closed organization gets none, and nobody gets one that no longer holds: the end has moved or passed meanwhile, or
    another partner is partner of record.
    """
    database.write()
    waiting = queries.untold(organization_id)
    organization = organizations.organization_by_id(organization_id)
    entries: list[queries.Entry] = []
    people: list[Person] = []
    if waiting and organization is not None and organization.is_open:
        entries = queries.entries_of([each.notice_id for each in waiting], organization)
        people = _readers(organization) if entries else []
        for person in people:
            emails.ending(entries, to=person, side=organization.kind, organization=organization)
    holding = {entry.notice_id for entry in entries}
    for each in waiting:
        each.told_at, each.person_count = clock.now(), len(people) if each.notice_id in holding else 0
    database.session().flush()
    return len(waiting)


# --- calendars ---------------------------------------------------------------------------------------------------


def link_calendar(by: Actor) -> Token:
    """Make the link to a person's calendar; an earlier one is dead from now on."""
    database.write(chain=by.chain_id)
    tokens.revoke(queries.FEED, by.person_id)
    token = tokens.issue(queries.FEED, by.address, lasts=rules.FEED_LASTS, person_id=by.person_id)
    evidence.record("renewal_calendar.linked", by=by, partner_id=by.organization_id)
    return token


def revoke_calendar(by: Actor) -> bool:
    """Let a person's link to its calendar open nothing any more; False when there is none."""
    database.write(chain=by.chain_id)
    if queries.feed_of(by.person_id) is None:
        return False
    tokens.revoke(queries.FEED, by.person_id)
    evidence.record("renewal_calendar.revoked", by=by, partner_id=by.organization_id)
    return True


# --- direct billing ----------------------------------------------------------------------------------------------


def switch_to_direct(
    standing: SubscriptionStanding, *, by: Actor, seats: int, shown: str, loss_accepted: bool
) -> Subscription:
    """Begin a new subscription at once that the service bills itself, and let the present one run out.

    People go on in the new one. It is a purchase by the customer: the agreement must be in order. `shown`: of what the page
    showed (`Direct.shown`); `loss_accepted`: somebody said that lost days are meant, where that is asked.

    Raises SwitchedAlready, NotBegun, DirectBillingClosed, AgreementNotInOrder, OfferMoved, SeatsOutOfRange, SeatsTaken,
    LossNotAccepted.
    """
    customer = organizations.organization_by_id(standing.customer_id)
    assert customer is not None
    database.write(chain=customer.chain_id)
    standing = database.session().get_one(SubscriptionStanding, standing.line_id)
    direct = check_direct(standing, customer)
    rules.check_shown(direct.shown == shown)
    rules.check_seats(seats, direct.product.seats_min, direct.product.seats_max, direct.given)
    rules.check_loss(direct.early, loss_accepted, direct.lost)
    row = subscription_actions.begin_paid(
        customer, None, product=direct.product, name=direct.name, seats=seats, ends_on=direct.last, contract="direct",
        by=by, replaces=standing.line_id,
    )  # fmt: skip
    moved = subscription_actions.move_licences(standing.line_id, row.line_id) if direct.given else 0
    before = subscriptions.subscription_by_id(standing.subscription_id)
    assert before is not None
    subscription_actions.stop_renewal(before, by=by)
    switch = _switched(standing, row, moved, by)
    _tell_switched(standing, row, switch, customer, by)
    return row


def check_direct(standing: SubscriptionStanding, customer: Organization) -> Direct:
    """Direct billing as it would begin now. Raises SwitchedAlready, NotBegun, DirectBillingClosed, AgreementNotInOrder."""
    switch = queries.switch_of(standing.line_id)
    if switch is not None:
        raise rules.SwitchedAlready(
            line_id=standing.line_id, new_line_id=switch.new_line_id, person=queries.person_name(switch.person_id),
            at=switch.at,
        )  # fmt: skip
    stage = subscriptions.stage_of(standing, customer.zone)
    direct = queries.direct_of(standing, customer, stage)
    rules.check_offer(
        stage, direct is not None, line_id=standing.line_id, product=standing.product, starts_on=standing.starts_on
    )
    assert direct is not None
    queries.check_agreement(customer, standing.line_id)
    return direct


def _switched(standing: SubscriptionStanding, row: Subscription, moved: int, by: Actor) -> DirectSwitch:
    """The act and its fact."""
    fact = evidence.record(
        "renewal.switched_to_direct",
        by=by,
        customer_id=standing.customer_id,
        partner_id=standing.record_partner_id or standing.partner_id,
        other_partner_id=_other_partner(standing),
        facts={
            "line_id": str(standing.line_id), "new_line_id": str(row.line_id), "product": row.product,
            "seats": row.seats, "ends_on": row.ends_on.isoformat(), "ended_on_before": standing.ends_on.isoformat(),
            "licences": moved,
        },
    )  # fmt: skip
    switch = DirectSwitch(
        id=uuid4(), line_id=standing.line_id, new_line_id=row.line_id, customer_id=standing.customer_id,
        person_id=by.person_id, licences=moved, at=fact.at, fact_id=fact.id,
    )  # fmt: skip
    database.session().add(switch)
    database.session().flush()
    return switch


def _other_partner(standing: SubscriptionStanding) -> UUID | None:
    """Who sold it, where somebody else is its partner of record."""
    others = [
        each
        for each in (standing.partner_id, standing.reseller_id)
        if each is not None and each != (standing.record_partner_id or standing.partner_id)
    ]
    return others[0] if others else None


def _tell_switched(
    standing: SubscriptionStanding, row: Subscription, switch: DirectSwitch, customer: Organization, by: Actor
) -> None:
    """Tell the customer's people who renew by mail; its partner of record and its sellers by mail and in the inbox."""
    partners = {standing.record_partner_id, standing.partner_id, standing.reseller_id}
    facts: dict[str, Any] = {
        "customer": customer.name, "product": row.product, "seats": row.seats, "starts_on": row.starts_on,
        "ends_on": row.ends_on, "ended_on_before": standing.ends_on, "at": switch.at, "by_given": by.given_name,
        "by_family": by.family_name, "moved": switch.licences,
    }  # fmt: skip
    for id_ in sorted((each for each in partners if each is not None), key=str):
        partner = organizations.organization_by_id(id_)
        if partner is None or not partner.is_open:
            continue
        tasks.put(
            id_, "switched_to_direct", about_key=str(switch.id), about_id=switch.id, waits=False,
            facts={"customer": customer.name, "product": row.product},
            path=f"/partner/subscriptions/{standing.line_id}",
        )  # fmt: skip
        for person in _readers(partner):
            emails.switched(switch, to=person, side="partner", organization=partner, **facts)
    for person in _readers(customer):
        emails.switched(switch, to=person, side="customer", organization=customer, **facts)
