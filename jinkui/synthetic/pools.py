"""Where do invented names and addresses come from?

Faker (an extra: ``jinkui[demo]``) is asked once for pools; drawing a line's
name from a pool is a thousand times cheaper than asking for each line.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from jinkui.synthetic.errors import FakerMissing

_ROMAN = ("SMITH ANNA", "MUELLER JONAS", "TANAKA YUI", "ROSSI LUCA", "NGUYEN LINH", "KIM MINJI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """Invented names by sex, and addresses."""

    male: tuple[str, ...]
    female: tuple[str, ...]
    addresses: tuple[str, ...]
    roman: tuple[str, ...] = _ROMAN
    """Names as foreign passports write them."""

    def name(self, draw: Random, sex: str) -> str:
        """An invented name; ``sex`` is GB/T 2261.1."""
        return draw.choice(self.male if sex == "1" else self.female)


def draw_pools(seed: int, size: int) -> Pools:
    """``size`` names per sex and as many addresses.

    Raises:
        FakerMissing: the extra is not installed.
    """
    try:
        from faker import Faker  # noqa: PLC0415 - optional: only the demo needs it
    except ModuleNotFoundError as error:
        raise FakerMissing("the synthetic hospital needs the package Faker") from error
    fake = Faker("zh_CN")
    fake.seed_instance(seed)
    return Pools(
        male=tuple(fake.name_male() for _ in range(size)),
        female=tuple(fake.name_female() for _ in range(size)),
        addresses=tuple(
            f"{fake.province()}{fake.city()}{fake.street_address()}" for _ in range(size)
        ),
    )
