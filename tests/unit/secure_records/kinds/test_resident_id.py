"""Citizen identity numbers are judged as GB 11643 says."""

from __future__ import annotations

from datetime import date

import pytest

from secure_records.kinds.errors import IdentityRefused
from secure_records.kinds.resident_id import read_resident_id


def test_the_number_says_area_birth_date_and_sex() -> None:
    """
    Sequence 123 is odd: male; the check character of 236 mod 11 = 5 is 7.
    """
    said = read_resident_id("460100199003071237", "subject.id_no")

    assert (said.area, said.birth_date, said.sex) == ("460100", date(1990, 3, 7), "1")


def test_remainder_two_is_written_x() -> None:
    """
    222 mod 11 = 2 gives the check character X; sequence 004 is even: female.
    """
    assert read_resident_id("46010019900307004X", "id").sex == "2"


@pytest.mark.parametrize(
    "number",
    [
        "460100199003072137",  # digits 15 and 16 swapped
        "460100199003071238",  # wrong check character
        "120116201802290017",  # arithmetic is right, 2018-02-29 never was
        "46010019900307004x",  # lower case
        "460100900307123",  # 15 digits
        "460100199003071237\n",
        "４６０１００１９９００３０７１２３７",  # full-width digits
    ],
)
def test_what_is_no_number_is_refused_without_being_repeated(number: str) -> None:
    """
    The path is named; the number never reaches a message.
    """
    with pytest.raises(IdentityRefused) as refusal:
        read_resident_id(number, "subject.id_no")

    assert refusal.value.where == "subject.id_no"
    assert number.strip() not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_every_single_wrong_digit_is_noticed() -> None:
    """
    MOD 11-2 finds each substitution of one digit in the body of the number.
    """
    good = "460100199003071237"
    for place in range(6):
        for digit in "0123456789":
            if digit != good[place]:
                with pytest.raises(IdentityRefused):
                    read_resident_id(good[:place] + digit + good[place + 1 :], "id")
