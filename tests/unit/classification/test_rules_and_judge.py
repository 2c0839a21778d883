"""Every rule can say yes and no, and what is not known is never a yes."""

from __future__ import annotations

from datetime import datetime

import pytest

from classification.adapters.recorded_host import RecordedHost
from classification.assessment.grammar import FactOfWrongType, holds, require_condition
from classification.assessment.judge import Assessment, judge, judge_rule
from classification.assessment.models import Automation, Outcome
from classification.assessment.rule_book import Rule, RuleBook, load_rules
from classification.catalogue.load import load_catalogue
from classification.catalogue.models import Catalogue
from classification.errors import DataFileRefused, FactsRefused
from classification.facts.collect import collect_host, facts_document
from classification.facts.models import ObjectFacts, ObjectKind
from classification.facts.own_system import OWN_FACTS, checked_own_facts
from shared_kernel.canonical_json import Json

RULES = load_rules(load_catalogue()).rules


def named(rule: Rule) -> str:
    return rule.id


def facts_of(rule: Rule, values: dict[str, Json]) -> ObjectFacts:
    return ObjectFacts(id=f"{rule.kind}:x", kind=rule.kind, facts=values)


def assess(host: RecordedHost, now: datetime, catalogue: Catalogue, rules: RuleBook) -> Assessment:
    collected = collect_host(host, "h", now)
    return judge(facts_document("test", (collected,), now), catalogue, rules)


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_the_conforming_example_passes_every_check(rule: Rule, catalogue: Catalogue) -> None:
    """
    Facts of a conforming object meet every check; the item passes if the rule settles it.
    """
    result = judge_rule(rule, facts_of(rule, dict(rule.pass_facts)), catalogue.by_id[rule.item])

    assert {check.outcome for check in result.checks} == {Outcome.PASS}
    assert result.outcome is (Outcome.PASS if rule.settles else Outcome.NOT_EVALUATED)
    assert not result.high_risk


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_the_failing_example_fails_every_check(rule: Rule, catalogue: Catalogue) -> None:
    """
    Facts of a failing object fail each check by itself, so that no check is a dead one.
    """
    result = judge_rule(rule, facts_of(rule, dict(rule.fail_facts)), catalogue.by_id[rule.item])

    assert {check.outcome for check in result.checks} == {Outcome.FAIL}
    assert result.outcome is Outcome.FAIL
    assert result.fix_zh


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_without_facts_nothing_is_decided(rule: Rule, catalogue: Catalogue) -> None:
    """
    An object nobody could look at is not evaluated: neither good nor bad.
    """
    result = judge_rule(rule, facts_of(rule, {}), catalogue.by_id[rule.item])

    assert result.outcome is Outcome.NOT_EVALUATED


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_taking_one_fact_away_never_improves_an_answer(rule: Rule, catalogue: Catalogue) -> None:
    """
    Hiding a fact cannot turn a failing object into a passing one.
    """
    item = catalogue.by_id[rule.item]
    for name in rule.fail_facts:
        left = {key: value for key, value in rule.fail_facts.items() if key != name}
        assert judge_rule(rule, facts_of(rule, left), item).outcome is not Outcome.PASS


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.kind is not ObjectKind.HOST], ids=named
)
def test_rules_about_our_own_system_use_documented_facts(rule: Rule) -> None:
    """
    A rule may ask only for what the port promises, under the type it promises.
    """
    for examples in (rule.pass_facts, rule.fail_facts):
        given = {name.removeprefix(f"{rule.kind}."): value for name, value in examples.items()}
        checked_own_facts(rule.kind, given)


def test_an_unknown_own_fact_is_refused() -> None:
    """
    A misspelled key of the bridge must not silently leave an item open.
    """
    with pytest.raises(FactsRefused, match="unknown fact store_cypher"):
        checked_own_facts(ObjectKind.STORE, {"store_cypher": "x"})
    assert len(OWN_FACTS[ObjectKind.STORE]) == len({f.key for f in OWN_FACTS[ObjectKind.STORE]})


def test_at_least_thirty_items_are_judged_over_host_store_and_daemon(rules: RuleBook) -> None:
    """
    The promise of this version: thirty items or more, on all three kinds of objects.
    """
    assert len(rules.by_item) >= 30
    assert {rule.kind for rule in rules.rules} == set(ObjectKind)
    assert rules.automation("8.1.4.1.a") is Automation.AUTO
    assert rules.automation("8.1.4.4.e") is Automation.PART
    assert rules.automation("8.1.1.1.a") is Automation.MANUAL


def test_a_weak_host_fails_where_it_is_weak(
    weak: RecordedHost, now: datetime, catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    Empty password, telnet, root login, weak SSH, forwarding: each shows in its item.
    """
    outcomes = {r.item: r for r in assess(weak, now, catalogue, rules).results}

    for item in ("8.1.4.1.a", "8.1.4.1.c", "8.1.4.2.b", "8.1.3.1.a", "8.1.4.4.a"):
        assert outcomes[item].outcome is Outcome.FAIL
    assert outcomes["8.1.4.1.a"].high_risk
    assert outcomes["8.1.4.1.a"].major_risk == "A-18"
    assert not any(r.outcome is Outcome.PASS for r in outcomes.values())


def test_a_hardened_host_passes_where_rules_settle(
    hardened: RecordedHost, now: datetime, catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    A host set up as the checks demand passes them, and no settling rule is left open.
    """
    assessment = assess(hardened, now, catalogue, rules)
    settled = {rule.item for rule in rules.rules if rule.settles and rule.kind is ObjectKind.HOST}
    passed = {r.item for r in assessment.results if r.outcome is Outcome.PASS}

    assert settled == passed


def test_missing_rights_open_answers_but_never_change_them(
    hardened: RecordedHost,
    hardened_as_user: RecordedHost,
    now: datetime,
    catalogue: Catalogue,
    rules: RuleBook,
) -> None:
    """
    What an ordinary user cannot read becomes not evaluated; nothing turns good or bad by it.
    """
    as_root = {r.item: r.outcome for r in assess(hardened, now, catalogue, rules).results}
    as_user = {r.item: r.outcome for r in assess(hardened_as_user, now, catalogue, rules).results}
    changed = {item for item in as_root if as_root[item] is not as_user[item]}

    assert changed
    assert {as_user[item] for item in changed} == {Outcome.NOT_EVALUATED}


def test_a_known_failure_is_not_hidden_behind_an_unknown_fact(
    catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    One check fails, the others are unknown: the item is failing, not open.
    """
    [rule] = [r for r in rules.by_item["8.1.4.1.a"] if r.kind is ObjectKind.HOST]
    target = facts_of(rule, {"accounts.passwords.empty": ["guest"]})

    assert judge_rule(rule, target, catalogue.by_id[rule.item]).outcome is Outcome.FAIL


def test_a_fact_of_another_type_is_an_error_and_no_pass(
    catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    A broken fact breaks the check loudly; it counts as not evaluated.
    """
    [rule] = [r for r in rules.by_item["8.1.4.2.c"] if r.kind is ObjectKind.HOST]
    target = facts_of(rule, {"accounts.last_login": "yesterday"})

    assert judge_rule(rule, target, catalogue.by_id[rule.item]).outcome is Outcome.ERROR


def test_no_remote_login_makes_its_items_inapplicable_with_a_reason(
    catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    Not applicable always says why, and that a person confirms it.
    """
    [rule] = [r for r in rules.by_item["8.1.4.1.d"] if r.kind is ObjectKind.HOST]
    result = judge_rule(rule, facts_of(rule, {"ssh.present": False}), catalogue.by_id[rule.item])

    assert result.outcome is Outcome.NOT_APPLICABLE
    assert "由人确认" in result.observed_zh


@pytest.mark.parametrize(
    ("condition", "facts", "answer"),
    [
        ({"fact": "a", "eq": 1}, {"a": 1}, True),
        ({"fact": "a", "eq": 1}, {"a": True}, False),
        ({"fact": "a", "le": 5}, {"a": None}, False),
        ({"fact": "a", "contains_none": ["x"]}, {"a": None}, True),
        ({"fact": "a", "absent": True}, {"a": None}, True),
        ({"fact": "a", "mode_within": "0640"}, {"a": "0600"}, True),
        ({"fact": "a", "mode_within": "0640"}, {"a": "0644"}, False),
        ({"fact": "a", "eq": 1}, {}, None),
        ({"all": [{"fact": "a", "eq": 1}, {"fact": "b", "eq": 1}]}, {"a": 2}, False),
        ({"any": [{"fact": "a", "eq": 1}, {"fact": "b", "eq": 1}]}, {"a": 1}, True),
        ({"any": [{"fact": "a", "eq": 1}, {"fact": "b", "eq": 1}]}, {"a": 2}, None),
        ({"not": {"fact": "a", "eq": 1}}, {}, None),
        ({"fact": "a", "each": {"fact": "n", "le": 2}}, {"a": [{"n": 1}, {"n": 3}]}, False),
        ({"fact": "a", "each": {"fact": "n", "le": 2}}, {"a": []}, True),
    ],
)
def test_logic_has_three_values(
    condition: Json, facts: dict[str, Json], answer: bool | None
) -> None:
    """
    Unknown stays unknown unless the known part decides alone (Kleene).
    """
    require_condition(condition, "test")

    assert holds(condition, facts) is answer


def test_comparing_a_text_with_a_number_is_a_fault() -> None:
    """
    No silent conversion: "90" is not 90.
    """
    with pytest.raises(FactOfWrongType):
        holds({"fact": "a", "le": 90}, {"a": "90"})


@pytest.mark.parametrize(
    "condition", [{}, [], {"fact": "a"}, {"fact": "a", "matches": ".*"}, {"all": []}, {"xor": [1]}]
)
def test_a_condition_outside_the_grammar_is_refused(condition: Json) -> None:
    """
    No regular expressions, no empty combination, no operator invented in a data file.
    """
    with pytest.raises(DataFileRefused):
        require_condition(condition, "test")


def test_every_item_of_the_catalogue_gets_an_answer(
    weak: RecordedHost, now: datetime, catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    What no rule sees is not evaluated and names the evidence that is wanted.
    """
    assessment = assess(weak, now, catalogue, rules)

    assert set(assessment.rolled) == set(catalogue.by_id)
    assert all(
        "需要" in r.observed_zh
        for r in assessment.results
        if r.outcome is Outcome.NOT_EVALUATED and not r.checks
    )
    assert assessment.coverage.items == 211
    assert assessment.coverage.evaluated + assessment.coverage.partly_evaluated < 60
