"""How does a newcomer start the demonstration?"""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from jinkui.cli.entry import Invocation
from jinkui.cli.output import print_json, stderr_console, talk
from jinkui.procedures.demonstration.play import play, set_the_stage
from jinkui.procedures.demonstration.stage import SEED
from jinkui.procedures.demonstration.telling import Chapter, render
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.system_clock import SystemClock, stopwatch
from jinkui.wiring.toolkit import Toolkit
from shared_kernel.instants import CHINA, instant_text

BROKEN_PROMISE = 3
"""Exit code when a path did not go as promised."""

_PATIENTS = 1000
_VISITS = 3000


@click.group(invoke_without_command=True)
@click.option("--no-serve", is_flag=True, help="End after the summary.")
@click.option("--patients", type=click.IntRange(10, 100_000), default=_PATIENTS, show_default=True)
@click.option("--visits", type=click.IntRange(60, 300_000), default=_VISITS, show_default=True)
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Language of the summary.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the console; 0: a free one.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def demo(
    context: click.Context,
    patients: int,
    visits: int,
    lang: str | None,
    port: int | None,
    *,
    no_serve: bool,
    as_json: bool,
) -> int:
    """Play all four paths on a synthetic hospital, then serve the console."""
    if context.invoked_subcommand is not None:
        return 0
    invocation = context.find_object(Invocation)
    if invocation is None:
        raise TypeError("the command was called without its options")
    language = lang or invocation.language
    began = stopwatch()
    toolkit, stage = set_the_stage(invocation.home, patients=patients, visits=visits)
    with toolkit:
        zh = language == "zh"
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=stderr_console(), transient=True) as bar:
            task = bar.add_task("", total=None)

            def step(name_zh: str, name_en: str) -> None:
                name = name_zh if zh else name_en
                if not bar.console.is_terminal:
                    talk(f"… {name}")
                bar.reset(task, description=name, total=None)

            chapters = play(stage, step, lambda done: bar.update(task, completed=done))
        total = stopwatch() - began
        if as_json:
            print_json(_document(chapters, total, toolkit))
        else:
            click.echo(render(chapters, language, total))
        ok = all(chapter.ok for chapter in chapters)
        if not no_serve:
            _serve(toolkit, port, stage.sign_in, zh=zh)
    return 0 if ok else BROKEN_PROMISE


@demo.command("hospital")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--patients", type=click.IntRange(10, 1_000_000), default=_PATIENTS)
@click.option("--visits", type=click.IntRange(1, 3_000_000), default=_VISITS)
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--bad-lines", type=click.IntRange(0, 1000), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def hospital_command(
    out: Path, patients: int, visits: int, seed: int, bad_lines: int, *, as_json: bool
) -> int:
    """Write a synthetic hospital: registry.yaml and visits.jsonl, ready to import."""
    start = SystemClock().now().astimezone(CHINA).date().replace(day=1)
    hospital = SyntheticHospital(seed, patients, visits, start=start)
    out.mkdir(parents=True, exist_ok=True)
    hospital.write_registry(out / "registry.yaml")
    expected = hospital.write_lines_with_faults(out / "visits.jsonl", bad_lines)
    document = {
        "registry": str(out / "registry.yaml"),
        "visits": str(out / "visits.jsonl"),
        "refusals": [{"line": e.line, "code": e.code_family} for e in expected],
    }
    if as_json:
        print_json(document)
    else:
        talk(f"written: {document['registry']}, {document['visits']}")
    return 0


def _serve(toolkit: Toolkit, port: int | None, accounts: dict[str, str], *, zh: bool) -> None:
    from jinkui.daemon.serving import AddressTaken, serve  # noqa: PLC0415 - web stack only if used

    def ready(address: str) -> None:
        talk(f"控制台 {address}（Ctrl-C 结束）" if zh else f"console {address} (Ctrl-C to stop)")

    # Before the port is tried: whoever starts the console later needs them too.
    talk("")
    talk("控制台账号" if zh else "console accounts")
    for account, password in accounts.items():
        talk(f"  {account} / {password}")
    host = toolkit.home.text("daemon", "host")
    usual = toolkit.home.number("daemon", "port")
    try:
        serve(toolkit, host, usual if port is None else port, ready)
    except AddressTaken:
        if port is not None:
            raise
        talk(
            f"端口 {usual} 已被占用，改用空闲端口"
            if zh
            else f"port {usual} is taken, using a free one"
        )
        serve(toolkit, host, 0, ready)


def _document(chapters: tuple[Chapter, ...], total: float, toolkit: Toolkit) -> dict[str, object]:
    return {
        "ok": all(chapter.ok for chapter in chapters),
        "at": instant_text(toolkit.clock.now()),
        "seconds": round(total, 3),
        "paths": [
            {
                "zh": chapter.zh,
                "en": chapter.en,
                "ok": chapter.ok,
                "seconds": round(chapter.seconds, 3),
                "lines": [{"zh": line.zh, "en": line.en, "ok": line.ok} for line in chapter.lines],
            }
            for chapter in chapters
        ],
    }
