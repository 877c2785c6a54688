"""One filled world that whole-class tests walk through: every kind of visitor, and something of everything to see.

`Story` is made once a process and engine and copied for each test; `story.app` is the application on the copy.
A slice's author adds what its pages need: a field that `tell()` fills, or a method that makes it on demand (used as
`prepare=` of a route's row in `tests/guards/routes/<slice>.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.builders import PASSWORD, Member, Party, World
from tests.support.visitor import Page
from webapp import actor as actors
from webapp import clock, database, tokens
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.agreements import actions as agreements
from webapp.agreements import queries as agreement_queries
from webapp.agreements.models import Attestation
from webapp.agreements.rules import Signatory
from webapp.api_clients import actions as api_clients
from webapp.api_clients.models import ApiToken
from webapp.database import Model
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import BASIC, ROLES
from webapp.evidence.models import SITE_CHAIN
from webapp.invitations import actions as invitations
from webapp.invitations.models import Invitation
from webapp.orders import actions as orders
from webapp.orders import queries as order_queries
from webapp.orders.models import Order
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.product_keys import actions as product_keys
from webapp.product_keys import queries as key_queries
from webapp.relationships import actions as relationships
from webapp.relationships import queries as relationship_queries
from webapp.relationships.models import Relationship
from webapp.renewals import actions as renewals
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as subscription_queries
from webapp.subscriptions.models import Subscription
from webapp.team import actions as team
from webapp.tokens import Token
from webapp.webhooks import actions as webhooks
from webapp.webhooks import queries as webhook_queries
from webapp.webhooks.models import WebhookAttempt, WebhookDelivery
from webapp.webhooks.rules import EVENTS, TEST

#: Who comes: nobody; a stranger (of another customer, with every customer role); each role of the customer; a rival
#: (of another partner, with every partner role); each role of the partner; a delegate: an admin agent of a third partner,
#: acting for the customer with every delegated role there is.
CUSTOMER = (
    "global_administrator", "billing_administrator", "delegated_admin_administrator", "global_reader", "member"
)  # fmt: skip
PARTNER = ("admin_agent", "sales_agent", "helpdesk_agent", "partner_member")
VISITORS = ("nobody", "stranger", *CUSTOMER, "rival", *PARTNER, "delegate")
#: Who calls the API: nobody; a browser that is signed in as an admin agent and carries no token; clients of the partner with
#: each role; a client that a sales agent consented to; another partner's client with every role; a token that is over; one
#: that was revoked; and a refresh token where an access token belongs.
API_VISITORS = (
    "api_nobody", "api_cookie", "api_admin_agent", "api_sales_agent", "api_read_only", "api_consented", "api_rival",
    "api_expired", "api_revoked", "api_refresh",
)  # fmt: skip

Row = TypeVar("Row", bound=Model)
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True)
class Invited:
    """An invitation as a test needs it."""

    id: UUID
    ref: str


@dataclass(frozen=True)
class Signed:
    """A browser that signed in: its cookie, and a token its forms carry."""

    cookie: str
    csrf_token: str
    session_id: UUID | None


@dataclass(frozen=True)
class Story:
    """Who there is and what happened. `partner` asked `customer`, which has accepted nothing yet."""

    app: Flask
    customer: Party
    stranger: Party
    partner: Party
    rival: Party
    provider: Party
    reseller: Party
    newcomer: Party
    helper: Party
    signed: dict[str, Signed] = field(default_factory=dict)
    invitations: dict[str, Invited] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    offers: dict[str, UUID] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    # --- who ---

    def address_of(self, visitor: str) -> str:
        """The address a visitor signs in with."""
        return _member(self, visitor).address

    def client(self, visitor: str) -> FlaskClient:
        """A browser with that visitor's cookie, or a program with its token."""
        client = self.app.test_client()
        if visitor in self.tokens:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.tokens[visitor]}"
            return client
        visitor = {"api_nobody": "nobody", "api_cookie": "admin_agent"}.get(visitor, visitor)
        name = str(self.app.config["SESSION_COOKIE_NAME"])
        client.set_cookie(name, self.signed[visitor].cookie, domain="localhost")
        return client

    def actor(self, visitor: str) -> Actor:
        """The visitor as actions take it (inside `unit()` or an application context)."""
        session_id = self.signed[visitor].session_id
        assert session_id is not None
        found = actors.load(session_id)
        assert found is not None
        if found.acting_for_id is None:
            return found
        acting = delegated_queries.acting_of(found, found.acting_for_id)
        assert isinstance(acting, Actor)
        return acting

    def organization(self, party: Party) -> Organization:
        """The row of an organization (inside `unit()` or an application context)."""
        found = organizations.organization_by_id(party.id)
        assert found is not None
        return found

    @contextmanager
    def unit(self) -> Iterator[None]:
        """An application context with a unit of work."""
        with self.app.app_context(), database.unit_of_work():
            yield

    # --- what can be made on demand ---

    def invite(
        self, partner: Party, customer: Party | None, *, asks: str = "relationship", reseller: Party | None = None,
        offer_id: UUID | None = None, sent: bool = False,
    ) -> Invited:  # fmt: skip
        """A partner makes an invitation, open for thirty days; `offer_id` comes with it. `sent`: the partner says that it
        sent it."""
        with self.unit():
            by = self._acting(partner["everything" if "everything" in partner.people else "admin_agent"])
        with self.unit():
            asked = self.organization(customer) if customer is not None else None
            row = invitations.make(
                by=by, asks=asks, customer=asked, other=self.organization(reseller) if reseller else None,
                language="en", last_day=clock.today("UTC") + timedelta(days=30),
                recipient=next(iter(customer.people.values())).address if customer is not None else None,
                offer=database.session().get_one(DelegatedRelationship, offer_id) if offer_id is not None else None,
            )  # fmt: skip
            if sent:
                invitations.say_sent(row, by=by)
            return Invited(row.id, row.ref)

    def offer(self, partner: Party, customer: Party, name: str, **changes: Any) -> UUID:
        """A partner offers delegated administration, and the customer was told of it; answers its id."""
        with self.unit():
            by = self._acting(partner["everything" if "everything" in partner.people else "admin_agent"])
        with self.unit():
            terms: dict[str, Any] = {"roles": BASIC, "duration_days": 365, "auto_extends": False} | changes
            row = delegated_admin.offer(self.organization(customer), by=by, name=name, **terms)
            delegated_admin.announce(row)
            return row.id

    def approve(self, offer_id: UUID, visitor: str = "global_administrator") -> UUID:
        """The visitor approves an offer; answers its id."""
        with self.unit():
            row = database.session().get_one(DelegatedRelationship, offer_id)
            shown = delegated_queries.shown_to(row)
            delegated_admin.approve(
                row, by=self.actor(visitor), fingerprint=shown.fingerprint, network_address="192.0.2.1", browser="Test"
            )  # fmt: skip
        return offer_id

    def administer(self) -> None:
        """The delegate's partner has every role there is at the customer, and the delegate acts for it."""
        self.approve(self.offer(self.helper, self.customer, "Every role", roles=[role.id for role in ROLES]))
        client = self.client("delegate")
        client.post(
            f"/partner/administered/{self.customer.id}/acting",
            data={"csrf_token": self.signed["delegate"].csrf_token},
            headers={"Origin": "http://localhost", "Referer": "http://localhost/"},
        )
        self.signed["delegate"] = _signed(self.app, client)

    def _acting(self, member: Member) -> Actor:
        row = accounts.start_session(member.id, proof="password", network_address="192.0.2.1", browser="Test")
        found = actors.load(row.id)
        assert found is not None
        return found

    def note(self, invited: Invited, kind: str) -> None:
        """Let something happen to an invitation ("withdrawn" …)."""
        with self.unit():
            row = database.session().get(Invitation, invited.id)
            assert row is not None
            chain = self._chain_of(row)
            database.write(chain=chain)
            fact = invitations.told(row, kind, by=None, source="operator")
            invitations.note(row, kind, fact=fact)

    def _chain_of(self, row: Invitation) -> UUID:
        found = organizations.organization_by_id(row.customer_id or row.partner_id)
        assert found is not None
        return found.chain_id

    def accept(self, visitor: str = "global_administrator", partner: Party | None = None) -> UUID:
        """The visitor accepts the agreement, on the pages; with `partner` by an invitation of it, together with the
        relationship. The id of the acceptance."""
        address = "/agreement/acceptance"
        if partner is not None:
            party = self.stranger if visitor == "stranger" else self.customer
            address = f"/invitation/{self.invite(partner, party).ref}/acceptance"
        self.post(visitor, address, **self.last_form(visitor, address))
        with self.app.app_context():
            found = agreement_queries.acceptances_of(self.actor(visitor).organization_id)
            return found[0][0].id

    def review_form(self, visitor: str, address: str) -> dict[str, Any]:
        """The form of the review page at an address, filled in as an administrator does."""
        boxes = {"agreement": True} if address.startswith("/agreement") else {"agreement": True, "relationship": True}
        return self.fields(
            visitor, address, to="/check", **boxes, authority=True, title="Head of IT", department="Purchasing"
        )

    def last_form(self, visitor: str, address: str) -> dict[str, Any]:
        """The form of the page that is left to accept on."""
        sent = self.review_form(visitor, address)
        return self.fields_after(visitor, f"{address}/check", sent, to=address)

    def ask_to_end(self, reason: str = "We move to another partner.") -> dict[str, Any]:
        """The customer has a relationship with the partner and asks to end it; what addresses of both need."""
        related = self.related()
        with self.unit():
            row = database.session().get_one(Relationship, related["relationship_id"])
            relationships.ask_to_end(row, by=self.actor("global_administrator"), reason=reason)
        return related

    def related(self) -> dict[str, Any]:
        """The customer accepts the partner's relationship; what addresses about it need."""
        self.accept("global_administrator", self.partner)
        return {"relationship_id": self.only(Relationship, customer_id=self.customer.id).id}

    def attested(self, email: str = "ann.lee@contoso.example") -> dict[str, Any]:
        """The partner confirms that somebody of the customer accepted the agreement; what addresses about it need."""
        with self.app.app_context():
            related = relationship_queries.open_between(self.customer.id, self.partner.id)
        if related is None:
            self.related()
        with self.unit():
            customer = self.organization(self.customer)
            row = agreements.attest(
                customer, by=self.actor("sales_agent"), signatory=Signatory("Ann", "Lee", email, "+1 555 0100"),
                agreed_on=clock.today(customer.zone),
            )  # fmt: skip
            return {"attestation_id": row.id, "customer_id": customer.id}

    def bought(self) -> dict[str, Any]:
        """The customer bought something through the partner that closes direct acceptance while it never agreed."""
        with self.app.app_context():
            related = relationship_queries.open_between(self.customer.id, self.partner.id)
        if related is None:
            with self.unit():
                relationships.begin(
                    self.organization(self.customer), partner_id=self.partner.id, reseller_id=None, origin="creation",
                    by=None, source="operator",
                )  # fmt: skip
        with self.unit():
            today = clock.today("UTC")
            subscriptions.add(
                self.organization(self.customer), self.organization(self.partner), reseller=None, product="Office",
                seats=5, starts_on=today, ends_on=today + timedelta(days=365),
            )  # fmt: skip
        return {}

    def today(self) -> date:
        """The customer's day."""
        return clock.today(self.organization(self.customer).zone)

    def catalogue(self) -> UUID:
        """A product that can be ordered by the seat; its id."""
        with self.unit():
            row, _new = subscriptions.add_product(
                "SUITE-Y", name_en="Suite Business", name_ja="スイート ビジネス", kind="software_subscription",
                term_months=12, per_seat=True, seats_min=1, seats_max=300,
            )  # fmt: skip
            return row.id

    def sells_to(self, customer: Party, partner: Party | None = None) -> None:
        """The partner sells to a customer by a relationship that it created."""
        with self.unit():
            relationships.begin(
                self.organization(customer), partner_id=(partner or self.partner).id, reseller_id=None,
                origin="creation", by=None,
            )  # fmt: skip

    def order(self) -> UUID:
        """The partner orders something that renews itself for the customer, which agreed; the order's id."""
        with self.app.app_context():
            related = relationship_queries.open_between(self.customer.id, self.partner.id)
        if related is None:
            self.related()
        return self._order(self.partner, self.partner["sales_agent"])

    def ordered_subscription(self) -> UUID:
        """What such an order bought."""
        return self.only(Order, id=self.order()).subscription_id

    def _order(self, partner: Party, agent: Member) -> UUID:
        product_id = self.catalogue()
        with self.unit():
            by = self._acting(agent)
        with self.unit():
            customer, product = self.organization(self.customer), subscription_queries.product_by_id(product_id)
            assert product is not None
            (seller,) = order_queries.sellers_of(customer.id, partner.id)
            row, _new = orders.place(
                customer, by=by, key=uuid4(), seller=seller, product=product, seats=5, auto_renews=True
            )
            return row.id

    def _orders_elsewhere(self) -> None:
        """Another partner orders what shall not renew itself."""
        self.sells_to(self.customer, self.provider)
        agent = self.provider["admin_agent"]
        bought = self.only(Order, id=self._order(self.provider, agent)).subscription_id
        with self.unit():
            by = self._acting(agent)
        with self.unit():
            subscriptions.stop_renewal(database.session().get_one(Subscription, bought), by=by)

    def objection_link(self) -> dict[str, Any]:
        """The link of the notice of an attestation, which went to the customer's global administrator."""
        attested = self.attested()
        with self.app.app_context():
            contact = agreement_queries.primary_contact_of(self.customer.id)
            assert contact is not None
            assert contact.address == self.address_of("global_administrator")
        token = self.only(Token, purpose="objection")
        with self.app.app_context():
            return {"secret": tokens.secret_of(token), **attested}

    def distrust(self) -> dict[str, Any]:
        """The customer says that it does not know the partner; what addresses about it need."""
        with self.unit():
            customer, partner = self.organization(self.customer), self.organization(self.partner)
            relationships.say_unknown(
                customer, partner, by=self.actor("global_administrator"), comment="Nobody knows it."
            )
        return {"partner_id": self.partner.id}

    def something_of_everything(self) -> None:
        """At least one row in every table that holds acts."""
        relationship_id = self.ask_to_end()["relationship_id"]
        attestation_id = self.attested()["attestation_id"]
        with self.unit():
            attestation = database.session().get_one(Attestation, attestation_id)
            agreements.object_signed_in(
                attestation, by=self.actor("global_administrator"), comment="Nobody agreed to this."
            )
        with self.unit():
            customer, partner = self.organization(self.customer), self.organization(self.partner)
            today = clock.today(customer.zone)
            subscriptions.add(
                customer, partner, reseller=None, product="Microsoft 365 Business Premium", seats=25,
                starts_on=today - timedelta(days=400), ends_on=today - timedelta(days=35),
            )  # fmt: skip
        with self.unit():
            (request, _answer), *_more = relationship_queries.requests_of(relationship_id)
            relationships.answer_ending(request, by=self.actor("admin_agent"), agree=True)
        self.distrust()
        self._orders_elsewhere()
        self._asks_provider()
        self.renewals()
        self.partner_of_record()
        self.redeem_key()
        self.cart()
        self.dead_letter()
        self.webhook_key()

    def _asks_provider(self) -> None:
        """A second reseller asks the provider to work together, which declines."""
        lonely = World(self.app).a_partner("Proseware Resellers", programme="indirect_reseller")
        with self.unit():
            by, provider = self._acting(lonely["admin_agent"]), self._acting(self.provider["admin_agent"])
        with self.unit():
            request = team.ask(self.organization(self.provider), by=by)
        with self.unit():
            team.decline(request, by=provider, reason="Not this year.")

    def secret_link(self, purpose: str, visitor: str, **facts: Any) -> str:
        """Issue a link of a purpose to a visitor's address; its secret."""
        with self.unit():
            member = _member(self, visitor)
            database.write()
            token: Token = tokens.issue(purpose, member.address, lasts=timedelta(days=1), person_id=member.id, **facts)
            return tokens.secret_of(token)

    # --- what the pages offer ---

    def fields(self, visitor: str, address: str, to: str, **typed: Any) -> dict[str, Any]:
        """The fields of the form that a page shows this visitor and that goes to an address ending in `to`, filled in
        with `typed` (True ticks a box). A field that the form does not have is an error of the test."""
        return self._filled(self.client(visitor).get(address), address, to, typed)

    def fields_after(self, visitor: str, address: str, sent: dict[str, Any], to: str, **typed: Any) -> dict[str, Any]:
        """The same for the page that answers a form."""
        return self._filled(self.post(visitor, address, **sent), address, to, typed)

    def post(self, visitor: str, path: str, /, **sent: Any) -> TestResponse:
        """Send a form as a visitor."""
        answer = self.client(visitor).post(
            path,
            data={**sent, "csrf_token": self.signed[visitor].csrf_token},
            headers={"Origin": "http://localhost", "Referer": "http://localhost/"},
        )
        assert answer.status_code < 400, f"{path}: {answer.status_code} {answer.text[-1500:]}"
        return answer

    def _filled(self, answer: TestResponse, address: str, to: str, typed: dict[str, Any]) -> dict[str, Any]:
        assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.headers.get('Location')}"
        forms = [form for form in Page(answer, f"http://localhost{address}").forms if form.method == "post"]
        form = next((f for f in forms if f.action.endswith(to) and typed.keys() <= f.names), None)
        assert form is not None, f"{address} has no form to {to} with {sorted(typed)}: {[f.action for f in forms]}"
        filled: dict[str, Any] = dict(form.fields)
        for name, value in typed.items():
            filled[name] = form.options[name][:1] if value is True else value
        return filled

    def only(self, model: type[Row], **columns: Any) -> Row:
        """The newest row of a model with these values."""
        with self.app.app_context():
            found = database.session().scalars(sa.select(model).filter_by(**columns)).all()
            assert found, f"no {model.__name__} with {columns}"
            return found[-1]

    def ending_line(self, days: int = 5) -> UUID:
        """The customer, whose agreement is in order, has something through the partner that ends in so many days; the id of
        its line."""
        with self.app.app_context():
            in_order = agreement_queries.standing_of_customer(self.organization(self.customer)).is_in_order
        if not in_order:
            self.related()
        product_id = self.catalogue()
        with self.unit():
            customer, product = self.organization(self.customer), subscription_queries.product_by_id(product_id)
            assert product is not None
            database.write(chain=customer.chain_id)
            row = subscriptions.begin_paid(
                customer, self.partner.id, product=product, name=product.name_en, seats=5,
                ends_on=clock.today(customer.zone) + timedelta(days=days), contract="partner", by=None, source="operator",
            )  # fmt: skip
            return row.line_id

    def renewals(self) -> None:
        """A partner was told of a coming end, and the customer switched to direct billing."""
        line_id = self.ending_line()
        with self.unit():
            standing = subscription_queries.standing_of(line_id)
            assert standing is not None
            renewals.note(standing, days=7, days_left=5)
        with self.unit():
            standing = subscription_queries.standing_of(line_id)
            assert standing is not None
            direct = renewals.check_direct(standing, self.organization(self.customer))
            renewals.switch_to_direct(
                standing, by=self.actor("global_administrator"), seats=5, shown=direct.shown, loss_accepted=False
            )  # fmt: skip

    def redeem_key(self) -> UUID:
        """The customer's global administrator redeems a key that begins a subscription; the id of what it entered."""
        product_id = self.catalogue()
        with self.unit():
            product = subscription_queries.product_by_id(product_id)
            assert product is not None
            (key,) = product_keys.issue(
                product, count=1, seats=1, months=12, expires_on=clock.today("UTC") + timedelta(days=90)
            ).keys
        with self.unit():
            by, customer = self.actor("global_administrator"), self.organization(self.customer)
            draft, _faults = product_keys.enter(None, key, by=by, customer=customer, network_address="192.0.2.1")
            assert draft is not None
            choices = key_queries.choices_of(customer, key_queries.entered_in(draft.key_ids))
            product_keys.redeem(
                draft, by=by, ways={product_id: "new"}, parts={}, network_address="192.0.2.1",
                fingerprint=key_queries.fingerprint_of_choices(draft, choices),
            )  # fmt: skip
            return draft.id

    def partner_of_record(self) -> UUID:
        """The customer named the provider partner of record of something that the partner sold; the id of its line."""
        line_id = self.ending_line()
        with self.unit():
            standing = subscription_queries.standing_of(line_id)
            assert standing is not None
            subscriptions.name_partner_of_record(
                standing, self.organization(self.provider), by=self.actor("billing_administrator")
            )
        return line_id

    def make_provider(self) -> None:
        """Let the partner be an indirect provider from now on."""
        with self.unit():
            database.write()
            self.organization(self.partner).programme = "indirect_provider"

    def sells_with(self, customer: Party, reseller: Party) -> None:
        """The partner, an indirect provider, sells to a customer with one of its resellers."""
        with self.unit():
            relationships.begin(
                self.organization(customer), partner_id=self.partner.id, reseller_id=reseller.id, origin="creation",
                by=None, source="operator",
            )  # fmt: skip

    def product(self, code: str) -> UUID:
        """Another product that can be ordered; its id."""
        with self.unit():
            row, _new = subscriptions.add_product(
                code, name_en=f"Suite {code}", name_ja=f"スイート {code}", kind="software_subscription", term_months=1,
                per_seat=True, seats_min=1, seats_max=300,
            )  # fmt: skip
            return row.id

    def cart(self) -> UUID:
        """The partner gathers something for the customer; the cart's id."""
        self.catalogue()
        with self.unit():
            line = {"catalog_item_id": "SUITE-Y", "quantity": 5, "auto_renew_enabled": False}
            customer, by = self.organization(self.customer), self.actor("sales_agent")
            return orders.make_cart(customer, by=by, lines=[line]).id

    def draft(self, name: str = "Prepared by a program", **changes: Any) -> UUID:
        """The partner's program prepares delegated administration at the customer; the draft's id."""
        with self.unit():
            terms: dict[str, Any] = {
                "roles": BASIC, "duration_days": 365, "auto_extends": False, "customer_id": self.customer.id
            }  # fmt: skip
            return delegated_admin.prepare(by=self.actor("admin_agent"), name=name, **(terms | changes)).id

    def assign(self, relationship_id: UUID) -> UUID:
        """A program says which group is to use a role of what is in force; the assignment's id."""
        with self.unit():
            row = database.session().get_one(DelegatedRelationship, relationship_id)
            return delegated_admin.assign(
                row, by=self.actor("admin_agent"), container_id=uuid4(), container_type="securityGroup", roles=BASIC[:1]
            ).id

    def webhook(self) -> UUID:
        """The partner's registration of every event, made at the first call; its id."""
        with self.unit():
            found = webhook_queries.registration_of(self.partner.id)
            if found is None:
                found, _secret = webhooks.register_webhook(
                    by=self.actor("admin_agent"), url="https://hooks.receiver.example/events", events=EVENTS
                )
            return found.id

    def dead_letter(self) -> UUID:
        """A test event of the partner's registration that was given up after one attempt; its id."""
        registration_id, now, id_ = self.webhook(), clock.now(), uuid4()
        with self.unit():
            database.write()
            session = database.session()
            session.add(
                WebhookDelivery(
                    id=id_, organization_id=self.partner.id, registration_id=registration_id, event=TEST, stream=id_,
                    place=0, body="{}", created_at=now, next_attempt_at=now, attempts=10, dead_at=now, closed_at=now,
                )
            )  # fmt: skip
            session.flush()
            session.add(
                WebhookAttempt(delivery_id=id_, url="https://hooks.receiver.example/events", at=now, response_code=503)
            )
        return id_

    def webhook_key(self) -> UUID:
        """The key pair that signs what is sent; its id."""
        with self.app.app_context():
            return webhooks.ensure_signing_key().id

    def moved_to(self, app: Flask) -> Story:
        """The same story on a copy of its database."""
        return replace(self, app=app, signed=dict(self.signed), tokens=dict(self.tokens))


def _member(story: Story, visitor: str) -> Member:
    if visitor in {"stranger", "rival"}:
        return (story.stranger if visitor == "stranger" else story.rival)["everything"]
    if visitor == "delegate":
        return story.helper["admin_agent"]
    if visitor in CUSTOMER:
        return story.customer["" if visitor == "member" else visitor]
    return story.partner["" if visitor == "partner_member" else visitor]


def tell(app: Flask) -> Story:
    """Fill an application's empty database."""
    world = World(app)
    with app.app_context(), database.unit_of_work():
        database.write(chain=SITE_CHAIN)
        agreements.publish_samples(("US", "JP"))
    story = Story(
        app=app,
        customer=world.a_customer("Contoso Ltd."),
        stranger=world.an_organization_of_one("customer", "Adventure Works"),
        partner=world.a_partner("Northwind Cloud"),
        rival=world.an_organization_of_one("partner", "Proseware Services"),
        provider=world.a_partner("Fabrikam Distribution", programme="indirect_provider"),
        reseller=world.a_partner("Tailspin Resellers", programme="indirect_reseller"),
        newcomer=world.a_customer("Litware 合同会社", language="ja", country="JP", zone="Asia/Tokyo"),
        helper=world.a_partner("Lucerne Administration", roles=("admin_agent",)),
    )
    world.pair(story.provider, story.reseller)
    world.enroll(story.partner)
    world.enroll(story.rival)
    world.enroll(story.helper)
    for visitor in VISITORS:
        story.signed[visitor] = _sign_in(story, visitor)
    story.administer()
    story.accept("stranger", story.rival)
    made = story.invitations
    made["withdrawn"] = story.invite(story.partner, story.customer)
    story.note(made["withdrawn"], "withdrawn")
    made["open"] = story.invite(story.partner, story.customer)
    made["for_anyone"] = story.invite(story.partner, None)
    made["agreement_only"] = story.invite(story.partner, story.customer, asks="agreement")
    made["indirect"] = story.invite(story.provider, story.customer, reseller=story.reseller)
    story.offers["waiting"] = story.offer(story.partner, story.customer, "Everyday support")
    _give_tokens(story)
    return story


def _give_tokens(story: Story) -> None:
    """A token of every kind that calls the API."""

    def give(visitor: str, roles: tuple[str, ...], by: str = "admin_agent", person: str = "") -> ApiToken:
        with story.unit():
            client, _secret = api_clients.create(by=story.actor(by), name=visitor, roles=roles)
            person_id = _member(story, person).id if person else None
            row, access, refresh = api_clients.give_token(client, roles=roles, person_id=person_id)
            story.tokens[visitor] = refresh if visitor == "api_refresh" else access
            if visitor == "api_expired":
                row.access_expires_at = clock.now() - timedelta(seconds=1)
            if visitor == "api_revoked":
                row.revoked_at = clock.now()
            return row

    give("api_admin_agent", ("admin_agent",))
    give("api_sales_agent", ("sales_agent",))
    give("api_read_only", ("read_only",))
    give("api_consented", ("admin_agent", "sales_agent", "read_only"), person="sales_agent")
    give("api_rival", ("admin_agent", "sales_agent", "read_only"), by="rival")
    give("api_expired", ("admin_agent",))
    give("api_revoked", ("admin_agent",))
    give("api_refresh", ("admin_agent",), person="admin_agent")


def _sign_in(story: Story, visitor: str) -> Signed:
    client = story.app.test_client()
    csrf_token = _token(client.get("/sign-in").text)
    if visitor != "nobody":
        form = {"address": story.address_of(visitor), "password": PASSWORD, "csrf_token": csrf_token}
        answer = client.post("/sign-in", data=form, headers={"Referer": "http://localhost/sign-in"})
        assert answer.status_code == 302, answer.text
    return _signed(story.app, client)


def _signed(app: Flask, client: FlaskClient) -> Signed:
    """What a browser holds now."""
    csrf_token = _token(client.get("/help" if _is_signed_in(client) else "/sign-in").text)
    cookie = client.get_cookie(str(app.config["SESSION_COOKIE_NAME"]), domain="localhost")
    assert cookie is not None
    with client.session_transaction() as session:
        kept = session.get("_user_id")
    return Signed(cookie.value, csrf_token, UUID(kept) if kept else None)


def _is_signed_in(client: FlaskClient) -> bool:
    with client.session_transaction() as session:
        return "_user_id" in session


def _token(html: str) -> str:
    found = _TOKEN.search(html)
    assert found is not None, "no form on the page"
    return found[1]
