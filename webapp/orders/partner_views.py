"""A partner's orders: the list, an order for a customer, and the attestation it may wait for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, languages, pages
from webapp.access import Permission, requires
from webapp.agreements import queries as agreements
from webapp.agreements import rules as agreement_rules
from webapp.agreements.models import AgreementText
from webapp.attestations.forms import ON_FIELDS
from webapp.attestations.queries import changes_in_words
from webapp.attestations.rules import AttestationHasChanged
from webapp.customers import queries as customers
from webapp.errors import Refusal
from webapp.orders import actions, queries
from webapp.orders.forms import OrderForm, PromptForm
from webapp.orders.models import Order
from webapp.orders.queries import Seller
from webapp.orders.rules import AgreementMissing, SeatsNotOffered
from webapp.orders.words import amount, count_words, product_words, shown_in
from webapp.organizations.models import Organization
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions import words as subscription_words

blueprint = Blueprint("orders", __name__, url_prefix="/partner")
NAVIGATION = (pages.Item("partner", "orders.index", lambda: _("Orders"), Permission.READ_ORDERS, 27),)


# --- reading -----------------------------------------------------------------------------------------------------


@blueprint.get("/orders")
@requires(Permission.READ_ORDERS, on=queries.own_for)
def index(_own: Organization) -> ResponseReturnValue:
    actor = actors.signed_in()
    after, before = (pages.read_place(request.args.get(name, "")) for name in ("after", "before"))
    found = queries.orders_for(actor, after=after, before=before)
    page = pages.turned(found, lambda row: (row.at, row.id), count_words(found.count, queries.MOST))
    return pages.render(
        "orders/index.html", page=page, may_order=actor.may(Permission.PLACE_ORDERS), paged=bool(after or before)
    )


@blueprint.get("/orders/<uuid:order_id>")
@requires(Permission.READ_ORDERS, on=queries.partners_order)
def show(order: Order) -> ResponseReturnValue:
    return pages.render("orders/show.html", of=queries.details_of(actors.signed_in(), order))


@blueprint.get("/customers/<uuid:customer_id>/orders")
@requires(Permission.READ_ORDERS, on=queries.customer_with_history)
def of_customer(customer: Organization) -> ResponseReturnValue:
    """What a customer has and had through this partner."""
    actor = actors.signed_in()
    after, before = (pages.read_place(request.args.get(name, "")) for name in ("after", "before"))
    found = subscriptions.listed(customer, actor.organization_id, after=after, before=before)
    words = subscription_words.count_words(found.count, subscriptions.MOST)
    page = pages.turned(found, lambda row: (row.created_at, row.line_id), words)
    sells = bool(queries.sellers_of(customer.id, actor.organization_id))
    return pages.render(
        "orders/of_customer.html",
        customer=customer,
        page=page,
        paged=bool(after or before),
        may_order=sells and actor.may(Permission.PLACE_ORDERS),
        state=agreements.standing_of_customer(customer).state if sells else "",
    )


# --- ordering ----------------------------------------------------------------------------------------------------


@blueprint.get("/orders/new")
@requires(Permission.PLACE_ORDERS, on=queries.own_for)
def new(own: Organization) -> ResponseReturnValue:
    """The form; without `customer`, where to choose one. What was typed before comes back with "Change"."""
    queries.check_has_provider(own)
    customer = _customer_asked()
    if customer is None:
        return pages.render("orders/no_customer.html")
    _refuse_early(customer)
    arguments = request.args
    form = OrderForm(
        formdata=None, key=arguments.get("key") or str(uuid4()), seller=arguments.get("seller", ""),
        product=arguments.get("product", ""), seats=arguments.get("seats", "1"),
        auto_renews=arguments.get("auto_renews") == "y",
    )  # fmt: skip
    return _new(customer, _offered(customer, form))


def _customer_asked() -> Organization | None:
    """The customer in the address; 404 for one that this partner does not see."""
    word = request.args.get("customer", "")
    if not word:
        return None
    try:
        found = customers.seen_customer(actors.signed_in(), UUID(word))
    except ValueError:
        found = None
    return found or abort(404)


def _refuse_early(customer: Organization) -> None:
    """Nobody fills in a form for nothing: raises AgreementMissing when no order could go through, nor an attestation."""
    refused = None
    for seller in _sellers(customer):
        refused = queries.refusal_of(customer, seller, "partner", actors.signed_in().organization_id)
        if refused is None or refused.facts.get("remedy") == "attest":
            return
    if refused is not None:
        raise refused


def _offered(customer: Organization, form: OrderForm) -> OrderForm:
    """The form with its choices. Raises PartnerDistrusted, NotSelling where there is nobody to order through."""
    sellers = _sellers(customer)
    if not sellers:
        own = queries.own_for(actors.signed_in())
        assert own is not None
        queries.refuse_without_sellers(customer, own)
    form.offer(sellers, [(each, product_words(each)) for each in subscriptions.products(open_only=True)])
    return form


def _sellers(customer: Organization) -> list[Seller]:
    return queries.sellers_of(customer.id, actors.signed_in().organization_id)


def _new(customer: Organization, form: OrderForm) -> str:
    return pages.render(
        "orders/new.html", form=form, customer=customer, state=agreements.standing_of_customer(customer).state
    )


def _chosen(customer: Organization, form: OrderForm) -> dict[str, Any] | None:
    """What a valid form orders, as `actions.place` takes it; None when a field is refused."""
    if not form.validate_on_submit():
        return None
    seller = next(each for each in _sellers(customer) if str(each.relationship.id) == form.seller.data)
    product = subscriptions.product_by_id(UUID(form.product.data))
    assert product is not None  # one of the choices
    chosen: dict[str, Any] = {"seller": seller, "product": product, "seats": int(form.seats.data or 0)}
    chosen |= {"auto_renews": bool(form.auto_renews.data), "key": UUID(form.key.data)}
    if not _is_new(chosen):
        return chosen
    try:
        _missing(customer, chosen)
    except SeatsNotOffered as refusal:
        form.refuse(refusal)
        return None
    return chosen


def _missing(customer: Organization, chosen: dict[str, Any]) -> AgreementMissing | None:
    """The refusal for which only an attestation is missing; another one is raised. None for an order that is placed."""
    if not _is_new(chosen):
        return None
    try:
        actions.check(
            customer, chosen["seller"], chosen["product"], chosen["seats"], by=actors.signed_in()
        )  # fmt: skip
    except AgreementMissing as refusal:
        if refusal.remedy != "attest":
            raise
        return refusal
    return None


@blueprint.post("/customers/<uuid:customer_id>/orders/review")
@requires(Permission.PLACE_ORDERS, on=customers.seen_customer)
def review(customer: Organization) -> ResponseReturnValue:
    """Check before ordering; or the attestation that the order waits for."""
    form = _offered(customer, OrderForm())
    chosen = _chosen(customer, form)
    if chosen is None:
        return _new(customer, form), 422
    missing = _missing(customer, chosen)
    if missing is not None:
        return _prompt(customer, form, chosen, _begun(customer), missing.state)
    return pages.render("orders/review.html", form=form, customer=customer, rows=_rows(customer, chosen))


@blueprint.post("/customers/<uuid:customer_id>/orders")
@requires(Permission.PLACE_ORDERS, on=customers.seen_customer)
def place(customer: Organization) -> ResponseReturnValue:
    form = _offered(customer, OrderForm())
    chosen = _chosen(customer, form)
    if chosen is None:
        return _new(customer, form), 422
    missing = _missing(customer, chosen)
    if missing is not None:
        return _prompt(customer, form, chosen, _begun(customer), missing.state)
    order, new_ = actions.place(customer, by=actors.signed_in(), **chosen)
    return _placed(order, new_, _("The order was placed. The customer is told by mail."))


def _is_new(chosen: dict[str, Any]) -> bool:
    """Whether this form has placed no order so far."""
    return queries.order_with(actors.signed_in().organization_id, chosen["key"]) is None


def _placed(order: Order, new_: bool, words: str) -> ResponseReturnValue:
    if new_:
        flash(words, "done")
    else:
        flash(_("This order was placed already. Nothing was ordered twice."), "note")
    return redirect(url_for("orders.show", order_id=order.id))


# --- the attestation that an order waits for ---------------------------------------------------------------------


def _begun(customer: Organization) -> PromptForm:
    """The prompt as it opens: with today, the customer's. Who accepted is typed, not guessed."""
    return PromptForm(formdata=None, agreed_on=clock.today(customer.zone))


def _text_on(customer: Organization, form: PromptForm) -> AgreementText | None:
    """The text that the page names: that of the day in the form; today's while no text was in force on that."""
    today, language = clock.today(customer.zone), languages.language()
    day = min(form.agreed_on.data or today, today)
    return agreements.text_on(customer.country, day, language) or agreements.text_on(customer.country, today, language)


def _prompt(
    customer: Organization,
    order: OrderForm,
    chosen: dict[str, Any],
    form: PromptForm,
    state: str,
    changes: Sequence[str] = (),
) -> str:
    """The page that completes the attestation; its form carries what it shows. `changes`: what differs from what was
    shown before."""
    text, contact = _text_on(customer, form), agreements.primary_contact_of(customer.id)
    shown = shown_in(customer, text, contact) if text is not None else {}
    form.carry(agreement_rules.fingerprint(shown), agreement_rules.parts(shown))
    return pages.render(
        "orders/attestation.html", form=form, order=order, customer=customer, rows=_rows(customer, chosen), state=state,
        text=text, statement=shown.get("statement", ""), today=clock.today(customer.zone), contact=contact,
        other="text" in changes, changes=changes_in_words(changes) if changes else [],
    )  # fmt: skip


@blueprint.post("/customers/<uuid:customer_id>/orders/attestation")
@requires(Permission.ATTEST, on=customers.seen_customer)
def attestation(customer: Organization) -> ResponseReturnValue:
    """Save the attestation that was shown, and go on with the order where it was."""
    order = _offered(customer, OrderForm())
    chosen = _chosen(customer, order)
    if chosen is None:
        return _new(customer, order), 422
    if _missing(customer, chosen) is None:
        return place(customer)
    form, state = PromptForm(), agreements.standing_of_customer(customer).state
    if not form.validate_on_submit():
        return _prompt(customer, order, chosen, form, state), 422
    assert form.agreed_on.data is not None
    try:
        placed, new_ = actions.attest_and_place(
            customer, by=actors.signed_in(), signatory=form.signatory(), agreed_on=form.agreed_on.data,
            fingerprint=form.fingerprint.data or "", parts=form.parts_before(), **chosen,
        )  # fmt: skip
    except AttestationHasChanged as changed:
        return _prompt(customer, order, chosen, form, state, changed.changes), 409
    except (AgreementMissing, *ON_FIELDS) as refusal:
        if not _said(form, refusal):
            raise
        return _prompt(customer, order, chosen, form, state), 422
    words = _("The acceptance was saved and the order was placed. The customer is told of both by mail.")
    return _placed(placed, new_, words)


def _said(form: PromptForm, refusal: Refusal) -> bool:
    """Whether a refusal is said on a field."""
    if isinstance(refusal, AgreementMissing):
        words = _(
            "An acceptance on this day does not count any more: the customer had to agree again after it. Enter the day"
            " on which it did."
        )
        form.agreed_on.errors = [*form.agreed_on.errors, words]
        return True
    return form.refuse(refusal)


def _rows(customer: Organization, chosen: dict[str, Any]) -> list[dict[str, str]]:
    """What is ordered, as a list of facts."""
    seller, product = chosen["seller"], chosen["product"]
    rows = [{"label": _("Customer"), "value": customer.name}]
    if seller.reseller is not None:
        rows += [
            {"label": _("Indirect reseller"), "value": seller.reseller.name},
            {"label": _("Indirect provider"), "value": seller.partner.name},
        ]
    return rows + amount(customer, product, chosen["seats"], auto_renews=chosen["auto_renews"])


# --- renewing ----------------------------------------------------------------------------------------------------
