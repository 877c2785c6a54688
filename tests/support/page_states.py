"""Every page of the main job in the states that people meet: one list, for pictures and for accessibility.

A state says who looks, at which address, and what is clicked before looking. `gallery(...)` fills a database with what
there is to see; its `values` fill the addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import time_machine
from flask import Flask
from flask_babel import gettext
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.onboarding import scene as onboarding
from tests.support.builders import PASSWORD as DEMO_PASSWORD
from tests.support.builders import Asked, Member, Party, World
from tests.support.main_job import NAMES, PLACES, Clicks, publish
from tests.support.sink import Sink
from tests.support.state import State
from tests.support.states import parts
from tests.support.visitor import Visitor
from webapp import clock, database, tokens
from webapp.accounts.actions import hash_password
from webapp.accounts.models import Person
from webapp.accounts.rules import CODE
from webapp.agreements import actions as agreement_actions
from webapp.agreements import queries as agreements
from webapp.delegated_admin.roles import ROLES
from webapp.imports import actions as import_actions
from webapp.imports import queries as imports
from webapp.imports.models import Import
from webapp.messages import actions as messages
from webapp.messages.actions import deliver_due
from webapp.onboarding.models import CustomerDraft
from webapp.organizations import actions as organizations
from webapp.organizations import queries as organization_queries
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationship_actions
from webapp.relationships import queries as relationships
from webapp.subscriptions import actions as subscriptions
from webapp.tokens import Token

PASSWORD = "a long and unusual password"
#: Roles of the offers that go beyond the basic ones: keys of ROLES.
EVERYDAY = (
    "user_administrator", "helpdesk_administrator", "exchange_administrator", "intune_administrator",
    "license_administrator", "global_reader", "directory_readers", "service_support_administrator",
)  # fmt: skip
MORE_NAMES: dict[str, dict[str, Any]] = {
    "en": {
        "provider": "Fabrikam Distribution", "reseller": "Tailspin Resellers", "lonely": "Proseware Services",
        "accepted": "Adventure Works", "declined": "Wingtip Toys", "other": "Litware Inc.", "new": "Woodgrove Bank",
        "renewing": "City Power & Light", "bought": "Relecloud", "wrong": "Alpine Ski House", "title": "Head of purchasing", "department": "Administration",
        "comment": "We decide in spring. Please ask again then.", "administered": "Fourth Coffee",
        "ending": "We buy from another partner from January on.", "end": "We no longer offer this service.",
        "unknown": "Nobody of us has ever heard of it.",
        "attested": "Humongous Insurance", "asked_for": "Coho Winery", "signatory": ("Mika", "Sato", "Ken"),
        "offers": "Everyday support|Full support|Help with licences|Support in the first year|Moving mailboxes|"
        "Security review|Devices|Reports",
    },
    "ja": {
        "provider": "ファブリカム・ディストリビューション株式会社", "reseller": "テイルスピン・リセラーズ合同会社",
        "lonely": "プローズウェア・サービス株式会社", "accepted": "アドベンチャー・ワークス株式会社",
        "declined": "ウィングチップ・トイズ株式会社", "other": "Litware 合同会社", "new": "ウッドグローブ銀行株式会社",
        "renewing": "シティパワー・アンド・ライト株式会社", "bought": "リレクラウド株式会社",
        "wrong": "アルパイン・スキーハウス株式会社", "title": "購買部長", "department": "管理本部",
        "comment": "春に判断しますので、そのころに改めてご連絡ください。", "administered": "フォース・コーヒー株式会社",
        "ending": "来年1月から別のパートナーより購入するためです。", "end": "このサービスの取り扱いを終了するためです。",
        "unknown": "社内に知っている者がおりません。",
        "attested": "グラフィックデザイン研究所株式会社", "asked_for": "コーホー・ワイナリー株式会社",
        "signatory": ("美佳", "佐藤", "健"),
        "offers": "日常のサポート|全面サポート|ライセンスの手伝い|初年度のサポート|メールボックスの移行|セキュリティ点検|"
        "デバイス管理|レポート",
    },
}  # fmt: skip


#: What is typed about customers that are added.
ADDED: dict[str, dict[str, Any]] = {
    "en": {
        "name": "Graphic Design Institute", "company": {"name": "Lucerne Publishing Ltd.", "country": "US", "language": "en"},
        "address": {"address_line": "4567 Main Street, Suite 200", "city": "Redmond", "region": "WA", "postal_code": "98052",
                    "phone": "+1 425 555 0100"},
        "domain": "lucerne.example",
        "contact": {"given_name": "Ren", "family_name": "Walker", "address": "ren@lucerne.example"},
    },
    "ja": {
        "name": "グラフィック・デザイン学院株式会社",
        "company": {"name": "ルツェルン出版株式会社", "country": "JP", "language": "ja"},
        "address": {"address_line": "丸の内１丁目１番１号 中央ビル", "city": "千代田区", "region": "東京都",
                    "postal_code": "１００−０００１", "phone": "０３-１２３４-５６７８"},
        "domain": "lucerne.example",
        "contact": {"given_name": "蓮", "family_name": "高橋", "address": "ren@lucerne.example"},
    },
}  # fmt: skip


#: What can be ordered: code, names, kind, months, by the seat.
PRODUCTS = (
    ("BUSINESS-PREMIUM", "Business Premium suite", "ビジネス プレミアム スイート", "software_subscription", 12, True),
    ("CLOUD-PLAN", "Azure plan", "Azure プラン", "azure_plan", 1, False),
)  # fmt: skip


@dataclass
class Gallery:
    """What there is to see in one language: who looks, and the values that addresses are filled with."""

    app: Flask
    language: str
    people: dict[str, Member] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


# --- what is clicked before looking ----------------------------------------------------------------------------


def _submits(to: str, **typed: str) -> Callable[[Clicks], None]:
    """Fill in some fields of a form and send it."""

    def then(clicks: Clicks) -> None:
        for name, value in typed.items():
            clicks.form(to).locator(f"[name={name}]").fill(value)
        clicks.submit(to)

    return then


def _posts(**typed: str) -> Callable[[Clicks], None]:
    """The same for the one form of a page that goes to the page itself."""

    def then(clicks: Clicks) -> None:
        for name, value in typed.items():
            clicks.page.fill(f"main [name={name}]", value)
        clicks.press(clicks.page.locator("main form[method=post] button[type=submit]").last)

    return then


def _unticks(value: str) -> Callable[[Clicks], None]:
    """Clear one of a page's boxes and send its form."""

    def then(clicks: Clicks) -> None:
        clicks.page.uncheck(f"main [value={value}]")
        _posts()(clicks)

    return then


def _asks_provider(clicks: Clicks) -> None:
    """Enter the number of the provider that there is."""
    with clicks.app.app_context():
        numbers = [
            each.partner_number
            for each in organization_queries.organizations("partner")
            if each.programme == "indirect_provider"
        ]
    _submits("/check", number=str(numbers[0]))(clicks)


def _chooses(value: str) -> Callable[[Clicks], None]:
    """Choose one of a page's radios."""
    return lambda clicks: clicks.page.check(f"main [value={value}]")


def _check(clicks: Clicks) -> None:
    clicks.tick_all()
    words = MORE_NAMES[clicks.language]
    clicks.page.fill("[name=department]", words["department"])
    clicks.page.fill("[name=title]", words["title"])
    clicks.submit("/check")


def _opens(clicks: Clicks) -> None:
    """Open everything that is folded."""
    clicks.page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")


def _acts(act: str, **typed: str) -> Callable[[Clicks], None]:
    """Fill in fields of the form of an offer, and press the button of an act."""

    def then(clicks: Clicks) -> None:
        for name, value in typed.items():
            clicks.page.fill(f"main [name={name}]", value)
        clicks.press(clicks.page.locator(f"main button[name=act][value={act}]"))

    return then


def _acts_at(to: str) -> Callable[[Clicks], None]:
    """Press the button of the form that goes to an address ending so."""
    return lambda clicks: clicks.submit(to)


def _enters_code(clicks: Clicks) -> None:
    """Enter the code that was mailed last, unless it was entered before."""
    if not clicks.page.locator("main [name=code]").count():
        return
    with clicks.app.app_context():
        token = (
            database.session()
            .scalars(sa.select(Token).where(Token.purpose == CODE).order_by(Token.created_at.desc()).limit(1))
            .one()
        )
        code = tokens.code_of(token)
    _submits("/sign-in/code", code=code)(clicks)


def _orders(seats: str) -> Callable[[Clicks], None]:
    """Choose the first product for so many seats, and go on."""

    def then(clicks: Clicks) -> None:
        clicks.page.select_option("[name=product]", index=1)
        _submits("/review", seats=seats)(clicks)

    return then


def _attests_wrongly(clicks: Clicks) -> None:
    """Come to the attestation that an order waits for, and give a day to come."""
    _orders(seats="25")(clicks)
    _submits("/attestation", agreed_on="2999-12-31", family_name="")(clicks)


def _wrong_offer(clicks: Clicks) -> None:
    """Offer everything without a name, for too long, extending itself."""
    _opens(clicks)
    clicks.page.check(f"#role-{ROLES[0].id}")
    clicks.page.check("#auto_extends")
    _acts("make", duration_days="1000")(clicks)


def _who_agreed(clicks: Clicks) -> None:
    """Name who agreed, and go on to the check."""
    given, family, _other = MORE_NAMES[clicks.language]["signatory"]
    _submits("/review", given_name=given, family_name=family, email="signer@customer.example")(clicks)


def _who_agreed_and_no_box(clicks: Clicks) -> None:
    _who_agreed(clicks)
    clicks.submit("/confirmation")


_TWO = "/partner/delegated-admin/new?customer={customer}&customer={accepted_customer}"

STATES = (
    # Everybody.
    State("landing", "", "/"),
    State("help", "", "/help"),
    State("privacy", "", "/privacy"),
    State("not-found", "", "/nowhere", status=404),
    State("sign-in-error", "", "/sign-in", _posts(address="nobody@nowhere.example", password="not the password")),
    State("first-sign-in", "", "/first-sign-in"),
    State("password-reset", "", "/password-reset"),
    State("link-sent", "", "/password-reset", _posts(address="nobody@nowhere.example")),
    State("first-password", "", "/first-sign-in/{first}"),
    State("link-used", "", "/first-sign-in/{used}", status=410),
    # A customer with an invitation, signed out.
    State("invitation", "", "/invitation?ref={open}"),
    State("invitation-indirect", "", "/invitation?ref={indirect}"),
    State("invitation-agreement-only", "", "/invitation?ref={agreement_only}"),
    State("invitation-for-any-customer", "", "/invitation?ref={any}"),
    State("invitation-administration", "", "/invitation?ref={administration}"),
    State("invitation-with-offer", "", "/invitation?ref={with_offer}"),
    State("dead-end-declined", "", "/invitation?ref={administration_declined}", status=410),
    State("look-into-mailbox", "", "/invitation?ref={open}", _submits("/sign-in-link")),
    State("sign-up", "", "/invitation/{any}/sign-up"),
    State("sign-up-form", "", "/sign-up/{sign_up}"),
    State("sign-up-form-error", "", "/sign-up/{sign_up}", _posts(address="wrong@woodgrove.example")),
    State("dead-end-expired", "", "/invitation?ref={expired}", status=410),
    State("dead-end-withdrawn", "", "/invitation?ref={withdrawn}", status=410),
    State("dead-end-superseded", "", "/invitation?ref={superseded}", status=410),
    State("dead-end-unknown", "", "/invitation?ref=0123456789abcdef0123456789abcdef", status=404),
    State("dead-end-malformed", "", "/invitation?invType=Nonsense", status=400),
    State("dead-end-administration", "", "/invitation?invType=Administration&partnerId={partner}", status=404),
    State("dead-end-partner-inactive", "", "/invitation?ref={inactive}", status=410),
    State("fragment", "", "/AdminPortal/Home"),
    # The same customer, signed in.
    State("home-waiting", "customer", "/home"),
    State("invitation-signed-in", "customer", "/invitation?ref={open}"),
    State("invitation-administration-signed-in", "customer", "/invitation?ref={administration}"),
    State("invitation-hand-over", "member", "/invitation/{open}/hand-over"),
    State("invitation-hand-over-error", "member", "/invitation/{open}/hand-over", _posts()),
    State("role-cannot-accept-with-offer", "member", "/invitation?ref={with_offer}", status=403),
    State("review", "customer", "/invitation/{open}/acceptance"),
    State("review-error", "customer", "/invitation/{open}/acceptance", _submits("/check")),
    State("check", "customer", "/invitation/{open}/acceptance", _check),
    State("decline", "customer", "/invitation/{open}/decline"),
    State("decline-error", "customer", "/invitation/{open}/decline", _posts()),
    State("partner-relationships-empty", "customer", "/settings/partner-relationships"),
    State("agreement-not-accepted", "customer", "/agreement"),
    State("inbox-customer-empty", "customer", "/inbox"),
    State("wrong-account", "wrong", "/invitation?ref={open}", status=403),
    State("role-cannot-accept", "member", "/invitation?ref={open}", status=403),
    State("forbidden", "member", "/history", status=403),
    State("partner-opens-its-link", "partner", "/invitation?ref={open}", status=403),
    State("preview", "partner", "/invitation/{open}/preview"),
    # A customer that accepted.
    State("confirmation", "accepted", "/invitation/{accepted}/confirmation"),
    State("receipt", "accepted", "/agreement/receipts/{receipt}"),
    State("receipt-of-relationship", "accepted", "/relationship/receipts/{relationship}"),
    State("accepted-already", "accepted", "/invitation?ref={accepted}", status=409),
    State("agreement", "accepted", "/agreement"),
    State("agreement-text", "accepted", "/agreement/texts/{text}"),
    State("home-customer", "accepted", "/home"),
    State("partner-relationships", "accepted", "/settings/partner-relationships"),
    State("partner-relationships-none-fits", "accepted", "/settings/partner-relationships?search=zzz"),
    State("partner-relationship", "accepted", "/settings/partner-relationships/{relationship}"),
    State("partner-relationship-asked-to-end", "accepted", "/settings/partner-relationships/{indirect_relationship}"),
    State("partner-relationship-ended", "declined", "/settings/partner-relationships/{ended_relationship}"),
    State("ending", "accepted", "/settings/partner-relationships/{relationship}/ending"),
    State("ending-asked", "accepted", "/settings/partner-relationships/{indirect_relationship}/ending"),
    State("ending-over", "declined", "/settings/partner-relationships/{ended_relationship}/ending"),
    State("distrust-of-two", "accepted", "/settings/partner-relationships/{indirect_relationship}/distrust"),
    State("distrust", "accepted", "/settings/partner-relationships/partners/{partner}/distrust"),
    State("distrusted", "declined", "/settings/partner-relationships/partners/{partner}/distrust"),
    State("inbox-customer", "accepted", "/inbox"),
    State("admission", "accepted", "/admissions/{admission}"),
    State("history-customer", "accepted", "/history"),
    State("verification", "accepted", "/history/verification"),
    State("account", "accepted", "/account"),
    State("account-name", "accepted", "/account/name"),
    State("account-address", "accepted", "/account/address"),
    State("account-password", "accepted", "/account/password"),
    State("account-zone", "accepted", "/account/zone"),
    State("declined", "declined", "/invitation?ref={declined}"),
    # One whose acceptance is too old, and one whose partner has to confirm.
    State("home-must-renew", "renewing", "/home"),
    State("agreement-must-renew", "renewing", "/agreement"),
    State("review-must-renew", "renewing", "/agreement/acceptance"),
    State("home-partner-must-confirm", "bought", "/home"),
    State("agreement-partner-must-confirm", "bought", "/agreement"),
    State("direct-acceptance-closed", "bought", "/agreement/acceptance", status=403),
    # A customer that accepted a relationship, and has the offer left that came with it.
    State("confirmation-with-offer", "offered", "/invitation/{accepted_with_offer}/confirmation"),
    State("accepted-already-with-offer", "offered", "/invitation?ref={accepted_with_offer}", status=409),
    State("invitation-only-offer-left", "offered", "/invitation?ref={offer_left}"),
    # A customer with delegated administration.
    State("home-offers", "administered", "/home"),
    State("home-offers-of-member", "administered member", "/home"),
    State("partner-relationships-active", "administered", "/settings/partner-relationships"),
    State("partner-relationships-both", "administered", "/settings/partner-relationships?status=all"),
    State(
        "partner-relationship-delegated", "administered", "/settings/partner-relationships/{administered_relationship}"
    ),
    State("delegated-offer", "administered", "/delegated-admin/{offer}"),
    State("delegated-offer-everything", "administered", "/delegated-admin/{offer_everything}"),
    State("delegated-offer-basic", "administered", "/delegated-admin/{offer_basic}"),
    State("delegated-offer-of-member", "administered member", "/delegated-admin/{offer}"),
    State("delegated-offer-of-member-error", "administered member", "/delegated-admin/{offer}", _submits("/hand-over")),
    State("delegated-approval", "administered", "/delegated-admin/{offer}/approval"),
    State("delegated-approval-error", "administered", "/delegated-admin/{offer}/approval", _posts()),
    State("delegated-fewer", "administered", "/delegated-admin/{offer_everything}/fewer"),
    State("delegated-fewer-error", "administered", "/delegated-admin/{offer_basic}/fewer", _posts()),
    State("delegated-decline", "administered", "/delegated-admin/{offer}/decline", _chooses("unknown_partner")),
    State("delegated-decline-error", "administered", "/delegated-admin/{offer}/decline", _posts()),
    State("delegated-in-force", "administered", "/delegated-admin/{in_force}"),
    State("delegated-in-force-of-member", "administered member", "/delegated-admin/{in_force}"),
    State("delegated-role-removal", "administered", "/delegated-admin/{in_force}/roles/{role}/removal"),
    State("delegated-removal", "administered", "/delegated-admin/{in_force}/removal"),
    State("delegated-ended", "administered", "/delegated-admin/{ended}"),
    State("delegated-fewer-asked", "administered", "/delegated-admin/{fewer_asked}"),
    State("delegated-declined", "administered", "/delegated-admin/{offer_declined}"),
    State("delegated-withdrawn", "administered", "/delegated-admin/{offer_withdrawn}"),
    State("delegated-approved-already", "administered", "/delegated-admin/{in_force}/approval", status=409),
    State("delegated-ended-already", "administered", "/delegated-admin/{ended}/removal", status=409),
    State("delegated-role-cannot-approve", "administered member", "/delegated-admin/{offer}/approval", status=403),
    # A customer for whom a partner attested twice; it objected to the first.
    State("objection", "", "/objection/{objection}"),
    State("objection-error", "", "/objection/{objection}", _posts(address="somebody@customer.example")),
    State("objected", "", "/objection/{objected}"),
    State("objection-link-used", "", "/objection/nothing-of-ours", status=410),
    State("agreement-attested", "attested", "/agreement"),
    State("agreement-attested-of-member", "attested member", "/agreement"),
    State("objection-signed-in", "attested", "/agreement/attestations/{attestation}/objection"),
    State("objected-signed-in", "attested", "/agreement/attestations/{objected_attestation}/objection"),
    State("history-attested", "attested", "/history"),
    # The partner.
    State("home-partner", "partner", "/partner"),
    State("imports", "partner", "/partner/imports"),
    State("imports-empty", "new partner", "/partner/imports"),
    State("new-import-of-invitations", "partner", "/partner/imports/new/invitations"),
    State("new-import-of-attestations", "partner", "/partner/imports/new/attestations"),
    State("new-import-error", "partner", "/partner/imports/new/invitations", _posts()),
    State("import-of-reseller-refused", "lonely", "/partner/imports/new/attestations", status=403),
    State("import-checked", "partner", "/partner/imports/{checked_import}"),
    State("import-row-error", "partner", "/partner/imports/{checked_import}", _submits("/rows")),
    State("import-start", "partner", "/partner/imports/{checked_import}/start"),
    State("import-start-error", "partner", "/partner/imports/{checked_import}/start", _submits("/start")),
    State("import-start-of-attestations", "partner", "/partner/imports/{attestations_import}/start"),
    State("import-discard", "partner", "/partner/imports/{checked_import}/cancellation"),
    State("import-running", "partner", "/partner/imports/{running_import}?still=1"),
    State("import-waiting", "partner", "/partner/imports/{waiting_import}?still=1"),
    State("import-paused", "partner", "/partner/imports/{paused_import}"),
    State("import-cancellation", "partner", "/partner/imports/{paused_import}/cancellation"),
    State("import-finished", "partner", "/partner/imports/{finished_import}"),
    State("import-emptied", "partner", "/partner/imports/{emptied_import}"),
    State("import-over", "partner", "/partner/imports/{finished_import}/cancellation", status=409),
    State("import-result-let-go", "partner", "/partner/imports/{emptied_import}/result.csv", status=409),
    State("customers", "partner", "/partner/customers"),
    State("customers-empty", "new partner", "/partner/customers"),
    State("customers-none-fits", "partner", "/partner/customers?search=nobody"),
    State("customers-of-provider", "provider", "/partner/customers"),
    State("customer-attested", "sales", "/partner/customers/{attested_customer}"),
    State("customer-needs-attestation", "partner", "/partner/customers/{bought_customer}"),
    State("customer", "partner", "/partner/customers/{customer}"),
    State("customer-accepted", "partner", "/partner/customers/{accepted_customer}"),
    State("customer-delegated", "partner", "/partner/customers/{administered_customer}"),
    State("new-customer", "new partner", "/partner/customers/new"),
    State("new-customer-drafts", "partner", "/partner/customers/new"),
    State("new-customer-no-provider", "lonely", "/partner/customers/new"),
    State("new-customer-company", "partner", "/partner/customers/new/{draft}/company"),
    State("new-customer-company-error", "partner", "/partner/customers/new/{draft}/company", _posts(name="Inc.")),
    State("new-customer-company-of-provider", "provider", "/partner/customers/new/{provider_draft}/company"),
    State("new-customer-address", "partner", "/partner/customers/new/{draft}/address"),
    State("new-customer-address-error", "partner", "/partner/customers/new/{draft}/address", _posts(postal_code="1")),
    State("new-customer-domain", "partner", "/partner/customers/new/{draft}/domain"),
    State(
        "new-customer-domain-available",
        "partner",
        "/partner/customers/new/{draft}/domain",
        _posts(domain="www.graphic-design.example"),
    ),
    State(
        "new-customer-domain-taken",
        "partner",
        "/partner/customers/new/{draft}/domain",
        _posts(domain="relecloud.example"),
    ),
    State("new-customer-contact", "partner", "/partner/customers/new/{draft}/contact"),
    State("new-customer-contact-error", "partner", "/partner/customers/new/{draft}/contact", _posts(address="no")),
    State("new-customer-duplicates", "partner", "/partner/customers/new/{like_draft}/duplicates"),
    State("new-customer-agreement", "partner", "/partner/customers/new/{draft}/agreement"),
    State("new-customer-agreement-attested", "partner", "/partner/customers/new/{attested_draft}/agreement"),
    State("new-customer-agreement-error", "partner", "/partner/customers/new/{attested_draft}/agreement", _posts()),
    State("new-customer-agreement-of-reseller", "reseller", "/partner/customers/new/{reseller_draft}/agreement"),
    State("new-customer-signatory", "partner", "/partner/customers/new/{attested_draft}/signatory"),
    State("new-customer-review", "partner", "/partner/customers/new/{draft}/review"),
    State("new-customer-review-attested", "partner", "/partner/customers/new/{attested_draft}/review"),
    State("new-customer-done", "partner", "/partner/customers/new/{made_draft}/done"),
    State(
        "new-customer-password", "partner", "/partner/customers/new/{made_draft}/done", _acts_at("/contact/password")
    ),
    State("contact-correction", "partner", "/partner/customers/{added_customer}/contact"),
    State("contact-signed-in", "partner", "/partner/customers/{taken_over_customer}/contact", status=409),
    State("sign-in-code", "temporary", "/sign-in/code"),
    State("sign-in-code-error", "temporary", "/sign-in/code", _submits("/sign-in/code", code="12")),
    State("own-password", "temporary", "/sign-in/code", _enters_code),
    State("own-password-error", "temporary", "/account/own-password", _submits("/own-password", new_password="short")),
    State("agreement-at-partner", "sales", "/partner/customers/{customer}/agreement"),
    State("agreement-at-partner-provided", "sales", "/partner/customers/{accepted_customer}/agreement"),
    State("agreement-at-partner-attested", "sales", "/partner/customers/{attested_customer}/agreement"),
    State("agreement-at-partner-of-helpdesk", "helpdesk", "/partner/customers/{attested_customer}/agreement"),
    State("agreement-at-partner-asked-for", "provider", "/partner/customers/{indirect_customer}/agreement"),
    State("agreement-at-reseller", "reseller", "/partner/customers/{indirect_customer}/agreement"),
    State("attestation", "sales", "/partner/customers/{attested_customer}/agreement/attestation"),
    State(
        "attestation-error",
        "sales",
        "/partner/customers/{attested_customer}/agreement/attestation",
        _submits("/review"),
    ),
    State("attestation-review", "sales", "/partner/customers/{attested_customer}/agreement/attestation", _who_agreed),
    State(
        "attestation-review-error",
        "sales",
        "/partner/customers/{attested_customer}/agreement/attestation",
        _who_agreed_and_no_box,
    ),
    State(
        "attestation-forbidden", "helpdesk", "/partner/customers/{attested_customer}/agreement/attestation", status=403
    ),
    State("attestation-request", "reseller", "/partner/customers/{indirect_customer}/agreement/attestation-request"),
    State("invitations", "partner", "/partner/invitations"),
    State("invitations-empty", "new partner", "/partner/invitations"),
    State("new-invitation", "partner", "/partner/invitations/new"),
    State("new-invitation-error", "partner", "/partner/invitations/new", _submits("/invitations", last_day="")),
    State("new-invitation-of-provider", "provider", "/partner/invitations/new"),
    State("no-provider", "lonely", "/partner/invitations/new"),
    State("invitation-prepared", "partner", "/partner/invitations/{open_id}"),
    State("invitation-sent", "partner", "/partner/invitations/{sent_id}"),
    State("invitation-undeliverable", "partner", "/partner/invitations/{undeliverable_id}"),
    State("invitation-accepted", "partner", "/partner/invitations/{accepted_id}"),
    State("invitation-declined", "partner", "/partner/invitations/{declined_id}"),
    State("invitation-of-offer", "partner", "/partner/invitations/{administration_id}"),
    State("invitation-of-offer-declined", "partner", "/partner/invitations/{administration_declined_id}"),
    State("invitation-of-offer-withdrawal", "partner", "/partner/invitations/{administration_id}/withdrawal"),
    State("invitation-of-offer-replacement", "partner", "/partner/invitations/{administration_id}/replacement"),
    State("invitation-beside-offer", "partner", "/partner/invitations/{with_offer_id}"),
    State("message", "partner", "/partner/invitations/{open_id}/message"),
    State("message-lost-link", "partner", "/partner/invitations/{open_id}/message", _submits("/message", body="Hello")),
    State("correction", "partner", "/partner/invitations/{open_id}/correction"),
    State("replacement", "partner", "/partner/invitations/{sent_id}/replacement"),
    State("withdrawal", "partner", "/partner/invitations/{open_id}/withdrawal"),
    State("withdrawal-refused", "partner", "/partner/invitations/{accepted_id}/withdrawal"),
    State("standing-invitations", "partner", "/partner/invitations/standing"),
    State("standing-invitation", "partner", "/partner/invitations/{standing_id}"),
    State("relationship-at-partner", "partner", "/partner/customers/relationships/{relationship}"),
    State("relationship-at-partner-asked", "provider", "/partner/customers/relationships/{indirect_relationship}"),
    State(
        "relationship-at-partner-refusal-error",
        "provider",
        "/partner/customers/relationships/{indirect_relationship}",
        _submits("/refusal"),
    ),
    State("relationship-at-partner-over", "partner", "/partner/customers/relationships/{ended_relationship}"),
    State("relationship-end", "provider", "/partner/customers/relationships/{indirect_relationship}/end"),
    State("relationship-end-held-up", "partner", "/partner/customers/relationships/{relationship}/end"),
    State("delegated-admin", "partner", "/partner/delegated-admin"),
    State("delegated-admin-empty", "new partner", "/partner/delegated-admin"),
    State("delegated-admin-none-fits", "partner", "/partner/delegated-admin?search=zzz"),
    State("delegated-admin-all", "partner", "/partner/delegated-admin/relationships?state=all"),
    State("delegated-admin-all-empty", "new partner", "/partner/delegated-admin/relationships"),
    State("delegated-admin-all-none-fits", "partner", "/partner/delegated-admin/relationships?search=zzz"),
    State("not-enrolled", "provider", "/partner/delegated-admin/new", status=403),
    State("new-offer-for-nobody", "partner", "/partner/delegated-admin/new"),
    State("new-offer", "partner", "/partner/delegated-admin/new?customer={customer}"),
    State("new-offer-open", "partner", "/partner/delegated-admin/new?customer={customer}", _opens),
    State("new-offer-narrowed", "partner", "/partner/delegated-admin/new?customer={customer}", _acts("find", find="a")),
    State("new-offer-error", "partner", "/partner/delegated-admin/new?customer={customer}", _wrong_offer),
    State(
        "new-offer-beside-relationship", "partner", "/partner/delegated-admin/new?customer={customer}&with=relationship"
    ),
    State("new-offer-smaller", "partner", "/partner/delegated-admin/new?after={fewer_asked}"),
    State("new-offers", "partner", _TWO),
    State("new-offers-made", "partner", _TWO, _acts("make", name="Plus")),
    State("role-sets", "partner", "/partner/delegated-admin/role-sets"),
    State("role-sets-empty", "new partner", "/partner/delegated-admin/role-sets"),
    State("offer-waiting", "partner", "/partner/delegated-admin/{offer}"),
    State("offer-in-force", "partner", "/partner/delegated-admin/{in_force}"),
    State("offer-ended", "partner", "/partner/delegated-admin/{ended}"),
    State("offer-fewer-asked", "partner", "/partner/delegated-admin/{fewer_asked}"),
    State("offer-declined", "partner", "/partner/delegated-admin/{offer_declined}"),
    State("offer-withdrawal", "partner", "/partner/delegated-admin/{offer}/withdrawal"),
    State("offer-withdrawal-refused", "partner", "/partner/delegated-admin/{in_force}/withdrawal"),
    State("offer-ending", "partner", "/partner/delegated-admin/{in_force}/ending"),
    State("offer-ending-refused", "partner", "/partner/delegated-admin/{ended}/ending"),
    State("team", "partner", "/partner/team"),
    State("team-of-reader", "helpdesk", "/partner/team"),
    State("team-invite", "partner", "/partner/team/new"),
    State("team-invite-error", "partner", "/partner/team/new", _posts()),
    State(
        "team-invite-outside",
        "partner",
        "/partner/team/new",
        _posts(given_name="Mika", family_name="Sato", address="mika@elsewhere.example"),
    ),
    State("team-person", "partner", "/partner/team/people/{colleague}"),
    State("team-person-invited", "partner", "/partner/team/people/{invited}"),
    State("team-person-removed", "partner", "/partner/team/people/{removed}"),
    State("team-roles", "partner", "/partner/team/people/{colleague}/roles"),
    State("team-roles-last", "new partner", "/partner/team/people/{last_agent}/roles"),
    State("team-own-roles", "partner", "/partner/team/people/{own}/roles", _unticks("admin_agent")),
    State("team-removal", "partner", "/partner/team/people/{colleague}/removal"),
    State("team-removal-last", "new partner", "/partner/team/people/{last_agent}/removal"),
    State("pairings", "provider", "/partner/team/pairings"),
    State("pairings-none", "lonely", "/partner/team/pairings"),
    State("pairings-direct", "partner", "/partner/team/pairings"),
    State("new-pairing", "lonely", "/partner/team/pairings/new"),
    State("new-pairing-error", "lonely", "/partner/team/pairings/new", _submits("/check", number="0")),
    State("new-pairing-check", "lonely", "/partner/team/pairings/new", _asks_provider),
    State("pairing-request", "provider", "/partner/team/pairings/requests/{pairing_request}"),
    State("pairing-request-own", "lonely", "/partner/team/pairings/requests/{pairing_request}"),
    State("pairing-request-declined", "lonely", "/partner/team/pairings/requests/{declined_pairing_request}"),
    State("pairing", "provider", "/partner/team/pairings/{pairing}"),
    State("pairing-ending", "provider", "/partner/team/pairings/{pairing}/ending"),
    State("orders", "partner", "/partner/orders"),
    State("orders-empty", "new partner", "/partner/orders"),
    State("order", "partner", "/partner/orders/{order}"),
    State("order-indirect", "provider", "/partner/orders/{order_indirect}"),
    State("orders-of-customer", "partner", "/partner/customers/{accepted_customer}/orders"),
    State("orders-of-customer-unconfirmed", "partner", "/partner/customers/{bought_customer}/orders"),
    State("orders-of-customer-empty", "partner", "/partner/customers/{attested_customer}/orders"),
    State("new-order-for-nobody", "partner", "/partner/orders/new"),
    State("new-order", "partner", "/partner/orders/new?customer={accepted_customer}"),
    State("new-order-error", "partner", "/partner/orders/new?customer={accepted_customer}", _orders(seats="0")),
    State("new-order-check", "partner", "/partner/orders/new?customer={accepted_customer}", _orders(seats="25")),
    State("new-order-attestation", "partner", "/partner/orders/new?customer={bought_customer}", _orders(seats="25")),
    State("new-order-attestation-error", "partner", "/partner/orders/new?customer={bought_customer}", _attests_wrongly),
    State("new-order-refused", "reseller", "/partner/orders/new?customer={indirect_customer}", status=403),
    State("new-order-without-provider", "lonely", "/partner/orders/new", status=403),
    State("purchases", "accepted", "/orders"),
    State("purchases-unconfirmed", "bought", "/orders"),
    State("purchases-empty", "renewing", "/orders"),
    State("purchase", "accepted", "/orders/{order_indirect}"),
    State("new-purchase", "accepted", "/orders/new"),
    State("new-purchase-error", "accepted", "/orders/new", _orders(seats="")),
    State("new-purchase-check", "accepted", "/orders/new", _orders(seats="25")),
    State("new-purchase-without-partner", "renewing", "/orders/new"),
    State("new-purchase-refused", "bought", "/orders/new", status=403),
    State("inbox-partner", "partner", "/partner/inbox"),
    State("inbox-partner-empty", "new partner", "/partner/inbox"),
    State("history-partner", "partner", "/history"),
    *(state for part in parts() for state in part.STATES),
)


def attest(
    app: Flask, agent: Member, customer_id: UUID, language: str, person: dict[str, str], *, proof: bool = False
) -> None:
    """Somebody of a partner attests today on the pages; `proof`: with a file."""
    visitor = Visitor(app, language=language)
    visitor.sign_in(agent.address)
    visitor.open(f"/partner/customers/{customer_id}/agreement/attestation")
    visitor.submit(person, to="/review")
    form = next(each for each in visitor.page.forms if each.action.endswith("/confirmation"))
    sent: dict[str, Any] = {name: values[0] for name, values in form.fields.items()} | {"agreed": "y", "told": "y"}
    if proof:
        sent["proof"] = FileStorage(BytesIO(b"%PDF-1.7\n%%EOF\n"), "agreement-signed.pdf")
    boundary, body = encode_multipart(sent)
    answer = visitor.client.post(
        form.action.removeprefix(visitor.origin), data=body, base_url=visitor.origin,
        content_type=f"multipart/form-data; boundary={boundary}", headers={"Referer": visitor.origin + "/"},
    )  # fmt: skip
    assert answer.status_code == 302, answer.text


# --- what there is to see --------------------------------------------------------------------------------------


def gallery(app: Flask, language: str, sink: Sink) -> Gallery:
    """Fill an application's empty database, through the pages where people would."""
    return _Filling(app, language, sink).filled()


class _Filling:
    """Makes a gallery step by step."""

    def __init__(self, app: Flask, language: str, sink: Sink) -> None:
        self.app, self.language, self.sink = app, language, sink
        self.world = World(app)
        self.words = MORE_NAMES[language]
        self.made = Gallery(app, language)

    def filled(self) -> Gallery:
        publish(self.app)
        self._organizations()
        self._invitations()
        self._answers()
        self._mails()
        self._admission()
        self._delegated_admin()
        self._asked_for()
        self._endings()
        self._role_set()
        self._attestations()
        self._agreed_long_ago()
        self._bought_before()
        self._team()
        self._orders()
        self._onboarding()
        self._imports()
        for part in parts():
            part.fill(self)
        return self.made

    def _imports(self) -> None:
        """Files in every state: checked with rows to repair, running, waiting for the next day, paused, finished, let go."""
        names, values = [self.customer.name, self.accepted.name, self.declined.name], self.made.values
        rows = [{"customer": name} for name in (*names, self.customer.name)]
        wrong = [
            {"customer": "nobody.example", "recipient": "ann", "language": "fr", "last_day": "31.3."},
            {"customer": names[0], "recipient": self.partner["admin_agent"].address},
        ]
        values["checked_import"] = self._import("invitations", [*rows, *wrong])
        for state in ("running", "waiting", "paused", "finished", "emptied"):
            values[f"{state}_import"] = self._import("invitations", rows[:3], start=True)
        person = {"given_name": "Ann", "family_name": "Lee", "email": "ann@lee.example", "agreed_on": "2026-11-02"}
        values["attestations_import"] = self._import("attestations", [{"customer": self.accepted.name, **person}])
        refused = self.made.values["finished_import"]
        with self.app.app_context(), database.unit_of_work():
            database.write()
            now = clock.now()
            changes: dict[str, dict[str, Any]] = {
                "waiting": {"waits_until": now + timedelta(hours=9)}, "paused": {"paused_at": now},
                "finished": {"ended_at": now, "done": 2, "already": 0, "refused": 1},
                "emptied": {"ended_at": now, "emptied_at": now, "done": 3, "already": 0, "refused": 0},
            }  # fmt: skip
            for state, columns in changes.items():
                row = database.session().get_one(Import, UUID(values[f"{state}_import"]))
                for name, value in columns.items():
                    setattr(row, name, value)
            for number, each in enumerate(imports.rows_of(UUID(refused))):
                row_ = database.session().merge(each)
                row_.done_at, row_.result = now, "refused" if number else "done"
                row_.reason = "PartnerDistrusted" if number else ""
                row_.facts = {"partner": self.partner.name} if number else {}

    def _import(self, kind: str, rows: list[dict[str, str]], *, start: bool = False) -> str:
        with self.app.app_context():
            by = organization_queries.actor_of_person(self.partner["admin_agent"].id)
            assert by is not None
        with self.app.app_context(), database.unit_of_work():
            made = import_actions.upload(
                by=by, kind=kind, language=self.language, file_name="customers.csv", sha256="0" * 64,
                lines=list(enumerate(rows, start=2)), ignored=["Note"],
            ).id  # fmt: skip
        if start:
            with self.app.app_context(), database.unit_of_work():
                row = imports.by_id(made)
                assert row is not None
                import_actions.start(row, by=by, sends=True)
        return str(made)

    def _onboarding(self) -> None:
        """Drafts of customers on every page, a customer that was just added, and one that has taken over its account."""
        values, place = self.made.values, ADDED[self.language]
        agent = Visitor(self.app, language=self.language)
        agent.sign_in(self.partner["admin_agent"].address)

        def draft(name: str, visitor: Visitor = agent, *, made: bool = False, **filled: Any) -> None:
            known = {each: place[each] for each in ("company", "address", "domain", "contact")}
            page = onboarding.fill(visitor, **(known | filled))
            values[name] = page.url.split("/")[-2]
            if made:
                page = visitor.submit(to="/creation")
                assert page.status == 200, page.words

        draft("made_draft", made=True)
        draft("taken_over_draft", made=True, company=place["company"] | {"name": "Munson Foods"}, domain="relecloud.example",
              contact={**place["contact"], "address": "sora@relecloud.example"})  # fmt: skip
        with self.app.app_context(), database.unit_of_work():
            database.write()
            drafts = {name: database.session().get_one(CustomerDraft, UUID(values[f"{name}_draft"])).customer_id
                      for name in ("made", "taken_over")}  # fmt: skip
            values |= {"added_customer": str(drafts["made"]), "taken_over_customer": str(drafts["taken_over"])}
            person = (
                database.session().scalars(sa.select(Person).where(Person.address == "sora@relecloud.example")).one()
            )
            person.confirmed_at, person.password_hash = clock.now(), hash_password(DEMO_PASSWORD)
            self.made.people["temporary"] = Member(person.id, person.address, ("global_administrator",))
        other: dict[str, Any] = {
            "domain": "graphic-design.example",
            "contact": {**place["contact"], "address": "ren@graphic.example"},
        }
        company = place["company"] | {"name": place["name"]}
        draft("draft", company=company, **other)
        attested = {"agreement": "attest", "attested": True, "agreed_on": clock.today("UTC").replace(day=1).isoformat()}
        draft("attested_draft", company=company, agreement=attested, **other)
        page = onboarding.begin(agent)
        values["like_draft"] = page.url.split("/")[-2]
        agent.submit(place["company"])
        for name, party in (("provider", self.provider), ("reseller", self.reseller)):
            visitor = Visitor(self.app, language=self.language)
            visitor.sign_in(party["admin_agent"].address)
            draft(f"{name}_draft", visitor, company=company, until="agreement", **other)

    def _customer(self, name: str) -> Party:
        return self.world.a_customer(name, **PLACES[self.language])

    def _partner(self, name: str, programme: str = "direct_bill") -> Party:
        return self.world.a_partner(name, programme=programme, **PLACES[self.language])

    def _organizations(self) -> None:
        partner, customer = NAMES[self.language]
        self.partner, self.customer = self._partner(partner), self._customer(customer)
        self.provider = self._partner(self.words["provider"], "indirect_provider")
        self.reseller = self._partner(self.words["reseller"], "indirect_reseller")
        lonely = self._partner(self.words["lonely"], "indirect_reseller")
        self.world.pair(self.provider, self.reseller)
        self.accepted, self.declined = self._customer(self.words["accepted"]), self._customer(self.words["declined"])
        wrong = self._customer(self.words["wrong"])
        administrator = "global_administrator"
        self.made.people |= {
            "customer": self.customer[administrator], "member": self.customer[""], "wrong": wrong[administrator],
            "accepted": self.accepted[administrator], "declined": self.declined[administrator],
            "partner": self.partner["admin_agent"], "provider": self.provider["admin_agent"],
            "lonely": lonely["admin_agent"], "new partner": self._partner("Tasmania Traders")["admin_agent"],
        }  # fmt: skip
        self.made.values |= {
            "partner": str(self.partner.id), "customer": str(self.customer.id),
            "accepted_customer": str(self.accepted.id),
        }  # fmt: skip

    def _invite(self, name: str, partner: Party, customer: Party | None, **more: Any) -> Asked:
        recipient = customer["global_administrator"].address if customer is not None else None
        asked = self.world.an_invitation(partner, customer, recipient=recipient, **more)
        self.made.values |= {name: asked.ref, f"{name}_id": str(asked.id)}
        return asked

    def _invitations(self) -> None:
        partner, customer = self.partner, self.customer
        self._invite("indirect", self.provider, customer, reseller=self.reseller)
        self._invite("agreement_only", partner, customer, asks="agreement")
        self._invite("any", partner, None)
        self._invite("standing", partner, None, standing=True)
        self._invite("expired", partner, customer, expired=True)
        inactive = self._partner("Trey Research")
        self._invite("inactive", inactive, customer)
        with self.app.app_context(), database.unit_of_work():
            row = organization_queries.organization_by_id(inactive.id)
            assert row is not None
            organizations.disable(row, "a test")
        other = self._customer(self.words["other"])
        for name in ("withdrawn", "superseded", "sent", "undeliverable"):
            self._invite(name, partner, other if name == "undeliverable" else customer)
        self.sink.refusals[other["global_administrator"].address] = "550 5.1.1 No such mailbox"
        self._as_partner()
        self._invite("open", partner, customer)

    def _as_partner(self) -> None:
        """Send, withdraw and replace, as the partner does."""
        agent = Visitor(self.app, language=self.language)
        agent.sign_in(self.partner["admin_agent"].address)
        of = {name: f"/partner/invitations/{self.made.values[f'{name}_id']}" for name in
              ("withdrawn", "superseded", "sent", "undeliverable")}  # fmt: skip
        for name in ("sent", "undeliverable"):
            agent.open(of[name])
            agent.submit(to="/sending")
        agent.open(of["superseded"])
        agent.submit(to="/own-sending")
        agent.open(f"{of['superseded']}/replacement")
        agent.submit(to="/replacement")
        agent.open(f"{of['withdrawn']}/withdrawal")
        agent.submit(to="/withdrawal")

    def _answers(self) -> None:
        visitor = Visitor(self.app, language=self.language)
        visitor.sign_in(self.accepted["global_administrator"].address)
        first = self._invite("accepted", self.partner, self.accepted)
        second = self._invite("accepted_indirect", self.provider, self.accepted, reseller=self.reseller)
        for asked in (first, second):
            visitor.open(asked.path)
            visitor.submit(to="/opening")
            boxes = {"agreement": True} if asked is first else {}
            visitor.submit({**boxes, "relationship": True, "authority": True}, title=self.words["title"], to="/check")
            visitor.submit(to="/acceptance")
            assert visitor.page.status == 200, visitor.page.words
        decliner = Visitor(self.app, language=self.language)
        decliner.sign_in(self.declined["global_administrator"].address)
        asked = self._invite("declined", self.partner, self.declined)
        decliner.open(f"/invitation/{asked.ref}/decline")
        decliner.submit(reason="not_now", comment=self.words["comment"], to="/decline")
        with self.app.app_context():
            acceptance, text = agreements.acceptances_of(self.accepted.id)[0]
            begun = relationships.open_between(self.accepted.id, self.partner.id, None)
            assert begun is not None
            self.made.values |= {
                "receipt": str(acceptance.id), "text": str(text.id), "relationship": str(begun.id),
            }  # fmt: skip

    def _attestations(self) -> None:
        """A customer for whom the partner attested twice, objecting to the first; one that only a provider can attest for,
        whose reseller asked; and one that bought and never agreed."""
        attested, indirect = self._customer(self.words["attested"]), self._customer(self.words["asked_for"])
        with self.app.app_context(), database.unit_of_work():
            relationship_actions.begin(
                self._row(attested), partner_id=self.partner.id, reseller_id=None, origin="creation", by=None
            )
        with self.app.app_context(), database.unit_of_work():
            relationship_actions.begin(
                self._row(indirect),
                partner_id=self.provider.id,
                reseller_id=self.reseller.id,
                origin="creation",
                by=None,
            )
        self.made.people |= {
            "sales": self.partner["sales_agent"], "helpdesk": self.partner["helpdesk_agent"],
            "reseller": self.reseller["sales_agent"],
        }  # fmt: skip
        self.made.values |= {"attested_customer": str(attested.id), "indirect_customer": str(indirect.id)}
        for given, objection in ((self.words["signatory"][0], True), (self.words["signatory"][2], False)):
            attest(
                self.app, self.made.people["sales"], attested.id, self.language,
                {"given_name": given, "family_name": self.words["signatory"][1], "email": "signer@customer.example"},
                proof=not objection,
            )  # fmt: skip
            if objection:
                self._object(attested)
        self.made.people |= {"attested": attested["global_administrator"], "attested member": attested[""]}
        self._notices(attested)
        seller = Visitor(self.app, language=self.language)
        seller.sign_in(self.made.people["reseller"].address)
        seller.open(f"/partner/customers/{indirect.id}/agreement/attestation-request")
        seller.submit(to="/attestation-request")

    def _notices(self, customer: Party) -> None:
        """The links of the notices, newest first: one to object to, one that was objected to."""
        with self.app.app_context():
            for name, each in zip(("", "objected_"), agreements.attestations_of(customer.id), strict=True):
                self.made.values[f"{name}attestation"] = str(each.row.id)
        self._deliver()
        address = customer["global_administrator"].address
        self.made.values |= {
            name: re.search(r"/objection/([0-9A-Za-z_-]+)", mail.text)[1]  # type: ignore[index]
            for name, mail in zip(("objected", "objection"), self.sink.to(address), strict=True)
        }

    def _agreed_long_ago(self) -> None:
        """A customer whose acceptance is from before the day of the policy."""
        customer = self._customer(self.words["renewing"])
        self.made.people["renewing"] = customer["global_administrator"]
        with time_machine.travel("2022-12-01T12:00:00+00:00", tick=False):
            with self.app.app_context(), database.unit_of_work():
                by = self.world._acting(customer["global_administrator"])
            with self.app.app_context(), database.unit_of_work():
                row = self._row(customer)
                text = agreements.text_in_force(row.country, row.zone, self.language)
                assert text is not None
                agreement_actions.accept(
                    row, text, by=by, shown={"boxes": {}}, signer={"name": by.name}, proof="password"
                )

    def _bought_before(self) -> None:
        """A customer that bought through the partner, never agreed, and asked the partner to confirm."""
        customer = self._customer(self.words["bought"])
        self.made.people["bought"] = customer["global_administrator"]
        self.made.values["bought_customer"] = str(customer.id)
        with self.app.app_context(), database.unit_of_work():
            relationship_actions.begin(
                self._row(customer), partner_id=self.partner.id, reseller_id=None, origin="creation", by=None
            )
        with self.app.app_context(), database.unit_of_work():
            row, partner = self._row(customer), self._row(self.partner)
            today = clock.today(row.zone)
            subscriptions.add(
                row, partner, reseller=None, product="Microsoft 365 Business Premium", seats=25, starts_on=today,
                ends_on=today + timedelta(days=364),
            )  # fmt: skip
        with self.app.app_context(), database.unit_of_work():
            by = self.world._acting(customer["global_administrator"])
        with self.app.app_context(), database.unit_of_work():
            agreement_actions.ask_for_attestation(self._row(customer), self._row(self.partner), by=by)

    def _object(self, customer: Party) -> None:
        """The customer objects to the newest attestation."""
        with self.app.app_context():
            row = agreements.attestations_of(customer.id)[0].row
        visitor = Visitor(self.app, language=self.language)
        visitor.sign_in(customer["global_administrator"].address)
        visitor.open(f"/agreement/attestations/{row.id}/objection")
        visitor.submit(comment=self.words["unknown"], to="/objection")

    def _orders(self) -> None:
        """A catalogue, and what the partner, a reseller and the customer ordered."""
        with self.app.app_context():
            for code, english, japanese, kind, months, per_seat in PRODUCTS:
                with database.unit_of_work():
                    subscriptions.add_product(
                        code, name_en=english, name_ja=japanese, kind=kind, term_months=months, per_seat=per_seat,
                        seats_min=1, seats_max=300,
                    )  # fmt: skip
        with self.app.app_context():
            begun = relationships.open_between(self.accepted.id, self.provider.id, self.reseller.id)
            assert begun is not None
        path = f"/partner/orders/new?customer={self.accepted.id}"
        buyer = self.accepted["global_administrator"]
        for name, who, at, more in (
            ("order", self.partner["sales_agent"], path, {"auto_renews": True}),
            ("order_indirect", self.reseller["sales_agent"], path, {}),
            ("order_own", buyer, "/orders/new", {"seller": str(begun.id)}),
        ):
            visitor = Visitor(self.app, language=self.language)
            visitor.sign_in(who.address)
            visitor.open(at)
            products = next(form for form in visitor.page.forms if form.action.endswith("/review")).options["product"]
            visitor.submit({"product": products[1], "seats": "25", **more}, to="/review")
            visitor.submit(to="/orders")
            assert visitor.page.status == 200, visitor.page.words
            self.made.values[name] = visitor.page.url.rsplit("/", 1)[-1]

    def _role_set(self) -> None:
        """A set of roles that the partner saved."""
        agent = Visitor(self.app, language=self.language)
        agent.sign_in(self.partner["admin_agent"].address)
        agent.open(f"/partner/delegated-admin/new?customer={self.made.values['customer']}")
        with self.app.app_context(), messages.reader_of(self.language, "UTC"):
            save = str(gettext("Save the set"))
        agent.submit(to="/new", button=save, set_name=self.words["offers"].split("|")[0])

    def _team(self) -> None:
        """Colleagues in each state, and requests between a reseller and a provider."""
        people = self.partner.people
        self.made.people["helpdesk"] = people["helpdesk_agent"]
        agent = Visitor(self.app, language=self.language)
        agent.sign_in(people["admin_agent"].address)
        domain = people["admin_agent"].address.rpartition("@")[2]
        names = {
            "en": (("Mika", "Sato"), ("Jo", "Doe"), ("Kim", "Lee")),
            "ja": (("美佳", "佐藤"), ("健", "木村"), ("葵", "森")),
        }
        (of_invited, of_removed, of_colleague) = names[self.language]
        with self.app.app_context(), database.unit_of_work():
            database.write()
            seller = database.session().get_one(Person, people["sales_agent"].id)
            seller.given_name, seller.family_name = of_colleague
        for name, (given, family) in (("invited", of_invited), ("removed", of_removed)):
            agent.open("/partner/team/new")
            agent.submit(
                given_name=given, family_name=family, address=f"{name}@{domain}", roles=["sales_agent"],
                language=self.language, to="/partner/team",
            )  # fmt: skip
            self.made.values[name] = agent.page.url.rpartition("/")[2]
        agent.open(f"/partner/team/people/{self.made.values['removed']}/removal")
        agent.submit(to="/removal")
        agent.open(f"/partner/team/people/{people['sales_agent'].id}/roles")
        agent.submit(roles=["admin_agent", "sales_agent"])
        self.made.values |= {
            "colleague": str(people["sales_agent"].id), "own": str(people["admin_agent"].id),
            "last_agent": str(self.made.people["new partner"].id),
        }  # fmt: skip
        lonely, provider = (Visitor(self.app, language=self.language) for _ in range(2))
        lonely.sign_in(self.made.people["lonely"].address)
        provider.sign_in(self.made.people["provider"].address)
        with self.app.app_context():
            number = self._row(self.provider).partner_number
            pair = organization_queries.pairing(self.provider.id, self.reseller.id)
            assert pair is not None
            self.made.values["pairing"] = str(pair.id)
        for name in ("declined_pairing_request", "pairing_request"):
            lonely.open("/partner/team/pairings/new")
            lonely.submit(number=number, to="/check")
            lonely.submit(to="/pairings")
            self.made.values[name] = lonely.page.url.rpartition("/")[2]
            if name.startswith("declined"):
                provider.open(f"/partner/team/pairings/requests/{self.made.values[name]}")
                provider.submit(to="/decline", reason=self.words["comment"])

    def _endings(self) -> None:
        """A relationship that a subscription holds up, one that its customer asks to end, one that ended, and a partner
        that a customer does not know."""
        with self.app.app_context(), database.unit_of_work():
            customer, partner = self._row(self.accepted), self._row(self.partner)
            today = clock.today(customer.zone)
            subscriptions.add(
                customer, partner, reseller=None, product="Microsoft 365 Business Premium", seats=25,
                starts_on=today, ends_on=today + timedelta(days=364),
            )  # fmt: skip
        with self.app.app_context():
            indirect = relationships.open_between(self.accepted.id, self.provider.id, self.reseller.id)
            assert indirect is not None
            self.made.values["indirect_relationship"] = str(indirect.id)
        with self.app.app_context(), database.unit_of_work():
            ended = relationship_actions.begin(
                self._row(self.declined), partner_id=self.partner.id, reseller_id=None, origin="creation", by=None
            )
            self.made.values["ended_relationship"] = str(ended.id)
        visitor = Visitor(self.app, language=self.language)
        visitor.sign_in(self.accepted["global_administrator"].address)
        visitor.open(f"/settings/partner-relationships/{self.made.values['indirect_relationship']}/ending")
        visitor.submit(to="/ending", reason=self.words["ending"])
        agent = Visitor(self.app, language=self.language)
        agent.sign_in(self.partner["admin_agent"].address)
        agent.open(f"/partner/customers/relationships/{self.made.values['ended_relationship']}/end")
        agent.submit(to="/end", reason=self.words["end"])
        decliner = Visitor(self.app, language=self.language)
        decliner.sign_in(self.declined["global_administrator"].address)
        decliner.open(f"/settings/partner-relationships/partners/{self.partner.id}/distrust")
        decliner.submit(to="/distrust", comment=self.words["unknown"])

    def _row(self, party: Party) -> Organization:
        found = organization_queries.organization_by_id(party.id)
        assert found is not None
        return found

    def _mails(self) -> None:
        """Links of one's own: a first password, one that was used, and signing up."""
        visitor = Visitor(self.app, language=self.language)
        billing = self.customer["billing_administrator"]
        reader = self.customer["global_reader"]
        with self.app.app_context(), database.unit_of_work():
            database.write()
            for member in (billing, reader):
                database.session().get_one(Person, member.id).password_hash = None
        for member in (billing, reader):
            visitor.open("/first-sign-in")
            visitor.submit(address=member.address)
        self._sign_up("kim@woodgrove.example")
        self._deliver()
        self.made.values["first"] = self._secret(billing.address, "first-sign-in")
        self.made.values["used"] = self._secret(reader.address, "first-sign-in")
        self.made.values["sign_up"] = self._secret("kim@woodgrove.example", "sign-up")
        visitor.open(f"/first-sign-in/{self.made.values['used']}")
        visitor.submit(address=reader.address, password=PASSWORD, password_again=PASSWORD)

    def _sign_up(self, address: str) -> None:
        visitor = Visitor(self.app, language=self.language)
        visitor.open(f"/invitation/{self.made.values['any']}/sign-up")
        visitor.submit(address=address)

    def _admission(self) -> None:
        """Somebody of an organization that is here already signs up: its administrators are asked."""
        address = f"mika@{self.accepted['global_administrator'].address.rpartition('@')[2]}"
        self._sign_up(address)
        self._deliver()
        visitor = Visitor(self.app, language=self.language)
        visitor.open(f"/sign-up/{self._secret(address, 'sign-up')}")
        visitor.submit(
            address=address, password=PASSWORD, password_again=PASSWORD, organization=self.accepted.name,
            country="US", given_name="Mika", family_name="Sato",
        )  # fmt: skip
        self._deliver()
        mail = self.sink.to(self.accepted["global_administrator"].address)[-1]
        found = re.search(r"/admissions/([0-9a-f-]{36})", mail.text)
        assert found is not None, mail.text
        self.made.values["admission"] = found[1]

    def _delegated_admin(self) -> None:
        """Offers in every state, and what is in force, for a customer of their own."""
        customer = self._customer(self.words["administered"])
        administrator = customer["global_administrator"]
        self.made.people |= {"administered": administrator, "administered member": customer[""]}
        with self.app.app_context(), database.unit_of_work():
            related = relationship_actions.begin(
                self._row(customer), partner_id=self.partner.id, reseller_id=None, origin="creation", by=None
            )
            self.made.values |= {
                "administered_customer": str(customer.id), "administered_relationship": str(related.id),
            }  # fmt: skip
        self.world.enroll(self.partner)
        everyday = [each.id for each in ROLES if each.key in EVERYDAY]
        terms: dict[str, dict[str, Any]] = {
            "offer": {"roles": everyday, "auto_extends": True},
            "offer_everything": {"roles": [each.id for each in ROLES], "duration_days": 730},
            "offer_basic": {"duration_days": 90}, "in_force": {"roles": everyday, "auto_extends": True},
            "ended": {}, "fewer_asked": {"roles": everyday}, "offer_declined": {}, "offer_withdrawn": {},
        }  # fmt: skip
        names = dict(zip(terms, self.words["offers"].split("|"), strict=True))
        made = {
            key: self.world.an_offer(self.partner, customer, names[key], **of) for key, of in terms.items()
        }  # fmt: skip
        self.made.values |= {key: str(each) for key, each in made.items()} | {"role": everyday[1]}
        for key in ("in_force", "ended"):
            self.world.an_approval(made[key], administrator)
        member = Visitor(self.app, language=self.language)
        member.sign_in(customer["billing_administrator"].address)
        member.open(f"/delegated-admin/{made['offer']}")
        member.submit(person=str(administrator.id), to="/hand-over")
        visitor = Visitor(self.app, language=self.language)
        visitor.sign_in(administrator.address)
        visitor.open(f"/delegated-admin/{made['in_force']}/roles/{everyday[0]}/removal")
        visitor.submit(to="/removal")
        visitor.open(f"/delegated-admin/{made['ended']}/removal")
        visitor.submit(comment=self.words["comment"], to="/removal")
        visitor.open(f"/delegated-admin/{made['fewer_asked']}/fewer")
        visitor.submit(to="/fewer")
        visitor.open(f"/delegated-admin/{made['offer_declined']}/decline")
        visitor.submit(reason="too_much", comment=self.words["comment"], to="/decline")
        agent = Visitor(self.app, language=self.language)
        agent.sign_in(self.partner["admin_agent"].address)
        agent.open(f"/partner/delegated-admin/{made['offer_withdrawn']}/withdrawal")
        agent.submit(to="/withdrawal")

    def _asked_for(self) -> None:
        """Invitations that ask for an offer or carry one, and one that was sent on."""
        offered = self._customer(self.words["new"])
        self.made.people["offered"] = offered["global_administrator"]
        names = iter(f"{self.words['offers'].split('|')[0]} {number}" for number in range(2, 9))
        everyday = [each.id for each in ROLES if each.key in EVERYDAY]
        for name, customer in (
            ("administration", self.customer), ("administration_declined", self.customer),
            ("with_offer", self.customer), ("accepted_with_offer", offered), ("offer_left", offered),
        ):  # fmt: skip
            offer_id = self.world.an_offer(self.partner, customer, next(names), roles=everyday, auto_extends=True)
            asks = "administration" if name.startswith("administration") else "relationship"
            self._invite(name, self.partner, customer, asks=asks, offer_id=offer_id, language=self.language)
            self.made.values[f"{name}_offer"] = str(offer_id)
        visitor = Visitor(self.app, language=self.language)
        visitor.sign_in(self.customer["global_administrator"].address)
        visitor.open(f"/delegated-admin/{self.made.values['administration_declined_offer']}/decline")
        visitor.submit(reason="too_much", comment=self.words["comment"], to="/decline")
        visitor = Visitor(self.app, language=self.language)
        visitor.sign_in(offered["global_administrator"].address)
        visitor.open(f"/invitation?ref={self.made.values['accepted_with_offer']}")
        visitor.submit(to="/opening")
        visitor.submit(agreement=True, relationship=True, authority=True, title=self.words["title"], to="/check")
        visitor.submit(to="/acceptance")
        member = Visitor(self.app, language=self.language)
        member.sign_in(self.customer[""].address)
        member.open(f"/invitation/{self.made.values['sent']}/hand-over")
        member.submit(receiver=str(self.customer["global_administrator"].id), to="/hand-over")

    def _deliver(self) -> None:
        with self.app.app_context():
            while deliver_due():
                pass

    def _secret(self, address: str, kind: str) -> str:
        for mail in reversed(self.sink.to(address)):
            found = re.search(rf"/{kind}/([0-9A-Za-z_-]+)", mail.text)
            if found is not None:
                return found[1]
        raise AssertionError(f"no link of {kind} for {address}")
