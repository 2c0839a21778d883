"""An agreement document says exactly one agreement, or is refused with a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from secure_records.access.agreement_document import parse_agreement
from secure_records.access.completeness import (
    missing_clauses,
    require_complete,
    require_known_names,
)
from secure_records.access.errors import (
    AgreementIncomplete,
    AgreementMalformed,
    AgreementNamesUnknown,
)
from secure_records.access.law import law_clauses, reason_texts, required_clauses
from secure_records.access.strict_yaml import read_yaml
from secure_records.kinds.catalogue import KINDS
from shared_kernel.canonical_json import Json
from shared_kernel.instants import instant_text

TEMPLATES = ("pharmacy", "insurer", "cloud_operator", "medical_alliance")
CATALOGUE = {kind.name: kind.all_fields for kind in KINDS.values()}


@pytest.mark.parametrize("name", TEMPLATES)
def test_published_templates_are_complete(name: str, template: Callable[[str], bytes]) -> None:
    """Whoever starts from a template lacks no clause and names only what exists."""
    agreement = parse_agreement(template(name))

    assert missing_clauses(agreement) == ()
    require_known_names(agreement, CATALOGUE)


@pytest.mark.parametrize(
    ("term", "begins", "ends"),
    [
        (("2026-01-01", "2026-12-31"), "2025-12-31T16:00:00Z", "2026-12-31T16:00:00Z"),
        (("2026-01-01", "2026-01-01"), "2025-12-31T16:00:00Z", "2026-01-01T16:00:00Z"),
        (
            ("2026-01-01T08:00:00+08:00", "2026-06-30T12:00:00+08:00"),
            "2026-01-01T00:00:00Z",
            "2026-06-30T04:00:00Z",
        ),
    ],
)
def test_term_in_china_time(
    term: tuple[str, str], begins: str, ends: str, changed: Callable[..., bytes]
) -> None:
    """A date is its whole day in China; an instant in until is the first one not covered."""
    agreement = parse_agreement(changed("pharmacy", term={"from": term[0], "until": term[1]}))

    assert (instant_text(agreement.begins), instant_text(agreement.ends)) == (begins, ends)


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ({"term": {"from": "2026-01-02", "until": "2026-01-01"}}, "$.term.until"),
        ({"term": {"from": "2026-1-2", "until": "2026-01-01"}}, "$.term.from"),
        ({"term": {"from": "2026-01-01T00:00:00", "until": "2026-02-01"}}, "$.term.from"),
        ({"term": {"from": "2026-01-01", "until": "9999-12-31"}}, "$.term.until"),
        ({"colour": "red"}, "$"),
        ({"kind": "barter"}, "$.kind"),
        ({"version": 0}, "$.version"),
        ({"version": "1"}, "$.version"),
        ({"id": "A B"}, "$.id"),
        ({"purposes": ["profit"]}, "$.purposes"),
        ({"purposes": ["dispensing"]}, "$.grants[1].purposes"),
        ({"roles": ["pharmacist"]}, "$.grants[1].roles"),
        ({"prohibitions": [{"clause": "1"}]}, "$.prohibitions[0]"),
        ({"prohibitions": [{"clause": "1", "purposes": ["reserch"]}]}, "$.prohibitions[0].purposes"),
        ({"consent": {"basis": "custom"}}, "$.consent.basis"),
        ({"schema": "jinkui.agreement/2"}, "$.schema"),
        ({"discloser": {"name": "x", "credit_code": "12340100490000001A"}}, "$.discloser.credit_code"),
    ],
)  # fmt: skip
def test_faults_are_refused_by_path(
    keys: Mapping[str, Json], where: str, changed: Callable[..., bytes]
) -> None:
    """Every fault is one error that names its place."""
    with pytest.raises(AgreementMalformed) as caught:
        parse_agreement(changed("pharmacy", **keys))

    assert caught.value.where == where


def test_unknown_key_inside_a_grant_is_named(template: Callable[[str], bytes]) -> None:
    """A misspelt limit is never read as no limit."""
    text = template("pharmacy").replace(
        b"    max_grade: 4", b"    max_grade: 4\n    max_rows: 1", 1
    )

    with pytest.raises(AgreementMalformed, match="max_rows") as caught:
        parse_agreement(text)

    assert caught.value.where == "$.grants[0]"


def test_digest_covers_meaning_not_layout(
    template: Callable[[str], bytes], changed: Callable[..., bytes]
) -> None:
    """Comments and order of keys do not change the digest; any value does."""
    original = parse_agreement(template("pharmacy")).digest

    assert parse_agreement(b"# a note\n" + template("pharmacy")).digest == original
    assert parse_agreement(changed("pharmacy")).digest == original
    assert parse_agreement(changed("pharmacy", version=2)).digest != original


def test_all_gaps_are_listed_at_once(changed: Callable[..., bytes]) -> None:
    """An incomplete agreement is refused with everything it lacks, and with the law."""
    text = changed("pharmacy", security_measures=None, return_or_delete=None, traceability=" ")

    with pytest.raises(AgreementIncomplete) as caught:
        require_complete(parse_agreement(text))

    assert caught.value.missing == ("security_measures", "return_or_delete", "traceability")
    assert "个人信息保护法" in str(caught.value)
    assert "未核实" in str(caught.value)  # the delivery row was seen in a draft only


@pytest.mark.parametrize(
    ("name", "keys", "gap"),
    [
        ("insurer", {"consent": {"basis": "consent", "requires": ["sensitive"]}}, "separate_consent"),
        ("insurer", {"consent": {"basis": "consent", "requires": ["separate_provision"]}}, "sensitive_consent"),
        ("insurer", {"consent": {"requires": ["separate_provision"]}}, "legal_basis"),
        ("insurer", {"impact_assessment": None}, "impact_assessment"),
        ("insurer", {"onward_transfer": None}, "onward_transfer"),
        ("cloud_operator", {"supervision": None}, "supervision"),
        ("cloud_operator", {"sub_entrustment": None}, "sub_entrustment"),
        ("cloud_operator", {"incident_notice": None}, "incident_notice"),
        ("cloud_operator", {"grants": []}, "types"),
        ("medical_alliance", {"duties": {"discloser": "x"}}, "duties_partner"),
        ("medical_alliance", {"methods": []}, "methods"),
    ],
)  # fmt: skip
def test_each_kind_owes_its_clauses(
    name: str, keys: Mapping[str, Json], gap: str, changed: Callable[..., bytes]
) -> None:
    """What articles 20, 21 and 23 demand of each kind is missed when absent."""
    gaps = missing_clauses(parse_agreement(changed(name, **keys)))

    assert [row.id for row in gaps] == [gap]


def test_misspelt_ban_is_refused(changed: Callable[..., bytes]) -> None:
    """A prohibition of something that does not exist would forbid nothing."""
    bans: Sequence[Json] = [{"clause": "4", "kinds": ["chat_transcripts"]}]

    with pytest.raises(AgreementNamesUnknown, match="chat_transcripts"):
        require_known_names(parse_agreement(changed("pharmacy", prohibitions=bans)), CATALOGUE)


def test_field_must_belong_to_the_kind_of_its_clause(changed: Callable[..., bytes]) -> None:
    """A field of another kind of record is unknown in this clause."""
    bans: Sequence[Json] = [{"clause": "4", "kinds": ["prescription"], "fields": ["messages"]}]

    with pytest.raises(AgreementNamesUnknown, match="messages"):
        require_known_names(parse_agreement(changed("pharmacy", prohibitions=bans)), CATALOGUE)


def test_every_law_row_is_cited_and_says_whether_it_was_seen() -> None:
    """No reason and no required clause stands on a row that does not exist."""
    used = {clause.id for row in required_clauses() for clause in row.law}
    used |= {clause.id for row in reason_texts().values() for clause in row.law.values()}

    assert used <= set(law_clauses())
    assert not law_clauses()["IDT-2022-27b"].citation.verified
    assert law_clauses()["PIPL-21a"].citation.verified


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_survive_the_reader_unchanged(
    name: str, template: Callable[[str], bytes]
) -> None:
    """What the digest covers is the whole document."""
    agreement = parse_agreement(template(name))

    assert agreement.source == read_yaml(template(name))
    assert agreement.reference == f"{agreement.id}@1"
