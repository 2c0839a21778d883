"""Is this a unified social credit code, and what about it looks unusual?

GB 32100: authority class, organisation class, six digits of area, nine of
organisation code, one check character modulo 31. The check character decides;
class and area only warn, because authorities add new ones and because some
issued codes break the inner rule of the organisation code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from stdnum.cn import uscc

from secure_records.registry.errors import NumberRefused

_SHAPE: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}\Z")

_CLASSES: Final = re.compile(r"1[1239]|3[123459]|5[1239]|9[123]|A[19]|N[1239]|Y1")
"""Authority class and organisation class in use."""

_PROVINCES: Final = re.compile(r"1[0-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12]")
"""First two digits of GB/T 2260; 10 stands for authorities of the centre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditCode:
    """A code whose check character holds."""

    code: str
    """Upper case, half width, no separators."""

    warnings: tuple[str, ...]
    """``class_unknown``, ``area_unknown``."""


def read_credit_code(text: str, path: str) -> CreditCode:
    """Read a code as typed; ``path`` is named in errors.

    Raises:
        NumberRefused: other length or alphabet, or a wrong check character.
    """
    code = uscc.compact(text)
    if _SHAPE.match(code) is None:
        raise NumberRefused(f"{path}: expected 18 characters of a credit code", where=path)
    if uscc.calc_check_digit(code[:-1]) != code[-1]:
        raise NumberRefused(f"{path}: the check character does not fit", where=path)
    warnings = []
    if _CLASSES.fullmatch(code[:2]) is None:
        warnings.append("class_unknown")
    if _PROVINCES.fullmatch(code[2:4]) is None:
        warnings.append("area_unknown")
    return CreditCode(code=code, warnings=tuple(warnings))
