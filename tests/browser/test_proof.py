"""A file that is far too large, chosen in Chromium and sent to the program as it is served: the page comes back with
everything else that was entered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_main_job import Running
from tests.browser.test_main_job import run as run
from tests.support.main_job import parties
from webapp import database
from webapp.organizations import queries as organizations
from webapp.relationships import actions as relationships


@pytest.mark.timeout(240)
@pytest.mark.one_engine
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_file_far_too_large_loses_nothing_that_was_entered(
    run: Callable[..., Running], language: str, tmp_path: Path
) -> None:
    running = run()
    partner, customer = parties(running.world, language)
    with running.app.app_context(), database.unit_of_work():
        row = organizations.organization_by_id(customer.id)
        assert row is not None
        relationships.begin(row, partner_id=partner.id, reseller_id=None, origin="creation", by=None)
    clicks = running.clicks(language)
    clicks.open_signed_in(f"/partner/customers/{customer.id}/agreement/attestation", partner["sales_agent"].address)
    for name, value in {"given_name": "Avery", "family_name": "Howard", "email": "avery@customer.example"}.items():
        clicks.page.fill(f"[name={name}]", value)
    clicks.submit("/review")
    large, small = tmp_path / "large.pdf", tmp_path / "small.pdf"
    large.write_bytes(b"%PDF-1.4\n" + b"0" * 30 * 1024**2 + b"%%EOF\n")
    small.write_bytes(b"%PDF-1.4\n%%EOF\n")
    clicks.page.set_input_files("[name=proof]", large)
    for box in ("agreed", "told"):
        clicks.page.check(f"[name={box}]")
    clicks.submit("/confirmation")
    clicks.look()
    said = clicks.words("The file is larger than %(most)s MB. Choose a smaller one.", most=10)
    expect(clicks.page.locator("#proof-error")).to_have_text(said)
    assert "avery@customer.example" in clicks.page.inner_text("main")
    for box in ("agreed", "told"):
        assert clicks.page.is_checked(f"[name={box}]")
    clicks.page.set_input_files("[name=proof]", small)
    clicks.submit("/confirmation")
    clicks.look()
    assert "small.pdf" in clicks.page.inner_text("main")
