"""The API of published agreements: what there is to accept."""

from __future__ import annotations

from typing import Any

from webapp import rest
from webapp.access import Permission
from webapp.agreements import queries, schemas

blueprint = rest.Blueprint("agreements_api", __name__, description="What customers accept.")


@rest.operation(
    blueprint, "GET", "/v1/agreements", Permission.READ_CUSTOMERS,
    query=schemas.AgreementsQuery, answers=schemas.AgreementMetaDataCollection,
)  # fmt: skip
def agreement_metadata(query: dict[str, Any]) -> dict[str, Any]:
    """List the agreements that customers accept.

    Without `agreementType` the list is of MicrosoftCloudAgreement, as Partner Center has it for older programs; Countersign
    publishes none of that type.
    """
    return rest.collection(list(queries.templates(query["agreement_type"])))
