"""How do measured figures get into ``docs/performance.md``, and only measured ones?

With ``--write``: runs every bench in a process of its own, shows its table and,
unless the rounds are quick, puts the tables between the marks of the page. Without
``--write`` it does nothing, so a loop over all files of this folder may meet it.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import argparse
import ast
import json
import subprocess
from pathlib import Path
from typing import Any, Final

from rounds import goal_text, met_text, number, peers_text, plain_table, share

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent / "docs" / "performance.md"
BEGIN: Final = "<!-- figures: written by bench/performance_page.py -->"
END: Final = "<!-- end of figures -->"
_ENOUGH_SECONDS: Final = 1200


def benches() -> tuple[Path, ...]:
    """Every file here that declares cases, by name."""
    return tuple(path for path in sorted(HERE.glob("*.py")) if declared_cases(path))


def declared_cases(path: Path) -> bool:
    """Whether the file has a ``CASES`` of its own; nothing is imported for that."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    targets = [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id == "CASES" for target in targets)


def main() -> None:
    """Run, show and perhaps write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="run every bench, write the page")
    parser.add_argument("--quick", action="store_true", help="lighter rounds; the page stays")
    given, _ = parser.parse_known_args()
    if not given.write:
        return
    sections: list[str] = []
    for bench in benches():
        document = measured(bench, quick=given.quick)
        print("\n".join([bench.stem, *plain_table(document["cases"]), ""]), flush=True)
        sections += section(bench.stem, document)
    if given.quick:
        print("quick rounds: docs/performance.md was left as it is", file=sys.stderr)
        return
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), sections), encoding="utf-8")


def measured(bench: Path, *, quick: bool) -> dict[str, Any]:
    """The JSON of one bench; what it says on standard error is passed on."""
    command = [sys.executable, str(bench), "--json", *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=_ENOUGH_SECONDS)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def section(name: str, document: dict[str, Any]) -> list[str]:
    """One bench as Markdown."""
    lines = [
        f"### {name}",
        "",
        _ran(name, document["machine"]),
        "",
        "| case | ours | limit | of limit | peers | goal | met |",
        "| --- | ---: | ---: | ---: | --- | --- | --- |",
    ]
    for row in document["cases"]:
        cells = [
            row["case"],
            f"{number(row['ours'])} {row['unit']}",
            number(row["limit"]),
            share(row["of_limit"]),
            peers_text(row) or "-",
            goal_text(row) or "-",
            met_text(row),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _ran(name: str, machine: dict[str, Any]) -> str:
    load = f"load {machine['load']} over five minutes"
    where = f"{machine['cpus']} x {machine['cpu']} ({load}), Python {machine['python']}"
    command = f"`.venv/bin/python bench/{name}.py`"
    versions = ", ".join(f"{name} {version}" for name, version in machine["peers"].items())
    beside = f" Peers that could be imported: {versions}." if versions else ""
    return f"{command}: {machine['rounds']} rounds on {where}, {machine['measured_on']}.{beside}"


def rewritten(page: str, sections: list[str]) -> str:
    """The page with new figures between its marks."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return "\n".join([head + BEGIN, "", *sections, END]) + tail


if __name__ == "__main__":
    main()
