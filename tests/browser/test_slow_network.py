"""The page over a slow network, in a Chromium that emulates one."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from drivers.server import serving
from drivers.waiting import until

SLOWLY = 240_000  # milliseconds; at 2 Mbit/s it takes ten seconds on an idle machine


def slow_page(context: BrowserContext, bytes_per_second: int) -> tuple[Page, CDPSession]:
    """A page, and where the speed of its network is set."""
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    set_speed(network, bytes_per_second)
    return page, network


def set_speed(network: CDPSession, bytes_per_second: int) -> None:
    """Set the speed of a page's network; -1 for any."""
    network.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 100,
            "downloadThroughput": bytes_per_second,
            "uploadThroughput": bytes_per_second,
        },
    )


def test_the_page_is_usable_at_2_mbit(chromium: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as server, chromium.new_context() as context:
        page, _ = slow_page(context, 250_000)
        page.goto(server.url, wait_until="commit")
        until(server.kernels, "the visit's kernel", 60)
        kernels = server.kernels()
        expect(page.locator(".ml-pad canvas").first).to_be_visible(timeout=SLOWLY)
        assert server.kernels() == kernels
        expect(page.locator(".ml-connection")).to_be_hidden()
        page.get_by_role("tab", name="Predict").click()
        expect(page.locator(".ml-answer")).to_have_text("answer 0", timeout=SLOWLY)


def test_a_page_that_loads_and_loses_its_kernel_says_so(chromium: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as server, chromium.new_context() as context:
        page, network = slow_page(context, 500_000)
        with page.expect_websocket():
            page.goto(server.url, wait_until="commit")
        # The whole page, but hardly any of its scripts, has come.
        page.wait_for_load_state("domcontentloaded")
        server.kernels()[0].kill()
        said = page.locator(".ml-connection")
        expect(said).to_contain_text("has ended")
        set_speed(network, -1)
        # All scripts come, and Jupyter draws what it can of widgets without a kernel: nothing.
        page.wait_for_load_state("networkidle", timeout=SLOWLY)
        expect(said).to_be_visible()
        assert "Dashboard(" not in page.inner_text("body")
        assert "Loading" not in page.inner_text("body")
        said.get_by_role("button", name="Reload").click()
        expect(page.locator(".ml-pad canvas").first).to_be_visible(timeout=SLOWLY)
        expect(said).to_have_count(0)
