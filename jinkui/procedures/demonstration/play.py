"""In which order does the demonstration happen, and how is it told?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jinkui.procedures.demonstration.assessing import check
from jinkui.procedures.demonstration.breaching import breach
from jinkui.procedures.demonstration.stage import (
    Stage,
    furnish,
    prepare,
    provincial_platform,
)
from jinkui.procedures.demonstration.storing import read, store
from jinkui.procedures.demonstration.telling import Chapter
from jinkui.wiring.toolkit import Toolkit

Step = Callable[[str, str], None]
"""Told before each path: its name in Chinese and in English."""

Advance = Callable[[int], None]


def set_the_stage(folder: Path, *, patients: int, visits: int) -> tuple[Toolkit, Stage]:
    """Make or find the home and everything in it."""
    toolkit, fresh = prepare(folder, patients=patients, visits=visits)
    return toolkit, furnish(toolkit, fresh=fresh)


def play(stage: Stage, step: Step, advance: Advance) -> tuple[Chapter, ...]:
    """All four paths, in order."""
    with provincial_platform(stage) as platform:
        step("就诊记录加密入库", "storing visits")
        stored_chapter, stored = store(stage, advance)
        step("合作方按协议读取，核验日志", "partners read, the log is verified")
        read_chapter = read(stage, stored)
        step("三级自查，官方测评结果上报", "self-assessment, official result uploaded")
        check_chapter = check(stage, platform, lambda _name, done, _total: advance(done))
        step("凭据被盗：定级、计时、范围、报告", "stolen credential: grade, clocks, scope, reports")
        breach_chapter = breach(stage, stored, platform)
    return stored_chapter, read_chapter, check_chapter, breach_chapter
