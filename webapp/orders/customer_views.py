"""A customer's own orders: what was ordered for it and by it, and buying through one of its partners."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import pages
from webapp.access import Permission, requires
from webapp.agreements import queries as agreements
from webapp.forms import NoField
from webapp.orders import actions, queries
from webapp.orders.forms import OrderForm
from webapp.orders.models import Order
from webapp.orders.rules import SeatsNotOffered
from webapp.orders.words import amount, count_words, product_words
from webapp.organizations.models import Organization
from webapp.subscriptions import queries as subscriptions

blueprint = Blueprint("purchases", __name__, url_prefix="/orders")
NAVIGATION = (pages.Item("customer", "purchases.index", lambda: _("Orders"), Permission.READ_ORDERS, 35),)


@blueprint.get("")
@requires(Permission.READ_ORDERS, on=queries.buyer_for)
def index(own: Organization) -> ResponseReturnValue:
    """What was ordered for it and by it, through whom; what became of it stands on its subscriptions' pages."""
    after, before = (pages.read_place(request.args.get(name, "")) for name in ("after", "before"))
    found = queries.orders_for(actors.signed_in(), after=after, before=before)
    page = pages.turned(found, lambda row: (row.at, row.id), count_words(found.count, queries.MOST))
    standing = agreements.standing_of_customer(own)
    return pages.render(
        "orders/purchases/index.html", page=page, paged=bool(after or before), own=own, state=standing.state,
        sellers=queries.sellers_of(own.id), in_order=standing.is_in_order,
    )  # fmt: skip


@blueprint.get("/<uuid:order_id>")
@requires(Permission.READ_ORDERS, on=queries.customers_order)
def show(order: Order) -> ResponseReturnValue:
    return pages.render("orders/purchases/show.html", of=queries.details_of(actors.signed_in(), order))


@blueprint.get("/new")
@requires(Permission.BUY, on=queries.buyer_for)
def new(own: Organization) -> ResponseReturnValue:
    """The form. What was typed before comes back with "Change". With one partner it is refused before it is filled in."""
    sellers = queries.sellers_of(own.id)
    refused = queries.refusal_of(own, sellers[0], "customer", own.id) if len(sellers) == 1 else None
    if refused is not None:
        raise refused
    arguments = request.args
    form = OrderForm(
        formdata=None, key=arguments.get("key") or str(uuid4()), seller=arguments.get("seller", ""),
        product=arguments.get("product", ""), seats=arguments.get("seats", "1"),
        auto_renews=arguments.get("auto_renews") == "y",
    )  # fmt: skip
    return _new(own, _offered(own, form))


def _offered(own: Organization, form: OrderForm) -> OrderForm:
    products = subscriptions.products(open_only=True)
    form.offer(queries.sellers_of(own.id), [(each, product_words(each)) for each in products])
    return form


def _new(own: Organization, form: OrderForm) -> str:
    standing = agreements.standing_of_customer(own)
    return pages.render(
        "orders/purchases/new.html", form=form, own=own, in_order=standing.is_in_order, any_at_all=bool(form.seller.choices)
    )  # fmt: skip


def _chosen(own: Organization, form: OrderForm) -> dict[str, Any] | None:
    """What a valid form orders, as `actions.place` takes it; None when a field is refused. Raises AgreementMissing."""
    if not form.validate_on_submit():
        return None
    seller = next(each for each in queries.sellers_of(own.id) if str(each.relationship.id) == form.seller.data)
    product = subscriptions.product_by_id(UUID(form.product.data))
    assert product is not None  # one of the choices
    chosen: dict[str, Any] = {"seller": seller, "product": product, "seats": int(form.seats.data or 0)}
    key, actor = UUID(form.key.data), actors.signed_in()
    if queries.order_with(actor.organization_id, key) is None:
        try:
            actions.check(own, **chosen, by=actor)
        except SeatsNotOffered as refusal:
            form.refuse(refusal)
            return None
    return chosen | {"auto_renews": bool(form.auto_renews.data), "key": key}


@blueprint.post("/review")
@requires(Permission.BUY, on=queries.buyer_for)
def review(own: Organization) -> ResponseReturnValue:
    """Check before buying."""
    form = _offered(own, OrderForm())
    chosen = _chosen(own, form)
    if chosen is None:
        return _new(own, form), 422
    return pages.render(
        "orders/purchases/review.html", form=form, seller=chosen["seller"],
        rows=amount(own, chosen["product"], chosen["seats"], auto_renews=chosen["auto_renews"]),
    )  # fmt: skip


@blueprint.post("")
@requires(Permission.BUY, on=queries.buyer_for)
def place(own: Organization) -> ResponseReturnValue:
    form = _offered(own, OrderForm())
    chosen = _chosen(own, form)
    if chosen is None:
        return _new(own, form), 422
    order, new_ = actions.place(own, by=actors.signed_in(), **chosen)
    if new_:
        flash(_("You ordered it. The partner is told, and your administrators get a mail."), "done")
    else:
        flash(_("This order was placed already. Nothing was ordered twice."), "note")
    return redirect(url_for("purchases.show", order_id=order.id))


@blueprint.post("/attestation-request")
@requires(Permission.BUY, on=queries.buyer_for)
def attestation_request(own: Organization) -> ResponseReturnValue:
    """Ask the partner to confirm that the customer accepted."""
    if NoField().validate_on_submit():
        word = request.form.get("seller", "")
        seller = next((each for each in queries.sellers_of(own.id) if str(each.relationship.id) == word), None)
        if seller is None:
            abort(404)
        if actions.ask_partner(own, seller, by=actors.signed_in()):
            flash(_("You asked %(partner)s. It sees your request in its inbox.", partner=seller.partner.name), "done")
        else:
            flash(
                _("%(partner)s was asked today already. Nothing was sent twice.", partner=seller.partner.name), "note"
            )
    return redirect(url_for("purchases.index"))
