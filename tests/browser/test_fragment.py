"""Links in Microsoft's shape whose fragment alone says where they lead: a script follows it, to known places only."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from tests.support.chromium import Windows
from tests.support.served import Served

ID = "7a20b8f9-df19-44ad-a87d-dbf1c901a960"
START = "#/partners/invitation/granularAdminRelationships/"


def test_the_link_to_an_offer_leads_to_its_page_and_nothing_else_does(
    serve: Callable[..., Served], windows: Windows
) -> None:
    served = serve()
    window = windows.open(served.url)
    for fragment in (START + ID, START.lower() + ID.upper()):
        window.goto("/help")
        window.goto(f"/AdminPortal/Home{fragment}")
        window.wait_for_url("**/sign-in**")
        assert f"/delegated-admin/{ID}" in unquote(window.url).lower()
    for wrong in ("", ID[:-1], ID + "0", "../../help", f"{ID}/approval", f"{ID}%2Fapproval", "https://x.example/"):
        window.goto("/help")
        window.goto(f"/AdminPortal/Home{START}{wrong}")
        window.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert urlsplit(window.url).path == "/AdminPortal/Home", wrong
