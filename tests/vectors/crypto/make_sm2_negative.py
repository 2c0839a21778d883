"""Which SM2 signatures must every verifier refuse?

Writes ``sm2_negative.json`` beside this file: signatures that do not hold, each
with the one thing that is wrong with it, and some that do hold, so that a
verifier cannot pass by refusing everything. Keys and nonces come from a seed;
the arithmetic is written here from GB/T 32918.1 and .2 and shares nothing with
the product. Write it again with ``python tests/vectors/crypto/make_sm2_negative.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

import gmalg

OUT = Path(__file__).with_name("sm2_negative.json")
ID = b"1234567812345678"

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)

Point: TypeAlias = tuple[int, int] | None


def add(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return left or right
    if left[0] == right[0]:
        if (left[1] + right[1]) % P == 0:
            return None
        slope = (3 * left[0] ** 2 + A) * pow(2 * left[1], -1, P) % P
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, P) % P
    x = (slope * slope - left[0] - right[0]) % P
    return x, (slope * (left[0] - x) - left[1]) % P


def times(scalar: int, point: Point) -> Point:
    found: Point = None
    while scalar:
        if scalar & 1:
            found = add(found, point)
        point, scalar = add(point, point), scalar >> 1
    return found


def sm3(data: bytes) -> bytes:
    state = gmalg.SM3()
    state.update(data)
    return bytes(state.value())


def be(value: int, size: int = 32) -> bytes:
    return value.to_bytes(size, "big")


@dataclass(frozen=True)
class Key:
    """A pair from the seed."""

    private: int

    @property
    def point(self) -> tuple[int, int]:
        found = times(self.private, G)
        assert found is not None
        return found

    @property
    def raw(self) -> bytes:
        return be(self.point[0]) + be(self.point[1])


def digest(key: bytes, message: bytes, identity: bytes = ID) -> int:
    """E of GB/T 32918.2: the hash of Z and the message."""
    entry = be(8 * len(identity), 2) + identity + be(A) + be(B) + be(G[0]) + be(G[1]) + key
    return int.from_bytes(sm3(sm3(entry) + message), "big")


def sign(key: Key, e: int, draw: Random) -> tuple[int, int]:
    while True:
        nonce = draw.randrange(1, N)
        point = times(nonce, G)
        assert point is not None
        r = (e + point[0]) % N
        s = pow(1 + key.private, -1, N) * (nonce - r * key.private) % N
        if r and s and (r + nonce) % N:
            return r, s


def integer(value: int) -> bytes:
    body = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=value < 0)
    return bytes((2, len(body))) + body


def sequence(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes((0x30, len(body))) + body


def der(r: int, s: int) -> bytes:
    return sequence(integer(r), integer(s))


@dataclass(frozen=True)
class Case:
    """One signature and what is wrong with it."""

    comment: str
    layer: str
    """``encoding``: no DER of two integers. ``value``: r or s out of range. ``equation``: all
    is in range and the equation does not hold. ``key``: the public key is no point."""

    public: bytes
    message: bytes
    signature: bytes
    result: str = "invalid"


def encodings(key: bytes, message: bytes, r: int, s: int) -> Iterator[Case]:
    """Spellings that are no DER of a SEQUENCE of two INTEGERs."""
    whole, first, second = der(r, s), integer(r), integer(s)
    body = first + second
    spellings = {
        "empty": b"",
        "one zero byte": b"\x00",
        "tag only": b"\x30",
        "empty sequence": b"\x30\x00",
        "raw r and s": be(r) + be(s),
        "point format before r and s": b"\x04" + be(r) + be(s),
        "one integer": sequence(first),
        "three integers": sequence(first, second, integer(1)),
        "null after s": sequence(first, second, b"\x05\x00"),
        "null before r": sequence(b"\x05\x00", first, second),
        "set instead of sequence": b"\x31" + whole[1:],
        "octet string instead of sequence": b"\x04" + whole[1:],
        "primitive sequence": b"\x10" + whole[1:],
        "context tag": b"\xa0" + whole[1:],
        "sequence in sequence": sequence(whole),
        "r as bit string": sequence(b"\x03" + first[1:], second),
        "r as octet string": sequence(b"\x04" + first[1:], second),
        "s as octet string": sequence(first, b"\x04" + second[1:]),
        "r as enumerated": sequence(b"\x0a" + first[1:], second),
        "s as boolean": sequence(first, b"\x01\x01\xff"),
        "r as null": sequence(b"\x05\x00", second),
        "s as real": sequence(first, b"\x09" + second[1:]),
        "r of no bytes": sequence(b"\x02\x00", second),
        "s of no bytes": sequence(first, b"\x02\x00"),
        "long form length": b"\x30\x81" + whole[1:],
        "longer form length": b"\x30\x82\x00" + whole[1:],
        "four byte length": b"\x30\x84\x00\x00\x00" + whole[1:],
        "indefinite length": b"\x30\x80" + body + b"\x00\x00",
        "long form length of r": sequence(b"\x02\x81" + first[1:], second),
        "long form length of s": sequence(first, b"\x02\x81" + second[1:]),
        "reserved length": b"\x30\xff" + body,
        "r padded": sequence(b"\x02" + bytes((first[1] + 1,)) + b"\x00" + first[2:], second),
        "s padded": sequence(first, b"\x02" + bytes((second[1] + 1,)) + b"\x00" + second[2:]),
        "r padded twice": sequence(
            b"\x02" + bytes((first[1] + 2,)) + b"\x00\x00" + first[2:], second
        ),
        "zero byte after": whole + b"\x00",
        "two bytes after": whole + b"\x05\x00",
        "whole signature after": whole + whole,
        "zero byte before": b"\x00" + whole,
        "zero byte inside after s": b"\x30" + bytes((len(body) + 1,)) + body + b"\x00",
        "length too short": b"\x30" + bytes((len(body) - 1,)) + body,
        "length too long": b"\x30" + bytes((len(body) + 1,)) + body,
        "length of r too long": sequence(b"\x02" + bytes((first[1] + 1,)) + first[2:], second),
        "length of s too long": sequence(first, b"\x02" + bytes((second[1] + 1,)) + second[2:]),
        "length of s too short": sequence(first, b"\x02" + bytes((second[1] - 1,)) + second[2:]),
        "very long integer": b"\x30\x82\x02\x08" + b"\x02\x82\x02\x00" + b"\x01" * 512 + second[:4],
        "hex text": whole.hex().encode(),
    }
    for comment, signature in spellings.items():
        yield Case(comment, "encoding", key, message, signature)
    for kept in (2, 3, 4, 10, 33, 34, 35, 36, 37, 38, 50, len(whole) - 1):
        yield Case(f"cut after {kept} bytes", "encoding", key, message, whole[:kept])


def values(key: Key, message: bytes, r: int, s: int) -> Iterator[Case]:
    """R or s outside [1, n - 1], or r + s a multiple of n (GB/T 32918.2, 7.1, B1, B2, B5)."""
    outside = {
        "0": 0, "-1": -1, "n": N, "n + 1": N + 1, "p": P, "2^256 - 1": 2**256 - 1,
        "2^256": 2**256, "-n": -N, "2n": 2 * N, "2^512": 2**512,
    }  # fmt: skip
    for name, value in outside.items():
        yield Case(f"r = {name}", "value", key.raw, message, der(value, s))
        yield Case(f"s = {name}", "value", key.raw, message, der(r, value))
    pairs = {
        "both 0": (0, 0),
        "both n": (N, N),
        "r + n": (r + N, s),
        "s + n": (r, s + N),
        "both + n": (r + N, s + N),
        "r - n": (r - N, s),
        "s - n": (r, s - N),
        "-r": (-r, s),
        "-s": (r, -s),
        "r 0, s 1": (0, 1),
        "r 1, s 0": (1, 0),
        "r 0, s n": (0, N),
        "r + s = n, r kept": (r, N - r),
        "r + s = n, s kept": (N - s, s),
        "r 1, s n - 1": (1, N - 1),
        "r n - 1, s 1": (N - 1, 1),
        "r + s = 0 as integers": (r, -r),
    }
    for name, (left, right) in pairs.items():
        yield Case(name, "value", key.raw, message, der(left, right))


def equations(key: Key, other: Key, message: bytes, r: int, s: int, draw: Random) -> Iterator[Case]:
    """Everything in range, and yet it does not hold."""
    raw = key.raw
    e = digest(raw, message)

    def case(comment: str, left: int, right: int, said: bytes = message) -> Case:
        return Case(comment, "equation", raw, said, der(left, right))

    yield case("r and s swapped", s, r)
    for name, left, right in (
        ("n - s", r, N - s),
        ("n - r", N - r, s),
        ("both negated", N - r, N - s),
        ("r + 1", (r + 1) % N, s),
        ("s + 1", r, (s + 1) % N),
        ("r - 1", (r - 1) % N, s),
        ("s - 1", r, (s - 1) % N),
        ("2r", 2 * r % N, s),
        ("2s", r, 2 * s % N),
        ("1/s", r, pow(s, -1, N)),
        ("1/r", pow(r, -1, N), s),
        ("r = s = 1", 1, 1),
        ("r = 1", 1, s),
        ("s = 1", r, 1),
        ("r = n - 1", N - 1, s),
        ("s = n - 1", r, N - 1),
        ("r = e", e % N, s),
        ("s = e", r, e % N),
        ("r = s", r, r),
        ("s = r", s, s),
        ("r = x of the key", key.point[0] % N, s),
        ("r = x of the generator", G[0] % N, s),
    ):
        yield case(name, left, right)
    # s G + t P is the point at infinity: it has no x, whatever an implementation makes of it.
    for _ in range(4):
        right = draw.randrange(1, N)
        t = -right * pow(key.private, -1, N) % N
        yield case("s G + t P at infinity", (t - right) % N, right)
        yield case("s G + t P at infinity, r = e", e % N, (t - e) % N or 1)
    picks = (draw.sample(range(size), 8) for size in (256, 256, 8 * len(message)))
    for place, (of_r, of_s, of_message) in enumerate(zip(*picks, strict=True)):
        yield case(f"bit {of_r} of r flipped", (r ^ 1 << of_r) % N, s)
        yield case(f"bit {of_s} of s flipped", r, (s ^ 1 << of_s) % N)
        altered = bytearray(message)
        altered[of_message // 8] ^= 1 << of_message % 8
        yield case(f"bit {of_message} of the message flipped", r, s, bytes(altered))
        yield case(f"random pair {place}", draw.randrange(1, N), draw.randrange(1, N))
    for name, said in (
        ("empty message", b""),
        ("zero byte after the message", message + b"\x00"),
        ("message without its end", message[:-1]),
        ("message twice", message * 2),
        ("digest instead of the message", sm3(message)),
        ("reversed message", message[::-1]),
    ):
        yield case(name, r, s, said)
    for identity in (b"", b"ALICE123@YAHOO.COM", ID[:-1], ID + b"\x00", ID[::-1], b"\x00" * 16):
        made = sign(key, digest(raw, message, identity), draw)
        yield case(f"signed under the identifier {identity.hex() or 'of no bytes'}", *made)
    for name, wrong in (
        ("digest without Z", int.from_bytes(sm3(message), "big")),
        ("message as the digest", int.from_bytes(message[:32].ljust(32, b"\0"), "big")),
        ("digest 0", 0),
        ("digest with Z behind", int.from_bytes(sm3(message + sm3(raw)), "big")),
        ("Z of the other key", digest(other.raw, message)),
        ("e + 1", e + 1),
    ):
        yield case(f"signed over {name}", *sign(key, wrong, draw))
    yield case("signed by the other key", *sign(other, e, draw))
    yield case("signed by n minus the key", *sign(Key(N - key.private), e, draw))
    yield Case("the other public key", "equation", other.raw, message, der(r, s))
    mirrored = be(key.point[0]) + be(P - key.point[1])
    yield Case("the mirrored public key", "equation", mirrored, message, der(r, s))
    generator = be(G[0]) + be(G[1])
    yield Case("the generator as public key", "equation", generator, message, der(r, s))
    ecdsa_k = draw.randrange(1, N)
    point = times(ecdsa_k, G)
    assert point is not None
    left = point[0] % N
    right = pow(ecdsa_k, -1, N) * (e + left * key.private) % N
    yield case("an ECDSA signature on the same curve", left, right)


def keys(key: Key, message: bytes, r: int, s: int, draw: Random) -> Iterator[Case]:
    """Public keys that are no points of the curve, or not spelt as one."""
    x, y = key.point
    twist = next(v for v in range(1, 1000) if pow(v**3 + A * v + B, (P - 1) // 2, P) == P - 1)
    spellings = {
        "no bytes": b"",
        "zero": bytes(64),
        "x = 0, y = 0 of 63 bytes": bytes(63),
        "64 bytes of ff": b"\xff" * 64,
        "x only": be(x),
        "63 bytes": key.raw[:63],
        "65 bytes": key.raw + b"\x00",
        "format byte before": b"\x04" + key.raw,
        "y + 1": be(x) + be((y + 1) % P),
        "x + 1": be((x + 1) % P) + be(y),
        "y = 0": be(x) + be(0),
        "x = 0": be(0) + be(y),
        "x and y swapped": be(y) + be(x),
        "x = p": be(P) + be(y),
        "y = p": be(x) + be(P),
        "x of a small group of the twist": be(twist) + be(1),
        "y = n": be(x) + be(N),
        "a point of NIST P-256": bytes.fromhex(
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
        ),
    }
    for comment, raw in spellings.items():
        yield Case(f"public key: {comment}", "key", raw, message, der(r, s))
    for bit in draw.sample(range(512), 8):
        altered = bytearray(key.raw)
        altered[bit // 8] ^= 1 << bit % 8
        yield Case(f"public key: bit {bit} flipped", "key", bytes(altered), message, der(r, s))


def valid(key: Key, draw: Random) -> Iterator[Case]:
    """Signatures that hold, with short and long integers and messages."""
    messages = [
        b"",
        b"\x00",
        b"message digest",
        "放行报告".encode(),
        bytes(1000),
        draw.randbytes(64),
    ]
    for message in messages:
        made = sign(key, digest(key.raw, message), draw)
        text = f"{len(message)} bytes"
        yield Case(text, "valid", key.raw, message, der(*made), "valid")
    wanted = {("short", "long"), ("long", "short"), ("short", "short"), ("long", "long")}
    e = digest(key.raw, b"lengths")
    while wanted:
        r, s = sign(key, e, draw)
        kind = tuple("long" if value >> 255 else "short" for value in (r, s))
        if kind in wanted:
            wanted.discard(kind)
            text = f"r {kind[0]}, s {kind[1]}"
            yield Case(text, "valid", key.raw, b"lengths", der(r, s), "valid")
    for _ in range(2):
        while True:
            r, s = sign(key, e, draw)
            if min(r, s) >> 248 == 0:
                break
        yield Case("an integer below 2^248", "valid", key.raw, b"lengths", der(r, s), "valid")


def cases() -> Iterator[Case]:
    """All of them, in a fixed order."""
    draw = Random("jinkui/sm2-negative/1")
    for _ in range(2):
        key, other = Key(draw.randrange(1, N - 1)), Key(draw.randrange(1, N - 1))
        message = draw.randbytes(draw.randrange(20, 60))
        r, s = sign(key, digest(key.raw, message), draw)
        yield Case("as it was signed", "valid", key.raw, message, der(r, s), "valid")
        yield from encodings(key.raw, message, r, s)
        yield from values(key, message, r, s)
        yield from equations(key, other, message, r, s, draw)
        yield from keys(key, message, r, s, draw)
        yield from valid(key, draw)


def document() -> str:
    """The published file."""
    listed = list(cases())
    rows = [
        {
            "tcId": number,
            "comment": case.comment,
            "layer": case.layer,
            "public": case.public.hex(),
            "msg": case.message.hex(),
            "sig": case.signature.hex(),
            "result": case.result,
        }
        for number, case in enumerate(listed, start=1)
    ]
    head = {
        "algorithm": "SM2 with SM3 (GB/T 32918.2), signature DER (GM/T 0009), public key x and y",
        "id": ID.hex(),
        "generator": "tests/vectors/crypto/make_sm2_negative.py",
        "numberOfTests": len(rows),
    }
    text = json.dumps(head, indent=1)[:-2] + ',\n "tests": [\n'
    return text + ",\n".join("  " + json.dumps(row) for row in rows) + "\n ]\n}\n"


if __name__ == "__main__":
    OUT.write_text(document(), encoding="ascii")
