"""Page states of `product_keys`: setting up an account with keys, redeeming for the own organization, what can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from tests.product_keys.scene import issue_keys
from tests.support.main_job import PLACES, Clicks
from tests.support.state import State
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.organizations.models import Domain, Organization
from webapp.product_keys import actions, queries
from webapp.product_keys.models import RedemptionDraft
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue

WRONG = "BCDFG-HJKMP-QRTVW-XY234-678O9"
ORGANIZATIONS = {
    "en": {
        "customer": "Fourth Street Bakery", "set_up": "Margie's Travel", "country": "US", "given": "Mika", "family": "Sato",
        "address": "mika@margies.example", "phone": "+1 425 555 0100",
    },
    "ja": {
        "customer": "フォース・ストリート・ベーカリー株式会社", "set_up": "マージーズ・トラベル株式会社", "country": "JP", "given": "美佳",
        "family": "佐藤", "address": "mika@margies.example", "phone": "03-1234-5678",
    },
}  # fmt: skip


def _begins(clicks: Clicks) -> None:
    """Say that one is the right person, if the page asks."""
    if clicks.path().endswith("/redeem"):
        clicks.page.check("[name=right_person]")
        clicks.submit("/redeem")


def _begins_without(clicks: Clicks) -> None:
    clicks.submit("/redeem")


def _at(path: str, then: Callable[[Clicks], None] | None = None) -> Callable[[Clicks], None]:
    """Open another page of the way, once it began."""

    def opened(clicks: Clicks) -> None:
        clicks.page.goto(path)
        if then is not None:
            then(clicks)

    return opened


def _types(value: str) -> Callable[[Clicks], None]:
    """Type a key, and go on."""

    def typed(clicks: Clicks) -> None:
        clicks.page.fill("[name=keys]", value)
        clicks.press(clicks.page.locator("main button[name=act][value=next]"))

    return typed


def _types_nothing(clicks: Clicks) -> None:
    _begins(clicks)
    _types("")(clicks)


def _wrong_account(clicks: Clicks) -> None:
    clicks.page.fill("[name=address]", "kim@microsoft.com")
    clicks.submit("/account")


def _known_account(clicks: Clicks) -> None:
    words = ORGANIZATIONS[clicks.language]
    with clicks.app.app_context():
        domain = next(
            each.address.rpartition("@")[2]
            for each in database.session().scalars(_people_of_customers())
        )  # fmt: skip
    for name, value in (
        ("organization", words["set_up"]), ("given_name", words["given"]), ("family_name", words["family"]),
        ("phone", words["phone"]), ("address", f"mika@{domain}"),
    ):  # fmt: skip
        clicks.page.fill(f"[name={name}]", value)
    clicks.page.select_option("[name=country]", words["country"])
    clicks.submit("/account")


def _people_of_customers() -> Any:
    return (
        sa.select(Person)
        .join(Organization, Organization.id == Person.organization_id)
        .join(Domain, Domain.organization_id == Organization.id)
        .where(Organization.kind == "customer", Person.address.endswith("@" + Domain.name))
        .order_by(Person.id)
    )


STATES = (
    State("redeem", "", "/redeem"),
    State("redeem-error", "", "/redeem", _begins_without),
    State("redeem-keys", "", "/redeem", _begins),
    State("redeem-keys-error", "", "/redeem/keys", _types_nothing),
    State("redeem-no-keys", "", "/redeem/review", status=409),
    State("redeem-forbidden", "helpdesk", "/redeem", status=403),
    State("redeem-without-provider", "lonely", "/redeem", status=403),
    State("redeem-resume", "keys agent", "/redeem"),
    State("redeem-keys-entered", "keys agent", "/redeem/keys"),
    State("redeem-keys-wrong", "keys agent", "/redeem/keys", _types(WRONG)),
    State("redeem-review", "keys agent", "/redeem/review"),
    State("redeem-step-2", "keys agent", "/redeem/step-2"),
    State("redeem-account", "keys agent", "/redeem/account"),
    State("redeem-account-error", "keys agent", "/redeem/account", _wrong_account),
    State("redeem-account-known", "keys agent", "/redeem/account", _known_account),
    State("redeem-check", "keys agent", "/redeem/check"),
    State("redeem-done", "keys agent", "/redeem/done"),
    State("redeem-own-empty", "accepted", "/redeem/own"),
    State("redeem-own", "keys customer", "/redeem/own?subscription={keys_line}"),
    State("redeem-own-error", "keys customer", "/redeem/own", _types(WRONG)),
    State("redeem-own-choice", "keys customer", "/redeem/own/choice"),
    State("redeem-own-result", "keys customer", "/redeem/own/{redeemed_draft}"),
    State("redeem-own-forbidden", "member", "/redeem/own", status=403),
)


def fill(filling: Any) -> None:
    """A customer with a running and a long expired subscription that has entered keys; an agent with a draft."""
    words = ORGANIZATIONS[filling.language]
    app, made = filling.app, filling.made
    customer = filling.world.a_customer(words["customer"], **PLACES[filling.language])
    made.people |= {
        "keys customer": customer["global_administrator"], "keys agent": filling.partner["sales_agent"],
    }  # fmt: skip
    made.values["keys_line"] = _line(app, customer, "BUSINESS-PREMIUM", 25, 60)
    _line(app, customer, "CLOUD-PLAN", 1, -45)
    keys = [
        *issue_keys(app, "BUSINESS-PREMIUM", 2, seats=25), *issue_keys(app, "CLOUD-PLAN", seats=1, months=2)
    ]  # fmt: skip
    made.values["redeemed_draft"] = _redeemed(app, filling, customer, keys[0])
    ids = _ids(app, keys[1:])
    _draft(app, customer["global_administrator"].id, customer.id, ids, {"subscription": made.values["keys_line"]})
    account = {
        "country": words["country"], "organization": words["set_up"], "given_name": words["given"],
        "family_name": words["family"], "address": words["address"], "phone": words["phone"], "language": filling.language,
    }  # fmt: skip
    agent = filling.partner["sales_agent"].id
    _draft(app, agent, None, _ids(app, issue_keys(app, "BUSINESS-PREMIUM", 2, seats=10)), account)
    _draft(app, agent, None, [], {}, done_for=customer.id)


def _line(app: Any, customer: Any, code: str, seats: int, days: int) -> str:
    """A subscription of the customer's that ends in so many days; its id."""
    with app.app_context(), database.unit_of_work():
        row, product = database.session().get_one(Organization, customer.id), catalogue.product_by_code(code)
        assert product is not None
        database.write(chain=customer.chain_id)
        today = clock.today(row.zone)
        last = today + timedelta(days=days)
        made = subscriptions._subscribe(
            row, None, None, product=catalogue.name_of(product, row.language), kind=product.kind, seats=seats,
            starts_on=min(today, last) - timedelta(days=300), ends_on=last, auto_renews=False, source="test",
            product_id=product.id, contract="product_key",
        )  # fmt: skip
        return str(made.line_id)


def _ids(app: Any, keys: list[str]) -> list[str]:
    """The ids of keys that were issued."""
    with app.app_context():
        plain = [key.replace("-", "") for key in keys]
        found = queries.keys_of(plain)
        return [str(found[each].id) for each in plain]


def _draft(
    app: Any, person_id: Any, organization_id: Any, key_ids: list[str], values: dict[str, Any], done_for: Any = None
) -> None:
    """What somebody has entered; `done_for`: and redeemed for a customer."""
    with app.app_context(), database.unit_of_work():
        database.write()
        now = clock.now()
        database.session().add(
            RedemptionDraft(
                id=uuid4(), person_id=person_id, organization_id=organization_id, step="check", key_ids=key_ids,
                values=values, created_at=now, updated_at=now, redeemed_at=now if done_for else None, customer_id=done_for,
            )
        )  # fmt: skip


def _redeemed(app: Any, filling: Any, customer: Any, key: str) -> str:
    """The customer added licences with a key; the draft whose result it is."""
    with app.app_context(), database.unit_of_work():
        by = filling.world._acting(customer["global_administrator"])
    with app.app_context(), database.unit_of_work():
        row = database.session().get_one(Organization, customer.id)
        draft, faults = actions.enter(None, key, by=by, customer=row, network_address="192.0.2.1")
        assert draft is not None
        assert not faults
        choices = queries.choices_of(row, queries.entered_in(draft.key_ids))
        actions.redeem(
            draft, by=by, ways={each.product.id: each.possible[0].value for each in choices}, parts={},
            fingerprint=queries.fingerprint_of_choices(draft, choices), network_address="192.0.2.1",
        )  # fmt: skip
        return str(draft.id)
