"""The pages in a real browser, on the demo's data: charts, filters, drill-down, shared links, accessibility.

`make screenshots` writes each page in light and dark at two widths to SCREENSHOTS, a directory that git ignores.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.api import Api
from tests.support.demo_data import OF_AGENT, filled_with_demo

AGENT = OF_AGENT["agent_id"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
PAGES = {
    "overview": "/",
    "runs": "/runs",
    "run": "/runs/{run}",
    "decisions": "/decisions",
    "signals": "/signals",
    "compare": f"/compare?agent={AGENT}",
    "associations": "/associations",
}
# Pictures are taken of all four looks, the test looks at each half once.
LOOKS = [("light", 1280), ("dark", 390), ("light", 390), ("dark", 1280)][
    : 4 if "SCREENSHOTS" in os.environ else 2
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine: install Debian's package chromium"
    ),
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A collector with the demo's data."""
    with filled_with_demo(tmp_path_factory.mktemp("browser")) as collector:
        yield Api(collector)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield launched
        launched.close()


class View:
    """A page that is open, and what it complained of or asked of other hosts."""

    def __init__(self, browser: Browser, api: Api, scheme: str = "light", width: int = 1280) -> None:
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            base_url=api.collector.url("api"),
        )
        self.complaints: list[str] = []
        own = api.collector.url("api")
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request",
            lambda asked: (
                None if asked.url.startswith((own, "data:", "blob:")) else self.complaints.append(asked.url)
            ),
        )

    def open(self, path: str) -> Page:
        """Go there and wait until its charts are drawn."""
        self.page.goto(path, wait_until="load")
        if self.page.locator(".plot").count():
            self.page.wait_for_function("document.documentElement.dataset.drawn === 'yes'")
        return self.page


def run_of(api: Api) -> str:
    """A run with failed steps and retries."""
    runs = api.found("/v1/runs", page_size=100)["runs"]
    return str(next(run["run_id"] for run in runs if run["failed_steps"] and run["steps"] > 3))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_without_complaint(api: Api, browser: Browser, name: str) -> None:
    """Every chart is there, nothing is asked of another host, nothing stands in the way of a screen reader."""
    for scheme, width in LOOKS:
        view = View(browser, api, scheme, width)
        page = view.open(PAGES[name].format(run=run_of(api)))
        assert page.locator(".plot .main-svg").count() >= page.locator(".plot").count()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page).response["violations"]
        assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []
        assert view.complaints == []
        if folder := os.environ.get("SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(folder) / f"{name}-{scheme}-{width}.png"), full_page=True)
        page.close()


def test_the_api_is_described_without_complaint(api: Api, browser: Browser) -> None:
    """Swagger UI runs under its policy, lists every operation and asks no other host."""
    view = View(browser, api)
    page = view.open("/docs")
    page.locator(".opblock").first.wait_for()
    paths = api.get("/openapi.json").json()["paths"]
    assert page.locator(".opblock").count() == sum(map(len, paths.values()))
    assert view.complaints == []


def test_a_filter_stands_in_the_url_and_can_be_shared(api: Api, browser: Browser) -> None:
    """Another browser that opens the link sees the same numbers, which are the API's."""
    page = View(browser, api).open("/")
    page.locator("select[name=agent]").select_option(AGENT)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile(f"agent={AGENT}"))
    shared = View(browser, api).open(page.url)
    stats = api.found("/v1/stats", **OF_AGENT)
    for name in ("runs", "failed", "decisions"):
        tile = shared.locator(".tiles div", has=shared.get_by_text(name, exact=True)).locator("dd")
        assert tile.inner_text() == f"{stats[name]:,}"


def test_a_row_leads_to_its_runs_and_one_of_them(api: Api, browser: Browser) -> None:
    """From a decision to the runs with it to a run with it."""
    page = View(browser, api).open(f"/decisions?agent={AGENT}")
    page.get_by_role("link", name=re.compile("runs with retry_budget_exhausted")).click()
    assert "5 runs" in page.locator("#total").inner_text()
    page.locator("table a").first.click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}"))
    assert "retry_budget_exhausted" in page.locator(".timeline").inner_text()


def test_a_table_stands_under_each_chart(api: Api, browser: Browser) -> None:
    """Opened by the keyboard; its numbers are the API's."""
    page = View(browser, api).open(f"/signals?agent={AGENT}")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    rows = page.locator("details[open] tbody tr")
    found = api.found("/v1/signals/aggregate", **OF_AGENT)["aggregations"]
    assert rows.count() == len(found)
    assert f"{found[1]['true_count']:,}" in rows.nth(1).inner_text()


def test_the_keyboard_reaches_the_content_first(api: Api, browser: Browser) -> None:
    """The first thing it reaches skips the navigation."""
    page = View(browser, api).open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
