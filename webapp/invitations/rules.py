"""The life of an invitation: what state follows from its acts, and what may still happen to it; its link, and
what its message must hold.

An invitation is open until its last day is over, it is withdrawn, superseded, closed, or (one for a named
customer) accepted. A decline leaves it open: the customer may change its mind. Only one that asks for delegated
administration is answered once: its offer is over with the answer, and the next one is another invitation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol
from urllib.parse import quote, urlencode

from webapp.errors import Refusal

ASKS = ("agreement", "relationship", "administration")
#: What a partner can ask for with the form of a new invitation; delegated administration begins with its offer.
OFFERED = ("agreement", "relationship")
LANGUAGES = ("ja", "en")  # that a message can be written in
LONGEST_DAYS = 365  # from today to the last day
MAILTO_LIMIT = 1900  # characters; programs cut longer addresses without a word
SUBJECT_LIMIT = 200
BODY_LIMIT = 10_000
#: What ends an invitation for everybody, in the order in which it is told.
ENDINGS = ("accepted", "declined", "withdrawn", "superseded", "closed", "expired")


class InvitationExpired(Refusal):
    """Its last day is over. `closed_at`, `partner` and its `contact` address say when and whom to ask."""

    status = 410


class InvitationWithdrawn(Refusal):
    """The partner took it back. `at`, `partner`, `contact`."""

    status = 410


class InvitationSuperseded(Refusal):
    """The partner sent a newer one in its place. `at`, `partner`."""

    status = 410


class InvitationClosed(Refusal):
    """A standing invitation that the partner closed. `partner`."""

    status = 410


class InvitationAccepted(Refusal):
    """It was accepted already. `at`, `person`, `own` (whether by the reader), `acceptance_id`."""


class InvitationDeclined(Refusal):
    """Delegated administration that it asked for was declined, or less of it was asked for. `at`, `partner`, `contact`."""

    status = 410


class NewOfferNeeded(Refusal):
    """An invitation for delegated administration is not sent again: a new offer has its own. `customer_id`."""


class OfferInMessageOver(Refusal):
    """The partner's own text may tell of an offer that is over, so it is looked at before it goes out.
    `invitation_id`."""


class CannotWithdrawAccepted(Refusal):
    """It was accepted: it cannot be taken back, the relationship can be ended instead."""


class InvitationEnded(Refusal):
    """The partner would change or send what is over. `ending` is one of ENDINGS, `at` when (if known)."""


class AlreadySent(Refusal):
    """It was sent from here already. `recipient`, `at`."""


class SendLimitReached(Refusal):
    """The partner sent as many mails today as the policy allows. `limit`, `opens_at`: when the next day begins."""

    status = 429


class NoProvider(Refusal):
    """An indirect reseller asks for a relationship without a provider that confirmed to work with it."""


class OwnRecipient(Refusal):
    """The address lies in the partner's own hands: nobody proves a customer's mailbox with it."""

    status = 422


class LastDayOutOfBounds(Refusal):
    """The last day is past or too far. `first`, `last`: the days that can be chosen."""

    status = 422


class LinkMissing(Refusal):
    """The text does not hold the exact link."""

    status = 422


@dataclass(frozen=True)
class Step:
    """One act of an invitation as the rules see it."""

    kind: str
    at: datetime
    customer_id: object | None = None


@dataclass(frozen=True)
class Life:
    """All that decides the state: acts in order, the moment it closes, and what became of its mail.

    `for_one` says that it names its customer; `mail` is "waiting", "delivered", "undeliverable" or ""; `answered_once`
    that a decline ends it too.
    """

    for_one: bool
    closes_at: datetime | None
    steps: tuple[Step, ...] = field(default_factory=tuple)
    mail: str = ""
    answered_once: bool = False

    def last(self, kind: str, customer_id: object | None = None) -> Step | None:
        """The newest act of a kind (of this customer, where one is given)."""
        fitting = [s for s in self.steps if s.kind == kind and (customer_id is None or s.customer_id == customer_id)]
        return fitting[-1] if fitting else None


class Mail(Protocol):
    """A mail as far as it decides what became of it."""

    @property
    def handed_over_at(self) -> datetime | None: ...
    @property
    def cancelled_at(self) -> datetime | None: ...
    @property
    def given_up_at(self) -> datetime | None: ...


def mail_state(mail: Mail | None) -> str:
    """What became of a mail: "waiting", "delivered" (to the mail server), "undeliverable", or "" without one
    that leaves."""
    if mail is None:
        return ""
    if mail.handed_over_at is not None:
        return "delivered"
    if mail.cancelled_at is not None:
        return ""
    return "undeliverable" if mail.given_up_at is not None else "waiting"


def ended_by(life: Life, now: datetime) -> str:
    """What ended the invitation for everybody: one of ENDINGS, or an empty text while it is open."""
    if life.for_one and life.last("accepted"):
        return "accepted"
    if life.answered_once and life.last("declined"):
        return "declined"
    if life.last("withdrawn"):
        return "withdrawn"
    if life.last("superseded"):
        return "superseded"
    if _is_closed(life.steps):
        return "closed"
    if life.closes_at is not None and now >= life.closes_at:
        return "expired"
    return ""


def _is_closed(steps: Iterable[Step]) -> bool:
    closed = False
    for step in steps:
        if step.kind in {"closed", "reopened"}:
            closed = step.kind == "closed"
    return closed


def has_gone_out(life: Life) -> bool:
    """Whether it reached anybody, as far as we know: until then it is the partner's draft."""
    return any(step.kind in {"sent", "said_sent", "opened", "declined"} for step in life.steps)


def state_of(life: Life, now: datetime) -> str:
    """The state as the partner follows it: an ending, else how far it came."""
    ending = ended_by(life, now)
    if ending:
        return ending
    order = [step.kind for step in life.steps if step.kind in {"accepted", "declined", "opened"}]
    if order:
        return order[-1] if order[-1] != "accepted" else "opened"
    said, sent = life.last("said_sent"), life.last("sent")
    if life.mail == "undeliverable" and said is not None and (sent is None or said.at > sent.at):
        return "said_sent"  # the mail came back, and the partner found another way
    if life.mail:
        return {"waiting": "sending", "delivered": "delivered", "undeliverable": "undeliverable"}[life.mail]
    return "said_sent" if said is not None else "prepared"


def check_open(
    life: Life, now: datetime, *, partner: str, contact: str = "", customer_id: object | None = None
) -> None:  # fmt: skip
    """Raises the refusal that tells why an invitation cannot be answered (by this customer) any more.

    `contact`: the partner's address to write to.
    """
    accepted = life.last("accepted", customer_id if not life.for_one else None)
    if accepted is not None:
        raise InvitationAccepted(at=accepted.at, partner=partner)
    ending = ended_by(life, now)
    step = life.last(ending) if ending else None
    if ending == "declined":
        raise InvitationDeclined(at=step.at if step is not None else now, partner=partner, contact=contact)
    if ending == "withdrawn":
        raise InvitationWithdrawn(at=step.at if step is not None else now, partner=partner, contact=contact)
    if ending == "superseded":
        raise InvitationSuperseded(at=step.at if step is not None else now, partner=partner)
    if ending == "closed":
        raise InvitationClosed(partner=partner)
    if ending == "expired":
        raise InvitationExpired(closed_at=life.closes_at, partner=partner, contact=contact)


def check_can_withdraw(life: Life) -> None:
    """Raises CannotWithdrawAccepted after its customer accepted.

    One for any customer can be withdrawn from those who have not answered; acceptances given stay.
    """
    accepted = life.last("accepted")
    if life.for_one and accepted is not None:
        raise CannotWithdrawAccepted(at=accepted.at)


def check_can_change(life: Life, now: datetime) -> None:
    """Raises InvitationEnded when the invitation is over: nothing of it is sent or changed any more."""
    ending = ended_by(life, now)
    if ending:
        raise _ended(life, ending)


def check_can_send(life: Life, now: datetime, *, recipient: str) -> None:
    """Raises InvitationEnded, or AlreadySent unless the mail that left from here came back."""
    check_can_change(life, now)
    sent = life.last("sent")
    if sent is not None and life.mail in {"waiting", "delivered"}:
        raise AlreadySent(at=sent.at, recipient=recipient)


def check_sent_again(asks: str, customer_id: object) -> None:
    """Raises NewOfferNeeded for an invitation that asks for delegated administration alone."""
    if asks == "administration":
        raise NewOfferNeeded(customer_id=customer_id)


def check_can_replace(life: Life, now: datetime) -> None:
    """Raises InvitationEnded unless a newer invitation can take its place: open or expired."""
    ending = ended_by(life, now)
    if ending and ending != "expired":
        raise _ended(life, ending)


def _ended(life: Life, ending: str) -> InvitationEnded:
    step = life.last(ending)
    return InvitationEnded(ending=ending, at=life.closes_at if ending == "expired" else step.at if step else None)


def can_edit(life: Life, now: datetime) -> bool:
    """Whether the text can still be changed: not once it is over, nor once it left from here."""
    return not ended_by(life, now) and life.mail not in {"waiting", "delivered"}


def check_sends(sent_today: int, limit: int, opens_at: datetime) -> None:
    """Raises SendLimitReached once a partner sent `limit` mails on its local day, which ends at `opens_at`."""
    if sent_today >= limit:
        raise SendLimitReached(limit=limit, opens_at=opens_at, minutes=5)


def check_last_day(day: date, today: date) -> None:
    """Raises LastDayOutOfBounds unless the day is today or later, and at most LONGEST_DAYS away."""
    last = today + timedelta(days=LONGEST_DAYS)
    if not today <= day <= last:
        raise LastDayOutOfBounds(first=today, last=last)


def check_address(own: bool) -> None:
    """Raises OwnRecipient for an address in the partner's own hands (a partner can never accept for a customer)."""
    if own:
        raise OwnRecipient()


def is_reminder_due(life: Life, now: datetime, due_at: datetime) -> bool:
    """Whether to remind: sent from here before the reminder's moment `due_at`, open, not answered, not reminded."""
    sent = life.last("sent")
    return (
        due_at <= now
        and sent is not None
        and sent.at < due_at
        and life.last("reminded") is None
        and state_of(life, now) in {"delivered", "opened", "said_sent"}
    )


# --- links -----------------------------------------------------------------------------------------------------

#: What a link calls each kind of invitation. CustomerAgreement is our own word, the others are Microsoft's.
LINK_WORDS = {"agreement": "CustomerAgreement", "administration": "Administration"}


def link_parameters(
    *, asks: str, partner_id: object, reseller_id: object | None = None, reseller_number: str | None = None,
    carries: bool = False, ref: str = "", language: str = "",
) -> list[tuple[str, str]]:  # fmt: skip
    """The parameters of an invitation's link, in order; without `ref` in Microsoft's own shape.

    `carries`: an offer of delegated administration comes with the relationship (DAP). `msppId` is the indirect reseller's partner number, 0 in a direct relationship.
    """
    word = LINK_WORDS.get(asks) or ("IndirectResellerRelationship" if reseller_id else "ResellerRelationship")
    found = [("invType", word), ("partnerId", str(partner_id))]
    if asks == "relationship":
        found.append(("msppId", (reseller_number or "0") if reseller_id else "0"))
        if reseller_id:
            found.append(("indirectCSPId", str(reseller_id)))
        found.append(("DAP", "true" if carries else "false"))
    if ref:
        found.append(("ref", ref))
    if language:
        found.append(("lang", language))
    return found


def link(public_url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """The link of an invitation as it stands in a message."""
    return f"{public_url}/invitation?{urlencode(list(parameters))}"


def microsoft_link(public_url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """The link in the shape of Microsoft's admin centre; the query stands before the fragment."""
    return f"{public_url}/AdminPortal/Home?{urlencode(list(parameters))}#/BillingAccounts/partner-invitation"


# --- messages --------------------------------------------------------------------------------------------------

_BEFORE = r"(?<![^\s<(\[「『（〈《【:：>])"
_AFTER = r"(?=$|[\s<]|[>)\]」』）〉》】、。．，,.;!]+(?:$|\s))"


def holds_link(text: str, link: str) -> bool:
    """Whether a text holds the exact link, whole and by itself: a mail program would make this link of it."""
    return re.search(_BEFORE + re.escape(link) + _AFTER, text) is not None


def check_link(text: str, link: str) -> None:
    """Raises LinkMissing when the text lost its link."""
    if not holds_link(text, link):
        raise LinkMissing()


def with_link(text: str, link: str) -> str:
    """The text with its link again: in the place of what is left of it, else in a paragraph at the end."""
    if holds_link(text, link):
        return text
    start = link.split("?", 1)[0]
    mended, count = re.subn(re.escape(start) + r"\S*", lambda _: link, text, count=1)
    if count and holds_link(mended, link):
        return mended
    return f"{text.rstrip()}\n\n{link}".lstrip("\n")


_PASSWORD = re.compile(r"(?im)^[^\n:：=]{0,40}(?:password|passcode|passwort|パスワード|暗証番号)[ \t]*[:：=][ \t]*\S")


def holds_password(text: str) -> bool:
    """Whether a line reads like "Password: …": a password never travels in a mail."""
    return _PASSWORD.search(text) is not None


def shortened(text: str, length: int) -> str:
    """A name cut to so many characters, with … where it was cut."""
    return text if len(text) <= length else text[: max(length - 1, 0)].rstrip() + "…"


def mailto(address: str, subject: str, body: str) -> str:
    """A `mailto:` address that opens the reader's mail program with these words."""
    fields = [f"{name}={quote(words, safe='')}" for name, words in (("subject", subject), ("body", body)) if words]
    return f"mailto:{quote(address, safe='@')}" + ("?" + "&".join(fields) if fields else "")


def fitting_mailto(address: str, link: str, compose: Callable[[int], tuple[str, str]]) -> str:
    """The `mailto:` address that keeps most of the names and stays below MAILTO_LIMIT.

    `compose(length)` answers subject and short body with every name cut to `length` characters; the body holds
    the link. When even the shortest names are too long, the link goes alone, at last without the address.
    """
    for length in (200, 120, 80, 60, 48, 40, 32, 26, 20, 16, 12, 8, 4):
        subject, body = compose(length)
        found = mailto(address, subject, body.replace("\n", "\r\n"))
        if len(found) < MAILTO_LIMIT:
            return found
    alone = mailto(address, "", link)
    return alone if len(alone) < MAILTO_LIMIT else mailto("", "", link)
