"""The catalogue says for each kind what is kept, how long and under which names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from secure_records.kinds.catalogue import (
    KINDS,
    body_json,
    identity_fields,
    kind_named,
    media_field,
    parse_body,
    visit_fields,
)
from secure_records.kinds.errors import UnknownKind
from secure_records.kinds.identity import Guardian, SubjectIdentity
from secure_records.kinds.labels import field_label, labelled_fields
from secure_records.lifecycle import RetentionEvent, retain_until
from shared_kernel.grades import Grade

CONSENT: dict[str, Any] = {
    "consent_no": "C-1",
    "text_id": "online-visit",
    "text_version": "2026.1",
    "text_digest": f"sha256:{'0' * 64}",
    "channel": "app",
    "scope": [{"kind": "sensitive", "purpose": "treatment"}],
    "given_by": "patient",
    "given_at": "2026-03-01T09:00:00+08:00",
    "evidence_digest": f"sm3:{'1' * 64}",
}


def nested(shape: object, prefix: str) -> Iterator[str]:
    """Every field path below a struct, arrays and optionals seen through."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        for name, inner in get_type_hints(shape).items():
            if name in shape.__struct_fields__:
                yield f"{prefix}{name}"
                yield from nested(inner, f"{prefix}{name}.")
    for inner in get_args(shape):
        yield from nested(inner, prefix)


@pytest.mark.parametrize(
    ("kind", "retention_class"),
    [
        ("outpatient_record", "outpatient_record"),
        ("prescription", "outpatient_record"),
        ("chat_transcript", "chat_transcript"),
        ("consent", "outpatient_record"),
        ("revisit_proof", "revisit_proof"),
    ],
)
def test_each_kind_has_its_retention_class_and_schema(kind: str, retention_class: str) -> None:
    """
    The data key of a record follows its retention class, so the class is fixed per kind.
    """
    row = kind_named(kind)

    assert row.retention_class == retention_class
    assert row.schema == f"{kind}/1"
    assert row.default_grade is Grade.SENSITIVE


@pytest.mark.parametrize("kind", KINDS)
def test_everything_people_see_is_named_in_both_languages(kind: str) -> None:
    """
    A kind, an identity field, a visit field and every nested body field have zh and en.
    """
    row = kind_named(kind)
    paths = [*identity_fields, *visit_fields, *nested(row.body, "")]

    assert row.zh
    assert row.en
    assert set(row.fields) <= set(paths)
    assert all(field_label(path).zh and field_label(path).en for path in paths)


def test_no_label_outlives_its_field() -> None:
    """
    A label that no field uses is a field somebody renamed.
    """
    used = {*identity_fields, *visit_fields, media_field}
    for row in KINDS.values():
        for path in nested(row.body, ""):
            used |= {path, path.rpartition(".")[2]}

    assert set(labelled_fields()) <= used


def test_identity_names_come_from_the_structs() -> None:
    """
    Agreements speak of patient.name and patient.guardian_name, one name per stored value.
    """
    assert identity_fields[:3] == ("patient.id_type", "patient.id_no", "patient.name")
    assert "patient.guardian_name" in identity_fields
    assert "patient.guardian" not in identity_fields
    count = len(SubjectIdentity.__struct_fields__) - 1 + len(Guardian.__struct_fields__)
    assert len(set(identity_fields)) == count


def test_body_names_do_not_collide_with_visit_names() -> None:
    """
    One name in an agreement must mean one value.
    """
    for row in KINDS.values():
        assert len(set(row.all_fields)) == len(row.all_fields)


def test_an_unknown_kind_is_refused_by_name() -> None:
    """
    The refusal lists what exists and does not repeat what was asked.
    """
    with pytest.raises(UnknownKind, match="revisit_proof") as refusal:
        kind_named("horoscope")

    assert "horoscope" not in str(refusal.value)


def test_a_body_survives_the_way_through_json() -> None:
    """
    What is sealed is read back as the same struct.
    """
    body = parse_body("consent", CONSENT)

    assert parse_body("consent", body_json(body)) == body


@pytest.mark.parametrize(
    "shorter",
    ["prescription_ordinary", "prescription_class2_psychotropic", "prescription_narcotic"],
)
@pytest.mark.parametrize("year", [2024, 2026])
def test_a_prescription_is_kept_as_long_as_the_visit_it_belongs_to(shorter: str, year: int) -> None:
    """
    属于线上病历组成部分的，按病历保存: the year of 处方管理办法 第五十条 never frees a stored one.
    """
    at = datetime(year, 2, 29 if year == 2024 else 28, 10, tzinfo=UTC)
    events = [RetentionEvent(event=name, at=at) for name in ("visit", "issued")]

    kept = retain_until(kind_named("prescription").retention_class, events).retain_until

    assert kept > retain_until(shorter, events).retain_until
    assert (
        kept == retain_until(kind_named("outpatient_record").retention_class, events).retain_until
    )
