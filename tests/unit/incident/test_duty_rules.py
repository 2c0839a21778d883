"""Duty rows are read strictly, and questions about them are refused by name."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest

from incident.duties.applicability import circumstances
from incident.duties.deadlines import duties_due, duties_json
from incident.duties.load import DutyLaw, assemble, load_law
from incident.errors import MalformedCaseInput, RuleFileMalformed, UnknownWord
from incident.rule_files import parse_rule_text
from incident.triage.severity import Severity, parse_severity
from shared_kernel.errors import BadInput
from shared_kernel.instants import NaiveInstant

LAW = load_law()
AWARE = datetime.fromisoformat("2026-03-01T23:30:00+08:00")
PIPL = files("incident.duties.regulations").joinpath("pipl.yaml").read_text("utf-8")


def reread(text: str) -> DutyLaw:
    return assemble(LAW.vocabulary, LAW.content_sets, [parse_rule_text(text, "pipl.yaml")])


def due(**changes: object) -> object:
    facts = circumstances(
        LAW.vocabulary,
        operators=["other_network_operator"],
        severity=Severity.MAJOR,
        flags=["personal_info_leak"],
    )
    given = {"aware_at": AWARE, **changes}
    return duties_due(LAW, facts, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("  actor: operator", "  actor: operator\n  urgency: high", "unknown keys urgency"),
        ("  actor: operator", "  actor: robot", "'robot' is not one of"),
        ("  actor: operator", "  actor: operator\n  actor: vendor", "stands twice"),
        ("PIPL-R02-individual", "PIPL-R01-authority", "stands twice"),
        ("limit: null", "limit: 4 hours", "not PTnH, PTnM or PnD"),
        ("limit: null", "limit: PT0H", "not PTnH, PTnM or PnD"),
        ("- pi_handler", "- hospital", "vocabulary does not know"),
        ("- pipl_57", "- pipl_99", "vocabulary does not know"),
        ("  article_verified: true\n", "", "article_verified is missing"),
        ("effective_from: '2021-11-01'", "effective_from: null", "no effective_from"),
        ("effective_from: '2021-11-01'", "effective_from: '2021-13-01'", "is not a date"),
        ("rules:", "rules: [", "is not YAML"),
    ],
)
def test_malformed_row_is_refused_by_file_and_row(old: str, new: str, complaint: str) -> None:
    """
    A typing mistake in a rule file never passes for law.
    """
    assert old in PIPL
    with pytest.raises(RuleFileMalformed, match=r"pipl\.yaml") as caught:
        reread(PIPL.replace(old, new, 1))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({"operators": ["hospital"]}, "pi_handler"),
        ({"operators": []}, "pi_handler"),
        ({"flags": ["leak"]}, "personal_info_leak"),
    ],
)
def test_unknown_word_is_refused_with_the_allowed_ones(
    given: dict[str, list[str]], allowed: str
) -> None:
    """
    A misspelt flag would silently drop a duty, so it is an error listing what is allowed.
    """
    words = {"operators": ["pi_handler"], "flags": [], **given}
    with pytest.raises(UnknownWord, match=allowed) as caught:
        circumstances(LAW.vocabulary, severity=Severity.GENERAL, **words)
    assert isinstance(caught.value, BadInput)


def test_unknown_severity_lists_the_four() -> None:
    """
    Only the four levels of the guide exist.
    """
    with pytest.raises(UnknownWord, match="particularly_major"):
        parse_severity("catastrophic")


def test_naive_awareness_is_refused() -> None:
    """
    An instant without offset starts no clock.
    """
    with pytest.raises(NaiveInstant, match="aware_at"):
        due(aware_at=datetime(2026, 3, 1, 9, 0))  # noqa: DTZ001 - the naive one is the point


def test_handling_before_awareness_is_refused() -> None:
    """
    What was not known cannot have been handled.
    """
    with pytest.raises(MalformedCaseInput, match="handled_at"):
        due(handled_at=AWARE - timedelta(seconds=1))


def test_due_instant_beyond_the_calendar_is_refused() -> None:
    """
    The end of the calendar gives one clear error, not a foreign one.
    """
    with pytest.raises(MalformedCaseInput, match="calendar"):
        due(aware_at=datetime(9999, 12, 31, 23, 0, tzinfo=UTC))


def test_soonest_comes_first_and_null_last() -> None:
    """
    Whoever reads the list from the top files in time.
    """
    answer = duties_json(LAW, due(handled_at=AWARE))["duties"]  # type: ignore[arg-type]
    instants = [item["due_at"] for item in answer]  # type: ignore[index,union-attr]

    dated = [value for value in instants if value is not None]
    assert dated == ["2026-03-01T19:30:00Z", "2026-03-31T15:30:00Z"]
    assert instants[: len(dated)] == dated


def test_closing_duty_is_null_until_handling_is_completed() -> None:
    """
    Thirty days count from completed handling; before it there is no due instant.
    """
    closing = next(d for d in due() if d.rule.rule_id == "NCIR-R11-closing")  # type: ignore[attr-defined]
    assert (closing.starts_at, closing.due_at) == (None, None)


def test_exact_instant_replaces_awareness() -> None:
    """
    Where the law names another instant it may be given; otherwise awareness is assumed.
    """
    facts = circumstances(
        LAW.vocabulary,
        operators=["medical_institution"],
        severity=Severity.GENERAL,
        flags=["medical_quality_event"],
    )
    ended = AWARE - timedelta(hours=1)
    [assumed] = [
        d for d in duties_due(LAW, facts, aware_at=AWARE) if d.rule.rule_id.startswith("DISP")
    ]
    [exact] = [
        d
        for d in duties_due(LAW, facts, aware_at=AWARE, instants={"rescue_ended": ended})
        if d.rule.rule_id.startswith("DISP")
    ]
    assert (assumed.start_assumed, exact.start_assumed) == (True, False)
    assert exact.due_at == ended + timedelta(hours=6)


def test_channels_are_carried_without_invented_addresses() -> None:
    """
    Two public channels have no recorded address, and none is invented.
    """
    values = {item.name: item.value for item in LAW.vocabulary.channels}
    assert values["hotline"] == "12387"
    assert values["email"] is None
    assert values["fax"] is None
