"""What all commands share: help in groups, options that are alike, completion, colors, and `python -m flowc`."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flowc.__main__ import NO_COMMAND_LINE
from flowc.__main__ import main as python_m
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc.store.task_log import TaskLog
from flowc_cli.__main__ import main
from flowc_cli.app import SUMMARIES, app, load_command
from flowc_cli.help_groups import COMMANDS, OTHERS, option_name
from flowc_cli.output import has_color
from tests.support import START_AND_END, flowc, write_files

HEAD = "from flowc import FlowSpec, Parameter, resources, step\n\n\n"
FLOW = f"{HEAD}class F(FlowSpec):\n    alpha = Parameter('alpha', default=1)\n{START_AND_END}"
SETTINGS = "[tool.flowc.profiles.prod]\nimage = 'x'\n[tool.flowc.profiles.test]\nimage = 'x'\n"
SAME_NAME_ONLY = {"attempt", "from", "keep", "format", "output", "target", "approve", "dry_run"}
"""Runs and a folder; a time and a deployment; diagnostics and graphs; a file and a flag; of a run, and of a step."""


def test_every_option_has_one_name_and_one_text() -> None:
    seen: dict[str, tuple[object, ...]] = {}
    for command in SUMMARIES:
        for option in load_command(command).params:
            if option.param_type_name != "option":
                continue
            name = option_name(option)
            about = (sorted(option.opts), option.metavar, option.help)
            if name not in SAME_NAME_ONLY:
                assert seen.setdefault(name, about) == about, (command, name)
            assert option.is_flag or option.metavar, (command, name)


@pytest.mark.parametrize("command", SUMMARIES)
def test_help_in_groups(command: str, tmp_path: Path) -> None:
    text = flowc(tmp_path, command, "--help").stdout
    assert not re.search(r"<\w+(\[\w+\])?>|\{[a-z]+\}\.\.\.", text), text
    assert "Trust and settings:" in text
    others = text.partition(f"\n{OTHERS}:")[2]
    own = set(re.findall(r"^  (?:-\w, )?--([\w-]+)", others, re.MULTILINE))
    assert len(own) <= 6, own
    assert text.startswith(f"Usage: flowc {command} [OPTIONS]")


def test_commands_in_groups(tmp_path: Path) -> None:
    assert sorted(name for names in COMMANDS.values() for name in names.split()) == sorted(SUMMARIES)
    text = flowc(tmp_path, "--help").stdout
    assert [text.index(f"{title}:") for title in COMMANDS] == sorted(text.index(f"{title}:") for title in COMMANDS)


COMPLETIONS = {
    "try flow.py st": ["start"],
    "compile flow.py --with resou": ["resources"],
    "compile flow.py --with retry:times=2,mi": ["retry:times=2,minutes_between_retries="],
    "diff flow.py --against cl": ["cluster"],
    "compile --target ": ["airflow", "argo"],
    "compile --kind ": ["workflow", "template", "cron", "deployment"],
    "compile -t airflow --operator ": ["kubernetes", "local"],
    "compile flow.py --set pod_gc_": ["pod_gc_delay="],
    "compile flow.py --set suspend=": ["suspend=true", "suspend=false"],
    "compile flow.py --flow ": ["F"],
    "compile flow.py -p ": ["alpha="],
    "run flow.py --alp": ["--alpha"],
    "run flow.py --profile ": ["prod", "test"],
    "check flow.py --select FC31": None,
    "show ": ["F/"],
    "show F/": ["F/run-2", "F/run-1"],
    "logs F/run-1/": ["F/run-1/start"],
    "explain FC31": None,
    "compile none.py -p ": [],
    "compile -t none --set ": [],
}


@pytest.mark.parametrize("line", COMPLETIONS)
def test_completion(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"flow.py": FLOW, "pyproject.toml": SETTINGS})
    for run in ("run-1", "run-2"):
        (tmp_path / ".flowc/F" / run / "start").mkdir(parents=True)
        (tmp_path / ".flowc/F" / run / "run.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOWC_ROOT", raising=False)
    words = f"flowc {line}"
    variables = {"_FLOWC_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = CliRunner().invoke(app, [], prog_name="flowc", env=variables)
    found = done.stdout.split()
    wanted = COMPLETIONS[line]
    assert found == wanted if wanted is not None else "FC317" in found, done.stderr


BEHIND_BREAKS = {
    "compile flow.py --set suspend=": ["true", "false"],
    "compile flow.py --set suspend=fa": ["false"],
    "compile flow.py --set=suspend=t": ["true"],
    "compile flow.py --set=pod_gc_": ["pod_gc_delay="],
    "compile --target=ar": ["argo"],
    "compile --target=": ["airflow", "argo"],
    "compile -t airflow --operator=l": ["local"],
    "compile flow.py --with retry:mi": ["minutes_between_retries="],
    "compile flow.py --with retry:times=2,mi": ["2,minutes_between_retries="],
    "compile flow.py --set kind=cron --set suspend=t": ["true"],
    "compile flow.py --env A=b -p ": ["alpha="],
    "compile flow.py --set kind= --targ": ["--target"],
    "compile --root s3://bucket/a -t ": ["airflow", "argo"],
    "run flow.py --alpha=3 --profile=p": ["prod"],
}


@pytest.mark.parametrize("line", BEHIND_BREAKS)
def test_completion_of_words_as_bash_splits_them(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At `=` and `:`, each of which is a word; what is completed takes the place of the last word only."""
    write_files(tmp_path, {"flow.py": FLOW, "pyproject.toml": SETTINGS})
    monkeypatch.chdir(tmp_path)
    words = [word for item in f"flowc {line}".split(" ") for word in re.findall(r"[=:]+|[^=:]+", item) or [""]]
    variables = {
        "_FLOWC_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1),
    }  # fmt: skip
    done = CliRunner().invoke(app, [], prog_name="flowc", env=variables)
    assert done.stdout.split() == BEHIND_BREAKS[line], done.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


COLORS: list[tuple[dict[str, str], bool, bool]] = [
    ({}, True, True),
    ({}, False, False),
    ({"TERM": "dumb"}, True, False),
    ({"NO_COLOR": "1"}, True, False),
    ({"NO_COLOR": ""}, True, True),
    ({"FORCE_COLOR": "1"}, False, True),
    ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
    ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ({"FORCE_COLOR": ""}, False, False),
]


@pytest.mark.parametrize(("variables", "terminal", "wanted"), COLORS)
def test_colors(variables: dict[str, str], terminal: bool, wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert has_color(Terminal() if terminal else io.StringIO()) is wanted


def test_forced_colors_reach_diagnostics(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW.replace("self.end", "self.ende")})
    assert "\x1b[" in flowc(tmp_path, "check", "flow.py", FORCE_COLOR="1").stderr
    assert "\x1b[" not in flowc(tmp_path, "check", "flow.py", FORCE_COLOR="1", NO_COLOR="1").stderr


def test_python_m_flowc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert python_m(["--version"]) == 0
    assert capsys.readouterr().out.startswith("flowc ")
    assert python_m(["chekc"]) == 2
    said = capsys.readouterr().err
    assert "Usage: python -m flowc" in said
    assert "Did you mean 'check'" in said
    assert python_m(["task"]) != 0  # the shim's own word
    assert "--step is missing" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "flowc_cli.__main__", None)
    assert python_m(["check", "flow.py"]) == 2
    assert capsys.readouterr().err.endswith(NO_COMMAND_LINE)
    assert python_m(["--help"]) == 0


KEYWORDS = {
    "@resources(cpuu=2)\n    @step": ("cpuu", "did you mean `cpu`?"),
    "@step(strat=True)": ("strat", "did you mean `start`?"),
    "@resources(\n        cpu=1,\n        memry = (2),\n    )\n    @step": ("memry", "did you mean `memory`?"),
}


@pytest.mark.parametrize("decorator", KEYWORDS)
def test_the_caret_is_on_the_name(decorator: str, tmp_path: Path) -> None:
    name, help_text = KEYWORDS[decorator]
    write_files(
        tmp_path,
        {"flow.py": FLOW.replace("@step", decorator, 1)},
    )
    text = flowc(tmp_path, "check", "flow.py").stderr
    assert help_text in text
    line, carets = re.findall(rf"^\s*\d+ \|(.*\b{name}\b.*)\n\s*\|(.*)$", text, re.MULTILINE)[0]
    assert line[carets.index("^") : carets.rindex("^") + 1] == name


def test_the_caret_in_calls(tmp_path: Path) -> None:
    text = FLOW.replace("default=1", "defualt=1").replace("self.next(self.end)", "self.next(self.end, foreeach='x')")
    write_files(tmp_path, {"flow.py": text})
    said = flowc(tmp_path, "check", "flow.py").stderr
    for name, wanted in (("defualt", "did you mean `default`?"), ("foreeach", "did you mean `foreach`?")):
        line, carets = re.findall(rf"^\s*\d+ \|(.*\b{name}\b.*)\n\s*\|(.*)$", said, re.MULTILINE)[0]
        assert line[carets.index("^") : carets.rindex("^") + 1] == name
        assert wanted in said


def test_mistakes_of_all_phases_in_one_run(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW.replace("@step", "@step(strat=True)", 1) + "        print(self.zzz)\n"})
    (tmp_path / "pyproject.toml").write_text("[tool.flowc]\nimag = 'x'\n[tool.flowc.argo]\nkindd = 'x'\n")
    said = flowc(tmp_path, "compile", "flow.py", "--set", "podd=1").stderr
    for part in ("strat", "zzz", "imag`", "kindd", "podd"):
        assert part in said, part


def test_the_default_of_a_parameter_that_is_empty(tmp_path: Path) -> None:
    empty = "alpha = Parameter('alpha', default='')\n    beta = Parameter('beta', default=' ')"
    (tmp_path / "flow.py").write_text(FLOW.replace("alpha = Parameter('alpha', default=1)", empty))
    text = flowc(tmp_path, "run", "flow.py", "--help").stdout
    assert '--alpha (str) [default: ""]' in text
    assert '--beta (str) [default: " "]' in text


@pytest.mark.parametrize(
    ("arguments", "help_text"),
    [
        ("run flow.py --max-worker 2", "did you mean `--max-workers`?"),
        ("run flow.py --qiet", "did you mean `--quiet`?"),
        ("run flow.py --alhpa 2", "did you mean `alpha`?"),
        ("run flow.py --zzzzzz 2", "its parameters are alpha"),
        ("try flow.py start --no-rum", "did you mean `--no-run`?"),
        ("resume flow.py --max-worker 2", "did you mean `--max-workers`?"),
        ("try flow.py strat --no-run", "did you mean `start`?"),
        ("try flow.py start --no-run --artifact strat.x=1", "did you mean `start`?"),
        ("resume flow.py strat", "did you mean `start`?"),
        ("resume flow.py --zzzzzz", "see `flowc resume --help`"),
    ],
)
def test_a_misspelt_option_or_step(tmp_path: Path, arguments: str, help_text: str) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / ".flowc" / "F" / "1").mkdir(parents=True)
    (tmp_path / ".flowc" / "F" / "1" / "run.json").write_text('{"flow": "F", "run": "1", "created": 1}')
    done = flowc(tmp_path, *arguments.split())
    assert done.returncode == 2
    assert f"help: {help_text}" in done.stderr


@pytest.mark.parametrize(
    "arguments", [("targets",), ("logs", "Train"), ("export", "Train", "-o", "-"), ("report", "Train", "-o", "-")]
)
def test_a_reader_that_has_gone_ends_it_quietly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    layout = RunLayout(open_store(str(tmp_path)), "Train", "argo-1")
    layout.begin("start", (), 0, {"version": 1, "started": 1.0, "host": "pod", "last": False})
    log = TaskLog(1 << 20)
    log.add(b"o", b"line\n", 1.0)
    for name, parts in log.changed().items():
        layout.store.write(f"{layout.folder('start', (), 0)}/{name}", parts)
    root = () if arguments == ("targets",) else ("--root", str(tmp_path))
    reader, writer = os.pipe()
    os.close(reader)
    with io.FileIO(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe, write_through=True))
        with pytest.raises(SystemExit) as ended:
            main([*arguments, *root])
    assert (ended.value.code or 0, capsys.readouterr().err) == (0, "")
