"""As many persons as were asked for open the root together; fewer learn nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest

from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.errors import KeyMalformed, ShareRefused, SharesMalformed
from secure_records.keys.argon2_costs import TESTING
from secure_records.keys.person_seal import generate_pair, open_as, seal_to
from secure_records.keys.recovery_shares import (
    MOST_SHARES,
    Holder,
    make_person,
    make_shares,
    open_holder,
    read_person,
    recover,
)
from secure_records.keys.root_descriptor import RootKey, make_root, next_root
from shared_kernel.canonical_json import Json

AT = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
HOUSE = "91330100MA2ABCDE4X"
SECRET = b"my very own passphrase"


def circle(suite: Suite, size: int) -> list[Holder]:
    """Persons with open private keys."""
    made = []
    for number in range(size):
        _, document = make_person(
            suite, f"p{number}", SECRET, os.urandom, parameters=TESTING, profile="test"
        )
        made.append(open_holder(json.loads(json.dumps(document)), SECRET, profile="test"))
    return made


def shared(
    root: RootKey, holders: Sequence[Holder], needed: int = 2
) -> list[tuple[dict[str, Json], Holder]]:
    shares = make_shares(root, HOUSE, [h.person for h in holders], needed, os.urandom, AT)
    return [(json.loads(json.dumps(s)), h) for s, h in zip(shares, holders, strict=True)]


@pytest.mark.parametrize(("needed", "of"), [(2, 2), (2, 3), (3, 5), (MOST_SHARES, MOST_SHARES)])
def test_any_circle_that_is_large_enough_opens_the_root(needed: int, of: int, suite: Suite) -> None:
    """Every choice of as many as are needed, in any order, and more than needed as well."""
    root = next_root(make_root(suite, os.urandom, AT), os.urandom, AT)
    brought = shared(root, circle(suite, of), needed)

    for chosen in combinations(brought, needed):
        assert recover(chosen) == (HOUSE, root)
        assert recover(chosen[::-1]) == (HOUSE, root)
    assert recover(brought) == (HOUSE, root)


@pytest.mark.parametrize(("needed", "of"), [(2, 3), (3, 5)])
def test_a_smaller_circle_opens_nothing(needed: int, of: int, suite: Suite) -> None:
    """Neither fewer shares nor one share twice."""
    brought = shared(make_root(suite, os.urandom, AT), circle(suite, of), needed)

    for chosen in combinations(brought, needed - 1):
        with pytest.raises(SharesMalformed, match="needed"):
            recover(chosen)
        with pytest.raises(SharesMalformed, match="needed"):
            recover([*chosen, chosen[0]])
    with pytest.raises(SharesMalformed):
        recover([])


def test_lowering_the_number_needed_does_not_help(suite: Suite) -> None:
    """The number is bound to the shares: who edits it breaks them."""
    brought = shared(make_root(suite, os.urandom, AT), circle(suite, 3), 3)

    with pytest.raises(ShareRefused):
        recover([(share | {"needed": 2}, holder) for share, holder in brought[:2]])


def test_a_share_opens_for_its_person_only(suite: Suite) -> None:
    """Shares may lie about: each is sealed to one key."""
    brought = shared(make_root(suite, os.urandom, AT), circle(suite, 3))
    swapped = [(brought[0][0], brought[1][1]), (brought[1][0], brought[0][1])]

    with pytest.raises(ShareRefused):
        recover(swapped)


def test_shares_of_two_sets_do_not_mix(suite: Suite) -> None:
    """Made twice for the same root by the same persons: still two sets."""
    holders, root = circle(suite, 3), make_root(suite, os.urandom, AT)
    first, second = shared(root, holders), shared(root, holders)

    with pytest.raises(SharesMalformed, match="one set"):
        recover([first[0], second[1]])


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"index": 2}, ShareRefused),
        ({"index": 0}, SharesMalformed),
        ({"index": True}, SharesMalformed),
        ({"index": MOST_SHARES + 1}, SharesMalformed),
        ({"person": "somebody"}, ShareRefused),
        ({"public": "00"}, ShareRefused),
        ({"institution": "91330100MA2ZZZZZ0B"}, ShareRefused),
        ({"generation": 7}, ShareRefused),
        ({"made_at": "2020-01-01T00:00:00Z"}, ShareRefused),
        ({"suite": "none"}, SharesMalformed),
        ({"format": "jinkui-recovery-share/2"}, SharesMalformed),
        ({"root": None}, ShareRefused),
        ({"share": None}, SharesMalformed),
        ({"share": {"transport": "00", "message_id": "00", "check": "zz", "sealed": ""}}, SharesMalformed),
        ({"more": 1}, SharesMalformed),
    ],
    ids=str,
)  # fmt: skip
def test_an_altered_share_is_refused(change: dict[str, Any], refusal: type[Exception]) -> None:
    """Whatever a share says in clear is bound to what is sealed in it."""
    brought = shared(make_root(INTL, os.urandom, AT), circle(INTL, 2))
    both = {"institution", "generation", "made_at", "suite", "root"} & set(change)
    altered = [
        (share | change if both or place == 0 else share, holder)
        for place, (share, holder) in enumerate(brought)
    ]

    with pytest.raises(refusal):
        recover(altered)


def test_the_bundle_of_the_root_is_bound_to_its_set(suite: Suite) -> None:
    """A bundle from another set, put into all shares, breaks each of them."""
    holders = circle(suite, 2)
    mine = shared(make_root(suite, os.urandom, AT), holders)
    other = shared(make_root(suite, os.urandom, AT), holders)

    with pytest.raises(ShareRefused):
        recover([(share | {"root": other[0][0]["root"]}, holder) for share, holder in mine])


def test_a_circle_is_refused_that_would_not_protect(suite: Suite) -> None:
    """One person alone, more needed than there are, one key twice, a key of another suite."""
    root = make_root(suite, os.urandom, AT)
    [one, two] = [holder.person for holder in circle(suite, 2)]
    [stranger] = [holder.person for holder in circle(INTL if suite is GM else GM, 1)]
    for persons, needed in (
        ([one, two], 1),
        ([one, two], 3),
        ([one], 1),
        ([one, one], 2),
        ([one, stranger], 2),
    ):
        with pytest.raises(SharesMalformed):
            make_shares(root, HOUSE, persons, needed, os.urandom, AT)


def test_no_secret_stands_in_clear(suite: Suite) -> None:
    """Neither root nor file key nor private key is in any document."""
    root, holders = make_root(suite, os.urandom, AT), circle(suite, 2)
    person, private = make_person(
        suite, "p", SECRET, os.urandom, parameters=TESTING, profile="test"
    )
    text = json.dumps([share for share, _ in shared(root, holders)])
    holder = open_holder(private, SECRET, profile="test")

    assert root.secret.hex() not in text
    assert root.keys_file_key.hex() not in text
    assert holder.private.hex() not in json.dumps([private, person.document()])


def test_a_private_key_opens_with_its_passphrase_only(suite: Suite) -> None:
    """And only in its untouched document."""
    _, document = make_person(suite, "p", SECRET, os.urandom, parameters=TESTING, profile="test")
    with pytest.raises(ShareRefused):
        open_holder(document, b"another passphrase", profile="test")
    with pytest.raises(ShareRefused):
        open_holder(document | {"person": "q"}, SECRET, profile="test")
    for change in ({"format": "x"}, {"provider": 1}, {"sealed": "zz"}, {"suite": "x"}, {"a": 1}):
        with pytest.raises(SharesMalformed):
            open_holder(document | change, SECRET, profile="test")


def test_public_documents_are_checked(suite: Suite) -> None:
    """A share is sealed to a key that exists, or not at all."""
    person = circle(suite, 1)[0].person
    document = person.document()

    assert read_person(json.loads(json.dumps(document))) == person
    with pytest.raises(KeyMalformed):
        read_person(document | {"public": "00" * (person.public[:1] and len(person.public) - 1)})
    if suite is GM:
        with pytest.raises(KeyMalformed):
            read_person(document | {"public": "11" * 64})
    for change in ({"format": "x"}, {"person": ""}, {"public": 1}, {"suite": "x"}, {"a": 1}):
        with pytest.raises(SharesMalformed):
            read_person(document | change)


def test_what_is_sealed_to_a_person_opens_only_untouched(suite: Suite) -> None:
    """Each part and the context; a degenerate X25519 point as well."""
    private, public = generate_pair(suite, os.urandom)
    given = seal_to(suite, public, b"content", b"context", os.urandom)

    assert open_as(suite, private, public, given, b"context") == b"content"
    for name in ("transport", "message_id", "check", "sealed"):
        value = getattr(given, name)
        for broken in (value[:-1] + bytes([value[-1] ^ 1]), b"", bytes(32), bytes(300)):
            changed = type(given)(
                **{n: getattr(given, n) for n in ("transport", "message_id", "check", "sealed")}
                | {name: broken}
            )
            with pytest.raises(ShareRefused):
                open_as(suite, private, public, changed, b"context")
    with pytest.raises(ShareRefused):
        open_as(suite, private, public, given, b"another context")
    other, _ = generate_pair(suite, os.urandom)
    with pytest.raises(ShareRefused):
        open_as(suite, other, public, given, b"context")
