"""How does the security team check the house and prove the verdict?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from classification.assessment.results_input import parse_results
from classification.assessment.verdict_settings import SETTINGS, parse_assignments
from classification.assessment.verdicts import both_verdicts, plain_numbers
from classification.catalogue.listing import items as item_list
from classification.verify import verify_facts_or_report
from jinkui.cli.exit_codes import DONE, GAPS, NOT_CONFORM, PARTLY_CONFORM
from jinkui.cli.json_files import LARGEST, read_json
from jinkui.cli.output import print_json, print_table, progress, talk
from jinkui.cli.session import terminal
from jinkui.procedures.input_files import read_file
from jinkui.procedures.self_assessment import FORMATS, write_report
from jinkui.procedures.self_assessment import assess as assess_home
from jinkui.wiring.assessment import LOCAL, catalogue, rules
from secure_records.keys.signing_keys import Verifier, sm3_function

_EXIT: Mapping[str, int] = {"符合": DONE, "基本符合": PARTLY_CONFORM, "不符合": NOT_CONFORM}
_VERIFICATION_FAILED = 3


@click.group()
def assess() -> None:
    """MLPS level-3 self-assessment (自查): items, run, verdict, report, verify, settings."""


@assess.command("items")
@click.option("--json", "as_json", is_flag=True)
def items_command(*, as_json: bool) -> int:
    """Every control item and what this version decides about it by itself. Pure."""
    book = rules()
    document = item_list(catalogue(), book.automation)
    if as_json:
        print_json(document)
        return DONE
    rows = [
        (item.id, book.automation(item.id).value, item.control_point_zh, item.zh)
        for item in catalogue().items
    ]
    print_table(catalogue().edition, ("item", "automation", "control point", "text"), rows)
    return DONE


@assess.command("run")
@click.option("--target", "targets", multiple=True, type=click.Choice([LOCAL]))
@click.option("--setting", "settings", multiple=True, metavar="NAME=VALUE")
@click.option("--json", "as_json", is_flag=True)
def run_command(targets: tuple[str, ...], settings: tuple[str, ...], *, as_json: bool) -> int:
    """Check this host, the store and the daemon; read-only, no root needed."""
    del targets  # one target exists today; the option keeps its place
    chosen = parse_assignments(settings) if settings else None
    with terminal() as desk:
        actor = desk.officer("assessment.run").actor
        with progress("self-assessment 自查", quiet=as_json) as advance:
            timed = assess_home(
                desk.toolkit, actor, chosen, lambda _step, done, total: advance(done, total)
            )
    document = timed.run.summary(timed.seconds)
    conclusion = timed.run.assessment.verdicts.v2025.conclusion
    if as_json:
        print_json(document)
    else:
        _print_verdicts(document["verdicts"])
        talk(f"run {timed.run.run_id}; report: jinkui assess report {timed.run.run_id} --out F")
    return _EXIT.get(conclusion, GAPS)


@assess.command("verdict")
@click.argument("results", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--setting", "settings", multiple=True, metavar="NAME=VALUE")
@click.option("--json", "as_json", is_flag=True)
def verdict_command(results: Path, settings: tuple[str, ...], *, as_json: bool) -> int:
    """Both verdicts (2021 score, 2025 conclusion) from RESULTS, a JSON array. Pure."""
    scored = parse_results(read_json(results), catalogue())
    verdicts = both_verdicts(scored, parse_assignments(settings))
    document = plain_numbers(verdicts)
    if as_json:
        print_json(document)
    else:
        _print_verdicts(document)
    return _EXIT.get(verdicts.v2025.conclusion, GAPS)


@assess.command("report")
@click.argument("run")
@click.option("--format", "form", type=click.Choice(FORMATS), default="html", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--json", "as_json", is_flag=True)
def report_command(run: str, form: str, out: Path, *, as_json: bool) -> int:
    """Write the report of RUN."""
    with terminal() as desk:
        desk.officer("assessment.report")
        path = write_report(desk.toolkit, run, form, out, desk.language)
    if as_json:
        print_json({"run_id": run, "format": form, "path": str(path)})
    else:
        talk(f"written: {path}")
    return DONE


@assess.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True)
def verify_command(file: Path, *, as_json: bool) -> int:
    """Recompute every verdict of a signed facts or report FILE. Pure."""
    found = verify_facts_or_report(
        read_file(file, LARGEST), catalogue(), rules(), (sm3_function,), Verifier()
    )
    if as_json:
        print_json(found.to_json())
    else:
        talk("ok" if found.ok else "failed")
        print_table("mismatches", ("place",), [(place,) for place in found.mismatches])
    return DONE if found.ok else _VERIFICATION_FAILED


@assess.command("settings")
@click.option("--json", "as_json", is_flag=True)
def settings_command(*, as_json: bool) -> int:
    """Values that the templates leave open, their choices and strict defaults. Pure."""
    if as_json:
        print_json(
            {
                "settings": [
                    {"name": s.name, "default": s.default, "choices": list(s.choices)}
                    for s in SETTINGS
                ]
            }
        )
        return DONE
    rows = [(s.name, s.default, ", ".join(s.choices)) for s in SETTINGS]
    print_table("settings", ("name", "default", "choices"), rows)
    return DONE


def _print_verdicts(verdicts: object) -> None:
    if not isinstance(verdicts, Mapping):
        raise TypeError("verdicts are an object")
    rows = [
        (name, key, "—" if value is None else str(value))
        for name in ("2025", "2021")
        for key, value in verdicts[name].items()
    ]
    print_table("自查 self-assessment, not an official evaluation", ("template", "", "value"), rows)
