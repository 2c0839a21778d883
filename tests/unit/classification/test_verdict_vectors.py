"""Both verdict rules agree with the worked examples and with the limits' own words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from classification.assessment.results_input import parse_results
from classification.assessment.verdict_settings import parse_assignments
from classification.assessment.verdicts import both_verdicts, exact_json, plain_numbers
from classification.catalogue.models import Catalogue
from classification.errors import ResultsRefused, SettingRefused
from shared_kernel.canonical_json import Json, canonical_bytes

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "mlps" / "verdicts.json").read_text("utf-8")
)["cases"]


def rows_of(case: dict[str, object], catalogue: Catalogue) -> list[Json]:
    """Deal the groups of a vector out over catalogue items of the wanted side."""
    technical = [i.id for i in catalogue.items if i.side == "technical"]
    management = [i.id for i in catalogue.items if i.side == "management"]
    rest = [i.id for i in catalogue.extensions if i.side]
    pools = {"technical": technical, "management": management}
    every = technical + management + rest
    rows: list[Json] = []
    for side, importance, outcome, count in case["groups"]:  # type: ignore[attr-defined]
        pool = pools.get(side, every)
        for _ in range(count):
            rows.append(
                {
                    "item": pool.pop(0),
                    "object": "o",
                    "outcome": outcome,
                    "importance": importance,
                    "high_risk": len(rows) < case.get("high_risk", 0),  # type: ignore[operator]
                    "major_risk": len(rows) < case.get("major_risk", 0),  # type: ignore[operator]
                }
            )
    return rows


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_worked_examples(case: dict[str, object], catalogue: Catalogue) -> None:
    """
    The worked examples of both templates come out to the last printed digit.
    """
    settings = parse_assignments(tuple(case["settings"]))  # type: ignore[arg-type]
    results = parse_results(rows_of(case, catalogue), catalogue)
    stated = exact_json(both_verdicts(results, settings))

    for template in ("2021", "2025"):
        expected = case.get(f"expect_{template}", {})
        assert isinstance(expected, dict)
        assert {key: stated[template][key] for key in expected} == expected  # type: ignore[index,call-overload]


def verdict(catalogue: Catalogue, *rows: dict[str, Json], settings: tuple[str, ...] = ()) -> Json:
    full = [{"object": "o", "importance": "general", **row} for row in rows]
    parsed = parse_results(full, catalogue)
    return exact_json(both_verdicts(parsed, parse_assignments(settings)))


def test_an_item_conforms_only_when_every_object_does(catalogue: Catalogue) -> None:
    """
    One failing object out of two makes the item partial, which counts nothing by default.
    """
    rows = (
        {"item": "8.1.4.1.a", "object": "a", "outcome": "pass"},
        {"item": "8.1.4.1.a", "object": "b", "outcome": "fail"},
    )

    assert verdict(catalogue, *rows)["2025"]["rate_low"] == "0.0000"
    assert verdict(catalogue, *rows, settings=("rate_unit=object",))["2025"]["rate_low"] == "0.5000"
    assert verdict(catalogue, *rows, settings=("partial_2025=0.5",))["2025"]["rate_low"] == "0.5000"
    assert verdict(catalogue, *rows)["2021"]["score"] == "50.00"


def test_a_failing_object_bounds_the_item_from_above(catalogue: Catalogue) -> None:
    """
    With one object failing, evaluating the other cannot make the item conform any more.
    """
    rows = (
        {"item": "8.1.4.1.a", "object": "a", "outcome": "fail"},
        {"item": "8.1.4.1.a", "object": "b", "outcome": "not_evaluated"},
    )

    assert verdict(catalogue, *rows)["2025"]["rate_high"] == "0.0000"
    whole = verdict(catalogue, *rows, settings=("undetermined=item",))
    assert whole["2025"]["rate_high"] == "1.0000"


def test_an_inapplicable_object_does_not_count(catalogue: Catalogue) -> None:
    """
    Not applicable leaves base and numerator alike.
    """
    rows = (
        {"item": "8.1.4.1.a", "object": "a", "outcome": "pass"},
        {"item": "8.1.4.1.a", "object": "b", "outcome": "not_applicable"},
        {"item": "8.1.4.1.b", "outcome": "not_applicable"},
    )

    assert verdict(catalogue, *rows)["2025"]["rate_low"] == "1.0000"


def test_a_waived_finding_counts_as_what_it_waives(catalogue: Catalogue) -> None:
    """
    A waiver postpones repair; it does not raise a rate. Unnamed, it waives a failure.
    """
    partial = {"item": "8.1.4.1.a", "outcome": "waived", "waives": "partial"}
    unnamed = {"item": "8.1.4.1.a", "outcome": "waived"}

    assert verdict(catalogue, partial)["2021"]["technical"] == "0.00"
    assert verdict(catalogue, partial)["counts"]["partial"] == 1
    assert verdict(catalogue, unnamed)["counts"]["fail"] == 1


def test_a_proposed_major_risk_leaves_the_conclusion_open(catalogue: Catalogue) -> None:
    """
    The catalogue merely proposes: a rate above 90 % with an undecided proposal has no conclusion.
    """
    rows = [{"item": f"8.1.1.{n}.a", "outcome": "pass"} for n in range(1, 10)]
    rows.append({"item": "8.1.1.10.a", "outcome": "pass", "major_risk_proposed": True})
    stated = verdict(catalogue, *rows)["2025"]

    assert stated["major_risks"] == 0
    assert stated["conclusion"] == "undetermined"


def test_ninety_points_with_a_medium_risk_is_good_only(catalogue: Catalogue) -> None:
    """
    90 or more with a medium risk is 良; without one it is 优.
    """
    rows = [{"item": item.id, "outcome": "pass"} for item in catalogue.items[:-1]]
    last = {"item": catalogue.items[-1].id, "outcome": "fail"}

    assert verdict(catalogue, *rows, last)["2021"]["grade"] == "优"
    assert verdict(catalogue, *rows, {**last, "medium_risk": True})["2021"]["grade"] == "良"
    strict = verdict(catalogue, *rows, last, settings=("unrated_problem=medium",))
    assert strict["2021"]["grade"] == "良"


def test_major_risks_are_counted_by_item_unless_told_otherwise(catalogue: Catalogue) -> None:
    """
    One trigger on two hosts is one major risk.
    """
    rows = [{"item": "8.1.4.1.a", "object": o, "outcome": "fail", "major_risk": True} for o in "ab"]

    assert verdict(catalogue, *rows)["2025"]["major_risks"] == 1
    assert (
        verdict(catalogue, *rows, settings=("major_risk_unit=result",))["2025"]["major_risks"] == 2
    )


def test_numbers_for_scripts_are_numbers(catalogue: Catalogue) -> None:
    """
    Standard output carries fractions from 0 to 1 and points as JSON numbers.
    """
    results = parse_results([{"item": "8.1.4.1.a", "object": "o", "outcome": "pass"}], catalogue)
    plain = plain_numbers(both_verdicts(results, parse_assignments(())))

    assert json.loads(json.dumps(plain))["2025"]["rate_low"] == 1.0
    assert json.loads(json.dumps(plain))["2021"]["score"] == 100.0


def test_signed_material_has_no_floats(catalogue: Catalogue) -> None:
    """
    What is signed is exact: decimals as text, the rate as a fraction beside it.
    """
    rows = [
        {"item": i.id, "outcome": "pass" if n % 3 else "fail"}
        for n, i in enumerate(catalogue.items)
    ]

    assert canonical_bytes(verdict(catalogue, *rows))
    assert verdict(catalogue, *rows)["2025"]["rate_low_exact"] == "140/211"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({}, "JSON array"),
        ([1], r"results\[0\] is not an object"),
        ([{"item": "8.1.4.1.a", "object": "o", "outcome": "ok"}], "outcome must be one of"),
        ([{"item": "8.9.9.9.z", "object": "o", "outcome": "pass"}], "does not know item"),
        ([{"item": "8.1.4.1.a", "outcome": "pass"}], "object is missing"),
        (
            [{"item": "8.1.4.1.a", "object": "o", "outcome": "pass", "importance": "huge"}],
            "importance",
        ),
        (
            [{"item": "8.1.4.1.a", "object": "o", "outcome": "pass", "high_risk": 1}],
            "true or false",
        ),
        ([{"item": "8.1.4.1.a", "object": "o", "outcome": "pass"}] * 2, "appears twice"),
    ],
)
def test_malformed_results_get_one_clear_error(
    value: Json, complaint: str, catalogue: Catalogue
) -> None:
    """
    Bad rows are refused by place and reason, before anything is computed.
    """
    with pytest.raises(ResultsRefused, match=complaint):
        parse_results(value, catalogue)


@pytest.mark.parametrize(
    "text", ["at_90", "at_91=basic", "at_90=maybe", "partial_2025=2", "partial_2025=-1",
             "technical_weight=0", "technical_weight=1", "factor_key=x", "partial_2021=1e3",
             "partial_2025=1/0"]
)  # fmt: skip
def test_unknown_settings_and_values_are_refused(text: str) -> None:
    """
    A misspelled setting must not silently leave the default in force.
    """
    with pytest.raises(SettingRefused):
        parse_assignments((text,))
