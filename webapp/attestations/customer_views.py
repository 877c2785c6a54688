"""The customer's own way to the proof of an attestation: it is about the customer, which may object to it."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from webapp.access import Permission, requires
from webapp.agreements.models import Attestation
from webapp.attestations import queries
from webapp.attestations.partner_views import as_download

blueprint = Blueprint("attestations_at_customer", __name__)


@blueprint.get("/agreement/attestations/<uuid:attestation_id>/proof")
@requires(Permission.READ_RECEIPTS, on=queries.with_proof_about)
def proof(row: Attestation) -> ResponseReturnValue:
    return as_download(row)
