"""Webhooks of a partner: nothing registered, in use, what was given up, and what went wrong."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from tests.support.delegation import Delegation
from tests.support.main_job import Clicks
from tests.support.state import State
from webapp import clock, database, pages
from webapp.webhooks import actions, rules
from webapp.webhooks.models import WebhookAttempt, WebhookDelivery
from webapp.webhooks.rules import EVENTS

_URL = "https://receiver.example/countersign/events"


def _wrong(clicks: Clicks) -> None:
    """Send an address inside a network, and no event."""
    clicks.page.fill("[name=url]", "https://10.0.0.1/events")
    clicks.submit("/registration")


def _registers(clicks: Clicks) -> None:
    clicks.page.fill("[name=url]", _URL)
    clicks.page.check("[name=events][value=test-created]")
    clicks.submit("/registration")


def _rotates(clicks: Clicks) -> None:
    clicks.page.locator("main details summary").first.click()
    clicks.submit("/secret")


STATES = (
    State("webhooks", "partner", "/partner/webhooks"),
    State("webhooks-given-up", "partner", "/partner/webhooks?only=dead"),
    State("webhooks-nothing-given-up", "provider", "/partner/webhooks?only=dead"),
    State("webhooks-none", "new partner", "/partner/webhooks"),
    State("webhooks-beyond", "partner", "/partner/webhooks?after={webhooks_beyond}"),
    State("webhook-registration", "partner", "/partner/webhooks/registration"),
    State("webhook-registration-new", "new partner", "/partner/webhooks/registration"),
    State("webhook-registration-error", "new partner", "/partner/webhooks/registration", _wrong),
    State("webhook-secret", "provider", "/partner/webhooks/registration", _registers),
    State("webhook-secret-rotated", "partner", "/partner/webhooks", _rotates),
    State("webhook-delivered", "partner", "/partner/webhooks/deliveries/{delivered_event}"),
    State("webhook-waiting", "partner", "/partner/webhooks/deliveries/{waiting_event}"),
    State("webhook-first", "partner", "/partner/webhooks/deliveries/{first_event}"),
    State("webhook-dead", "partner", "/partner/webhooks/deliveries/{dead_event}"),
    State("webhook-dropped", "partner", "/partner/webhooks/deliveries/{dropped_event}"),
)
_HAPPENED: dict[str, tuple[str, int, dict[str, Any]]] = {
    "delivered": ("customer-agreement-accepted", 1, {"response_code": 200, "response_message": "OK"}),
    "waiting": ("granular-admin-relationship-approved", 3, {"response_code": 503, "response_message": "Unavailable"}),
    "first": ("subscription-updated", 0, {}),
    "dead": ("attestation-objected", 10, {"error": "timeout", "detail": "no answer within 10 seconds"}),
    "dropped": ("subscription-updated", 0, {}),
}  # fmt: skip


def fill(filling: Any) -> None:
    """The partner's registration, with an event in each state."""
    app, partner, customer = filling.app, filling.partner, filling.accepted
    by = Delegation(app).acting(partner, "admin_agent")
    with app.app_context(), database.unit_of_work():
        registration, _secret = actions.register_webhook(by=by, url=_URL, events=[*EVENTS][:6])
        registration_id = registration.id
    for state, (event, attempts, came) in _HAPPENED.items():
        filling.made.values[f"{state}_event"] = str(
            _event(app, partner.id, registration_id, customer.id, state, event, attempts, came)
        )
    filling.made.values["webhooks_beyond"] = pages.cursor("2020-01-01T00:00:00+00:00", str(UUID(int=1)))


def _event(
    app: Any, partner_id: UUID, registration_id: UUID, customer_id: UUID, state: str, event: str, attempts: int,
    came: dict[str, Any],
) -> UUID:  # fmt: skip
    with app.app_context(), database.unit_of_work():
        database.write()
        now, id_ = clock.now(), uuid4()
        closed = None if state in {"waiting", "first"} else now
        database.session().add(
            WebhookDelivery(
                id=id_, organization_id=partner_id, registration_id=registration_id, event=event, audit_id=id_,
                customer_id=customer_id, stream=customer_id, place=1, created_at=now, attempts=attempts,
                next_attempt_at=rules.next_attempt(max(attempts, 1), now) or now, closed_at=closed,
                delivered_at=closed if state == "delivered" else None, dead_at=closed if state == "dead" else None,
                body=rules.body_of(
                    event, {"customer_id": customer_id, "line_id": id_, "delegated_id": id_},
                    base="https://countersign.example", audit_id=str(id_), at=now,
                ),
            )
        )  # fmt: skip
        database.session().flush()
        for _ in range(min(attempts, 3)):
            database.session().add(WebhookAttempt(delivery_id=id_, url=_URL, at=now, **came))
        return id_
