"""A log that begins anew says under which names, and cannot pretend to be another one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_records.audit.epochs import (
    epoch_number,
    first_origin,
    next_origin,
    origins_until,
    parse_epoch,
)
from secure_records.audit.errors import NoteMalformed

PAGE = Path(__file__).parents[4] / "docs" / "formats" / "log-epoch-v1.md"
LOG = "jinkui.example/12340100490000001M/audit"


def published() -> str:
    [found] = re.findall(r"```text\n(.*?)\n\n", PAGE.read_text("utf-8"), flags=re.DOTALL)
    return f"{found}\n"


def test_the_published_example_is_read_and_written_alike() -> None:
    """
    Each line means what the page says.
    """
    start = parse_epoch(published())

    assert start.text() == published()
    assert (start.origin, start.abandoned.origin) == (f"{LOG}/epoch-2", LOG)
    assert (start.abandoned.size, start.kept.size) == (593, 571)
    assert start.case.startswith("inc_")


@pytest.mark.parametrize("line", range(10))
def test_a_line_less_or_more_is_refused(line: int) -> None:
    """
    Nothing unread rides along, and nothing is guessed.
    """
    rows = published().splitlines(keepends=True)
    less = rows[:line] + rows[line + 1 :]
    more = [*rows[:line], "x\n", *rows[line:]]

    for changed in (less, more):
        with pytest.raises(NoteMalformed):
            parse_epoch("".join(changed))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("epoch-2", "epoch-3"),
        ("epoch-2", "epoch-02"),
        ("\n593\n", "\n0593\n"),
        ("\n593\n", "\n-593\n"),
        ("Z\n", "+00:00\n"),
        ("CsUY", "Cs UY"),
        ("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "AAAA"),
        ("inc_", "inc-"),
        ("jinkui-log-epoch/1", "jinkui-log-epoch/2"),
        ("audit\n593\n", "other\n593\n"),
    ],
)  # fmt: skip
def test_another_spelling_is_refused(old: str, new: str) -> None:
    """
    Numbers, roots, instants and names have one form, and the names are of one log.
    """
    assert old in published()
    with pytest.raises(NoteMalformed):
        parse_epoch(published().replace(old, new, 1))


@given(number=st.integers(2, 999), others=st.lists(st.integers(1, 999), max_size=4))
def test_the_next_epoch_is_after_all_of_them(number: int, others: list[int]) -> None:
    """
    However many names a log has had, a new one was never used before.
    """
    names = [LOG if n == 1 else f"{LOG}/epoch-{n}" for n in [number, *others]]
    found = next_origin(*names)

    assert epoch_number(found) == max([number, *others]) + 1
    assert first_origin(found) == LOG
    assert set(names) <= set(origins_until(found))
    assert len(set(origins_until(found))) == epoch_number(found)


def test_names_of_two_logs_have_no_next() -> None:
    """
    Nor does a name that only looks like an epoch count as one.
    """
    with pytest.raises(NoteMalformed):
        next_origin(LOG, "another.log")
    for name in (f"{LOG}/epoch-0", f"{LOG}/epoch-", f"{LOG}/epoch-2/x", f"{LOG}/epoch-02"):
        assert (epoch_number(name), first_origin(name)) == (1, name)
        assert origins_until(name) == (name,)
