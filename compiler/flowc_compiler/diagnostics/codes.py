"""The registry of diagnostic codes. A code never changes its meaning; each has a page in docs/ and a test."""

from __future__ import annotations

from typing import NamedTuple


class DiagnosticCode(NamedTuple):
    """A code and its title.

    FC1xx syntax, FC2xx graph, FC3xx parameters and artifacts, FC4xx specs, FC5xx targets, FC6xx runs.
    """

    code: str
    title: str


_TITLES = {
    "FC101": "the file is not valid Python",
    "FC102": "no flow in the file",
    "FC103": "more than one flow in the file",
    "FC104": "the file cannot be read",
    "FC105": "a base class that flowc cannot see",
    "FC106": "a name that flowc does not serve",
    "FC107": "a step's signature is wrong",
    "FC108": "a statement in a flow's body that flowc cannot follow",
    "FC110": "a pipeline's body has code that flowc does not evaluate",
    "FC111": "a pipeline's body needs the value of a result",
    "FC112": "an expression in a pipeline's body fails",
    "FC113": "the arguments of a call do not match its parameters",
    "FC114": "a pipeline's body takes too much work to evaluate",
    "FC115": "a pipeline's body uses a value that flowc cannot see",
    "FC116": "a statement that does nothing",
    "FC117": "a pipeline is called more than once",
    "FC118": "a text that cannot be written in UTF-8",
    "FC119": "a variable of the environment is not read when flowc compiles",
    "FC120": "a comment that ignores nothing",
    "FC121": "codes that cannot be ignored",
    "FC201": "an unknown step in self.next",
    "FC202": "a step without self.next",
    "FC203": "flowc cannot read self.next",
    "FC204": "the graph has a loop",
    "FC205": "a step is never reached",
    "FC206": "start or end is missing",
    "FC207": "a branch or foreach is not joined",
    "FC208": "a join joins nothing, or the wrong steps",
    "FC209": "the name of a step or a flow is not allowed",
    "FC210": "a step takes inputs and is not a join, or the reverse",
    "FC211": "self.next in the wrong place",
    "FC212": "a foreach body is empty",
    "FC213": "the end step calls self.next",
    "FC214": "num_parallel without @parallel, or the reverse",
    "FC215": "a gang is not joined",
    "FC216": "the number of a gang's members is wrong",
    "FC217": "two start or two end steps",
    "FC218": "a switch leads straight into a join",
    "FC220": "two steps or outputs share a name",
    "FC221": "after= names no step",
    "FC222": "a map cannot be built",
    "FC223": "flowc cannot follow an if on a result",
    "FC224": "a pipeline without steps",
    "FC225": "a condition is decided when the flow is compiled",
    "FC226": "a join has no such input",
    "FC227": "a step returns before self.next",
    "FC228": "flows that call each other",
    "FC229": "a called flow gets or returns what it cannot",
    "FC301": "flowc cannot read a parameter",
    "FC302": "an unknown parameter",
    "FC303": "a parameter's value has the wrong type",
    "FC304": "a required parameter is missing",
    "FC305": "a reserved or duplicate name",
    "FC306": "a config has no usable value",
    "FC307": "a config whose value flowc would have to compute",
    "FC308": "an included file cannot be read",
    "FC310": "an argument has the wrong type",
    "FC311": "an argument may have the wrong type",
    "FC312": "what is mapped over is not a list",
    "FC313": "a result does not have this entry",
    "FC314": "a default has the wrong type",
    "FC315": "the parser of a config reads what tasks may not have",
    "FC316": "an attribute that is not stored",
    "FC317": "an artifact that is not set",
    "FC318": "an artifact that a join does not pass on",
    "FC319": "an artifact that is not set on every path",
    "FC320": "merge_artifacts finds different values",
    "FC321": "a parameter, config or constant is set by a step",
    "FC322": "an operation on a value that does not have it",
    "FC323": "a switch on a value that is no case",
    "FC401": "a decorator that flowc cannot use",
    "FC402": "the value of a decorator argument is not known",
    "FC403": "an unknown decorator argument",
    "FC404": "a decorator argument has the wrong type or value",
    "FC405": "a decorator is given twice",
    "FC406": "decorators that conflict with each other, or with the step",
    "FC407": "a schedule that cannot be translated",
    "FC408": "a mutator that cannot be followed, or in the wrong place",
    "FC409": "a decorator that does nothing here",
    "FC410": "an argument that does nothing here",
    "FC411": "an argument that flowc cannot express",
    "FC412": "a secret that is plain text in the compiled files",
    "FC413": "steps that cannot share a pod",
    "FC414": "a step that is not cached",
    "FC415": "a container step that says more or less than its container does",
    "FC501": "the target cannot express this",
    "FC502": "a required option is missing",
    "FC503": "a target's limit is exceeded",
    "FC504": "an unknown target or option",
    "FC505": "an option's value is wrong",
    "FC506": "an option that has no effect here",
    "FC507": "an option is given twice",
    "FC508": "the code is not where pods read it",
    "FC509": "packages are not locked",
    "FC510": "packages are installed when a pod starts",
    "FC601": "the root cannot be used",
    "FC602": "no such run",
    "FC603": "a file cannot be written",
    "FC604": "a local module was not found",
    "FC605": "a file cannot be included",
    "FC606": "a compiled module is not shipped",
    "FC607": "no run to resume",
    "FC608": "no such step to resume from",
    "FC609": "a resumed run keeps its parameters",
    "FC610": "an engine's server cannot be used",
    "FC611": "an engine refuses a request",
    "FC612": "code that looks local was not found",
    "FC613": "a change of the import path is not known",
    "FC614": "a step cannot be tried alone",
}

CODES: dict[str, DiagnosticCode] = {code: DiagnosticCode(code, title) for code, title in _TITLES.items()}
"""Every code that flowc can print."""
IGNORABLE_ERRORS = frozenset(
    {"FC226", "FC227", "FC310", "FC312", "FC313", "FC314", "FC317", "FC318", "FC320", "FC321", "FC322", "FC323"}
)
"""Errors that a comment or `[tool.flowc.check]` may ignore, as every warning: the output is what the file says. It is
wrong without what other errors are about, or there is none.
"""


def suggest_code(wrong: str) -> str:
    """The help line for a code that is not there; empty where no code resembles it."""
    from difflib import get_close_matches

    close = get_close_matches(wrong.upper(), CODES, 1, 0.7)
    return f"did you mean `{close[0]}`?" if close else ""
