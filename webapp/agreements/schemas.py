"""Agreements as Partner Center's API has them."""

from __future__ import annotations

from marshmallow import fields

from webapp import rest


class AgreementsQuery(rest.Schema):
    """Of which type; `*`: all."""

    agreement_type = rest.Text(
        longest=60,
        load_default="MicrosoftCloudAgreement",
        metadata={
            "description": "MicrosoftCustomerAgreement, MicrosoftCloudAgreement (meant where nothing is said), or * for all.",
            "example": "MicrosoftCustomerAgreement",
        },
    )


class AgreementMetaData(rest.Schema):
    """An agreement that customers accept."""

    template_id = fields.UUID(required=True)
    agreement_type = fields.String(required=True)
    agreement_link = fields.String(required=True)
    version_rank = fields.Integer(required=True)


AgreementMetaDataCollection = rest.collection_of(AgreementMetaData)
