"""Every refusal reaches people and scripts in a defined form."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter

import pytest

from jinkui.cli.exit_codes import BY_VERDICT, UNEXPECTED, exit_code
from shared_kernel.errors import JinkuiError

ROOMS = (
    "shared_kernel",
    "secure_records",
    "classification",
    "incident",
    "supervision",
    "jinkui",
)


def every_error() -> list[type[JinkuiError]]:
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found: list[type[JinkuiError]] = []
    waiting = [JinkuiError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child not in found and child.__module__.split(".")[0] in ROOMS:
                found.append(child)
                waiting.append(child)
    return found


ERRORS = every_error()
VERDICTS = tuple(verdict for verdict, _ in BY_VERDICT)
ROOTS = [e for e in ERRORS if JinkuiError in e.__bases__ and e not in VERDICTS]
CONCRETE = [e for e in ERRORS if e not in ROOTS and e not in VERDICTS]


@pytest.mark.parametrize("error", CONCRETE, ids=lambda e: f"{e.__module__}.{e.__name__}")
def test_every_error_has_a_verdict_code_and_hint(error: type[JinkuiError]) -> None:
    """
    A concrete error owns an exit code, a stable dotted code and a next step.
    """
    if error.__subclasses__() and "code" not in vars(error):
        pytest.fail("an intermediate class still needs its own code")

    assert exit_code(error.__new__(error)) != UNEXPECTED
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", error.code)
    assert error.default_hint


def test_codes_are_unique() -> None:
    """
    A code names one rule only.
    """
    counted = Counter(e.code for e in CONCRETE)

    assert [code for code, times in counted.items() if times > 1] == []


def test_each_package_has_one_root() -> None:
    """
    Callers can catch everything a package refuses by one name.
    """
    by_package = Counter(e.__module__.split(".")[0] for e in ROOTS)

    assert all(times == 1 for times in by_package.values()), by_package
