"""What every test of this room starts from: the shipped catalogue and rules, and synthetic hosts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from classification.adapters.recorded_host import RecordedHost
from classification.assessment.rule_book import RuleBook, load_rules
from classification.catalogue.load import load_catalogue
from classification.catalogue.models import Catalogue

HOSTS = Path(__file__).parents[2] / "vectors" / "mlps" / "hosts"
NOW = datetime.fromtimestamp(1_760_000_000, UTC)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def rules(catalogue: Catalogue) -> RuleBook:
    return load_rules(catalogue)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def hardened() -> RecordedHost:
    return RecordedHost(HOSTS / "hardened.json")


@pytest.fixture
def hardened_as_user() -> RecordedHost:
    return RecordedHost(HOSTS / "hardened_as_user.json")


@pytest.fixture
def weak() -> RecordedHost:
    return RecordedHost(HOSTS / "weak.json")
