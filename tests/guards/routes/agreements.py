"""Routes of `agreements`."""

from typing import Any

from tests.guards.routes import ANSWERERS, CUSTOMER_READERS, CUSTOMERS, EVERYBODY, SIGNED_IN, Row, row
from tests.support.story import Story
from webapp.agreements import queries
from webapp.agreements.models import AgreementText


def _receipt(s: Story) -> dict[str, Any]:
    return {"acceptance_id": s.accept()}


def _objection(status: int, **more: Any) -> Row:
    """What a customer's global or billing administrator does; others of it are told so."""
    refused: Any = {each: 403 for each in CUSTOMERS if each not in ANSWERERS}
    return row(status, to=ANSWERERS, otherwise=404, prepare=lambda s: s.attested(), **refused, **more)


def _by_link(s: Story) -> dict[str, Any]:
    return {"secret": s.objection_link()["secret"]}


def _document(s: Story) -> dict[str, Any]:
    """A link that the API just gave."""
    with s.app.app_context():
        link = queries.document_link(
            s.only(AgreementText, country="JP", version="2026-03", language="ja"), queries.DISPLAY
        )
    return {"secret": link.rpartition("/")[2]}


ROUTES = {
    "GET /agreement-documents/<secret>": row(200, to=EVERYBODY, prepare=_document),
    "GET /agreement": row(200, to=CUSTOMERS),
    "GET /agreement/texts/<uuid:text_id>": row(
        200, to=SIGNED_IN, otherwise=200, prepare=lambda s: {"text_id": s.only(AgreementText, country="US").id}
    ),
    "GET /agreement/receipts/<uuid:acceptance_id>": row(
        200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=_receipt
    ),
    "GET /agreement/receipts/<uuid:acceptance_id>.json": row(
        200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=_receipt
    ),
    "POST /agreement/attestation-request": row(
        302,
        to=ANSWERERS,
        otherwise=403,
        prepare=lambda s: s.bought(),
        form=lambda s: {"partner": str(s.partner.id)},
    ),
    # Whoever holds the link and knows the address it was sent to.
    "GET /objection/<secret>": row(200, to=EVERYBODY, prepare=_by_link),
    "POST /objection/<secret>": row(
        302,
        to=EVERYBODY,
        prepare=_by_link,
        form=lambda s: {"address": s.address_of("global_administrator"), "comment": "Nobody agreed to this."},
    ),
    "GET /agreement/attestations/<uuid:attestation_id>/objection": _objection(200),
    "POST /agreement/attestations/<uuid:attestation_id>/objection": _objection(
        302, form=lambda s: {"comment": "Nobody agreed to this."}
    ),
}
