"""Profiles are data: closed, strict, proven by vectors, refused where they are weak."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from shared_kernel.signatures import SM2_SM3, PublicKey
from supervision.errors import (
    ExpressionMalformed,
    ProfileMalformed,
    ProfileRefused,
    VectorMismatch,
)
from supervision.profiles.acceptance import (
    Environment,
    Setting,
    accept_profile,
    require_mapped,
    require_usable,
    shipped_profile,
)
from supervision.profiles.document import parse_profile, shipped_profile_bytes
from supervision.profiles.expressions import LONGEST, parse_expression
from supervision.profiles.reply import ReplyClass, read_reply
from supervision.transport.exchange import Reply

TIANJIN = shipped_profile_bytes("tj-selfbuilt-1.0")
PRODUCTION = Environment(
    setting=Setting.PRODUCTION, base_url="https://platform.example", platform="p"
)


@pytest.mark.parametrize(
    ("text", "names", "holds"),
    [
        ("code == 200 and body.msgCode == 200", {"code": 200, "body.msgCode": 200}, True),
        ("code == 200 and body.msgCode == 200", {"code": 200, "body.msgCode": -99}, False),
        ("code in [-1, 40011] or http >= 500", {"http": 502}, True),
        ("code in [-1, 40011] or http >= 500", {"http": 200, "code": -1}, True),
        ("not (code == 200)", {"code": 40001}, True),
        ("not code == 200", {}, False),  # undecided is not true
        ("code != 200", {}, False),
        ("code == 'SUCCESS'", {"code": "SUCCESS"}, True),
        ("code == 'SUCCESS'", {"code": 200}, False),
        ("code > 5", {"code": "text"}, False),
        ("code == 1 or code == 2 and http == 3", {"code": 1, "http": 9}, True),
    ],
)
def test_expressions_decide(text: str, names: dict[str, int | str], holds: bool) -> None:
    """
    Comparison, membership and three-valued and/or/not; a missing name decides nothing.
    """
    assert parse_expression(text).holds(names) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "code",
        "code ==",
        "code == 200 and",
        "(code == 200",
        "code == 200)",
        "code in []",
        "code in [1",
        "os.system == 1",
        "__import__('os')",
        "code == 1.5",
        "code == 200; http == 1",
        "code = 200",
        "not " * 40 + "code == 1",
        "(" * 40 + "code == 1" + ")" * 40,
        "code == 1 or " * 60 + "code == 1",
        "200 == code",
    ],
)
def test_everything_outside_the_language_is_refused(text: str) -> None:
    """
    The language is closed: program text, other names and deep nesting do not parse.
    """
    with pytest.raises(ExpressionMalformed):
        parse_expression(text)
    assert LONGEST < 1000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"compatibility_only: false", b"compatibility_only: false\nshell: rm"),
        (b"{op: json, of: rows, as: body}", b"{op: eval, of: rows, as: body}"),
        (b"{op: json, of: rows, as: body}", b"{op: json, of: rows, as: body, x: 1}"),
        (b"evidence: verified-third-party", b"evidence: surely"),
        (b"padding: iso7816-4", b"padding: zero"),
        (b'sex: {"1": "1", "2": "2", "*": "0"}', b'sex: {"1": "1"}'),
        (b"table: id_type", b"table: nowhere"),
        (b"wrap: array", b"wrap: array\nwrap: none"),
        (b"wrap: array", b"wrap: &a array\ntitle: *a"),
        (b"id: tj-selfbuilt-1.0", b"id: ../etc"),
    ],
)
def test_schema_is_strict(old: bytes, new: bytes) -> None:
    """
    Unknown keys, steps and evidence, repeated keys, aliases and open tables are refused.
    """
    assert old in TIANJIN
    with pytest.raises(ProfileMalformed):
        parse_profile(TIANJIN.replace(old, new))


def test_profile_without_vector_is_not_accepted() -> None:
    """
    A profile that proves nothing is refused.
    """
    head = TIANJIN[: TIANJIN.index(b"vectors:")]
    with pytest.raises(ProfileMalformed, match="golden vector"):
        parse_profile(head + b"vectors: []\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"padding: iso7816-4", b"padding: pkcs7"),
        (b"out: hex_lower", b"out: hex_upper"),
        (b'join: "&"', b'join: ";"'),
        (b"algo: sm3, of: body", b"algo: sha256, of: body"),
    ],
)
def test_wrong_settings_fail_the_golden_vector(old: bytes, new: bytes) -> None:
    """
    A changed padding, encoding, join or digest no longer reproduces the vector.
    """
    assert old in TIANJIN
    with pytest.raises(VectorMismatch):
        accept_profile(TIANJIN.replace(old, new, 1))


def test_compatibility_profile_is_refused_in_production() -> None:
    """
    ECB and MD5 never carry real patients.
    """
    profile = shipped_profile("ngari-openapi-1.0")
    with pytest.raises(ProfileRefused, match="compatibility"):
        require_usable(profile, PRODUCTION)
    require_usable(profile, replace(PRODUCTION, setting=Setting.TEST))


def test_production_needs_tls_and_complete_mappings() -> None:
    """
    Plain HTTP and half-known field lists stay in the test environment.
    """
    profile = shipped_profile("tj-selfbuilt-1.0")
    with pytest.raises(ProfileRefused, match="https"):
        require_usable(profile, replace(PRODUCTION, base_url="http://platform.example"))
    with pytest.raises(ProfileRefused, match="incomplete"):
        require_mapped(profile, "follow_up", PRODUCTION)
    with pytest.raises(ProfileRefused, match="no mapping"):
        require_mapped(profile, "mlps_evaluation", PRODUCTION)


def test_exchange_needs_the_pinned_key() -> None:
    """
    Without the platform's key nothing could ever count as accepted.
    """
    profile = shipped_profile("jinkui-exchange-1.0")
    with pytest.raises(ProfileRefused, match="pinned"):
        require_usable(profile, PRODUCTION)
    key = PublicKey(algorithm=SM2_SM3, raw=bytes(64))
    require_usable(profile, replace(PRODUCTION, platform_key=key))


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (200, {"code": 200, "body": {"msgCode": 200}}, ReplyClass.OK),
        (200, {"code": 200, "body": [{"msgCode": 200}]}, ReplyClass.OK),  # sometimes an array
        (200, {"code": "200", "body": {"msgCode": "200"}}, ReplyClass.OK),
        (200, {"code": 200, "body": {"msgCode": -99, "msg": "a|b"}}, ReplyClass.DATA_ERROR),
        (200, {"code": 200, "body": {"msgCode": -98}}, ReplyClass.DATA_ERROR),
        (200, {"code": 40001}, ReplyClass.DATA_ERROR),
        (200, {"code": -1}, ReplyClass.RETRY),
        (200, {"code": 40011}, ReplyClass.RETRY),
        (200, {"code": 40010}, ReplyClass.CREDENTIAL_ERROR),
        (200, {"code": 40012}, ReplyClass.UNKNOWN),
        (200, {"code": 200}, ReplyClass.UNKNOWN),
        (200, {"code": 200, "body": [{"msgCode": 200}, {"msgCode": -1}]}, ReplyClass.UNKNOWN),
        (200, {"code": True, "body": {"msgCode": 200}}, ReplyClass.UNKNOWN),
        (502, "<html>", ReplyClass.UNKNOWN),
        (200, [], ReplyClass.UNKNOWN),
    ],
)
def test_replies_are_classified(status: int, body: object, meaning: ReplyClass) -> None:
    """
    The seen codes have their meaning; whatever is not understood is unknown.
    """
    profile = shipped_profile("tj-selfbuilt-1.0")
    reply = Reply(status=status, headers=(), body=json.dumps(body).encode())
    assert read_reply(profile, reply).meaning is meaning


def test_unreadable_reply_is_unknown() -> None:
    """
    Bytes that are no JSON never mean success.
    """
    profile = shipped_profile("tj-selfbuilt-1.0")
    for body in (b"", b"\xff\xfe", b"[" * 100_000):
        reading = read_reply(profile, Reply(status=200, headers=(), body=body))
        assert reading.meaning is ReplyClass.UNKNOWN
