"""Operations of `agreements`: what there is to accept, and its text."""

from typing import Any

from tests.guards.api import READERS, op
from tests.support.story import Story
from webapp.agreements.rules import CUSTOMER_AGREEMENT, template_id


def _text(_s: Story) -> dict[str, Any]:
    return {"template_id": str(template_id(CUSTOMER_AGREEMENT, "2026-03")), "country": "JP", "language": "ja-JP"}


OPERATIONS = {
    "GET /v1/agreements": op(200, to=READERS),
    # What is published is nobody's: whoever has a token reads it.
    "GET /v1/agreementtemplates/<guid:template_id>/document": op(200, to=READERS, prepare=_text, rival=200),
}
