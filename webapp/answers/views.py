"""What an invitation's link shows to whoever opens it, in Microsoft's shape or ours; and signing up by it."""

from __future__ import annotations

from flask import Blueprint, g, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.routing import BaseConverter, Map

from webapp import actor as actors
from webapp import clock, languages, pages, security, tokens
from webapp.access import Permission, anyone, requires
from webapp.accounts.actions import remember
from webapp.accounts.models import Session
from webapp.actor import Actor
from webapp.answers import actions, queries, rules
from webapp.answers.forms import MailboxForm, SignUpForm
from webapp.answers.queries import Asked
from webapp.answers.rules import Link
from webapp.delegated_admin import words
from webapp.organizations import queries as organizations
from webapp.policies import queries as policies
from webapp.relationships import queries as relationships
from webapp.tokens import Token

blueprint = Blueprint("answers", __name__)


class AnyCase(BaseConverter):
    """A fixed word of an address in any letter case: Microsoft's own links differ in it."""

    def __init__(self, url_map: Map, word: str) -> None:
        super().__init__(url_map)
        self.regex = "".join(f"[{letter.lower()}{letter.upper()}]" for letter in word)
        self.word = word

    def to_url(self, value: str) -> str:
        return str(value)


@blueprint.record_once
def _know_any_case(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["anycase"] = AnyCase


# --- the link ------------------------------------------------------------------------------------------------


@blueprint.get("/<anycase('AdminPortal'):portal>/<anycase('Home'):home>", strict_slashes=False)
@anyone(because="links in Microsoft's shape; what they lead to decides by itself")
def microsoft_link(portal: str, home: str) -> ResponseReturnValue:
    link = rules.read_link(request.args.items(multi=True))
    if link.is_empty:
        return pages.render("answers/fragment.html")
    return _lead(link)


@blueprint.get("/invitation")
@anyone(because="whoever holds the link may read who asks for what; only an administrator can accept")
def invitation() -> ResponseReturnValue:
    return _lead(rules.read_link(request.args.items(multi=True)))


def _lead(link: Link) -> ResponseReturnValue:
    """Where a link's parameters lead: a page of the customer's, or the invitation."""
    if link.page:
        place = rules.page_of(link)
        if place != "invitation":
            _check_is_customer()
            return redirect(url_for("acceptance.agreement_review" if place == "agreement" else "home.show"))
    asked = queries.asked_by_link(link)
    reader = actors.current()
    if reader is None:
        g.zone = (asked.customer or asked.partner).zone
        queries.check_open(asked, None)
        return _landing(asked, None)
    _check_account(asked, reader)
    if asked.asks_administration:
        return _lead_to_offer(asked, reader)
    if queries.is_only_offer_left(asked, reader.organization_id):
        queries.check_open(asked, reader)
        return _landing(asked, reader, only_offer=True)
    _check_reader(asked, reader)
    return _landing(asked, reader)


def _lead_to_offer(asked: Asked, reader: Actor) -> ResponseReturnValue:
    """Whoever belongs to the organization goes on to the offer; one that is over tells there what became of it."""
    if asked.offer is None and queries.is_shown(asked, reader):
        return redirect(url_for("delegated_admin.show", relationship_id=asked.invitation.offer_id))
    queries.check_open(asked, reader)
    return _landing(asked, reader)


def _check_account(asked: Asked, reader: Actor) -> None:
    """Raises LinkForCustomers or WrongAccount."""
    rules.check_account(
        kind=reader.organization_kind, organization_id=reader.organization_id, partner_id=asked.partner.id,
        reseller_id=asked.reseller.id if asked.reseller is not None else None,
        customer_id=asked.customer.id if asked.customer is not None else None,
        organization=asked.customer.name if asked.customer is not None else "", ref=asked.ref,
    )  # fmt: skip


def _check_reader(asked: Asked, reader: Actor) -> None:
    """Raises why somebody of the organization cannot go on: no role, or nothing left to do."""
    queries.check_open(asked, reader)
    queries.check_may_accept(reader, asked)
    queries.offer_to(reader.organization_id, asked)


def _check_is_customer() -> None:
    reader = actors.current()
    if reader is not None and not reader.is_customer:
        raise rules.LinkForCustomers(own=False, ref="", organization="")


def _landing(asked: Asked, reader: Actor | None, preview: bool = False, *, only_offer: bool = False) -> str:
    """The page of the link. `only_offer`: the relationship is there already, the offer is what is left."""
    only_offer = only_offer or asked.asks_administration
    answer = queries.last_answer(asked.invitation, reader.organization_id if reader is not None else None)
    contact = queries.contact_on_file(asked) if reader is None and not preview else None
    return pages.render(
        "answers/landing.html",
        asked=asked,
        terms=relationships.terms("", asked.partner, asked.reseller) if asked.asks_relationship else None,
        only_offer=only_offer,
        roles=words.by_risk(asked.offer.roles) if asked.offer is not None else [],
        others=bool(reader is not None and not only_offer and queries.receivers_for(reader)),
        verified=organizations.verified_domain_of(asked.partner.id),
        declined=answer if answer is not None and answer.kind == "declined" else None,
        contact=rules.masked(contact.address) if contact is not None else "",
        zone=(asked.customer or asked.partner).zone,
        step=url_for("answers.invitation", ref=asked.ref),
        preview=preview,
    )


@blueprint.get("/invitation/<ref>/preview")
@requires(Permission.READ_INVITATIONS, on=queries.own_link_of)
def preview(asked: Asked) -> ResponseReturnValue:
    return _landing(asked, None, preview=True)


def _by_ref(ref: str) -> Asked:
    return queries.asked_by_link(rules.read_link([("ref", ref)]))


# --- first time here -----------------------------------------------------------------------------------------


@blueprint.post("/invitation/<ref>/sign-in-link")
@anyone(because="sends a link only to the address on file of the customer that the invitation names")
def sign_in_link(ref: str) -> ResponseReturnValue:
    masked = actions.send_sign_in_link(_by_ref(ref), network_address=request.remote_addr or "")
    return pages.render("answers/look_into_mailbox.html", masked=masked, ref=ref)


@blueprint.get("/invitation/<ref>/sign-up")
@anyone(because="a new customer has no account yet")
def sign_up(ref: str) -> ResponseReturnValue:
    asked = _for_any_customer(ref)
    return pages.render("answers/sign_up.html", form=MailboxForm(), asked=asked)


@blueprint.post("/invitation/<ref>/sign-up")
@anyone(because="a new customer has no account yet; the link goes to the mailbox")
def request_sign_up(ref: str) -> ResponseReturnValue:
    asked = _for_any_customer(ref)
    form = MailboxForm()
    if not form.validate_on_submit():
        return pages.render("answers/sign_up.html", form=form, asked=asked), 422
    actions.request_sign_up(
        asked, form.address.data, language=languages.language(), network_address=request.remote_addr or ""
    )
    return pages.render("answers/look_into_mailbox.html", masked=form.address.data, ref=ref)


def _for_any_customer(ref: str) -> Asked:
    asked = _by_ref(ref)
    if asked.customer is not None:
        raise rules.UnknownLink()
    queries.check_open(asked, None)
    return asked


@blueprint.get("/sign-up/<secret>")
@anyone(because="a link from a mail; opening it changes nothing")
def sign_up_link(secret: str) -> ResponseReturnValue:
    security.one_time_secret()
    _token(secret)
    return _sign_up_page(SignUpForm(formdata=None), secret)


@blueprint.post("/sign-up/<secret>")
@anyone(because="a link from a mail, together with the address it was sent to")
def sign_up_with_link(secret: str) -> ResponseReturnValue:
    security.one_time_secret()
    token = _token(secret)
    form = SignUpForm().offer(policies.value("countries.served"))
    if form.validate_on_submit():
        given = actions.NewCustomer(
            form.organization.data, form.country.data, form.given_name.data, form.family_name.data, languages.language()
        )
        made = actions.sign_up(
            token, given, address=form.address.data, password=form.password.data,
            network_address=request.remote_addr or "", browser=request.user_agent.string,
        )  # fmt: skip
        if isinstance(made, Session):
            remember(made)
            ref = str(token.facts.get("ref", ""))
            return redirect(url_for("answers.invitation", ref=ref) if ref else url_for("home.show"))
        if made is not None:
            return pages.render("answers/admission_asked.html")
        form.address.errors = [*form.address.errors, _("This is not the address that the link was sent to.")]
    return _sign_up_page(form, secret), 422


def _token(secret: str) -> Token:
    token = tokens.found_by(secret, rules.SIGN_UP)
    if token is None:
        raise rules.SignUpLinkOver(ref="")
    rules.check_link_open(token.used_at, token.expires_at, clock.now(), str(token.facts.get("ref", "")))
    return token


def _sign_up_page(form: SignUpForm, secret: str) -> str:
    form.offer(policies.value("countries.served"))
    return pages.render("answers/sign_up_form.html", form=form, secret=secret)
