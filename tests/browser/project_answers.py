"""What the register and the evaluation answer in the tests of the page of projects."""

from __future__ import annotations

from typing import Any

PROJECTS: dict[str, Any] = {
    "projects": [
        {
            "heat_project_id": "HP-001",
            "name": "东升科技园二期再生水热泵项目",
            "district": "海淀区",
            "technology": "reclaimed_water",
            "status": "running",
            "heated_area_m2": 1000000.0,
            "installed_kw": 45000.0,
            "new_energy_kw": 32000.0,
            "new_energy_share_frac": 0.7111,
            "investor_kind": "enterprise",
            "applied_on": "2019-05-06",
            "approved_on": "2019-09-01",
            "started_on": "2020-03-01",
            "expected_on": None,
            "commissioned_on": "2021-11-10",
            "ended_on": None,
        },
        {
            "heat_project_id": "HP-034",
            "name": None,
            "district": None,
            "technology": "shallow_ground_source",
            "status": "approved",
            "heated_area_m2": None,
            "installed_kw": None,
            "new_energy_kw": None,
            "new_energy_share_frac": None,
            "investor_kind": None,
            "applied_on": None,
            "approved_on": "2026-03-02",
            "started_on": None,
            "expected_on": "2027-10-31",
            "commissioned_on": None,
            "ended_on": None,
        },
    ],
    "numberMatched": 2,
}

PROJECT: dict[str, Any] = {
    "project": {
        **PROJECTS["projects"][0],
        "committed_kw": 30000.0,
        "parcel_ids": "P-000001、P-000002",
        "reclaimed_water_kw": 28000.0,
        "air_source_kw": 4000.0,
        "geothermal_kw": None,
        "new_technology": False,
        "design_scop": 4.1,
        "developer": "示例供热公司",
        "investment_cny": 186000000.0,
        "new_energy_investment_cny": 121000000.0,
        "other_support": "none",
        "scheme": None,
        "synthetic": True,
    },
    "next_states": [
        {
            "status": "ended",
            "title": {"zh": "停运", "en": "ended"},
            "needs": [
                {
                    "field": "ended_on",
                    "clause_id": "P1309-5.4",
                    "zh": "停运项目须填停运日期",
                    "en": "a project that ended tells the day",
                }
            ],
        }
    ],
    "faults": [
        {
            "field": "scheme",
            "clause_id": "P1309-5.3",
            "zh": "技术方案未登记",
            "en": "the technical scheme is not on record",
        }
    ],
    "precheck": {
        "result": "incomplete",
        "missing": [{"field": "scheme", "title": {"zh": "技术方案", "en": "technical scheme"}}],
        "items": [
            {
                "id": "share",
                "clause_id": "P1309-6.1-a",
                "result": "met",
                "value": 0.7111,
                "threshold": 0.6,
                "zh": "新能源装机占比 71.1 %，不低于 60 %",
                "en": "new energy holds 71.1 % of the capacity, not less than 60 %",
            },
            {
                "id": "scheme",
                "clause_id": "P1309-5.3",
                "result": "missing",
                "value": None,
                "threshold": None,
                "zh": "缺技术方案",
                "en": "the technical scheme is missing",
            },
            {
                "id": "double_funding",
                "clause_id": "P1309-6.3",
                "result": "failed",
                "value": "operation",
                "threshold": None,
                "zh": "已享受其他市级运行补贴",
                "en": "an operating subsidy of the city is paid already",
            },
            {
                "id": "route",
                "clause_id": "P1309-5.3",
                "result": "unknown",
                "value": None,
                "threshold": None,
                "zh": "投资主体不详，无法判断审批方式",
                "en": "the investor is not known, nor is the way of approval",
            },
        ],
    },
    "subsidy": {
        "as_of": "2019-05-06",
        "rate_frac": 0.3,
        "amount_cny": 36300000.0,
        "reasons": [
            {
                "clause_id": "P1309-6.1-a",
                "zh": "企业投资，装机占比不低于 60 %，支持新能源建设投资的 30 %",
                "en": "enterprise, at least 60 %: 30 % of the new-energy investment",
            }
        ],
    },
}

MONTHS = [("2025-11", 2.1e6, 5.6e5), ("2025-12", 4.4e6, 1.25e6), ("2026-01", 5.2e6, 1.55e6),
          ("2026-02", None, 1.2e6), ("2026-03", 1.6e6, 4.1e5)]  # fmt: skip
EVALUATION: dict[str, Any] = {
    "heat_project_id": "HP-001",
    "season": 2025,
    "from": "2025-11-15",
    "to": "2026-03-15",
    "heat": {
        "measured_kwh": 13300000.0,
        "coverage_frac": 0.78,
        "kwh_per_m2": None,
        "design_kwh": 17500000.0,
    },
    "electricity": {"measured_kwh": 4970000.0, "coverage_frac": 0.99},
    "cop": {"value": 3.528, "paired_h": 2264.0, "design": 4.1, "model": 4.0},
    "water": {"measured_m3": 1810.0},
    "temperatures": {},
    "balance": {},
    "drift": {"k_per_a": -0.12, "standard_error_k_per_a": 0.04},
    "co2": {
        "factor": {
            "name": {"zh": "北京市电力平均排放因子", "en": "grid factor of Beijing"},
            "year": 2022,
            "kg_per_kwh": 0.558,
        },
        "emitted_t": 2773.3,
        "avoided_t": 147.0,
        "break_even_cop": 2.541,
    },
    "checks": [
        {
            "id": "return_water",
            "clause_id": "P1309-5.2-a",
            "result": "met",
            "value": 6.1,
            "threshold": 4.0,
            "zh": "退水温度 6.1 ℃，不低于 4 ℃",
            "en": "the water goes back at 6.1 °C, not below 4 °C",
        }
    ],
    "months": [
        {
            "month": month,
            "heat_kwh": heat,
            "electricity_kwh": power,
            "cop": heat and heat / power,
            "coverage_frac": 0.2 if heat is None else 0.97,
        }
        for month, heat, power in MONTHS
    ],
}

EVALUATIONS: dict[str, Any] = {
    "year": 2025,
    "projects": [
        {
            "heat_project_id": "HP-001",
            "name": "东升科技园二期再生水热泵项目",
            "technology": "reclaimed_water",
            "cop": 3.528,
            "kwh_per_m2": None,
            "coverage_frac": 0.78,
            "rank": 2,
            "outlier": False,
            "reasons": [],
        },
        {
            "heat_project_id": "HP-026",
            "name": "示例供热项目021",
            "technology": "reclaimed_water",
            "cop": 9.6,
            "kwh_per_m2": 88.2,
            "coverage_frac": 0.99,
            "rank": 1,
            "outlier": True,
            "reasons": [
                {"zh": "高于实测温度下的卡诺能效", "en": "above Carnot at the measured temperatures"}
            ],
        },
    ],
    "distributions": [
        {
            "parameter": "scop_reclaimed_water",
            "title": {"zh": "再生水源热泵季节能效", "en": "seasonal performance of reclaimed water"},
            "within": False,
            "technology": "reclaimed_water",
            "unit": "1",
            "n": 11,
            "q1": 3.3,
            "median": 3.6,
            "q3": 4.1,
            "model": 4.0,
            "low": 4.0,
            "high": 4.6,
        },
        {
            "parameter": "scop_ground_source",
            "title": {"zh": "浅层地源热泵季节能效", "en": "seasonal performance of ground source"},
            "within": True,
            "technology": "shallow_ground_source",
            "unit": "1",
            "n": 40,
            "q1": 2.9,
            "median": 3.2,
            "q3": 3.5,
            "model": 3.4,
            "low": 2.4,
            "high": 4.0,
        },
    ],
}

YEARLY: dict[str, Any] = {
    "basis": "calendar",
    "rows": [
        {
            "year": 2025,
            "technology": "reclaimed_water",
            "district": "海淀区",
            "project_count": 3,
            "measured_count": 2,
            "heat_kwh": 28.4e6,
            "electricity_kwh": 7.9e6,
            "cop": 3.59,
            "water_m3": None,
            "co2_t": 4408.2,
            "avoided_t": 1830.5,
            "coverage_frac": 0.86,
        }
    ],
}

ANSWERS: dict[str, Any] = {
    "/api/projects": PROJECTS,
    "/api/projects/HP-001": PROJECT,
    "/api/projects/HP-001/evaluation": EVALUATION,
    "/api/evaluations": EVALUATIONS,
    "/api/evaluations/yearly": YEARLY,
}
"""By path; of every other project and season there is nothing."""
