"""The list of commands, which is written apart from them so that the help imports none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flowc_cli.app import SUMMARIES, load_command


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_list_has_the_first_line_of_each_command_s_help(name: str) -> None:
    command = load_command(name)
    assert command.name == name
    assert command.help.splitlines()[0] == SUMMARIES[name]


@pytest.mark.process
def test_the_help_imports_no_command() -> None:
    program = "import sys, flowc_cli.__main__ as m\ntry: m.main(['--help'])\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "flowc_cli.app" in loaded
    assert not {item for item in loaded if item.startswith(("flowc_cli.commands.", "flowc_compiler", "flowc_targets"))}
    assert not {"pydantic", "rich", "yaml", "libcst"} & loaded
