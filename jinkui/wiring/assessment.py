"""What does a self-assessment look at and judge with?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from classification.adapters.local_host import LocalHost
from classification.assessment.rule_book import RuleBook, load_rules
from classification.catalogue.load import load_catalogue
from classification.catalogue.models import Catalogue
from classification.ports import HostReader

LOCAL = "localhost"


@cache
def catalogue() -> Catalogue:
    """The level-3 catalogue."""
    return load_catalogue()


def rules() -> RuleBook:
    """The rules of this version."""
    return load_rules(catalogue())


def local_readers() -> Mapping[str, HostReader]:
    """This machine."""
    return {LOCAL: LocalHost()}
