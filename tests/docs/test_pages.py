"""The pages for users: the same in both languages, and what they show works as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token

from api.cli import app
from gis.store import Store
from tests.docs.conftest import DOCS, ROOT, Site

PAGES = [*(p for part in ("zh", "en", "reference") for p in sorted((DOCS / part).glob("*.md")))]
PAGES += [ROOT / "README.md", DOCS / "access.md", DOCS / "deployment.md"]


def tokens(page: Path) -> list[Token]:
    """Return what Markdown reads of a page."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").parse(page.read_text(encoding="utf-8"))


def fences(page: Path, language: str) -> list[str]:
    """Return the blocks of code of a page in one language."""
    return [t.content for t in tokens(page) if t.type == "fence" and t.info == language]


def shape(page: Path) -> list[str]:
    """Return headings by level, blocks, lists and tables, in their order."""
    kept = {"heading_open", "fence", "table_open", "tr_open", "bullet_list_open", "list_item_open"}
    return [t.tag or t.type for t in tokens(page) if t.type in kept]


def test_both_languages_have_the_same_pages_with_the_same_parts(site: Site):
    zh, en = ({p.name for p in (DOCS / language).glob("*.md")} for language in ("zh", "en"))
    assert zh == en
    assert len(zh) >= 9
    for name in zh:
        assert shape(DOCS / "zh" / name) == shape(DOCS / "en" / name), name
    menu = site.pages["index.html"].xpath("//div[@class='sidebar-tree']//a/@href")
    listed = {language: [h for h in menu if h.startswith(f"{language}/")] for language in ("zh", "en")}
    assert [h[3:] for h in listed["zh"]] == [h[3:] for h in listed["en"]]
    assert {h[3:].replace(".html", ".md") for h in listed["zh"]} == zh


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_say_their_language_and_lead_to_the_other(site: Site, language: str):
    other = {"zh": "en", "en": "zh"}[language]
    pages = {path: tree for path, tree in site.pages.items() if path.startswith(f"{language}/")}
    assert pages
    for path, tree in pages.items():
        assert tree.get("lang") == {"zh": "zh-CN", "en": "en"}[language]
        assert f"../{other}/{Path(path).name}" in tree.xpath("//article//a/@href")


def test_lines_of_chinese_are_put_together(site: Site):
    chinese = r"[\u3000-\u9fff\uff00-\uffef]"
    broken = 0
    for page in (DOCS / "zh").glob("*.md"):
        broken += len(re.findall(rf"(?<={chinese})\n(?={chinese})", page.read_text(encoding="utf-8")))
        [article] = site.pages[f"zh/{page.stem}.html"].xpath("//article")
        texts = article.xpath(".//text()[not(ancestor::pre)]")
        assert not [t for t in texts if re.search(rf"{chinese}\n{chinese}", t)]
    assert broken


def test_code_is_the_same_in_both_languages():
    """But for words: comments, texts, and the language that an answer is asked for in."""

    def bare(block: str) -> list[str]:
        code = re.sub(r"\s*#.*| --lang en|\"[^\"]*\"|\[\"(zh|en)\"\]", "", block)
        return code.split()

    for page in (DOCS / "zh").glob("*.md"):
        for language in ("", "python"):
            pair = [fences(DOCS / part / page.name, language) for part in ("zh", "en")]
            assert [bare(b) for b in pair[0]] == [bare(b) for b in pair[1]], page.name


@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if DOCS in p.parents and fences(p, "python")],
    ids=lambda p: str(p.relative_to(DOCS)),
)
def test_python_of_pages_runs(
    page: Path,
    scored: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """All blocks of a page, one after the other, beside the sample and against a scored store."""
    url = scored.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    monkeypatch.setenv("ONEMAP_DATABASE_URL", url)
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in fences(page, "python"):
        exec(compile(block, str(page), "exec"), names)
    assert capsys.readouterr().out.strip()


def commands(page: Path) -> Iterator[list[str]]:
    """Give every command line of `onemap` that a page shows, in blocks and in texts."""
    text = "".join(fences(page, "")).replace("\\\n", " ")
    inline = [c.content for t in tokens(page) for c in t.children or () if c.type == "code_inline"]
    for line in (*text.splitlines(), *inline):
        if shown := re.match(r"(?:docker compose run .*? )?(?:\S*bin/)?(onemap [a-z].*)", line.strip()):
            yield shlex.split(shown[1].split("{")[0], comments=True)[1:]


def check(words: list[str]) -> None:
    """Raise what the command line says of words that it does not take."""
    command = typer.main.get_command(app)
    names: list[str] = []
    while hasattr(command, "get_command"):
        names.append(words[0])
        found = command.get_command(typer.Context(command), words.pop(0))
        assert found is not None, f"there is no command {' '.join(names)}"
        command = found
        if not words:
            return  # a command by its name, as texts tell of it
    command.make_context(" ".join(names), words)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_shown_are_those_that_there_are(page: Path):
    for words in commands(page):
        check(words)


def test_pages_show_enough_commands_for_the_check_to_mean_something():
    assert sum(len(list(commands(page))) for page in PAGES) > 60
    with pytest.raises(Exception, match="no-such"):
        check(["score", "--no-such"])
    with pytest.raises(AssertionError, match="there is no command"):
        check(["scores"])
