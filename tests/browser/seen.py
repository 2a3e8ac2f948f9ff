"""The open map in one size and language, and what its tables say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect


@dataclass
class Seen:
    """An open map, its size and its language."""

    visit: Any
    phone: bool
    lang: str

    @property
    def page(self) -> Page:
        """The page itself."""
        page: Page = self.visit.page
        return page

    def word(self, zh: str, en: str) -> str:
        """Return the word of the page's language."""
        return zh if self.lang == "zh" else en

    def switches(self) -> None:
        """Bring the layer switches into sight."""
        if self.phone and not self.page.evaluate("document.body.classList.contains('drawer-open')"):
            self.page.locator("#layers-toggle").tap()
        expect(self.page.locator("#match-open")).to_be_visible()

    def dialog(self, tab: str, scenario: str | None = None) -> Locator:
        """Open the dialog at a tab and wait until it is drawn; return its body."""
        if not self.page.locator("#match-dialog").is_visible():
            self.switches()
            self.page.locator("#match-open").click()
        self.page.locator(f"#match-tab-{tab}").click()
        if scenario is not None:
            self.page.locator("#match-head select").select_option(scenario)
        body = self.page.locator("#match-body")
        expect(body).not_to_have_attribute("aria-busy", "true")
        return body

    def matching(self, on: bool = True) -> None:
        """Switch the layer."""
        self.switches()
        self.page.locator("#switch-match_parcel").set_checked(on)
        if self.phone:
            self.page.keyboard.press("Escape")

    def ask(self, path: str) -> Any:
        """Return what the page gets of the API."""
        return self.page.evaluate(f"OneMap.getJson('{path}')")


def cells(table: Locator) -> list[list[str]]:
    """Return the texts of a table's body, row by row."""
    rows: list[list[str]] = table.locator("tbody").first.evaluate(
        "body => [...body.rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return rows


def mw(kw: float | None) -> str:
    """Return kW as the page shows them in MW."""
    return "—" if kw is None else f"{kw / 1000:,.1f}"
