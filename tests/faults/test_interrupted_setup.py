"""A demonstration that was stopped while its home was being made simply begins again."""

from __future__ import annotations

from pathlib import Path

import pytest

from jinkui.procedures.demonstration import stage
from jinkui.procedures.demonstration.stage import NotADemoHome, furnish, prepare


class Stopped(BaseException):
    """Like a kill: nothing may catch it on the way."""


STEPS = ("create", "_enter_people", "apply_agreement", "SealedSecrets", "_write_private")


@pytest.mark.parametrize("step", STEPS)
def test_a_stop_at_any_step_leaves_no_half_home(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The home appears whole or not at all; the next run makes it.
    """
    folder = tmp_path / "demo"

    def stop(*_: object, **__: object) -> None:
        raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr(stage, step, stop)
        with pytest.raises(Stopped):
            prepare(folder, patients=12, visits=20)
    assert not folder.exists()

    toolkit, fresh = prepare(folder, patients=12, visits=20)
    with toolkit:
        assert fresh
        assert furnish(toolkit, fresh=fresh).sign_in


def test_a_folder_with_other_things_is_not_touched(tmp_path: Path) -> None:
    """
    What somebody keeps in the folder stays; the demonstration says so instead.
    """
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine", "utf-8")

    with pytest.raises(NotADemoHome):
        prepare(folder, patients=12, visits=20)
    assert (folder / "letter.txt").read_text("utf-8") == "mine"
