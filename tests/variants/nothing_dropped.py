"""Values of parameters of every odd kind: each step gets exactly what Metaflow gives it for the same `--name value`."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.variants.variant import Variant


def shown(value: object) -> str:
    """The line of a step that gets a value. The flows contain this function, too."""
    text = repr(value)
    plain = len(text) < 200 and text.isascii() and "\\" not in text
    return f"RESULT {type(value).__name__} {text if plain else hashlib.sha256(text.encode()).hexdigest()}"


SHOWN = f"import hashlib\n\n{inspect.getsource(shown)}"
CLASS_FLOW = (
    "from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, step\n"
    + SHOWN
    + """

class ValueFlow(FlowSpec):
    value = DECLARED

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print(shown(self.value))

if __name__ == "__main__":
    ValueFlow()
"""
)
PIPELINE = (
    "from flowc import pipeline, step\n"
    + SHOWN
    + """

@step
def show(valueANNOTATION) -> None:
    print(shown(value))

@pipeline
def values(valueANNOTATIONDEFAULT):
    show(value)
"""
)

LONG = "".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(2000))
"""Text that no compression makes fit into a variable."""
TEXTS: Mapping[str, str] = {
    "stands_for_the_default": "flowc:default",
    "own_mark": "flowc:x",
    "sent_mark": "flowc:sent:YQ==",
    "base64_mark": "b64:YQ==",
    "not_base64": "b64:not base64!",
    "compressed_mark": "z64:eJxLBAAAYgBi",
    "marks_alone": "z64:",
    "empty": "",
    "blank": "  ",
    "line_breaks": "one\ntwo\n\n three \t\r\n",
    "quotes": 'it\'s "quoted" `so` \\ and \\\\n',
    "expression": "{{=1+1}}",
    "template": "{{workflow.name}} {{inputs.parameters.x}}",
    "open_braces": "{{",
    "jinja": "{% if x %}{{ ds }}{% endif %}",
    "expansion": "$(HOME) $$ ${HOME} $HOME %s %(x)s",
    "unicode": "naïve — 日本語 🎉 \u2028 e\u0301",
    "control": "bell\x07 escape\x1b[31m del\x7f",
    "dashes": "--root",
    "one_dash": "-p",
    "equals": "a=b=c",
    "looks_like_null": "null",
    "looks_like_none": "None",
    "looks_like_true": "yes",
    "looks_like_a_number": "1_000",
    "looks_like_an_octal": "0o17",
    "looks_like_a_time": "12:30:45",
    "looks_like_json": '{"a": [1, "b"]}',
    "looks_like_yaml": "- a: &x *y !!tag | > #",
    "percent": "100%",
    "five_thousand": "x" * 5000,
    "long": LONG[:60_000],
    "longer_than_an_argument": LONG[:100_000],
    "long_and_marked": "b64:" + LONG[:80_000],
    "long_in_unicode": "é日" * 12_000,
}
TYPED: Mapping[str, tuple[str, str]] = {
    "negative_int": ("default=1", "-5"),
    "int_with_underscores": ("default=1", "1_000"),
    "int_with_blanks": ("type=int", " 7 "),
    "int_with_a_sign": ("type=int", "+3"),
    "large_int": ("type=int", "9" * 60),
    "exponent": ("default=0.5", "1e3"),
    "negative_float": ("type=float", "-0.25"),
    "float_of_an_int": ("type=float", "3"),
    "infinite": ("type=float", "inf"),
    "no_number": ("default=0.5", "nan"),
    "negative_zero": ("default=0.5", "-0.0"),
    "true": ("default=False", "True"),
    "word_for_false": ("default=True", "no"),
    "one_for_true": ("type=bool", "1"),
    "json_object": ("type=JSONType", '{"a": [1, 2.5, null, true], "b": {"c": "\\u00e9"}}'),
    "json_text": ("type=JSONType", '"flowc:default"'),
    "json_number": ("type=JSONType", "-1.50"),
    "json_false": ("type=JSONType", "false"),
    "json_not_a_number": ("type=JSONType", "[NaN, -Infinity]"),
    "json_template": ("type=JSONType", '{"{{x}}": "$(HOME)", "y": "{{=2}}"}'),
    "json_with_blanks": ("type=JSONType", ' { "a" : 1 } '),
    "json_key_twice": ("type=JSONType", '{"a": 1, "a": 2}'),
    "json_of_ints": ("type=JSONType, default='[1]'", json.dumps(list(range(1000)))),
    "long_json": ("type=JSONType", json.dumps([LONG[place : place + 50] for place in range(0, 60_000, 50)])),
    "separated": ('default="x", separator=","', "a,b,,c"),
    "separated_and_empty": ('default="x", separator=","', ""),
    "separated_by_a_mark": ('default="x", separator=":"', "flowc:default"),
    "text_for_a_number": ('default="1"', "2"),
    "text_for_a_default_that_is_a_function": ("default=lambda context: 'own'", "flowc:default"),
}
DEFAULTS: Mapping[str, str] = {
    "default_like_a_mark": '"flowc:default"',
    "default_like_base64": '"b64:YQ=="',
    "default_like_compressed": '"z64:YQ=="',
    "default_with_a_template": '"{{=1+1}} {{x}}"',
    "default_of_five_thousand": '"x" * 5000',
    "default_longer_than_an_argument": '"0123456789abcdef" * 10000',
    "default_that_is_empty": '""',
    "default_of_infinity": 'float("inf")',
    "default_in_unicode": '"naïve — 日本語"',
}
FILES: Mapping[str, str] = {
    "file": "flowc:default",
    "file_like_base64": "b64:YQ==",
    "file_that_is_empty": "",
    "file_with_a_template": "{{=1+1}} $(HOME)",
    "long_file": LONG,
}
ARGUMENTS: Mapping[str, tuple[str, str, str, Any]] = {
    "text": (": str", ' = "own"', "flowc:default", "flowc:default"),
    "base64": (": str", ' = "own"', "b64:YQ==", "b64:YQ=="),
    "empty_text": (": str", ' = "own"', "", ""),
    "long_text": (": str", ' = "own"', LONG[:100_000], LONG[:100_000]),
    "number": (": int", " = 1", "-5", -5),
    "infinity": (": float", " = 0.5", "inf", float("inf")),
    "flag": (": bool", " = False", "yes", True),
    "list": (": list", " = [1]", "[1, 2]", [1, 2]),
    "required": (": str", "", "{{=1+1}}", "{{=1+1}}"),
}
"""By name the annotation, the default, the text that is given, and the value."""


def _class_flow(name: str, declared: str, text: str | None = None, **files: str) -> Variant:
    source = CLASS_FLOW.replace("DECLARED", declared)
    own = {f"{key}.txt": content for key, content in files.items()}
    return Variant(name, {"flow.py": source, **own}, parameters={} if text is None else {"value": text})


OURS: Mapping[str, tuple[str, str, object]] = {
    "json_null": ("type=JSONType, default='[1]'", "null", None),
    "word_for_off": ("default=True", "off", False),
}
"""What docs/metaflow.md says is different: by name the arguments, the text, and the value."""


def _variants() -> Iterator[Variant]:
    for name, text in TEXTS.items():
        yield _class_flow(f"text_{name}", 'Parameter("value", default="own")', text)
    for name, (arguments, text) in TYPED.items():
        yield _class_flow(name, f'Parameter("value", {arguments})', text)
    for name, (arguments, text, value) in OURS.items():
        declared = _class_flow(name, f'Parameter("value", {arguments})', text)
        yield replace(declared, expected=(shown(value),))
    for name, default in DEFAULTS.items():
        yield _class_flow(name, f'Parameter("value", default={default})')
    for name, content in FILES.items():
        yield _class_flow(name, 'IncludeFile("value")', "content.txt", content=content)
        yield _class_flow(f"default_{name}", 'IncludeFile("value", default="content.txt")', content=content)
    for name, (annotation, default, text, value) in ARGUMENTS.items():
        source = PIPELINE.replace("ANNOTATION", annotation).replace("DEFAULT", default)
        yield Variant(f"pipeline_{name}", {"flow.py": source}, parameters={"value": text}, expected=(shown(value),))


VARIANTS: tuple[Variant, ...] = tuple(_variants())
