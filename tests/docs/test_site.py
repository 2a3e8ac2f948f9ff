"""The site is whole: no dead link, nothing from another host, and it is found in by Chinese words."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import CHROMIUM_FLAGS
from tests.docs.conftest import DOCS, ROOT, Site


def test_no_link_of_the_site_is_dead(site: Site):
    ids = {path: {str(i) for i in tree.xpath("//@id")} for path, tree in site.pages.items()}
    followed = 0
    for path, tree in site.pages.items():
        for address in (*tree.xpath("//a/@href"), *tree.xpath("//img/@src")):
            parts = urlsplit(address)
            if parts.scheme:
                assert parts.scheme in ("https", "http", "data"), f"{path}: {address}"
                continue
            target = (site.folder / path).parent / unquote(parts.path) if parts.path else site.folder / path
            assert target.resolve().is_file(), f"{path}: {address}"
            name = str(target.resolve().relative_to(site.folder.resolve()))
            if parts.fragment and name in ids:
                assert unquote(parts.fragment) in ids[name] | {""}, f"{path}: {address}"
            followed += 1
    assert followed > 500


def test_links_between_the_files_of_the_checkout_are_good():
    """Who reads the Markdown where it lies follows them too."""
    for page in (ROOT / "README.md", *DOCS.rglob("*.md")):
        for address in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if not urlsplit(address).scheme:
                assert (page.parent / address).exists(), f"{page}: {address}"


def test_nothing_comes_from_another_host(site: Site):
    loading = (
        "//script/@src | //link[not(@rel='canonical')]/@href | //img/@src | //iframe/@src | //source/@src"
    )
    for path, tree in site.pages.items():
        for address in tree.xpath(loading):
            assert not urlsplit(address).netloc, f"{path}: {address}"
    for style in site.folder.rglob("*.css"):
        assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_keys_reach_what_scrolls_and_headings_have_levels(site: Site):
    reached = 0
    for path, tree in site.pages.items():
        scrolled = tree.xpath("//pre | //div[contains(@class, 'table-wrapper')]")
        assert all(part.get("tabindex") == "0" for part in scrolled), path
        assert all(h.get("aria-level") for h in tree.xpath("//*[@role='heading']")), path
        reached += len(scrolled)
    assert reached > 100


def pairs(text: str) -> set[str]:
    """Return neighbouring Chinese characters of a text."""
    return {
        text[i : i + 2] for i in range(len(text) - 1) if re.fullmatch(r"[\u3400-\u9fff]{2}", text[i : i + 2])
    }


def words(site: Site, path: str) -> str:
    """Return the text of a page without what stands around it."""
    [article] = site.pages[path].xpath("//article")
    return article.text_content()


def test_chinese_words_are_found(site: Site):
    """Every page that has the words is found, and every page found has all pairs of their characters."""
    asked = "冷热平衡要求"
    holding = {p for p in site.pages if site.pages[p].xpath("//article") and asked in words(site, p)}
    assert holding
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS) as browser,
    ):
        page = browser.new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{(site.folder / 'search.html').as_uri()}?q={asked}")
        expect(page.locator(".search-summary")).to_contain_text(re.compile(r"\d"))
        hits = page.locator("ul.search li > a").evaluate_all("links => links.map((a) => a.href)")
        page.close()
    found = {str(Path(unquote(urlsplit(h).path)).relative_to(site.folder)) for h in hits}
    assert holding <= found
    assert all(pairs(asked) <= pairs(words(site, path)) for path in found)
    assert all(address.startswith(("file:", "data:")) for address in requests)
