"""What does the reference of all commands say?

``docs/reference/commands.md`` is made from the commands themselves; a test compares the
two. Write it again with ``python -m jinkui.cli.manual > docs/reference/commands.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from jinkui.cli.entry import root

_HEAD: Final = """\
# 命令参考 · Commands

本页由命令本身生成（`python -m jinkui.cli.manual`），由测试核对。数据走标准输出，说明走标准错误；
加 `--json` 时标准输出恰为一个 JSON 文档，模式见 [`json/`](json/)，
出错时为 [`error`](json/error.schema.json)。

This page is made from the commands themselves and compared by a test. Data goes to standard
output, talk to standard error; with `--json` standard output is exactly one JSON document, whose
schema lies in [`json/`](json/); on failure it is [`error`](json/error.schema.json).

*Pure* commands need no home and write nothing. 标为 *Pure* 的命令不需要数据目录，也不写入任何内容。

| 退出码 exit code | 含义 | meaning |
|---|---|---|
| 0 | 完成；符合 | done; conforms |
| 1 | 金匮自身的缺陷 | a defect of Jinkui itself |
| 2 | 用法或输入有误 | usage or malformed input |
| 3 | 核验不通过 | verification failed |
| 4 | 拒绝（权限、准入、保全） | refused (access, admission, hold) |
| 5 | 不存在 | not found |
| 6 | 上游或平台失败 | upstream or platform failed |
| 7 | 超过时限 | time limit reached |
| 10 | 基本符合 | partly conforms |
| 11 | 不符合 | does not conform |
| 12 | 有未评估项，不能下结论 | gaps: not evaluated |
"""


def manual() -> str:
    """The whole page, Markdown."""
    with click.Context(root, info_name="jinkui") as context:
        parts = [_HEAD, _section(root, context)]
        parts += [_section(command, inner) for command, inner in _commands(root, context)]
    return "\n".join(parts)


def _commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """Every command below a group, a group before its own, each with its context."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            raise TypeError(f"{name} is listed and not there")
        with click.Context(command, parent=context, info_name=name) as inner:
            yield command, inner
            if isinstance(command, click.Group):
                yield from _commands(command, inner)


def _section(command: click.Command, context: click.Context) -> str:
    path = context.command_path
    depth = min(4, path.count(" ") + 2)
    lines = [f"{'#' * depth} {path}", "", (command.help or "").strip(), ""]
    usage = command.get_usage(context).removeprefix("Usage: ")
    lines += ["```text", " ".join(usage.split()), "```", ""]
    rows = [
        record
        for parameter in command.get_params(context)
        if "--help" not in parameter.opts and (record := _row(parameter)) is not None
    ]
    if rows:
        lines += ["| option | |", "|---|---|", *rows, ""]
    if any("--json" in parameter.opts for parameter in command.params):
        name = "-".join(path.split()[1:])
        lines += [f"JSON: [`{name}`](json/{name}.schema.json)", ""]
    return "\n".join(lines)


def _row(parameter: click.Parameter) -> str | None:
    if not isinstance(parameter, click.Option):
        return None
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    kind = parameter.type
    if isinstance(kind, click.Choice):
        names += " " + " \\| ".join(f"`{choice}`" for choice in kind.choices)
    elif not parameter.is_flag:
        names += f" `{parameter.metavar or _kind(kind)}`"
    said = [(parameter.help or _SAID.get(parameter.name or "", "")).strip()]
    if parameter.required:
        said.append("Required.")
    default = parameter.default
    if isinstance(default, str | int) and not isinstance(default, bool) and default != "":
        said.append(f"Default: `{default}`.")
    return f"| {names} | {' '.join(part for part in said if part)} |"


def _kind(kind: click.ParamType[object]) -> str:
    if isinstance(kind, click.IntRange):
        return f"{kind.min}–{kind.max}"
    return kind.name.upper()


_SAID: Final = {"as_json": "One JSON document on standard output."}
"""Words for options that need none in the short help."""


if __name__ == "__main__":
    click.echo(manual(), nl=False)
