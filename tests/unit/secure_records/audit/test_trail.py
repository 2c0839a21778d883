"""Questions to the trail: the index answers fast, the leaves answer completely."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secure_records.audit.checkpoint import Checkpoint, verify_checkpoint
from secure_records.audit.errors import ReplayDiverges, TrailQueryRefused
from secure_records.audit.trail import TrailQuery, find_entries, replay, require_same


def fill(house: Any) -> Checkpoint:
    """Thirty entries, every third by a partner; a checkpoint over them; two more behind it."""
    with house.transaction() as connection:
        log = house.log(connection)
        for number in range(30):
            extra = {"partner": "partner-a", "details": {"credential": f"c-{number % 2}"}}
            log.append(house.fact(number, **(extra if number % 3 == 0 else {})))
        note = log.checkpoint(house.origin, (house.signer,), house.day)
        log.append_all([house.fact(30, partner="partner-a"), house.fact(31)])
    return verify_checkpoint(note, house.keys, house.verifier)


def indexes(entries: Any) -> list[int]:
    return [entry.index for entry in entries]


def test_filters_combine(house: Any) -> None:
    """Every filter narrows; since is inclusive, until is exclusive."""
    fill(house)
    with house.transaction() as connection:
        store = house.store(connection)

        def ask(**filters: Any) -> list[int]:
            return indexes(find_entries(store, TrailQuery(**filters)).entries)

        assert ask(partner="partner-a") == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
        assert ask(partner="partner-a", actor="staff-1") == []
        assert ask(subject=house.subject(2), actor="staff-2") == [2, 17]
        assert ask(record="rec_" + f"{4:026d}") == [4]
        window = {
            "since": house.day + timedelta(seconds=3),
            "until": house.day + timedelta(seconds=6),
        }
        assert ask(**window) == [3, 4, 5]
        assert ask(purpose="research") == ask(action="x") == ask(decision="deny") == []


def test_entry_shows_the_leaf_and_its_opening(house: Any) -> None:
    """A reader gets the columns of the contract, the patient and the whole leaf."""
    fill(house)
    with house.transaction() as connection:
        [entry] = find_entries(house.store(connection), TrailQuery(limit=1)).entries
    assert (entry.index, entry.at, entry.actor) == (0, house.day, "staff-0")
    assert entry.subject == house.subject(0)
    assert entry.content["details"] == {"credential": "c-0"}


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_cover_the_answer_once(house: Any, newest_first: bool) -> None:
    """Following the cursor visits every entry once, in order, in both directions."""
    fill(house)
    seen: list[int] = []
    query = TrailQuery(limit=7, newest_first=newest_first)
    with house.transaction() as connection:
        while True:
            page = find_entries(house.store(connection), query)
            seen += indexes(page.entries)
            if page.next_cursor is None:
                break
            query = replace(query, cursor=page.next_cursor)
    assert seen == sorted(range(32), reverse=newest_first)


@pytest.mark.parametrize(
    "changes", [{"limit": 0}, {"limit": 10_001}, {"cursor": "-1"}, {"cursor": "x"}]
)
def test_unanswerable_questions(house: Any, changes: dict[str, Any]) -> None:
    """A limit or cursor that is not ours is bad input."""
    with house.transaction() as connection, pytest.raises(TrailQueryRefused):
        find_entries(house.store(connection), TrailQuery(**changes))


def test_replay_equals_the_index(house: Any) -> None:
    """Up to the checkpoint both ways give the same entries, window and details included."""
    checkpoint = fill(house)
    until = house.day + timedelta(seconds=20)
    query = TrailQuery(partner="partner-a", since=house.day, until=until)
    with house.transaction() as connection:
        store = house.store(connection)
        found = replay(store, checkpoint, query, tags=house.tags)
        one = replay(store, checkpoint, query, details={"credential": "c-1"})
        require_same(find_entries(store, query).entries, found)
    assert indexes(found.entries) == [0, 3, 6, 9, 12, 15, 18]
    assert indexes(one.entries) == [3, 9, 15]
    assert (found.size, found.root, found.unopened) == (30, checkpoint.root, 0)


def test_doctored_index_cannot_undercount(house: Any) -> None:
    """An entry hidden from or moved into the index makes the two answers differ."""
    checkpoint = fill(house)
    query = TrailQuery(partner="partner-a")
    for statement, word in (
        ("UPDATE audit_entries SET partner = NULL WHERE idx = 6", "hides entry 6"),
        ("UPDATE audit_entries SET partner = 'partner-a' WHERE idx IN (6, 7)", "invents entry 7"),
    ):
        house.tamper(statement)
        with house.transaction() as connection:
            store = house.store(connection)
            found = replay(store, checkpoint, query)
            with pytest.raises(ReplayDiverges, match=word):
                require_same(find_entries(store, query).entries, found)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_entries WHERE idx = 29",
        "UPDATE audit_entries SET entry = replace(CAST(entry AS TEXT), 'permit', 'deny') WHERE idx = 1",
        "UPDATE audit_entries SET entry = CAST(replace(CAST(entry AS TEXT), 'permit', 'deny') AS BLOB) WHERE idx = 1",
    ],
)
def test_replay_refuses_other_leaves(house: Any, statement: str) -> None:
    """Leaves that do not add up to the checkpoint give no answer at all."""
    checkpoint = fill(house)
    house.tamper(statement)
    with house.transaction() as connection, pytest.raises(ReplayDiverges):
        replay(house.store(connection), checkpoint, TrailQuery(partner="partner-a"))


def test_lost_or_false_openings_are_counted(house: Any) -> None:
    """Who asks how many patients learns how many entries no longer say whose they are."""
    checkpoint = fill(house)
    house.tamper(
        "UPDATE audit_entries SET subject = NULL, nonce = NULL WHERE idx = 0",
        "UPDATE audit_entries SET subject = 'sub_another' WHERE idx = 3",
    )
    with house.transaction() as connection:
        found = replay(
            house.store(connection), checkpoint, TrailQuery(partner="partner-a"), tags=house.tags
        )
    assert found.unopened == 2
    assert [entry.subject for entry in found.entries[:2]] == [None, None]


def test_leaves_cannot_be_asked_for_a_patient(house: Any) -> None:
    """A replay by subject is refused instead of returning nothing."""
    checkpoint = fill(house)
    with house.transaction() as connection, pytest.raises(TrailQueryRefused):
        replay(house.store(connection), checkpoint, TrailQuery(subject=house.subject(1)))
