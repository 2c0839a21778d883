"""The catalogue is whole, and cannot lose a requirement unnoticed."""

from __future__ import annotations

import shutil
from collections import Counter
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from classification.assessment.rule_book import RuleBook
from classification.catalogue.data_files import parse_data
from classification.catalogue.listing import items
from classification.catalogue.load import read_catalogue
from classification.catalogue.models import Catalogue
from classification.errors import DataFileRefused

COUNTS = {
    "8.1.1": 22,
    "8.1.2": 8,
    "8.1.3": 20,
    "8.1.4": 34,
    "8.1.5": 12,
    "8.1.6": 7,
    "8.1.7": 14,
    "8.1.8": 12,
    "8.1.9": 34,
    "8.1.10": 48,
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    with as_file(files("classification.catalogue") / "mlps_level3") as folder:
        return Path(shutil.copytree(folder, tmp_path / "catalogue"))


def replace(file: Path, old: str, new: str, count: int = 1) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, count), "utf-8")


def test_every_general_requirement_of_level_three_is_there(catalogue: Catalogue) -> None:
    """
    GB/T 22239-2019 chapter 8.1 has 211 items in ten categories; none may be missing.
    """
    assert Counter(item.category for item in catalogue.items) == COUNTS
    assert len({item.id for item in catalogue.items}) == 211


def test_both_languages_and_the_verified_flag_travel_with_every_item(catalogue: Catalogue) -> None:
    """
    Whoever reads an item learns what it asks, in both languages, and whether it was checked.
    """
    assert all(item.zh and item.en and isinstance(item.verified, bool) for item in catalogue.items)
    assert sum(len(item.checks) for item in catalogue.items) == 299
    assert sum(1 for item in catalogue.items if item.high_risk) == 61


def test_listing_says_what_this_version_does_by_itself(
    catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    ``auto`` and ``part`` are said only of items with a rule; the listing names every item.
    """
    listed = items(catalogue, rules.automation)
    assert isinstance(listed, dict)
    rows = listed["items"]
    automated = {row["id"] for row in rows if row["automation"] != "manual"}

    assert len(rows) == 211
    assert automated == set(rules.by_item)
    assert len(automated) >= 30


def test_a_repeated_key_is_refused_with_its_line() -> None:
    """
    A YAML parser would silently keep the second value; a requirement must not vanish so.
    """
    with pytest.raises(DataFileRefused, match=r"x\.yaml line 2: key a is given twice"):
        parse_data("a: one\na: two\n", "x.yaml")


@pytest.mark.parametrize("text", ["a: on", "a: 2025-03-20", "a: 0.5", "a: 0640", "a: 0x10"])
def test_values_that_yaml_would_reinterpret_are_refused(text: str) -> None:
    """
    Booleans spelled ``on``, dates, floats and octal numbers must be quoted.
    """
    with pytest.raises(DataFileRefused, match="in quotes"):
        parse_data(text, "x.yaml")


def test_a_missing_item_is_noticed(copy: Path) -> None:
    """
    The counts of meta.yaml must be met; the message names the file.
    """
    file = copy / "8.1.6.yaml"
    text = file.read_text("utf-8")
    file.write_text(text[: text.rindex("\n- id:") + 1], "utf-8")

    with pytest.raises(DataFileRefused, match=r"8\.1\.6\.yaml: 6 items, 7 expected"):
        read_catalogue(copy)


def test_a_repeated_item_is_noticed(copy: Path) -> None:
    """
    An id names one requirement only.
    """
    replace(copy / "8.1.6.yaml", "id: 8.1.6.2.b", "id: 8.1.6.2.a")
    replace(copy / "8.1.6.yaml", "letter: b", "letter: a")

    with pytest.raises(DataFileRefused, match=r"8\.1\.6\.2\.a appears twice"):
        read_catalogue(copy)


def test_an_unknown_key_is_noticed(copy: Path) -> None:
    """
    A misspelled key would otherwise lose what it says; file and item are named.
    """
    replace(copy / "8.1.6.yaml", "vs_level2:", "vs_level_2:")

    with pytest.raises(DataFileRefused, match=r"8\.1\.6\.yaml item 8\.1\.6\.1\.a: unknown key"):
        read_catalogue(copy)


def test_the_digest_names_the_exact_catalogue(copy: Path, catalogue: Catalogue) -> None:
    """
    Two verdicts with the same catalogue digest were judged by the same requirements.
    """
    assert read_catalogue(copy).digest == catalogue.digest
    replace(copy / "8.1.6.yaml", "verified: true", "verified: false")
    assert read_catalogue(copy).digest != catalogue.digest
