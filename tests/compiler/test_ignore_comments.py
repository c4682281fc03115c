"""`# flowc: ignore[FC317]`: where a comment counts, what it cannot ignore, and comments that ignore nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowc_cli.checking import CheckOptions, check_file
from flowc_cli.flow_options import FlowOptions
from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink, FlowcError
from flowc_compiler.diagnostics.codes import CODES, IGNORABLE_ERRORS
from flowc_compiler.driver import compile_file
from flowc_compiler.rewrite.fixes import plan_fixes
from tests.docs.pages import DIAGNOSTICS
from tests.support import write_files

FLOW = """\
{top}
from flowc import FlowSpec, gpu_profile, step
{head}
class F(FlowSpec):
{above}
    @step
    def start(self):
        self.x = 1
{body}
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def flow_text(body: str = "pass", top: str = "", head: str = "\n", above: str = "") -> str:
    """A flow with these lines in its first step, in its class before that step, and at its top."""
    indented = "\n".join(f"        {line}" if line else line for line in body.splitlines())
    around = "\n".join(f"    {line}" for line in above.splitlines())
    return FLOW.format(body=indented, top=top, head=head, above=around)


def checked(folder: Path, text: str, *, flow: str | None = None, **others: str) -> list[Diagnostic]:
    """All diagnostics of a file, as `flowc check` has them."""
    write_files(folder, {"flow.py": text, **{f"{name}.py": other for name, other in others.items()}})
    return list(check_file(folder / "flow.py", CheckOptions(FlowOptions(flow))).sink.diagnostics)


def codes(found: list[Diagnostic]) -> list[str]:
    return [item.code for item in found]


IGNORED = {
    "behind the line": "print(self.y)  # flowc: ignore[FC317]",
    "without spaces": "print(self.y)  #flowc:ignore[FC317]",
    "a space before the bracket": "print(self.y)  # flowc: ignore [FC317]",
    "several codes": "print(self.y)  # flowc: ignore[FC317, FC120]",
    "several codes without a space": "print(self.y)  # flowc: ignore[FC120,FC317]",
    "a reason": "print(self.y)  # flowc: ignore[FC317] the base class of a plugin sets it",
    "behind another comment": "print(self.y)  # type: ignore  # flowc: ignore[FC317]",
    "before another comment": "print(self.y)  # flowc: ignore[FC317]  # noqa: E501",
    "on the first line of a statement": "print(  # flowc: ignore[FC317]\n    1,\n    self.y,\n)",
    "on the last line of a statement": "print(\n    1,\n    self.y,\n)  # flowc: ignore[FC317]",
    "on the line within a statement": "print(\n    1,\n    self.y,  # flowc: ignore[FC317]\n)",
    "behind a text of several lines": 'print(f"""\n{1}\n""", self.y)  # flowc: ignore[FC317]',
    "behind a text before which it stands": 'print(self.y, """\n""")  # flowc: ignore[FC317]',
    "behind a continued line": "x = self.x + \\\n    self.y  # flowc: ignore[FC317]",
    "two statements on a line": "a = 1; print(self.y)  # flowc: ignore[FC317]",
    "the line of an if": "if self.y:  # flowc: ignore[FC317]\n    pass",
    "a body on the line of its if": "if 1: print(self.y)  # flowc: ignore[FC317]",
    "a line of its own": "# flowc: ignore[FC317] it is there\nprint(self.y)",
    "a line of its own, and others": "# flowc: ignore[FC317]\n# another comment\n\nprint(\n    self.y,\n)",
    "a line of its own within a statement": "print(\n    1,\n    # flowc: ignore[FC317]\n    self.y,\n)",
    "non-ASCII text before it": "print('äöü', self.y)  # flowc: ignore[FC317] größer",
    "tabs": "if 1:\n\tprint(self.y)\t# flowc: ignore[FC317]",
}


@pytest.mark.parametrize("body", IGNORED.values(), ids=[name.replace(" ", "-") for name in IGNORED])
def test_a_comment_ignores(body: str, tmp_path: Path) -> None:
    text = flow_text(body)
    assert codes(checked(tmp_path, text)) == []
    assert codes(checked(tmp_path, re.sub("#.*ignore.*", "", text))) == ["FC317"]


NOT_IGNORED = {
    "another code": ("print(self.y)  # flowc: ignore[FC318]", ["FC317", "FC120"]),
    "another line": ("x = 1  # flowc: ignore[FC317]\nprint(self.y)", ["FC120", "FC317"]),
    "the line above a blank one": ("# flowc: ignore[FC317]\nx = 1\nprint(self.y)", ["FC120", "FC317"]),
    "the line of an if": ("if 1:  # flowc: ignore[FC317]\n    print(self.y)", ["FC120", "FC317"]),
    "another line of a statement": ("print(\n    1,  # flowc: ignore[FC317]\n    self.y,\n)", ["FC120", "FC317"]),
    "a text": ("print('# flowc: ignore[FC317]', self.y)", ["FC317"]),
    "a text of several lines": ("print('''\n# flowc: ignore[FC317]\n''', self.y)", ["FC317"]),
    "an f-string": ("print(f'{self.y} # flowc: ignore[FC317]')", ["FC317"]),
    "a comment that is another one": ("print(self.y)  # flowc ignores FC317", ["FC317"]),
    "a longer word": ("print(self.y)  # flowc: ignored[FC317]", ["FC317"]),
    "no code": ("print(self.y)  # flowc: ignore", ["FC317", "FC121"]),
    "empty brackets": ("print(self.y)  # flowc: ignore[]", ["FC317", "FC121"]),
    "no brackets": ("print(self.y)  # flowc: ignore FC317", ["FC317", "FC121"]),
    "a colon for brackets": ("print(self.y)  # flowc: ignore: FC317 why", ["FC317", "FC121"]),
    "parentheses": ("print(self.y)  # flowc: ignore(FC317)", ["FC317", "FC121"]),
    "small letters": ("print(self.y)  # flowc: ignore[fc317]", ["FC317", "FC121"]),
    "an unknown code": ("print(self.y)  # flowc: ignore[E501]", ["FC317", "FC121"]),
    "a prefix": ("print(self.y)  # flowc: ignore[FC3]", ["FC317", "FC121"]),
}


@pytest.mark.parametrize(("body", "wanted"), NOT_IGNORED.values(), ids=[name.replace(" ", "-") for name in NOT_IGNORED])
def test_a_comment_does_not_ignore(body: str, wanted: list[str], tmp_path: Path) -> None:
    found = checked(tmp_path, flow_text(body))
    assert sorted(codes(found)) == sorted(wanted)
    assert all(item.help for item in found)


FIXED = {
    "print(self.y)  # flowc: ignore": "print(self.y)  # flowc: ignore[FC317]",
    "print(self.y)  # flowc: ignore, please": "print(self.y)  # flowc: ignore[FC317], please",
    "print(self.y)  # flowc: ignore[]": "print(self.y)  # flowc: ignore[FC317]",
    "print(self.y)  # flowc: ignore: FC317 why": "print(self.y)  # flowc: ignore[FC317] why",
    "print(self.y)  # flowc: ignore(FC317) why": "print(self.y)  # flowc: ignore[FC317] why",
    "print(self.y)  # flowc: ignore[fc317]": "print(self.y)  # flowc: ignore[FC317]",
    "print(self.y)  # flowc: ignore[FC317, FC318] why": "print(self.y)  # flowc: ignore[FC317] why",
    "print(self.y)  # flowc: ignore[FC319,FC317,FC318]": "print(self.y)  # flowc: ignore[FC317]",
    "print(self.x)  # flowc: ignore[FC317] why": "print(self.x)",
    "print(self.x)  # flowc: ignore[FC317]  # noqa: E501": "print(self.x)  # noqa: E501",
    "print(self.x)  # type: ignore  # flowc: ignore[FC317, FC318]": "print(self.x)  # type: ignore",
    "x = 1\n# flowc: ignore[FC317] why\n\nprint(1)": "x = 1\n\nprint(1)",
    "x = [\n    # flowc: ignore[FC317]\n    1,\n]": "x = [\n    1,\n]",
    "if 1:  # flowc: ignore[FC317]\n    pass": "if 1:\n    pass",
}  # fmt: skip


@pytest.mark.parametrize(("body", "wanted"), FIXED.items())
def test_a_comment_is_fixed(body: str, wanted: str, tmp_path: Path) -> None:
    (edit,) = plan_fixes(checked(tmp_path, flow_text(body)))
    assert edit.after.decode() == flow_text(wanted)
    (tmp_path / "flow.py").write_bytes(edit.after)
    assert codes(checked(tmp_path, edit.after.decode())) == []


DECORATED = {
    "the def": (1, "@gpu_profile(interval=1)\n@step\ndef a(self):  # flowc: ignore[FC409]"),
    "a def of several lines": (1, "@gpu_profile(interval=1)\n@step\ndef a(\n    self,\n):  # flowc: ignore[FC409]"),
    "the decorator": (1, "@gpu_profile(interval=1)  # flowc: ignore[FC409]\n@step\ndef a(self):"),
    "its first line": (1, "@gpu_profile(  # flowc: ignore[FC409]\n    interval=1,\n)\n@step\ndef a(self):"),
    "its last line": (1, "@gpu_profile(\n    interval=1,\n)  # flowc: ignore[FC409]\n@step\ndef a(self):"),
    "above the decorators": (1, "# flowc: ignore[FC409]\n@gpu_profile(interval=1)\n@step\ndef a(self):"),
    "above the def": (1, "@gpu_profile(interval=1)\n@step\n# flowc: ignore[FC409]\ndef a(self):"),
    "another decorator": (0, "@gpu_profile(interval=1)\n@step  # flowc: ignore[FC409]\ndef a(self):"),
    "another def": (0, "def b(self): ...  # flowc: ignore[FC409]\n@gpu_profile(interval=1)\n@step\ndef a(self):"),
    "the class": (0, "@gpu_profile(interval=1)\n@step\ndef a(self):"),
}


@pytest.mark.parametrize(("ignored", "head"), DECORATED.values(), ids=[name.replace(" ", "-") for name in DECORATED])
def test_comments_at_definitions(ignored: int, head: str, tmp_path: Path) -> None:
    text = flow_text(above=f"{head}\n    self.next(self.end)").replace("self.next(self.end)", "self.next(self.a)", 2)
    text = text.replace("self.next(self.a)", "self.next(self.end)", 1)
    if ignored == 0 and "ignore" not in head:
        text = text.replace("class F(FlowSpec):", "class F(FlowSpec):  # flowc: ignore[FC409]")
    found = codes(checked(tmp_path, text))
    assert sorted(found) == ([] if ignored else ["FC120", "FC409"])


def test_a_comment_in_a_local_module(tmp_path: Path) -> None:
    base = "from flowc import FlowSpec\n\nclass Base(FlowSpec):\n    def show(self):\n        print(self.y){}\n"
    text = flow_text("self.show()", head="from base import Base\n").replace("class F(FlowSpec)", "class F(Base)")
    (found,) = checked(tmp_path, text, base=base.format(""))
    assert found.span is not None
    assert found.span.file.endswith("base.py")
    assert checked(tmp_path, text, base=base.format("  # flowc: ignore[FC317]")) == []
    # Another flow may need a comment that this one does not.
    assert codes(checked(tmp_path, text, base=base.format("  # flowc: ignore[FC317, FC318]"))) == []
    (bare,) = checked(tmp_path, text, base=base.format("  # flowc: ignore"))[1:]
    assert bare.code == "FC121"
    assert bare.span is not None
    assert bare.span.file.endswith("base.py")


PIPELINE = """\
from flowc import pipeline, step

@step
def load() -> str:
    return "1"

@step
def work(x: int) -> int:
    return 1

@pipeline
def flow():
    work(load()){0}
    {1}
"""


def test_errors_of_types_in_a_pipeline(tmp_path: Path) -> None:
    assert codes(checked(tmp_path, PIPELINE.format("", ""))) == ["FC310"]
    text = PIPELINE.format("  # flowc: ignore[FC310]", "")
    assert checked(tmp_path, text) == []
    sink = DiagnosticSink()
    flow = compile_file(tmp_path / "flow.py", sink).flow
    assert [item.name for item in flow.steps if not item.virtual] == ["load", "work"]
    assert not sink.failed


REFUSED = {
    "FC201": "self.next(self.nowhere)  # flowc: ignore[FC201]",
    "FC203": "self.next(*[self.end])  # flowc: ignore[FC203] known",
    "FC214": "self.next(self.end, num_parallel=2)  # flowc: ignore[FC214, FC317]",
}


@pytest.mark.parametrize("code", REFUSED)
def test_errors_that_cannot_be_ignored(code: str, tmp_path: Path) -> None:
    found = checked(tmp_path, flow_text().replace("self.next(self.end)", REFUSED[code]))
    errors = [item for item in found if item.severity == "error"]
    (said,) = [item for item in found if item.code == "FC121"]
    assert code in codes(errors)
    assert f"{code} cannot be ignored" in said.message
    assert {item.span.line for item in errors if item.code == code and item.span} == {
        said.span.line if said.span else 0
    }


def test_a_file_that_is_not_valid_has_no_comments(tmp_path: Path) -> None:
    assert "FC101" in codes(checked(tmp_path, flow_text("print(  # flowc: ignore[FC101]\n    self.x x\n)")))


def test_what_there_is_no_pipeline_without_cannot_be_ignored(tmp_path: Path) -> None:
    """FC312 may be ignored, but not where the graph depends on it."""
    found = checked(tmp_path, PIPELINE.format("  # flowc: ignore[FC310]", 'work.map({"a": 1})  # flowc: ignore[FC312]'))
    assert codes(found) == ["FC312", "FC121"]
    assert "FC312 cannot be ignored" in found[1].message
    with pytest.raises(FlowcError):
        compile_file(tmp_path / "flow.py")


def test_a_comment_is_unused_only_if_all_was_looked_at(tmp_path: Path) -> None:
    unused = "x = 1  # flowc: ignore[FC317]"
    assert codes(checked(tmp_path, flow_text(unused))) == ["FC120"]
    # Whether it is, is not known before the graph is right.
    wrong = flow_text(unused).replace("self.next(self.end)", "self.next(self.nowhere)")
    assert set(codes(checked(tmp_path, wrong))) == {"FC201"}
    # What a target says of it is not known here.
    assert codes(checked(tmp_path, flow_text("x = 1  # flowc: ignore[FC501, FC412]"))) == []
    # One that need not be used.
    assert codes(checked(tmp_path, flow_text("x = 1  # flowc: ignore[FC317, FC120]"))) == []


def test_a_comment_is_unused_if_no_flow_of_the_file_needs_it(tmp_path: Path) -> None:
    text = flow_text("print(self.y)  # flowc: ignore[FC317]")
    second = flow_text("print(1)  # flowc: ignore[FC318]").replace("class F(", "class G(")
    both = text + second
    found = checked(tmp_path, both)
    assert [(item.code, item.message.split()[3].strip(",")) for item in found] == [("FC120", "FC318")]
    assert checked(tmp_path, both, flow="F") == []
    assert codes(checked(tmp_path, flow_text("print(1)  # flowc: ignore[FC318]"), flow="F")) == ["FC120"]


def test_thousands_of_comments_take_linear_time(tmp_path: Path) -> None:
    lines = [f"print(self.y{n})  # flowc: ignore[FC317]" for n in range(3000)]
    assert checked(tmp_path, flow_text("\n".join(lines))) == []


def test_the_index_lists_the_errors_that_may_be_ignored() -> None:
    text = (DIAGNOSTICS / "index.md").read_text()
    (listed,) = re.findall(r"^Of errors, only (.*?) may be ignored", text, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"FC\d{3}", listed)) == IGNORABLE_ERRORS
    assert set(CODES) >= IGNORABLE_ERRORS
