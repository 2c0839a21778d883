"""The reference of commands is what the commands say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

from jinkui.cli.exit_codes import BY_VERDICT, DONE, GAPS, NOT_CONFORM, PARTLY_CONFORM, UNEXPECTED
from jinkui.cli.manual import manual

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGE = REFERENCE / "commands.md"


def test_the_published_page_is_made_from_the_commands() -> None:
    """
    A changed option without its line in the reference would mislead whoever reads it.
    """
    assert PAGE.read_text("utf-8") == manual(), (
        "write it again: python -m jinkui.cli.manual > docs/reference/commands.md"
    )


def test_every_link_of_the_page_leads_somewhere() -> None:
    """
    Each command with --json links to its schema.
    """
    links = re.findall(r"\]\((json/[^)]*)\)", manual())

    assert len(links) > 30
    assert [link for link in links if not (REFERENCE / link).exists()] == []


def test_the_page_names_every_exit_code() -> None:
    """
    The table has the codes of the one map, and none besides.
    """
    named = {int(code) for code in re.findall(r"^\| (\d+) \|", manual(), flags=re.MULTILINE)}

    assert named == {
        DONE,
        UNEXPECTED,
        PARTLY_CONFORM,
        NOT_CONFORM,
        GAPS,
        *(code for _, code in BY_VERDICT),
    }


def test_every_command_and_option_is_explained() -> None:
    """
    No section without a sentence, and no section twice.
    """
    sections = re.findall(r"^#{2,4} (jinkui.*)\n\n(.*)$", manual(), flags=re.MULTILINE)

    assert len({name for name, _ in sections}) == len(sections) > 40
    assert [name for name, sentence in sections if not sentence] == []
