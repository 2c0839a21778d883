"""How many of the log's keys must have signed a checkpoint is the verifier's choice."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

from typing import Any

import pytest

from secure_records.audit import findings as found
from secure_records.audit.findings import LogVerdict
from secure_records.audit.note import NoteKey
from secure_records.audit.verification import verify_log


def judged(house: Any, *, need: int, anchor: str | None = None) -> LogVerdict:
    """The verdict with two known keys, ``need`` of which must have signed."""
    other = NoteKey(name=house.origin, public_key=house.signer_with(b"\x02" * 32).public_key)
    with house.transaction() as connection:
        return verify_log(
            house.store(connection),
            house.verifier,
            (*house.keys, other),
            anchor_note=anchor,
            tags=house.tags,
            need=need,
        )


def test_one_signature_of_two_is_not_enough(house: Any) -> None:
    """A checkpoint with one of two needed signatures covers nothing."""
    house.fill(5)

    assert judged(house, need=1).ok
    verdict = judged(house, need=2)

    assert not verdict.ok
    assert verdict.covered == 0
    assert [check.name for check in verdict.checks if not check.ok] == [found.SIGNATURES]


def test_both_signatures_are_enough(house: Any) -> None:
    """With the second signature the same checkpoint holds."""
    house.fill(5)
    both = (house.signer, house.signer_with(b"\x02" * 32))
    with house.transaction() as connection:
        house.log(connection).checkpoint(house.origin, both, house.day)

    verdict = judged(house, need=2)

    assert verdict.ok
    assert verdict.covered == 5


@pytest.mark.parametrize(("need", "ok"), [(1, True), (2, False)])
def test_an_anchor_needs_as_many(house: Any, need: int, ok: bool) -> None:
    """A note kept outside is held to the same number of signatures."""
    single = house.fill(5)
    both = (house.signer, house.signer_with(b"\x02" * 32))
    with house.transaction() as connection:
        house.log(connection).checkpoint(house.origin, both, house.day)

    assert judged(house, need=need, anchor=single).ok is ok
