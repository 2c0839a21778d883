"""The blind index finds every spelling of a value and shows nothing of it."""

import hashlib
import hmac
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_records.index import (
    COLUMNS,
    identity_bytes,
    matches,
    query_term,
    terms_for,
)
from secure_records.index.normalisers import (
    birth_date,
    document_number,
    person_name,
    phone_number,
)
from secure_records.kinds.identity import SubjectIdentity
from secure_records.vault_errors import SearchRefused

NUMBER = "11010519491231002X"


def term_mac(column: str, version: int, data: bytes) -> bytes:
    return hmac.digest(f"{column}/{version}".encode(), data, hashlib.sha256)


def patient(**changes: object) -> SubjectIdentity:
    values: dict[str, object] = {
        "id_type": "01",
        "id_no": NUMBER,
        "name": "王 小明",
        "sex": "2",
        "birth_date": date(1949, 12, 31),
        "phone": "13800138000",
    }
    return SubjectIdentity(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (NUMBER, NUMBER),
        ("11010519491231002x", NUMBER),
        ("１１０１０５１９４９１２３１００２Ｘ", NUMBER),
        ("110105 19491231 002X", NUMBER),
        ("110105491231002", NUMBER),  # 15 digits: century and check character come in
        ("E12345678", "E12345678"),
        ("H0-1234 5678", "H012345678"),
        ("", None),
        ("张三", None),
    ],
)
def test_document_numbers_meet(text: str, normal: str | None) -> None:
    """Every way of typing a document number gives the one on the newest card."""
    assert document_number(text) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("13800138000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("（010）6552-9988", "+861065529988"),
        ("010-65529988", "+861065529988"),
        ("+44 20 7946 0018", "+442079460018"),
        ("12345", None),
        ("nobody", None),
    ],
)
def test_phones_meet_in_e164(text: str, normal: str | None) -> None:
    """A phone is compared in E.164; a number without country code is Chinese."""
    assert phone_number(text) == normal


def test_names_and_dates_meet() -> None:
    """Spaces, width, kind of dot and separators of a date make no difference."""
    assert person_name("王　小 明") == person_name("王小明")
    assert person_name("阿卜杜拉・买买提") == person_name("阿卜杜拉·买买提")
    assert birth_date("19900307") == birth_date("1990-03-07") == birth_date("1990/03/07")
    assert birth_date("1990-02-30") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id_no", "11010519491231002x"),
        ("id_no", "110105491231002"),
        ("phone", "+86 13800138000"),
        ("name_birth", "王小明|1949-12-31"),
        ("name+birth_date", "王 小明|19491231"),
    ],
)
def test_a_question_meets_the_stored_term(field: str, value: str) -> None:
    """Whatever spelling is asked, the term is the one that storing wrote, and it is confirmed."""
    term, normal = query_term(field, value, term_mac)

    assert term in terms_for(patient(), term_mac)
    assert matches(field, normal, patient())
    assert not matches(
        field, normal, patient(id_no="E12345678", phone="13900139000", name="李四", id_type="03")
    )


def test_terms_are_short_and_differ_by_column() -> None:
    """64 bits for unique numbers, fewer for the compound; a key serves one column only."""
    lengths = {term.column: len(term.term) for term in terms_for(patient(), term_mac)}

    assert lengths == {name: column.term_bytes for name, column in COLUMNS.items()}
    assert max(lengths.values()) <= 8


@pytest.mark.parametrize(
    ("field", "value"),
    [("sex", "1"), ("dx", "B20"), ("id_no", "张三"), ("name_birth", "王小明"), ("phone", "x")],
)
def test_unindexed_questions_are_refused_without_an_echo(field: str, value: str) -> None:
    """Guessable fields have no index; the refusal never repeats the value."""
    with pytest.raises(SearchRefused) as refused:
        query_term(field, value, term_mac)

    assert value not in str(refused.value)


def test_identity_is_type_and_normal_number() -> None:
    """The same card typed in two ways is one patient; another document type is another."""
    assert identity_bytes(patient()) == identity_bytes(patient(name="王小明", phone="13900139000"))
    assert identity_bytes(patient()) != identity_bytes(patient(id_type="02"))


@given(text=st.text(max_size=40))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_normal_forms_are_stable(text: str) -> None:
    """Normalising twice changes nothing, and no text makes a normaliser raise."""
    for normalise in (document_number, phone_number, person_name, birth_date):
        once = normalise(text)
        assert once is None or normalise(once) == once
