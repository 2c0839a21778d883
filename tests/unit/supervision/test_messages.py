"""Bodies are checked against the datasets; messages are frozen bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared_kernel.canonical_json import Json
from supervision.errors import AttachmentRefused, BodyInvalid, MessageMalformed, UnknownResource
from supervision.messages.catalogue import catalogue
from supervision.messages.message import (
    Attachment,
    CanonicalMessage,
    Head,
    Provenance,
    business_date,
    content_digest,
    message_bytes,
    note_attachments,
    parse_message,
)
from supervision.messages.validation import validate_body
from supervision.profiles.algorithms import SM3

AT = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)
Samples = dict[str, Any]


def problems(resource: str, body: dict[str, Json]) -> set[tuple[str, str]]:
    """Path and rule of every problem."""
    datasets = catalogue()
    report = validate_body(datasets.resource(resource), body, datasets)
    return {(problem.path, problem.rule) for problem in report.problems}


def message(body: dict[str, Json], **head: object) -> CanonicalMessage:
    """A message around a body."""
    values: dict[str, Any] = {
        "message_id": "msg_1",
        "resource": "follow_up",
        "schema_version": 1,
        "institution": "12460100000000019E",
        "business_key": "FU-1",
        "business_date": date(2026, 3, 1),
        "revision": 1,
        "corrects": None,
        "created_at": AT,
        **head,
    }
    return CanonicalMessage(
        head=Head(**values),
        body=body,
        attachments=(),
        provenance=Provenance(source_system="his", collector="c", operator="o"),
    )


def test_all_canonical_resources_are_there() -> None:
    """
    Twenty-eight resources, each with a key of fields that it has.
    """
    resources = catalogue().resources
    assert len(resources) == 28
    for resource in resources.values():
        assert resource.evidence
        assert all(resource.field(name) is not None for name in resource.key)
        for field in resource.fields:
            assert field.code is None or field.code in catalogue().code_systems


def test_remembered_fields_say_so() -> None:
    """
    A field whose only source is knowledge is not verified.
    """
    evaluation = catalogue().resource("mlps_evaluation")
    assert not next(f for f in evaluation.fields if f.name == "report_no").verified
    assert next(f for f in evaluation.fields if f.name == "conclusion").verified


def test_unknown_resource_is_named() -> None:
    """
    A resource that does not exist is refused by name.
    """
    with pytest.raises(UnknownResource, match="no_such"):
        catalogue().resource("no_such")


def test_sample_bodies_are_valid(samples: Samples) -> None:
    """
    The invented hospital's bodies break no rule.
    """
    assert problems("mlps_evaluation", samples["evaluation"]()) == set()
    assert problems("security_incident_report", samples["incident"]()) == set()
    assert problems("follow_up", samples["follow_up"]()) == set()
    assert problems("patient_review", samples["review"]()) == set()


@pytest.mark.parametrize(
    ("change", "path", "rule"),
    [
        ({"sex": "7"}, "sex", "code"),
        ({"patient_id_no": "460100199003071238"}, "patient_id_no", "check_digit"),
        ({"org_uscc": "12460100000000019D"}, "org_uscc", "check_digit"),
        ({"applied_at": "2026-02-30 09:00:00"}, "applied_at", "datetime"),
        ({"applied_at": "2026-03-01T09:00:00"}, "applied_at", "datetime"),
        ({"price": 20}, "price", "decimal"),
        ({"price": "20.001"}, "price", "decimal"),
        ({"price": "1234567.00"}, "price", "decimal"),
        ({"applied_at": 5}, "applied_at", "datetime"),
        ({"patient_name": "长" * 51}, "patient_name", "length"),
        ({"patient_name": "  "}, "patient_name", "required"),
        ({"history": None}, "history", "required"),
        ({"surprise": "x"}, "surprise", "unknown_field"),
        ({"subject_code": "3.7"}, "subject_code", "code"),
        ({"history": "a\x00b"}, "history", "control_character"),
    ],
)
def test_each_broken_rule_is_reported_by_path(
    samples: Samples, change: dict[str, Json], path: str, rule: str
) -> None:
    """
    One broken rule gives one problem, with the field's path and the rule's name.
    """
    assert problems("follow_up", samples["follow_up"](**change)) == {(path, rule)}


def test_true_is_no_whole_number(samples: Samples) -> None:
    """
    A truth value is not taken for the number one.
    """
    body = {**samples["review"](), "score": True}
    assert problems("patient_review", body) == {("score", "int")}


def test_guardian_is_required_below_six(samples: Samples) -> None:
    """
    A patient under six needs a guardian's number and name; at six no longer.
    """
    guardian = {("guardian_id_no", "required"), ("guardian_name", "required")}
    assert problems("follow_up", samples["follow_up"](age=5)) == guardian
    assert problems("follow_up", samples["follow_up"](age=6)) == set()


def test_unreadable_condition_counts_as_met(samples: Samples) -> None:
    """
    Without a readable age the guardian is required: missing facts mean the strictest rule.
    """
    found = problems("follow_up", samples["follow_up"](age="five"))
    assert ("guardian_name", "required") in found


def test_other_documents_have_no_check_digit(samples: Samples) -> None:
    """
    MOD 11-2 is asked of identity cards alone.
    """
    body = samples["follow_up"](patient_id_type="03", patient_id_no="E12345678")
    assert problems("follow_up", body) == set()


def test_rows_of_lists_are_checked() -> None:
    """
    A problem inside a prescription line names the line.
    """
    found = problems("prescription", {"lines": [{"drug_code": "D1", "otc": "9"}]})
    assert ("lines[0].otc", "code") in found
    assert ("lines[0].drug_name", "required") in found


def test_prose_conditions_are_reported_as_not_enforced(samples: Samples) -> None:
    """
    What a machine cannot decide is listed for people instead of being passed over.
    """
    datasets = catalogue()
    resource = datasets.resource("security_incident_report")
    report = validate_body(resource, samples["incident"](), datasets)
    assert ("ransom", "ransomware") in {(item.path, item.rule) for item in report.not_enforced}


def test_errors_never_carry_values(samples: Samples) -> None:
    """
    A refused identity number does not travel in the error.
    """
    datasets = catalogue()
    body = samples["follow_up"](patient_id_no="460100199003071238", patient_name="秘" * 60)
    report = validate_body(datasets.resource("follow_up"), body, datasets)
    with pytest.raises(BodyInvalid) as caught:
        report.require_valid()
    assert "460100199003071238" not in str(caught.value) + repr(caught.value.problems)
    assert "秘" not in str(caught.value) + repr(caught.value.problems)


def test_codes_are_kept_in_normal_form(samples: Samples) -> None:
    """
    A lower-case credit code is accepted in upper case.
    """
    datasets = catalogue()
    body = samples["follow_up"](org_uscc="12460100000000019e")
    report = validate_body(datasets.resource("follow_up"), body, datasets)
    assert report.require_valid()["org_uscc"] == "12460100000000019E"


def test_business_day_is_cut_in_china_time() -> None:
    """
    17:00 UTC is already the next day in China.
    """
    resource = catalogue().resource("rectification_report")
    assert business_date(resource, {}, AT) == date(2026, 3, 2)


def test_message_bytes_read_back() -> None:
    """
    What is read is what was written; any other spelling is refused.
    """
    data = message_bytes(message({"a": "文"}))
    assert message_bytes(parse_message(data)) == data
    for changed in (data.replace(b'"revision":1', b'"revision": 1'), b"{}", b"[]", b"\xff"):
        with pytest.raises(MessageMalformed):
            parse_message(changed)


def test_content_digest_ignores_id_and_time_alone() -> None:
    """
    The same fact collected twice has one digest; another fact has another.
    """
    first = content_digest(message({"a": "1"}), SM3)
    assert content_digest(message({"a": "1"}, message_id="msg_2"), SM3) == first
    assert content_digest(message({"a": "2"}), SM3) != first
    assert content_digest(message({"a": "1"}, revision=2), SM3) != first


@pytest.mark.parametrize(
    "files",
    [
        (),
        (Attachment(name="other.pdf", media_type="application/pdf", content=b"x"),),
        (Attachment(name="report.pdf", media_type="image/png", content=b"x"),),
        (Attachment(name="report.pdf", media_type="application/pdf", content=b""),),
        (Attachment(name="report.pdf", media_type="application/pdf", content=b"another"),),
    ],
)
def test_evaluation_takes_only_its_own_signed_report(
    samples: Samples, files: tuple[Attachment, ...]
) -> None:
    """
    Missing, renamed, of another type, empty, or not the file whose SM3 is stated: refused.
    """
    resource = catalogue().resource("mlps_evaluation")
    with pytest.raises(AttachmentRefused):
        note_attachments(resource, samples["evaluation"](), files, SM3)


def test_score_is_required_by_the_2021_template(samples: Samples) -> None:
    """
    The 2021 report template has a score, the 2025 one has none.
    """
    evaluation: Callable[..., dict[str, Json]] = samples["evaluation"]
    assert problems("mlps_evaluation", evaluation(template_version="2021")) == {
        ("score", "required")
    }
