"""What came of checking a package: as data, as one page for a clerk, and in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import jinja2
from markupsafe import Markup

from gis.export.checks.findings import LEVELS, Check, Finding, Level, Tally
from gis.export.checks.schema import KINDS
from gis.export.expected import Expected
from gis.export.model import Crs, DataFormat, Kind, Manifest, Strict
from gis.export.profile import Profile
from gis.wording import Language, Wording
from layers import Text

_HERE = Path(__file__).parent

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("新能源供热资源成果包检查报告", "Check of a package of renewable heating layers"),
    "package": ("成果包", "Package"),
    "area": ("行政区", "Area"),
    "profile": ("汇交方案", "Profile"),
    "format": ("数据格式", "Format"),
    "crs": ("坐标系", "Coordinate system"),
    "made": ("生成时间", "Made at"),
    "software": ("生成软件", "Made by"),
    "digest": ("清单校验值（SHA-256）", "SHA-256 of the manifest"),
    "passed": ("通过：没有错误", "Passed: there is no error"),
    "failed": ("未通过", "Not passed"),
    "counted": ("错误 {} 处，警告 {} 处，提示 {} 处", "errors {}, warnings {}, notes {}"),
    "error": ("错误", "error"),
    "warning": ("警告", "warning"),
    "note": ("提示", "note"),
    "whole": ("成果包整体", "The package as a whole"),
    "tables": ("图层", "Tables"),
    "table": ("图层", "Table"),
    "kind": ("类型", "Kind"),
    "features": ("要素数", "Features"),
    "checks": ("检查项", "Checks"),
    "check": ("检查内容", "What was checked"),
    "code": ("代码", "Code"),
    "checked": ("检查数", "Checked"),
    "failures": ("不合格数", "Failed"),
    "result": ("结果", "Result"),
    "ok": ("合格", "passed"),
    "not_checked": ("未检查", "not checked"),
    "findings": ("问题", "Findings"),
    "nothing": ("没有发现问题。", "Nothing was found."),
    "rule": ("要求", "Rule"),
    "todo": ("处理", "What to do"),
    "feature": ("要素（标识码或行号）", "Feature (BSM or row)"),
    "file": ("文件", "File"),
    "what": ("说明", "What is wrong"),
    "in_all": ("共 {} 处", "{} in all"),
    "first": ("共 {} 处，列出前 {} 处", "{} in all, the first {} are listed"),
    "row": ("第 {} 行", "row {}"),
    "no_manifest": ("没有清单", "no manifest"),
    "line_of_check": ("{}：检查 {} 项，合格 {} 项", "{}: {} checks, {} passed"),
    "unchecked": ("{} 项未检查", "{} could not be made"),
    "dialect": (
        "本检查不是官方检查软件的检查，平台验收以其自身的检查为准。",
        "These are not the checks of an official checker; what the platform accepts is for its own to say.",
    ),
}


class Told(Strict):
    """A table that was checked: `feature_count` as read, None where nothing of it could be."""

    name: str
    title: Text
    kind: Kind
    feature_count: int | None


class ValidationReport(Strict):
    """The result of checking a package; the same package and profile give the same report.

    `digest` is the SHA-256 of the manifest, None without one, as are `area`, `format`, `created_at` and
    `software`. `checks` are all that were made, with what each was held against; `findings` what failed.
    """

    form: Literal["onemap-validation-report"] = "onemap-validation-report"
    form_version: Literal[1] = 1
    package: str
    digest: str | None
    profile: str
    profile_version: str
    crs: Crs
    area: str | None
    format: DataFormat | None
    created_at: str | None
    software: str | None
    passed: bool
    error_count: int
    warning_count: int
    note_count: int
    tables: tuple[Told, ...]
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]


def report_of(
    folder: Path, manifest: Manifest | None, profile: Profile, wanted: Expected, counts: Mapping[str, int],
    tally: Tally, digest: str | None,
) -> ValidationReport:  # fmt: skip
    """Return the report of what was counted."""
    findings = tally.findings()
    number: dict[Level, int] = {level: sum(f.count for f in findings if f.level == level) for level in LEVELS}
    return ValidationReport(
        package=folder.resolve().name,
        digest=digest,
        profile=profile.id,
        profile_version=profile.version,
        crs=wanted.crs,
        area=f"{manifest.area.name} {manifest.area.code}" if manifest else None,
        format=manifest.format if manifest else None,
        created_at=manifest.created_at.isoformat() if manifest else None,
        software=manifest.software if manifest else None,
        passed=number["error"] == 0,
        error_count=number["error"],
        warning_count=number["warning"],
        note_count=number["note"],
        tables=tuple(
            Told(name=t.name, title=t.title, kind=t.kind, feature_count=counts.get(t.name))
            for t, _ in wanted.tables
        ),
        checks=tally.checks(),
        findings=findings,
    )


class ReportWording(Wording):
    """The words of a report in one language."""

    def __init__(self, language: Language) -> None:
        super().__init__(language, WORDS)

    def __call__(self, name: str, *values: object) -> str:
        """Return a word, with values in it."""
        return self.word(name).format(*values)

    def text(self, both: Text) -> str:
        """Return a text in the report's language."""
        return str(getattr(both, self.language))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("validation.html.jinja")


def html_of(report: ValidationReport, language: Language) -> str:
    """Return a report as one HTML file that needs nothing else."""
    style = (_HERE / "validation.css").read_text(encoding="utf-8")
    return _template().render(
        report=report,
        w=ReportWording(language),
        style=Markup(style),
        kinds=KINDS,
        counted=counted_of,
        groups=list(_groups(report)),
    )


Group = tuple[Told | None, list[Check], list[Finding]]


def _groups(report: ValidationReport) -> Iterator[Group]:
    """Yield the package as a whole, then each table, with its checks and findings."""
    for table in (None, *report.tables):
        name = None if table is None else table.name
        checks = [c for c in report.checks if c.table == name]
        findings = [f for f in report.findings if f.table == name]
        if checks or findings or table is not None:
            yield table, checks, findings


def sentences(report: ValidationReport, language: Language) -> list[str]:
    """Return a report as lines for the console: the result, what was checked, what was found."""
    w = ReportWording(language)
    counted = w("counted", *(f"{n:,}" for n in (report.error_count, report.warning_count, report.note_count)))
    lines = [w.named(report.package, w.joined([w("passed" if report.passed else "failed"), counted]))]
    for table, checks, findings in _groups(report):
        made = [c for c in checks if c.checked_count]
        sound = sum(c.failed_count == 0 for c in made)
        name = w("whole") if table is None else f"{table.name} {w.text(table.title)} ({counted_of(table)})"
        told = w("line_of_check", name, len(made), sound)
        left = sum(not c.checked_count and c.not_checked is not None for c in checks)
        lines.append(w.joined([told, w("unchecked", left)]) if left else told)
        for finding in findings:
            lines += _lines(finding, w)
    return lines


def counted_of(table: Told) -> str:
    """Return how many features were read as text."""
    return "—" if table.feature_count is None else f"{table.feature_count:,}"


def _lines(finding: Finding, w: ReportWording) -> Iterator[str]:
    head = f"  {w(finding.level)} {finding.code} ×{finding.count:,}"
    rule, todo = w.named(w("rule"), w.text(finding.title)), w.named(w("todo"), w.text(finding.todo))
    yield f"{head} {rule}{w.pick(('；', '; '))}{todo}"
    example = finding.examples[0]
    feature = example.feature or (w("row", example.row) if example.row else None)
    where = " ".join(part for part in (example.file, feature) if part)
    yield f"    {w.named(where, w.text(example.message)) if where else w.text(example.message)}"
