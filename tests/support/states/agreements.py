"""Pages of `agreements` that the main job does not come by: a text by a link of the API."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tests.support.main_job import Clicks
from tests.support.state import State
from webapp import database
from webapp.agreements import queries
from webapp.agreements.models import AgreementText


def _opens_text(clicks: Clicks) -> None:
    """Open a link to a text, made now: it works for five minutes."""
    with clicks.app.app_context():
        text = database.session().scalar(
            sa.select(AgreementText)
            .where(AgreementText.language == clicks.language)
            .order_by(AgreementText.effective_on, AgreementText.country)
            .limit(1)
        )
        assert text is not None
        link = queries.document_link(text, queries.DISPLAY).rpartition("/")[2]
    clicks.page.goto(f"/agreement-documents/{link}")


STATES = (State("agreement-document", "", "/help", _opens_text),)


def fill(_filling: Any) -> None:
    """Nothing: the texts are there."""
