"""Whatever the open items turn out to be, the verdict stays inside the bounds given before."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from classification.assessment.models import Outcome
from classification.assessment.results_input import Scored
from classification.assessment.verdict_settings import parse_assignments, settings_from
from classification.assessment.verdicts import UNDETERMINED, both_verdicts
from classification.catalogue.models import Importance, Side

STRICT = settings_from({})
OUTCOMES = [o for o in Outcome if o not in {Outcome.ERROR, Outcome.WAIVED}]

rows = st.lists(
    st.builds(
        Scored,
        item=st.sampled_from([f"i{n}" for n in range(12)]),
        object=st.sampled_from("abc"),
        outcome=st.sampled_from(OUTCOMES),
        side=st.just(Side.TECHNICAL),
        importance=st.sampled_from(Importance),
        high_risk=st.booleans(),
        major_risk=st.booleans(),
    ),
    max_size=40,
    unique_by=lambda row: (row.item, row.object),
)


@given(rows=rows, data=st.data())
@settings(derandomize=True, deadline=None, max_examples=100)
def test_evaluating_what_was_open_stays_between_the_bounds(
    rows: list[Scored], data: st.DataObject
) -> None:
    """
    rate_low and rate_high hold for every way the open results can turn out.
    """
    before = both_verdicts(rows, STRICT)
    decided = [
        replace(
            row, outcome=data.draw(st.sampled_from([Outcome.PASS, Outcome.PARTIAL, Outcome.FAIL]))
        )
        if row.outcome is Outcome.NOT_EVALUATED
        else row
        for row in rows
    ]
    after = both_verdicts(decided, STRICT)
    low, high = before.v2025.rate_low, before.v2025.rate_high

    assert after.v2025.rate_low == after.v2025.rate_high
    if low is not None and high is not None:
        assert after.v2025.rate_low is not None
        assert low <= after.v2025.rate_low <= high
        assert before.v2021.score is not None
        assert before.v2021.score_high is not None
        assert after.v2021.score is not None
        assert before.v2021.score <= after.v2021.score <= before.v2021.score_high
    if before.v2025.conclusion != UNDETERMINED:
        assert after.v2025.conclusion == before.v2025.conclusion


@given(rows=rows)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_verdicts_do_not_depend_on_the_order_of_results(rows: list[Scored]) -> None:
    """
    Two people who list the same results differently get the same verdict.
    """
    assert both_verdicts(rows, STRICT) == both_verdicts(rows[::-1], STRICT)


@given(rows=rows, share=st.sampled_from(["0", "0.25", "0.5", "1"]))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_the_strict_default_never_looks_better(rows: list[Scored], share: str) -> None:
    """
    Giving partial results some credit can only raise the rate.
    """
    lenient = both_verdicts(rows, parse_assignments((f"partial_2025={share}",))).v2025
    strict = both_verdicts(rows, STRICT).v2025

    assert (strict.rate_low or Fraction(0)) <= (lenient.rate_low or Fraction(0))
