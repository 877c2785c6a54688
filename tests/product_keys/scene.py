"""Keys, and who redeems them: what the tests of product keys act in."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask

from tests.relationships.scene import Scene
from tests.support.builders import Party, World
from tests.support.visitor import Page, Visitor
from webapp import clock, database
from webapp.organizations.models import Organization
from webapp.product_keys import actions, rules
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue
from webapp.subscriptions.models import SubscriptionStanding

ACCOUNT = {
    "country": "US", "organization": "Woodgrove Bank Ltd.", "given_name": "Kim", "family_name": "Abercrombie",
    "address": "kim@woodgrove.example", "phone": "+1 425 555 0100", "language": "en",
}  # fmt: skip


def issue_keys(
    app: Flask, code: str = "SUITE-Y", count: int = 1, *, seats: int = 10, months: int = 12, days: int = 365,
    partner: Party | None = None,
) -> list[str]:  # fmt: skip
    """Issue keys of a product; as they are printed."""
    with app.app_context(), database.unit_of_work():
        product = catalogue.product_by_code(code)
        assert product is not None
        whom = database.session().get(Organization, partner.id) if partner is not None else None
        made = actions.issue(
            product, count=count, seats=seats, months=months, expires_on=clock.today("UTC") + timedelta(days=days),
            partner=whom,
        )  # fmt: skip
        return [rules.grouped(key) for key in made.keys]


def fill_catalogue(app: Flask) -> dict[str, UUID]:
    """Products that keys pay for: two suites, a small one, a trial, one for the home."""
    found = {}
    for code, english, japanese, kind, most in (
        ("SUITE-Y", "Suite Business", "スイート ビジネス", "software_subscription", 300),
        ("OTHER", "Mail Plan", "メール プラン", "software_subscription", 300),
        ("SMALL", "Small Plan", "スモール プラン", "software_subscription", 15),
        ("TRIAL", "Suite Trial", "スイート試用版", "trial", 300),
        ("HOME-SOLO", "Home Solo", "ホーム ソロ", "software", 5),
    ):
        with app.app_context(), database.unit_of_work():
            row, _new = subscriptions.add_product(
                code, name_en=english, name_ja=japanese, kind=kind, term_months=12, per_seat=True, seats_min=1,
                seats_max=most,
            )  # fmt: skip
            found[code] = row.id
    return found


class Counter(Scene):
    """A scene with a catalogue; `keys()` issues."""

    def __init__(self, app: Flask, world: World, clock_file: Path | None = None) -> None:
        super().__init__(app, world, clock_file)
        self.world = world
        self.products = fill_catalogue(app)

    def keys(self, code: str = "SUITE-Y", count: int = 1, **more: Any) -> list[str]:
        """Keys as they are printed."""
        return issue_keys(self.app, code, count, **more)

    def has(
        self, code: str = "SUITE-Y", *, seats: int = 10, ends_on: date | None = None, ends_in: int = 60,
        contract: str = "product_key",
    ) -> UUID:  # fmt: skip
        """The customer has a subscription that ends in so many days (of its own zone); its id."""
        with self.app.app_context(), database.unit_of_work():
            customer = self.organization(self.customer)
            database.write(chain=customer.chain_id)
            product = catalogue.product_by_code(code)
            assert product is not None
            last = ends_on or clock.today(customer.zone) + timedelta(days=ends_in)
            row = subscriptions._subscribe(
                customer, None, None, product=product.name_en, kind=product.kind, seats=seats,
                starts_on=min(last, clock.today(customer.zone)) - timedelta(days=365), ends_on=last, auto_renews=False,
                source="test", product_id=product.id, contract=contract,
            )  # fmt: skip
            return row.line_id

    def standing(self, line_id: UUID) -> SubscriptionStanding:
        """Where a subscription stands."""
        (found,) = self.rows(SubscriptionStanding, SubscriptionStanding.line_id == line_id)
        assert isinstance(found, SubscriptionStanding)
        return found


# --- through the pages -------------------------------------------------------------------------------------------


def start(visitor: Visitor) -> Page:
    """Say that one is the right person, and begin."""
    visitor.open("/redeem")
    return visitor.submit(right_person=True, to="/redeem")


def enter(visitor: Visitor, *keys: str, button: str = "Next", to: str = "/redeem/keys") -> Page:
    """Enter keys on the page that is shown."""
    return visitor.submit(keys="\n".join(keys), button=button, to=to)


def to_account(visitor: Visitor, *keys: str) -> Page:
    """From the start to the form of the account."""
    start(visitor)
    page = enter(visitor, *keys)
    assert page.url.endswith("/review"), page.words
    visitor.submit(to="/redeem/review")
    return visitor.follow("Start step 2")


def to_check(visitor: Visitor, *keys: str, **account: str) -> Page:
    """From the start to the page before the account is made."""
    to_account(visitor, *keys)
    return visitor.submit(ACCOUNT | account, to="/redeem/account")


def to_choice(visitor: Visitor, *keys: str, subscription: UUID | str = "") -> Page:
    """Enter keys for the own organization; the page before Redeem."""
    visitor.open(f"/redeem?subscription={subscription}" if subscription else "/redeem")
    return enter(visitor, *keys, to="/redeem/own/keys")
