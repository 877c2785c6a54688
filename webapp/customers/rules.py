"""What a partner's overview of a customer says, from the acts alone; and who may see it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from webapp.agreements.rules import Consent, consent_state
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.rules import KEPT_IN_LISTS, Life

#: How far an invitation came. A step replaces one of its own rank or below; nothing follows an ending.
RANKS = {
    "made": 0,
    "said_sent": 1,
    "sent": 2,
    "opened": 3,
    "declined": 3,
    "accepted": 4,
    "withdrawn": 4,
    "superseded": 4,
    "expired": 4,
}
ENDED = frozenset(step for step, rank in RANKS.items() if rank == RANKS["accepted"])

AGREEMENT_STATES = (
    "none", "invited", "opened", "needs_attestation", "accepted", "attested", "must_renew", "objected",
)  # fmt: skip
#: The states of somebody who agreed, or was said to have agreed.
AGREED_STATES = frozenset({"accepted", "attested", "must_renew", "objected"})
PLACES = ("direct", "provider", "reseller")
RELATIONSHIP_STATES = ("current", "ended", "none")
DELEGATED_STATES = ("none", "offered", "active", "ended")
SORTS = ("name", "name_down", "newest", "oldest")


@dataclass(frozen=True)
class Step:
    """One step of an invitation: its kind (a key of RANKS) and when."""

    kind: str
    at: datetime


def advanced(present: Step | None, step: Step) -> Step | None:
    """The last step after one more happened; kinds without a rank change nothing."""
    if step.kind not in RANKS:
        return present
    if present is None:
        return step
    if present.kind in ENDED or RANKS[step.kind] < RANKS[present.kind]:
        return present
    return step


def last_step(steps: Iterable[Step]) -> Step | None:
    """The last step of an invitation from all its steps in their order."""
    found: Step | None = None
    for step in steps:
        found = advanced(found, step)
    return found


def asks_for_agreement(asks: str) -> bool:
    """Whether an invitation asks for the agreement: alone, or with the relationship."""
    return asks in {"agreement", "relationship"}


@dataclass(frozen=True)
class Recorded:
    """A consent with its row's id, the version agreed to, and the partner that attested it (None: accepted)."""

    id: UUID
    consent: Consent
    version: str
    by: UUID | None = None


@dataclass(frozen=True)
class Agreed:
    """What a row keeps of everything a customer agreed to: the newest acceptance, the acceptance and the attestation that
    count, and whether the newest of all was objected to. Fields are columns of the row."""

    agreement_at: datetime | None = None
    agreement_version: str | None = None
    accepted_on: date | None = None
    accepted_effective_on: date | None = None
    attested_at: datetime | None = None
    attested_by: UUID | None = None
    attested_on: date | None = None
    attested_effective_on: date | None = None
    attested_version: str | None = None
    objected_at: datetime | None = None
    objected_partner_id: UUID | None = None
    consent_effective_on: date | None = None


def agreed_in(row: Any) -> Agreed:
    """What a row keeps of it, read back."""
    return Agreed(**{each.name: getattr(row, each.name) for each in fields(Agreed)})


def _strength(each: Recorded) -> tuple[date, date, datetime]:
    """What counts of several: the latest version, then the latest day. (Versions and days rise together, unless a
    text is published with an effective day that has passed.)"""
    return each.consent.effective_on, each.consent.agreed_on, each.consent.at


def agreed(recorded: Iterable[Recorded]) -> Agreed:
    """What a row keeps of a customer's consents, all of them."""
    known = list(recorded)
    accepted = [each for each in known if each.consent.kind == "accepted"]
    attested = [each for each in known if each.consent.kind == "attested" and each.consent.objected_at is None]
    newest = max(known, key=lambda each: each.consent.at, default=None)
    last = max(accepted, key=lambda each: each.consent.at, default=None)
    ours, theirs = max(accepted, key=_strength, default=None), max(attested, key=_strength, default=None)
    objected = newest if newest is not None and newest.consent.objected_at is not None else None
    return Agreed(
        agreement_at=last.consent.at if last else None,
        agreement_version=last.version if last else None,
        accepted_on=ours.consent.agreed_on if ours else None,
        accepted_effective_on=ours.consent.effective_on if ours else None,
        attested_at=theirs.consent.at if theirs else None,
        attested_by=theirs.by if theirs else None,
        attested_on=theirs.consent.agreed_on if theirs else None,
        attested_effective_on=theirs.consent.effective_on if theirs else None,
        attested_version=theirs.version if theirs else None,
        objected_at=objected.consent.objected_at if objected else None,
        objected_partner_id=objected.by if objected else None,
        consent_effective_on=max((each.consent.effective_on for each in (ours, theirs) if each), default=None),
    )


def consents_in(kept: Agreed) -> list[Consent]:
    """Consents of the same worth as those a row was made of: what `agreements.rules.consent_state` is asked with."""
    found = []
    if kept.objected_at:  # the newest of all: nothing was accepted or attested after it
        found.append(Consent("attested", date.min, date.min, kept.objected_at, kept.objected_at))
    if kept.agreement_at and kept.accepted_on and kept.accepted_effective_on:
        found.append(Consent("accepted", kept.accepted_on, kept.accepted_effective_on, kept.agreement_at))
    if kept.attested_at and kept.attested_on and kept.attested_effective_on:
        found.append(Consent("attested", kept.attested_on, kept.attested_effective_on, kept.attested_at))
    return found


def stored_agreement(kept: Agreed, bought: bool, step: str | None) -> str:
    """The state that a row stores, whatever the day: what anybody agreed to, else whether something was bought through
    this partner, else how far its invitation (which asks for the agreement) came."""
    if kept.agreement_at is not None:
        return "accepted"
    if kept.objected_at is not None:
        return "objected"
    if kept.attested_at is not None:
        return "attested"
    if bought:
        return "needed"
    if step is None or step in ENDED:
        return "none"
    return "opened" if step == "opened" else "invited"


@dataclass(frozen=True)
class Renewals:
    """What makes a consent stale: the policy's day, and by country the effective days of the versions that everybody must
    accept anew. `attesting`: whether policy lets somebody attest what this partner, or its provider, sells."""

    renew_before: date
    days: Mapping[str, Sequence[date]]
    attesting: bool = True

    def required(self, country: str, today: date) -> date | None:
        """The newest such day that has come, where it is `today`."""
        return max((day for day in self.days.get(country, ()) if day <= today), default=None)

    def bound(self, today: date) -> date:
        """A consent to a version that took effect on this day or later is stale nowhere: nobody agrees to a version
        before it takes effect."""
        come = [self.required(country, today) for country in self.days]
        return max([self.renew_before, *(day for day in come if day is not None)])


def present_agreement(
    row: Any, now: datetime, *, renewals: Renewals, today: date
) -> str:  # fmt: skip
    """One of AGREEMENT_STATES: a row's state as it stands now; `today` is the customer's day.

    Where policy lets nobody attest any more, the customer may accept by itself again, so that its invitation tells how it
    stands. That the customer does not know the partner, which opens direct acceptance as well, is not told to partners:
    the row goes on saying that an attestation is needed.
    """
    if row.agreement_state in {"accepted", "attested", "objected"}:
        required = renewals.required(row.country, today)
        return consent_state(consents_in(agreed_in(row)), renew_before=renewals.renew_before, required=required)
    state = str(row.agreement_state)
    if state == "needed":
        if renewals.attesting:
            return "needs_attestation"
        state = stored_agreement(Agreed(), False, row.invitation_step)
    expired = present_step(row.invitation_step, row.invitation_closes_at, now) == "expired"
    return "none" if expired else state


@dataclass(frozen=True)
class Span:
    """A relationship: when it began, and when it ended if it did; whose it is, and the reseller it works with."""

    began_at: datetime
    ended_at: datetime | None = None
    partner_id: UUID | None = None
    reseller_id: UUID | None = None


def shown_span(spans: Sequence[Span]) -> Span | None:
    """The relationship that the list shows: the newest that is open, else the one that ended last."""
    present = [span for span in spans if span.ended_at is None]
    if present:
        return max(present, key=lambda span: (span.began_at, str(span.reseller_id)))
    ended = [span for span in spans if span.ended_at is not None]
    return max(ended, key=lambda span: (span.ended_at, span.began_at, str(span.reseller_id)), default=None)


def relationship_of(spans: Sequence[Span]) -> tuple[str, datetime | None, datetime | None]:
    """State, beginning and end that the list shows."""
    span = shown_span(spans)
    if span is None:
        return "none", None, None
    return ("current" if span.ended_at is None else "ended"), span.began_at, span.ended_at


def place_in(span: Span | None, partner_id: UUID) -> tuple[str, UUID | None]:
    """A partner's place in a relationship (one of PLACES; empty: there is none) and who stands beside it."""
    if span is None:
        return "", None
    if span.reseller_id is None:
        return "direct", None
    return ("reseller", span.partner_id) if span.reseller_id == partner_id else ("provider", span.reseller_id)


def is_bought(spans: Iterable[Span], purchases: Collection[tuple[UUID, UUID | None]]) -> bool:
    """Whether something was bought through one of these relationships that is open; `purchases` are the provider and
    reseller of each."""
    return any(span.ended_at is None and (span.partner_id, span.reseller_id) in purchases for span in spans)


@dataclass(frozen=True)
class Term:
    """One delegated administration: whether it waits ("pending"), is in force ("active"), was ("ended"), or never
    came to be ("none"), and until or since when. Without `at` it is in force and extends itself."""

    state: str
    at: datetime | None = None


def term_of(life: Life) -> Term:
    """What one delegated administration is to the list, by its acts: an end counts once it was noted."""
    if life.has("approved"):
        ended = life.last("ended")
        if ended is not None:
            return Term("ended", ended.at)
        end = delegated_rules.noted_end(life)
        assert end is not None
        if life.has("expired"):
            return Term("ended", end)
        return Term("active", None if delegated_rules.extends_at(life, end) else end)
    if any(life.has(kind) for kind in ("declined", "withdrawn", "lapsed")):
        return Term("none")
    return Term("pending", life.closes_at)


def delegated_of(terms: Iterable[Term]) -> tuple[str, datetime | None]:
    """One of DELEGATED_STATES with its moment, for all of a customer with one partner: what is in force wins, then what
    waits, then what ended. The moment is the last end (None: it extends itself), the last day to answer, or since when.
    """
    rows = list(terms)
    for state, shown in (("active", "active"), ("pending", "offered"), ("ended", "ended")):
        moments = [row.at for row in rows if row.state == state]
        if moments:
            known = [each for each in moments if each is not None]
            return shown, max(known) if len(known) == len(moments) else None
    return "none", None


def present_delegated(state: str, at: datetime | None, now: datetime) -> str:
    """The state as it stands now: an end or a last day that has passed counts before the worker has noted it."""
    if at is None or at > now:
        return state
    return {"active": "ended", "offered": "none"}.get(state, state)


def listed_delegated(state: str, at: datetime | None, now: datetime) -> str:
    """The state as lists show and filter it now: what ended long ago has left them, as it has those of its own."""
    present = present_delegated(state, at, now)
    if present == "ended" and at is not None and at <= now - KEPT_IN_LISTS:
        return "none"
    return present


def shown_until(state: str, at: datetime | None) -> datetime | None:
    """The moment whose day is shown with a state: an offer that is open "until" midnight is open on the day before."""
    return at - timedelta(microseconds=1) if state == "offered" and at is not None else at


def present_step(step: str | None, closes_at: datetime | None, now: datetime) -> str:
    """The step as it stands now: what ran out is expired although the worker has not noted it yet."""
    if step is None:
        return ""
    if step not in ENDED and closes_at is not None and closes_at <= now:
        return "expired"
    return step


@dataclass(frozen=True)
class Sight:
    """What decides whether a partner sees a customer."""

    created: bool
    related: str
    step: str
    delegated: str = "none"


def may_see(sight: Sight) -> bool:
    """Whether a partner sees a customer at all: it created it, has or had a relationship or delegated
    administration, offers it, or has an open or accepted invitation."""
    return (
        sight.created
        or sight.related != "none"
        or sight.delegated != "none"
        or sight.step == "accepted"
        or (sight.step != "" and sight.step not in ENDED)
    )


def may_see_profile(sight: Sight) -> bool:
    """Whether it sees profile, contact and agreement: after all that bound them ended only its history is left."""
    if sight.related == "current" or sight.delegated == "active":
        return True
    if sight.delegated == "offered" and sight.related != "ended":  # offering alone brings nobody back
        return True
    if sight.step != "" and sight.step not in ENDED:
        return True
    return sight.related == "none" and (sight.created or sight.step == "accepted")


def is_domain(text: str) -> bool:
    """Whether a search text reads like a domain or a mail address rather than a name."""
    bare = text.rsplit("@", 1)[-1]
    return "." in bare.strip(".") and not any(character.isspace() for character in text.strip())


#: A spreadsheet takes a cell that begins with one of these for a formula; the broad forms count in Japanese editions.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(text: str) -> str:
    """A text as a cell of an exported file: one that a spreadsheet would calculate begins with an apostrophe."""
    return "'" + text if text.startswith(FORMULA) else text
