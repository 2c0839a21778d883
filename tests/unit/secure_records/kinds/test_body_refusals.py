"""A body that does not fit is refused by path, and its values stay secret."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinkui.synthetic.hospital import SyntheticHospital
from secure_records.kinds.catalogue import KINDS, parse_body, parse_line
from secure_records.kinds.errors import BodyRefused, IdentityRefused
from secure_records.kinds.identity import identity_fields, identity_values
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput

HOSPITAL = SyntheticHospital(11, patients=12, visits=24, start=date(2026, 3, 2))
LINES: list[Any] = list(HOSPITAL.lines())
EXAMPLE: dict[str, Any] = {line["kind"]: line for line in LINES}
CHILD: Any = next(line for line in LINES if "guardian" in line["subject"])
SECRET = "张三丰"


def changed(kind: str, path: tuple[str | int, ...], value: object) -> Json:
    """A copy of the example body with one value replaced; ``...`` deletes it."""
    body: Any = copy.deepcopy(EXAMPLE[kind]["body"])
    holder = body
    for step in path[:-1]:
        holder = holder[step]
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    plain: Json = body
    return plain


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_themselves_are_good(kind: str) -> None:
    """
    Each refusal below changes one value of a body that is accepted.
    """
    parse_body(kind, EXAMPLE[kind]["body"])


@pytest.mark.parametrize(
    ("kind", "path", "value", "where"),
    [
        ("prescription", ("rx_no",), ..., "body.rx_no"),
        ("prescription", ("lines",), [], "body.lines"),
        ("prescription", ("lines", 0, "drug_code"), SECRET, "body.lines[0].drug_code"),
        ("prescription", ("lines", 0, "control_class"), SECRET, "body.lines[0].control_class"),
        ("prescription", ("lines", 0, "control_class"), ..., "body.lines[0].control_class"),
        ("prescription", ("lines", 0, "days"), 0, "body.lines[0].days"),
        ("prescription", ("lines", 0, "total"), 1.5, "body.lines[0].total"),
        ("prescription", ("issued_at",), SECRET, "body.issued_at"),
        ("prescription", ("issued_at",), "2026-03-01T09:00:00", "body.issued_at"),
        ("prescription", ("rx_type",), "3", "body"),  # herbal without number of doses
        ("prescription", ("review", "result"), "rejected", "body.review"),  # without a reason
        ("prescription", ("review", "rational_result"), ..., "body.review"),
        ("prescription", ("review", "reviewed_at"), "2001-01-01T00:00:00Z", "body"),
        ("prescription", ("dx", 0, "code"), "高血压", "body.dx[0].code"),
        ("prescription", ("surplus",), 1, "body.surplus"),
        ("prescription", (SECRET,), 1, "body"),
        ("prescription", ("doctor_signature", "value"), SECRET, "body.doctor_signature.value"),
        ("outpatient_record", ("chief_complaint",), "长" * 501, "body.chief_complaint"),
        ("outpatient_record", ("subject_code",), "3.4", "body.subject_code"),
        ("outpatient_record", ("record_no",), "E-1\n", "body.record_no"),
        ("outpatient_record", ("provenance",), ..., "body.provenance"),
        ("chat_transcript", ("messages", 0, "role"), SECRET, "body.messages[0].role"),
        ("chat_transcript", ("messages", 1, "at"), "2001-01-01T00:00:00Z", "body"),
        ("chat_transcript", ("ended_at",), "2001-01-01T00:00:00Z", "body"),
        ("consent", ("scope", 0, "kind"), "separate_provision", "body.scope[0]"),  # to nobody
        ("consent", ("expires_at",), "2001-01-01T00:00:00Z", "body"),
        ("consent", ("text_digest",), "sha256:XYZ", "body.text_digest"),
        ("revisit_proof", ("prior_visit_date",), "2026-02-30", "body.prior_visit_date"),
        ("revisit_proof", ("original_dx",), SECRET, "body.original_dx"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(
    kind: str, path: tuple[str | int, ...], value: object, where: str
) -> None:
    """
    ``where`` is a JSON path; the message says what was expected, never what was there.
    """
    with pytest.raises(BodyRefused) as refusal:
        parse_body(kind, changed(kind, path, value))

    assert refusal.value.where == where
    assert str(refusal.value).startswith(where)
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None


@given(text=st.text(alphabet="张王李赵陈0123456789X", min_size=4, max_size=30), data=st.data())
@settings(derandomize=True, deadline=None, max_examples=80)
def test_no_refusal_ever_repeats_a_value(text: str, data: st.DataObject) -> None:
    """
    Whatever text stands in whatever top-level place, also as a key: it stays out of messages.
    """
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    name = data.draw(st.sampled_from([*KINDS[kind].fields, text]))
    said = ""
    try:
        parse_body(kind, changed(kind, (name,), text))
    except BadInput as refusal:
        said = str(refusal)

    assert text not in said


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("id_no", "460100199003071238", "subject.id_no"),
        ("id_type", "1", "subject.id_type"),
        ("birth_date", "1999-01-01", "subject.birth_date"),
        ("phone", "call me", "subject.phone"),
        ("name", "", "subject.name"),
        ("name", "张\x00三", "subject.name"),
        ("nickname", "x", "subject.nickname"),
    ],
)
def test_an_identity_that_contradicts_itself_is_refused(name: str, value: str, where: str) -> None:
    """
    Shape, check character and the date inside the number are checked before anything is stored.
    """
    line: Any = copy.deepcopy(CHILD)
    line["subject"][name] = value

    with pytest.raises(BodyRefused) as refusal:
        parse_line(line)

    assert refusal.value.where == where


def test_sex_must_agree_with_the_number() -> None:
    """
    Digit 17 is odd for men and even for women; not stated (9) contradicts nothing.
    """
    line: Any = copy.deepcopy(CHILD)
    line["subject"]["sex"] = "2" if line["subject"]["sex"] == "1" else "1"
    with pytest.raises(IdentityRefused, match=r"subject\.sex"):
        parse_line(line)

    line["subject"]["sex"] = "9"
    assert parse_line(line).subject.sex == "9"


def test_a_child_cannot_be_its_own_guardian() -> None:
    """
    A guardian block that repeats the patient's number names nobody.
    """
    line: Any = copy.deepcopy(CHILD)
    line["subject"]["guardian"]["id_no"] = line["subject"]["id_no"]

    with pytest.raises(IdentityRefused, match=r"subject\.guardian\.id_no"):
        parse_line(line)


def test_other_documents_are_not_held_to_the_card_rule() -> None:
    """
    A passport has no MOD 11-2 check character.
    """
    passport: Any = next(line for line in LINES if line["subject"]["id_type"] == "03")

    assert parse_line(passport).subject.id_no.startswith("P")


def test_identity_values_answer_every_name() -> None:
    """
    Views ask by agreement name; what a patient does not have is None, not missing.
    """
    values = identity_values(parse_line(CHILD).subject)
    adult: Any = next(line for line in LINES if "guardian" not in line["subject"])

    assert tuple(values) == identity_fields
    assert values["patient.guardian_name"] == CHILD["subject"]["guardian"]["name"]
    assert values["patient.birth_date"] == CHILD["subject"]["birth_date"]
    assert identity_values(parse_line(adult).subject)["patient.guardian_name"] is None


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("institution", "12340100490000001m", "institution"),
        ("occurred_at", "2026-03-01 09:00", "occurred_at"),
        ("external_id", "", "external_id"),
        ("body", [], "body"),
        ("media", {"path": "x.wav"}, "media.media_type"),
        ("surplus", 1, "surplus"),
    ],
)
def test_the_frame_of_a_line_is_as_strict_as_its_body(name: str, value: object, where: str) -> None:
    """
    An unknown or malformed key around the body is refused by name too.
    """
    line: Any = {**CHILD, name: value}

    with pytest.raises(BodyRefused) as refusal:
        parse_line(line)

    assert refusal.value.where == where


def test_a_line_that_is_no_object_is_refused() -> None:
    """
    Arrays and bare values are no records.
    """
    with pytest.raises(BodyRefused, match="line: expected `object`"):
        parse_line([])
