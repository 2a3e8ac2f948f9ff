"""What a report says beside the document itself, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

from gis.wording import WORDS, Language, Wording

REPORT_WORDS: Mapping[str, tuple[str, str]] = {
    **WORDS,
    "title": ("地块新能源供热适宜性报告", "Renewable heating suitability of a parcel"),
    "made_by": ("新能源供热资源一张图 OneMap", "OneMap, renewable heating resources"),
    "date": ("出具日期", "Date"),
    "synthetic": (
        "本地块或所用数据为合成示例数据，不得作为审批依据。",
        "This parcel is synthetic sample data: not to be used for any decision.",
    ),
    "place_section": ("一、位置与地块", "1 Place and parcel"),
    "verdict_section": ("二、各技术结论（按政策优先次序）", "2 Technologies in the order of the policy"),
    "reason_section": ("三、理由与条款", "3 Reasons and clauses"),
    "portfolio_section": ("四、组合方案、资金与碳排放", "4 Portfolio, money and carbon"),
    "checklist_section": ("五、申报和建设须落实的事项", "5 What the applicant must show or arrange"),
    "assumption_section": ("六、采用的假设", "6 What was assumed"),
    "source_section": ("七、数据与规则", "7 Data and rules"),
    "city_map": ("在全市的位置", "Place in the city"),
    "near_map": ("周边资源与限制", "Resources and restrictions around"),
    "this_parcel": ("本地块", "this parcel"),
    "district": ("行政区", "district"),
    "rank": ("序", "No."),
    "status": ("结论", "verdict"),
    "p90_p10": ("P90～P10", "P90 to P10"),
    "boiler": ("燃气锅炉（同等供热量）", "gas boiler, same heat"),
    "share_axis": ("占比（%）", "share (%)"),
    "evidence": ("依据", "Evidence"),
    "assumption_note": (
        "下列数值未由政策、标准或实测给定，系取用值；括号内为取值范围。改变取值可能改变结论。",
        "Given by no policy, standard or measurement; ranges in brackets. Other values may alter verdicts.",
    ),
    "hash": ("评价结果校验值（SHA-256）", "SHA-256 of the document"),
    "rule_hash": ("规则集校验值", "hash of the rule set"),
    "crs_note": (
        "底图为 CGCS2000 3 度带投影（EPSG:4548），仅示意，不作定界依据。",
        "Map in CGCS2000 3-degree Gauss-Kruger CM 117E (EPSG:4548), for orientation only.",
    ),
    "left_out": ("数量过多、未绘制的图层", "Layers with too many features to draw"),
    "none_decidable": ("暂无推荐：资料不足", "No recommendation: data are missing"),
}


class ReportWording(Wording):
    """The words of a report; called with a name it returns that word."""

    def __init__(self, language: Language) -> None:
        super().__init__(language, REPORT_WORDS)

    def __call__(self, name: str) -> str:
        """Return a word in the report's language."""
        return self.word(name)
