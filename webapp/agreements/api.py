"""The API of published agreements: what there is to accept, and its text."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask_babel import gettext as _

from webapp import pages, rest
from webapp.access import Permission
from webapp.actor import Actor
from webapp.agreements import queries, rules, schemas
from webapp.agreements.queries import Template

blueprint = rest.Blueprint("agreements_api", __name__, description="What customers accept.")


@rest.operation(
    blueprint, "GET", "/v1/agreements", Permission.READ_CUSTOMERS,
    query=schemas.AgreementsQuery, answers=schemas.AgreementMetadataCollection,
)  # fmt: skip
def agreement_metadata(query: dict[str, Any]) -> dict[str, Any]:
    """List the agreements that customers accept.

    One for each type: the newest version that is in force. `versionRank` counts the versions of a type, beginning with 0.
    Without `agreementType` the list is of MicrosoftCloudAgreement, as Partner Center has it for older programs; Countersign
    publishes none of that type.
    """
    return rest.collection(list(queries.current_templates(query["agreement_type"])))


def _spelled(_actor: Actor, template_id: UUID) -> Template | None:
    """The template, where the address spells its id as it is: letter case counts."""
    return queries.template_by_id(template_id) if str(template_id) in request.path else None


@rest.operation(
    blueprint, "GET", "/v1/agreementtemplates/<guid:template_id>/document", Permission.READ_CUSTOMERS,
    on=_spelled, query=schemas.DocumentQuery, answers=schemas.AgreementDocument,
)  # fmt: skip
def agreement_document(template: Template, query: dict[str, Any]) -> dict[str, str]:
    """Get links to the text of an agreement.

    Both links differ in each answer and work for five minutes, for whoever holds them: they need no token. `displayUri` is a
    page with the published text; `downloadUri` is the Markdown that it was published as, where Microsoft has a Word file. A
    language in which the country has no text falls back to en-US, or to one that it has; `language` says which it is.
    Letter case counts in `templateId` and `country`. 404 / 1000 where the agreement is not published in the country.
    """
    text = queries.text_of_template(template, query["country"], query["language"])
    if text is None:
        name = pages.country_name(query["country"])
        raise rest.ApiError(404, 1000, _("This agreement is not published for %(country)s.", country=name))
    return {
        "display_uri": queries.document_link(text, queries.DISPLAY),
        "download_uri": queries.document_link(text, queries.DOWNLOAD),
        "language": rules.locale_of(text.language),
        "country": text.country,
    }
