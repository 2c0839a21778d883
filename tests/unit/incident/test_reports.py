"""Reports say what is known, promise what is not, and are never blank."""

# ruff: noqa: ANN401 - the class of the fixture lives in conftest, which tests cannot import

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from incident.errors import MalformedCaseInput, UnknownWord
from incident.reports.draft import Stage
from incident.reports.filing import HandProof
from incident.reports.render import render_html, render_text
from incident.scoping.evidence import AccessQuery
from incident.workflow.events import EventKind
from shared_kernel.digests import sha256

RECIPIENTS = (
    "provincial_cac",
    "public_security",
    "health_commission",
    "protection_department",
    "departmental_cyber_office",
    "individuals",
)


@pytest.fixture
def case(hospital: Any) -> str:
    opened = str(hospital.opened())
    hospital.desk.grade(opened, actor="li", facts={"pi_leaked_persons": 1_000_000}, reason="日志")
    now = hospital.clock.now()
    query = AccessQuery(since=now - timedelta(days=1), until=now, partner="par_a")
    hospital.desk.scope(opened, actor="li", query=query)
    return opened


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_no_field_of_any_letter_is_blank(
    hospital: Any, case: str, recipient: str, language: str
) -> None:
    """
    Every field is known or says that it is not yet known, with the promised instant.
    """
    draft = hospital.desk.draft(
        case, actor="li", recipient=recipient, stage=Stage.FIRST, language=language
    )
    shown = [item.shown(language) for item in draft.fields]

    assert draft.fields
    assert all(text.strip() for text in shown)
    phrase = (
        "尚未查明（承诺于 2026-03-04 23:30:00 前补报）" if language == "zh" else "Not yet known"
    )
    assert any(phrase in text for text in shown)


def test_known_facts_are_filled_in(hospital: Any, case: str) -> None:
    """
    Awareness, grade, scope and institution come from the case without typing.
    """
    draft = hospital.desk.draft(case, actor="li", recipient="provincial_cac", stage=Stage.FIRST)
    said = {item.name: item.value for item in draft.fields}

    assert said["discovered_at"] == "2026-03-01 23:30:00（北京时间）"
    assert said["severity"] == "较大"
    assert "至少 3 人（至多 3 人）" in said["impact_and_harm"]
    assert "浙江示范互联网医院" in said["entity_profile"]
    assert said["preliminary_cause"] is None
    assert any("国家网络安全事件报告管理办法" in line for line in draft.basis)


def test_ransom_fields_appear_only_with_ransomware(hospital: Any, case: str) -> None:
    """
    The three ransom fields are asked for when, and only when, there is a ransom.
    """

    def names() -> set[str]:
        draft = hospital.desk.draft(case, actor="li", recipient="provincial_cac", stage=Stage.FIRST)
        return {item.name for item in draft.fields}

    assert "ransom_amount" not in names()
    hospital.desk.record(
        case,
        EventKind.CIRCUMSTANCES_AMENDED,
        {"operators": ["other_network_operator"], "flags": ["ransomware"], "reason": "发现勒索信"},
        actor="li",
    )
    assert "ransom_amount" in names()


def test_supplement_starts_from_the_filed_report(hospital: Any, case: str) -> None:
    """
    A supplement inherits what was said, marks it, and binds the earlier digest.
    """
    with pytest.raises(MalformedCaseInput, match="supplement"):
        hospital.desk.draft(case, actor="li", recipient="provincial_cac", stage=Stage.SUPPLEMENT)
    first = hospital.released(case, "provincial_cac", Stage.FIRST, trend="已停止扩散")
    proof = HandProof(
        name="a.pdf",
        digest=str(sha256(b"a")),
        channel="website",
        submitted_at=hospital.clock.now(),
    )
    hospital.desk.file(case, first, actor="li", by=proof)
    draft = hospital.desk.draft(
        case,
        actor="li",
        recipient="provincial_cac",
        stage=Stage.SUPPLEMENT,
        answers={"preliminary_cause": "授权过宽"},
    )
    said = {item.name: item for item in draft.fields}

    assert (said["trend"].value, said["trend"].inherited) == ("已停止扩散", True)
    assert (said["preliminary_cause"].value, said["preliminary_cause"].inherited) == (
        "授权过宽",
        False,
    )
    assert draft.previous == str(hospital.desk.case(case).draft(first).digest())
    with pytest.raises(MalformedCaseInput, match="filed already"):
        hospital.desk.draft(case, actor="li", recipient="provincial_cac", stage=Stage.FIRST)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"recipient": "newspaper"}, UnknownWord),
        ({"stage": Stage.CLOSING}, MalformedCaseInput),
        ({"language": "fr"}, MalformedCaseInput),
        ({"answers": {"colour": "red"}}, MalformedCaseInput),
    ],
)
def test_senseless_draft_is_refused(
    hospital: Any, case: str, changes: dict[str, Any], error: type[Exception]
) -> None:
    """
    No letter to strangers, no closing before handling, no answer to no question.
    """
    given = {"actor": "li", "recipient": "provincial_cac", "stage": Stage.FIRST, **changes}
    with pytest.raises(error):
        hospital.desk.draft(case, **given)


def test_page_escapes_and_needs_nothing_from_outside(hospital: Any, case: str) -> None:
    """
    Hostile text stays text; the page loads no script, font or image.
    """
    draft = hospital.desk.draft(
        case,
        actor="li",
        recipient="provincial_cac",
        stage=Stage.FIRST,
        answers={"trend": "<script>alert(1)</script>"},
    )
    book = hospital.desk._rules.letters
    page = render_html(draft, book, house="示范医院", release=None)

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page
    assert str(draft.digest()) in page
    assert "（待签发）" in page
    assert "尚未查明" in render_text(draft, book, house="示范医院", release=None)


def test_digest_changes_with_any_field(hospital: Any, case: str) -> None:
    """
    The signed material covers every field, also the ones a view does not show.
    """
    draft = hospital.desk.draft(case, actor="li", recipient="provincial_cac", stage=Stage.FIRST)
    for changed in (
        replace(draft, language="en"),
        replace(draft, previous="sha256:" + "0" * 64),
        replace(draft, fields=draft.fields[1:]),
        replace(draft, made_by="wang"),
    ):
        assert changed.digest() != draft.digest()
