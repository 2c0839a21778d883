"""Which numbers have a real structure and belong to nobody?

Identity numbers use sequence digits from 900 up, which areas seldom reach, and
telephone numbers the block 0000 after the network prefix. Check characters are
computed by ``stdnum``, so that validators accept what is made here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Final

from stdnum.cn import ric, uscc

AREAS: Final = (
    ("110105", 0),
    ("110108", 0),
    ("120103", 0),
    ("310104", 0),
    ("310109", 0),
    ("330106", 1983),
    ("370102", 1983),
    ("420106", 1983),
    ("610113", 1983),
    ("440305", 1990),
    ("510104", 1990),
    ("460105", 2002),
    ("460106", 2002),
)
"""GB/T 2260 districts and the first year for which the code was given."""

_NETWORKS: Final = ("134", "138", "139", "150", "152", "158", "177", "186", "188", "199")
_FIRST_SEQUENCE: Final = 900
_LAST_SEQUENCE: Final = 999


def resident_id(draw: Random, birth_date: date, sex: str) -> str:
    """A citizen identity number with correct check character; ``sex`` is GB/T 2261.1."""
    sequence = draw.randrange(_FIRST_SEQUENCE, _LAST_SEQUENCE, 2) + (sex == "1")
    area = draw.choice([code for code, since in AREAS if since <= birth_date.year])
    body = f"{area}{birth_date:%Y%m%d}{sequence:03d}"
    # The library wants all 18 characters and ignores the last.
    return f"{body}{ric.calc_check_digit(f'{body}0')}"


def credit_code(draw: Random, prefix: str, area: str) -> str:
    """A unified social credit code; ``prefix`` is authority and class, e.g. ``91``, ``12``.

    The inner organisation code (GB 11714) gets its own check character.
    """
    organisation = f"MA{draw.randrange(10**6):06d}"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(c, 36) * w for c, w in zip(organisation, weights, strict=True))
    check = "0123456789X0"[11 - total % 11]
    body = f"{prefix}{area}{organisation}{check}"
    return f"{body}{uscc.calc_check_digit(body)}"


def phones(draw: Random) -> Iterator[str]:
    """Mobile numbers, none twice."""
    everything = [f"{network}0000{n:04d}" for network in _NETWORKS for n in range(10_000)]
    draw.shuffle(everything)
    yield from everything
    # Beyond the block that was set aside the middle digits count up: still none twice.
    for middle in range(1, 10_000):
        yield from (f"{network}{middle:04d}{n:04d}" for network in _NETWORKS for n in range(10_000))


def practice_no(level: str, category: str, area: str, serial: int) -> str:
    """医师执业证书编码: 15 digits."""
    return f"{level}{category}{area}{serial:06d}"


def digest_of(*parts: str) -> str:
    """``sha256:…`` of synthetic material that does not exist as a file."""
    return f"sha256:{hashlib.sha256('/'.join(parts).encode()).hexdigest()}"


def signature_of(serial: str, *parts: str) -> dict[str, str]:
    """An opaque signature object: its shape is right, its value signs nothing."""
    value = hashlib.sha512("/".join((serial, *parts)).encode()).digest()
    return {
        "algorithm": "sm2-sm3",
        "certificate_serial": serial,
        "value": base64.b64encode(value).decode("ascii"),
    }
