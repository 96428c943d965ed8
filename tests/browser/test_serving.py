"""What a visitor sees when a lab asks for its token and is full."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from drivers.lab import Lab
from drivers.server import serving


def test_the_token_is_asked_for(chromium: Browser, tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--base-url", "/lab/", MNISTLAB_APP_TOKEN="open-sesame") as server,
        chromium.new_context() as context,
    ):
        page = context.new_page()
        page.goto(server.url.partition("?")[0])
        for token in ("sesame", "open-sesame"):
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Open").click()
            if token == "sesame":
                expect(page.get_by_role("alert")).to_contain_text("Wrong token")
        expect(page.locator(".ml-pad canvas").first).to_be_visible()


def test_a_full_lab_lets_the_next_one_in_by_itself(chromium: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, "--max-visitors", "1") as server, chromium.new_context() as context:
        first = context.new_page()
        Lab(first, server.url)
        second = context.new_page()
        second.goto(server.url)
        expect(second.get_by_role("heading")).to_have_text("The server is full")
        again = first.reload()
        assert again is not None
        assert again.status == 200, "who reloads keeps the place"
        expect(first.locator(".ml-pad canvas").first).to_be_visible()
        first.close(run_before_unload=True)
        expect(second.locator(".ml-pad canvas").first).to_be_visible()
