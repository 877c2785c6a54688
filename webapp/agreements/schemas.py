"""Agreements as Partner Center's API has them."""

from __future__ import annotations

from marshmallow import fields, validate

from webapp import rest


class AgreementsQuery(rest.Schema):
    """Of which type; `*`: all."""

    agreement_type = fields.String(
        validate=validate.OneOf(["MicrosoftCustomerAgreement", "MicrosoftCloudAgreement", "*"]),
        load_default="MicrosoftCloudAgreement",
        metadata={
            "description": "MicrosoftCustomerAgreement, MicrosoftCloudAgreement (meant where nothing is said), or * for all.",
            "example": "MicrosoftCustomerAgreement",
        },
    )


class AgreementMetadata(rest.Schema):
    """An agreement that customers accept."""

    template_id = fields.UUID(required=True)
    agreement_type = fields.String(required=True)
    agreement_link = fields.String(required=True)
    version_rank = fields.Integer(required=True)


AgreementMetadataCollection = rest.collection_of(AgreementMetadata)


class DocumentQuery(rest.Schema):
    """For which country, in which language."""

    language = fields.String(
        load_default="en-US",
        validate=validate.Length(max=35),
        metadata={"description": "ja-JP or en-US; another one falls back.", "example": "ja-JP"},
    )
    country = fields.String(
        load_default="US",
        validate=validate.Regexp("^[A-Z]{2}$"),
        metadata={"description": "Two capital letters (ISO 3166-1).", "example": "JP"},
    )


class AgreementDocument(rest.Schema):
    """Where the text of an agreement is found for five minutes."""

    display_uri = fields.String(required=True, metadata={"description": "A page with the text."})
    download_uri = fields.String(required=True, metadata={"description": "The text as a Markdown file."})
    language = fields.String(required=True, metadata={"example": "ja-JP"})
    country = fields.String(required=True, metadata={"example": "JP"})
