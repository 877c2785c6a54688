"""Routes of `answers`: the customer's side of an invitation, and the agreement alone."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.guards.routes import (
    ANSWERERS,
    CUSTOMER_READERS,
    CUSTOMERS,
    EVERYBODY,
    PARTNER_READERS,
    SIGNED_IN,
    Row,
    many,
    row,
)
from tests.support.story import Story
from webapp import clock, database, tokens
from webapp.accounts import queries as accounts
from webapp.answers import actions, queries
from webapp.answers.models import AdmissionRequest
from webapp.answers.rules import SIGN_UP

PASSWORD = "a long and unusual password"


def _ref(s: Story) -> dict[str, Any]:
    return {"ref": s.invitations["open"].ref}


def _any_ref(s: Story) -> dict[str, Any]:
    return {"ref": s.invitations["for_anyone"].ref}


def _review(at: str) -> Any:
    return lambda s, p: s.review_form("global_administrator", at.format(**p))


def _last(at: str) -> Any:
    return lambda s, p: s.last_form("global_administrator", at.format(**p))


def _answered(s: Story) -> dict[str, Any]:
    address = f"/invitation/{s.invitations['open'].ref}/acceptance"
    s.post("global_administrator", address, **s.last_form("global_administrator", address))
    return _ref(s)


def _by(status: int, *, to: tuple[str, ...] = ANSWERERS, **more: Any) -> Row:
    """A step on the journey of the customer that was asked; nobody else learns that there is one."""
    refused: Any = {each: 403 for each in CUSTOMERS if each not in to}
    return row(status, to=to, otherwise=404, prepare=_ref, **refused, **more)


def _admission(s: Story) -> dict[str, Any]:
    with s.unit():
        database.write()
        asked = AdmissionRequest(
            id=uuid4(), organization_id=s.customer.id, given_name="Jo", family_name="Doe", address="jo@contoso.example",
            address_key="jo@contoso.example", language="en", ref="", asked_at=clock.now(),
        )  # fmt: skip
        database.session().add(asked)
        return {"request_id": asked.id}


def _admits(status: int, **more: Any) -> Row:
    return row(
        status, to=("global_administrator",), billing_administrator=403, delegated_admin_administrator=403,
        global_reader=403, member=403, otherwise=404, prepare=_admission, **more,
    )  # fmt: skip


def _sign_up(s: Story) -> dict[str, Any]:
    with s.unit():
        database.write()
        token = tokens.issue(
            SIGN_UP, "first@newcomer.example", lasts=timedelta(days=1), ref=s.invitations["for_anyone"].ref
        )
        return {"secret": tokens.secret_of(token)}


_NEW_CUSTOMER = {
    "address": "first@newcomer.example", "password": PASSWORD, "password_again": PASSWORD, "organization": "Newcomer",
    "country": "US", "given_name": "Ann", "family_name": "Lee",
}  # fmt: skip


def _offered(s: Story) -> dict[str, Any]:
    offer_id = s.offer(s.partner, s.customer, "Asked for alone")
    return {"ref": s.invite(s.partner, s.customer, asks="administration", offer_id=offer_id).ref}


ROUTES = {
    "GET /invitation": row(
        200, to=("nobody", *ANSWERERS), otherwise=403, stranger=403, rival=403, delegate=403, prepare=_ref
    ),
    "GET /<anycase('AdminPortal'):portal>/<anycase('Home'):home>": row(
        200, to=EVERYBODY, prepare=lambda s: {"portal": "Adminportal", "home": "home"}
    ),
    "GET /invitation/<ref>/preview": row(200, to=PARTNER_READERS, otherwise=404, partner_member=403, prepare=_ref),
    "POST /invitation/<ref>/sign-in-link": row(200, to=EVERYBODY, prepare=_ref),
    "GET /invitation/<ref>/sign-up": row(200, to=EVERYBODY, prepare=_any_ref),
    "POST /invitation/<ref>/sign-up": row(
        200, to=EVERYBODY, prepare=_any_ref, form=lambda s: {"address": "first@newcomer.example"}
    ),
    "GET /sign-up/<secret>": row(200, to=EVERYBODY, prepare=_sign_up),
    "POST /sign-up/<secret>": row(302, to=EVERYBODY, prepare=_sign_up, form=lambda s: _NEW_CUSTOMER),
    "POST /invitation/<ref>/opening": _by(302),
    "POST /invitation/<ref>/offer/opening": row(302, to=CUSTOMERS, otherwise=404, prepare=_offered),
    "GET /invitation/<ref>/hand-over": _by(200, to=CUSTOMERS),
    # Nobody sends anything on to itself.
    "POST /invitation/<ref>/hand-over": row(
        302,
        to=CUSTOMERS,
        otherwise=404,
        billing_administrator=422,
        prepare=_ref,
        form=lambda s: {"receiver": str(s.customer["billing_administrator"].id)},
    ),
    "GET /invitation/<ref>/acceptance": _by(200),
    "GET /invitation/<ref>/acceptance/check": _by(302, to=CUSTOMERS),
    "GET /invitation/<ref>/acceptance/change": _by(302, to=CUSTOMERS),
    "POST /invitation/<ref>/acceptance/check": _by(200, form=_review("/invitation/{ref}/acceptance")),
    "POST /invitation/<ref>/acceptance/change": _by(200, form=_review("/invitation/{ref}/acceptance")),
    "POST /invitation/<ref>/acceptance": _by(302, form=_last("/invitation/{ref}/acceptance")),
    "GET /invitation/<ref>/confirmation": row(200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=_answered),
    "GET /invitation/<ref>/decline": _by(200),
    "POST /invitation/<ref>/decline": _by(302, form=lambda s: {"reason": "not_now", "comment": "Later."}),
    # The stranger has accepted already: it is told so.
    "GET /agreement/acceptance": row(200, to=ANSWERERS, stranger=409),
    "GET /agreement/acceptance/check": row(302, to=CUSTOMERS),
    "GET /agreement/acceptance/change": row(302, to=CUSTOMERS),
    "POST /agreement/acceptance/check": row(200, to=ANSWERERS, stranger=409, form=_review("/agreement/acceptance")),
    "POST /agreement/acceptance/change": row(200, to=ANSWERERS, stranger=409, form=_review("/agreement/acceptance")),
    "POST /agreement/acceptance": row(302, to=ANSWERERS, stranger=409, form=_last("/agreement/acceptance")),
    "GET /agreement/acceptance/<uuid:acceptance_id>": row(
        200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=lambda s: {"acceptance_id": s.accept()}
    ),
    "POST /mailbox-link": row(200, to=SIGNED_IN),
    "GET /admissions/<uuid:request_id>": _admits(200),
    "POST /admissions/<uuid:request_id>/admission": _admits(302, form=lambda s: {"role": "global_reader"}),
    "POST /admissions/<uuid:request_id>/refusal": _admits(302),
}


def _waiting(s: Story, count: int) -> None:
    """Requests of every kind that wait on the first page, each sent on by a colleague where that can be."""
    for number in range(count // 2):
        offer_id = s.offer(s.partner, s.customer, f"Offer {number}")
        s.invite(s.partner, s.customer, asks="administration", offer_id=offer_id, sent=True)
        invited = s.invite(s.partner, s.customer, asks="agreement", sent=True)
        with s.unit():
            asked = queries.asked_of(s.actor("member"), invited.ref)
            to = accounts.person_by_id(s.customer["global_administrator"].id)
            assert asked is not None
            assert to is not None
            actions.hand_over(asked, by=s.actor("member"), to=to)


LISTS = {"GET /home": many("global_administrator", _waiting)}
