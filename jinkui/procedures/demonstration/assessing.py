"""Path 3: how is the house checked, and how does the official result reach the province?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import orjson

from classification.assessment.official_evaluation import OFFICIAL_FORMAT
from classification.verify import verify_facts_or_report
from jinkui.procedures.demonstration.stage import DATA_OFFICER, SECURITY_ADMIN, Stage
from jinkui.procedures.demonstration.telling import Chapter, Line
from jinkui.procedures.official_result import (
    import_official,
    official_attachment,
    send_official,
)
from jinkui.procedures.self_assessment import assess, write_report
from jinkui.system_clock import stopwatch
from jinkui.wiring.assessment import catalogue, rules
from jinkui.wiring.supervision import Platform, supervision_desk
from secure_records.keys.signing_keys import Verifier, sm3_function
from shared_kernel.instants import CHINA

_CONCLUSION_ZH: Final = {"undetermined": "尚不能下结论（有未评估项）", "no conclusion": "无结论"}
_LEAST_ANSWERED: Final = 25
"""Items of the catalogue that a run must answer by itself, wholly or on some objects."""

_PDF: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"% SYNTHETIC evaluation report %s\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
"""An empty page: stands for the signed report of a licensed body."""


def check(stage: Stage, platform: Platform, progress: Callable[[str, int, int], None]) -> Chapter:
    """Self-assess this machine, then send a synthetic official result."""
    began = stopwatch()
    toolkit = stage.toolkit
    timed = assess(toolkit, SECURITY_ADMIN, None, progress)
    run = timed.run
    out = toolkit.home.folder / "out" / f"self-assessment-{run.run_id[-6:]}"
    page = write_report(toolkit, run.run_id, "html", out.with_suffix(".html"), "zh")
    write_report(toolkit, run.run_id, "json", out.with_suffix(".json"), "zh")
    description, report = _official(stage)
    official = import_official(toolkit, DATA_OFFICER, description, report)
    message = send_official(
        toolkit,
        DATA_OFFICER,
        official.report_number,
        official_attachment(report),
        platform=platform,
    )
    with supervision_desk(toolkit, platform) as desk:
        outcomes = {outcome.message_id: outcome for outcome in desk.deliver_due()}
        outcome = outcomes.get(message or "")
        receipts = desk.verify(message) if message else 0
    accepted = outcome is not None and outcome.state.value == "accepted"
    number = outcome.platform_number if outcome else None
    outcomes_count = Counter(outcome.value for outcome in run.assessment.rolled.values())
    conclusion = run.assessment.verdicts.v2025.conclusion
    coverage = run.assessment.coverage
    answered = coverage.evaluated + coverage.partly_evaluated
    holds = verify_facts_or_report(
        run.report_bytes, catalogue(), rules(), (sm3_function,), Verifier()
    ).ok
    return Chapter(
        zh="查得清：等级保护三级自查，官方测评结果上报",
        en="Checked: MLPS level-3 self-assessment, official result uploaded",
        lines=(
            Line(
                f"自查本机、存储与服务 {timed.seconds:.1f} 秒，{coverage.items} 项中 {answered} 项"
                f"自动得出结果：符合 {outcomes_count['pass']}、"
                f"部分符合 {outcomes_count['partial']}、不符合 {outcomes_count['fail']}、"
                f"不适用 {outcomes_count['not_applicable']}、"
                f"未评估 {outcomes_count['not_evaluated']} 项"
                f"（其中 {coverage.partly_evaluated} 项部分对象已有结果）",
                f"this host, store and daemon in {timed.seconds:.1f} s, {answered} of "
                f"{coverage.items} items answered automatically: "
                f"{outcomes_count['pass']} met, {outcomes_count['partial']} partly, "
                f"{outcomes_count['fail']} not, {outcomes_count['not_applicable']} not "
                f"applicable, {outcomes_count['not_evaluated']} not evaluated "
                f"({coverage.partly_evaluated} of them answered on some objects)",
                ok=answered >= _LEAST_ANSWERED,
            ),
            Line(
                f"按 2025 模板{_CONCLUSION_ZH.get(conclusion, conclusion)}；"
                f"自查报告（非等级测评）重新推算{'一致' if holds else '不一致'}：{page}",
                f"2025 template: {conclusion}; report (a self-assessment, not an official "
                f"evaluation), recomputed {'and equal' if holds else 'and DIFFERENT'}: {page}",
                ok=holds,
            ),
            Line(
                f"官方测评结果（合成）{official.report_number} 已报省平台（模拟），回执 {number}，"
                f"核验回执 {receipts} 份",
                f"official result (synthetic) {official.report_number} accepted by the platform "
                f"(simulated), receipt {number}, {receipts} receipts verified",
                ok=accepted and receipts > 0,
            ),
        ),
        seconds=stopwatch() - began,
    )


def _official(stage: Stage) -> tuple[Path, Path]:
    """A synthetic official evaluation with a number of its own for every run."""
    toolkit = stage.toolkit
    today = toolkit.clock.now().astimezone(CHINA)
    number = f"SYN-{today:%Y%m%d-%H%M%S}-【2025版】"
    folder = toolkit.home.folder / "out"
    report = folder / f"official-{today:%Y%m%d-%H%M%S}.pdf"
    report.write_bytes(_PDF.replace(b"%s", f"{today:%Y%m%d%H%M%S}".encode()))
    day = today.date()
    description = folder / f"official-{today:%Y%m%d-%H%M%S}.json"
    description.write_bytes(
        orjson.dumps(
            {
                "format": OFFICIAL_FORMAT,
                "body": "示范网络安全等级测评有限公司（合成）",
                "certificate_number": "SYN-SC2026000000001",
                "filing_number": "SYN-34010000001-00001",
                "system": "互联网诊疗平台",
                "level": 3,
                "template": "2025",
                "conclusion": "基本符合",
                "major_risks": 1,
                "major_risks_repaired": 1,
                "high_risks": 0,
                "medium_risks": 6,
                "low_risks": 14,
                "onsite_from": (day - timedelta(days=20)).isoformat(),
                "onsite_to": (day - timedelta(days=15)).isoformat(),
                "report_number": number,
                "report_date": (day - timedelta(days=5)).isoformat(),
                "valid_until": (day + timedelta(days=360)).isoformat(),
                "report_sm3": f"sm3:{sm3_function(report.read_bytes()).hex()}",
            },
            option=orjson.OPT_INDENT_2,
        )
    )
    return description, report
