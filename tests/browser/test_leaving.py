"""What a visitor learns before a training is lost with the page, and when its kernel is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from drivers.lab import Lab
from drivers.server import Server, serving
from drivers.waiting import until


@contextmanager
def _opened(chromium: Browser, folder: Path, *arguments: str) -> Iterator[tuple[Server, Lab]]:
    with serving(folder, *arguments) as server, chromium.new_context() as context:
        context.set_default_timeout(60_000)
        yield server, Lab(context.new_page(), server.url)


def _reload(page: Page) -> Dialog:
    """Reload as a person does, and give the browser's question."""
    with page.expect_event("dialog") as asked:
        page.evaluate("() => { setTimeout(() => location.reload()) }")
    return asked.value


@pytest.mark.tensorflow
def test_a_reload_in_mid_training_asks_first(chromium: Browser, tmp_path: Path) -> None:
    with _opened(chromium, tmp_path) as (server, lab):
        kernel = server.kernels()[0].pid
        lab.open("Train & Compare")
        epochs = lab.at("ml-epochs").locator("input")
        epochs.fill("200")
        epochs.press("Tab")
        lab.at("ml-models").get_by_label("MLP").uncheck()
        lab.at("ml-train").click()
        progress = lab.at("ml-progress-cnn")
        expect(progress).to_contain_text("epoch 1 of 200", timeout=240_000)

        stay = _reload(lab.page)
        assert stay.type == "beforeunload"
        stay.dismiss()
        expect(progress).not_to_have_text(progress.inner_text(), timeout=120_000)
        assert psutil.pid_exists(kernel)

        _reload(lab.page).accept()
        expect(progress).to_have_text("CNN · not started")  # the new page, on the same tab
        until(lambda: not psutil.pid_exists(kernel), "the end of the old kernel", 20)
        lab.open("Train & Compare")  # a click, without which browsers never ask
        expect(lab.at("ml-train")).to_be_visible()
        lab.page.reload()  # asks nothing, for it would wait for an answer
        expect(lab.at("ml-train")).to_be_visible()


def test_an_idle_page_is_warned_and_may_stay(chromium: Browser, tmp_path: Path) -> None:
    checks = {"CHECK_SECONDS": 1}
    with (
        serving(tmp_path, "--idle-minutes", "0.3", constants=checks) as server,
        chromium.new_context() as context,
    ):
        lab = Lab(context.new_page(), server.url)
        (kernel,) = server.kernels()
        bar = lab.at("ml-connection")
        for _ in range(2):  # each time that nothing happens
            expect(bar).to_contain_text("Your session is about to end")
            bar.get_by_role("button", name="Stay").click()
            expect(bar).to_be_hidden()
        assert server.kernels() == [kernel]
        expect(bar).to_contain_text("Your session has ended.")


@pytest.mark.parametrize(
    ("arguments", "lost"),
    [
        ((), "Finished runs and My digits are kept"),
        (("--shared",), "Its drawings and runs were deleted"),
    ],
)
def test_a_dead_kernel_and_a_server_that_is_away_are_told_as_they_are(
    chromium: Browser, tmp_path: Path, arguments: tuple[str, ...], lost: str
) -> None:
    with _opened(chromium, tmp_path, *arguments) as (server, lab):
        expect(lab.at("ml-status")).to_have_text("Ready.")
        server.kernels()[0].kill()
        bar = lab.at("ml-connection")
        expect(bar).to_contain_text(f"Your session has ended. {lost}")
        expect(lab.at("ml-status")).to_have_text("Disconnected: your session has ended.")
        bar.get_by_role("button", name="Reload").click()
        expect(lab.at("ml-status")).to_have_text("Ready.")
        expect(bar).to_have_count(0)
        expect(lab.at("ml-pad").locator("canvas").first).to_be_visible()

        # A failure of the network, and its end, as the page's scripts tell of them.
        lab.page.evaluate("() => mnistlabSession.lose()")
        expect(lab.at("ml-status")).to_have_text("Disconnected: trying to reconnect …")
        lab.page.evaluate("() => mnistlabSession.connect()")
        expect(lab.at("ml-status")).to_have_text("Ready.")
        server.process.kill()
        expect(lab.at("ml-connection")).to_contain_text("Connection lost")
        expect(lab.at("ml-status")).to_have_text("Disconnected: trying to reconnect …")
