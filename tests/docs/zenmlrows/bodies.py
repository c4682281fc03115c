"""Rows of what stands in the body of a pipeline, of dynamic pipelines, and of outputs."""

from __future__ import annotations

from tests.docs.zenmlrows.base import Row


def _decorated(decorators: str, after: str = "", around: str = "") -> str:
    """A pipeline whose step has decorators, or is made after its function."""
    return f"""
import functools
from zenml import pipeline, step

def noted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        print("noted", function.__name__)
        return function(*args, **kwargs)
    return wrapper

uncached = functools.partial(step, enable_cache=False)

{decorators}
def {"plain" if after else "use"}(x: int) -> int:
    return x + 1

{after}

{around}@pipeline
def row_pipeline():
    use(use(1))
"""


_FILE = """
from zenml import ExternalArtifact, Model, get_pipeline_context, get_step_context, load_artifact, pipeline
from zenml import save_artifact, step
from zenml.client import Client

@step
def work(x: int) -> int:
    return x

"""

BODIES = [
    Row("a step is called: `work(1)`, `work(x=1)`", "body", "work(1)\nwork(x=1)"),
    Row("a result is an argument", "body", "a = work(1)\nwork(a, y=a)"),
    Row("`CommandStep(command=['sh', '-c', '...'])`, in a container beside flowc's", "file", """
        from zenml import CommandStep, pipeline, step

        fetch = CommandStep(command=["sh", "-c", "echo fetched"], name="fetch")

        @step
        def last() -> None:
            print("last")

        @pipeline(dynamic=True, enable_cache=False)
        def row_pipeline():
            fetch()
            last(after="fetch")

        row_pipeline()
        """),
    Row("`CommandStep(command=function)`", "file", """
        from zenml import CommandStep, pipeline

        def tell() -> None:
            import json

            print(json.dumps({"a": 1}))

        told = CommandStep(command=tell)

        @pipeline(enable_cache=False)
        def row_pipeline():
            told()

        row_pipeline()
        """),
    Row("the same step twice: the second is `work_2`", "body", "work(1)\nwork(2)\ncombine([1], after='work_2')"),
    Row("`id='name'`", "body", "work(1, id='first')\ncombine([1], after='first')"),
    Row("`after='name'`, `after=result`, `after=['name', result]`", "body",
        "a = work(1)\nwork(2, after='work')\nwork(3, after=a)\nwork(4, after=['work', a])"),
    Row("a list of results is an argument, which ZenML refuses of several steps", "body",
        "combine([work(i) for i in range(n)])"),
    Row("`for` over a range or a list, with parameters of the pipeline", "body",
        "after = []\nfor i in range(n):\n    work(i, id=f'work_{i}')\n    after.append(f'work_{i}')\n"
        "combine([1], after=after)"),
    Row("parameters that are dataclasses, enumerations, `Literal` or `Path`, as annotated", "file", """
        import enum
        from dataclasses import dataclass
        from pathlib import Path
        from typing import Literal

        from zenml import pipeline, step

        class Color(enum.Enum):
            RED = "red"

        @dataclass
        class Config:
            rate: float = 0.1

        @step
        def check(config: Config, color: Color, mode: Literal["a", "b"], path: Path) -> None:
            assert (config, color, mode, path) == (Config(2.0), Color.RED, "a", Path("x"))

        @pipeline
        def typed(
            config: Config = Config(), color: Color = Color.RED, mode: Literal["a", "b"] = "a", path: Path = Path("x")
        ):
            check(config, color, mode, path)

        if __name__ == "__main__":
            typed(config={"rate": 2})
    """),
    Row("`if` on a parameter", "body", "if flag:\n    work(1)\nelse:\n    work(2)"),
    Row("`if` on a result, which ZenML has in dynamic pipelines only", "body",
        "a = work(1)\nif a == 2:\n    b = work(2)\nelse:\n    b = work(3)\nwork(b)"),
    Row("comprehensions, f-strings, `zip`, `enumerate`, unpacking", "body",
        "found = {f'{name}_{i}': work(i) for i, name in enumerate(['a', 'b'])}\n"
        "combine([value for name, value in found.items()])"),
    Row("a helper function of the file", "file", """
        from zenml import pipeline, step

        @step
        def work(x: int) -> int:
            return x

        def twice(x):
            return work(work(x))

        @pipeline
        def row_pipeline():
            twice(1)
    """),
    Row("a pipeline calls another one", "file", """
        from zenml import pipeline, step

        @step
        def work(x: int) -> int:
            return x

        @pipeline
        def inner(x: int):
            return work(x)

        @pipeline
        def row_pipeline():
            work(inner(1))
    """),
    Row("`work.with_options(...)`", "body", "other = work.with_options(enable_cache=False)\nother(1)"),
    Row("`work.with_options(parameters={'y': 5})`", "body", "work.with_options(parameters={'y': 5})(1)"),
    Row("`work.configure(...)`", "body", "work.configure(enable_cache=False)\nwork(1)"),
    Row("`print(...)` in the body", "body", "print('building')\nwork(1)"),
    Row("`while` on what is known", "body", "while n > 0:\n    work(n)\n    n = n - 1"),
    Row("`while` on a result", "body", "a = work(1)\nwhile a < 9:\n    a = work(a)"),
    Row("`try`, `with`", "body", "try:\n    work(1)\nexcept ValueError:\n    work(2)"),
    Row("arithmetic, comparisons, `len`, `and`, `or` on results", "body",
        "a = work(1)\nwork(a + 1, y=len(load()) * -a)\nwork(a or 2, y=3 if a > 1 else a % 2)"),
    Row("attributes, entries and slices of results", "file", """
        from typing import NamedTuple

        from zenml import pipeline, step

        class Split(NamedTuple):
            train: list[int]
            test: list[int]

        @step
        def split() -> Split:
            return Split([1, 2, 3], [4])

        @step
        def use(values: list, first: int = 0) -> None:
            print(values, first)

        @pipeline
        def row_pipeline():
            s = split()
            use(s.train[1:], first=s.test[0])
    """),
    Row("an f-string of a result, as an argument", "file", """
        from zenml import pipeline, step

        @step
        def work(x: int) -> int:
            return x

        @step
        def say(text: str) -> None:
            assert text == "got 1"

        @pipeline
        def row_pipeline():
            say(f"got {work(1)}")
    """),
    Row("an f-string of a result, as an id", "body", "work(1, id=f'{load()}')"),
    Row("`for` over a result", "body", "found = []\nfor x in load():\n    found.append(work(x))\ncombine(found)"),
    Row("`range`, `enumerate`, `zip` of results in a `for`", "body",
        "for i in range(work(1)):\n    work(i)\nfor i, x in enumerate(load()):\n    work(x, y=i)"),
    Row("a step that is `async`", "file", """
        from zenml import pipeline, step

        @step
        async def work(x: int) -> int:
            return x

        @step
        def use(x: int) -> None:
            assert x == 2

        @pipeline
        def row_pipeline():
            use(work(1) + 1)
    """),
    Row("a file is written, or one that is not in the project is opened", "body",
        "with open('x', 'w') as file:\n    file.write('a')\nwork(1)"),
    Row("`yaml.safe_load(open(...))`, `json.load`, `tomllib.load`, `Path(...).read_text()` of the project's files",
        "file",
        "import yaml\nfrom pathlib import Path\n" + _FILE + "@pipeline\ndef row_pipeline():\n"
        "    with open(Path(__file__)) as file:\n        work(len(yaml.safe_load(file.read()[:0] + 'a: 1')))\n"),
    Row("a path beside the file, `Path(__file__).parent / 'data'`: the task's own", "file",
        "from pathlib import Path\n" + _FILE + "@step\ndef show(path: str) -> str:\n    return path\n\n"
        "@pipeline\ndef row_pipeline():\n    show(str(Path(__file__).parent / 'data'))\n"),
    Row("`os.environ['NAME'] = 'text'` in the body: a variable of all steps", "file",
        "import os\n" + _FILE + "@step\ndef show() -> str:\n    return os.environ['ROWS_NAME']\n\n"
        "@pipeline\ndef row_pipeline():\n    show()\n    os.environ['ROWS_NAME'] = 'text'\n"),
    Row("`uuid4()`, `random.randint()`, `datetime.now()`, `torch.cuda.is_available()`: by a task, once for all",
        "file",
        "from datetime import datetime\nfrom uuid import uuid4\n" + _FILE + "@step\ndef show(name: str) -> str:\n"
        "    return name\n\n@pipeline\ndef row_pipeline():\n    show(uuid4().hex[:8])\n"
        "    show(datetime.now().strftime('%Y'))\n"),
    Row("dates, times, paths and UUIDs as arguments", "file",
        "import datetime\n" + _FILE + "@step\ndef show(day: datetime.date) -> str:\n    return str(day)\n\n"
        "@pipeline\ndef row_pipeline():\n    show(datetime.date(2024, 1, 2))\n"),
    Row("`[future.load() for future in work.map(items)]`: no task of its own", "body",
        "combine([future.load() + 1 for future in work.map([1, 2])])"),
    Row("an argument of the wrong type: ZenML converts, and fails in the run", "body", "combine('text')"),
    Row("a step that is not called", "body", "work"),
    Row("`result.invocation_id`, `result.output_name`", "body",
        "a = work(1)\nwork(2, after=a.invocation_id)"),
    Row("`get_pipeline_context().name`, `.extra`, `.model`, `.enable_cache`, `.settings`", "file",
        _FILE + "@pipeline(extra={'numbers': [1, 2]})\ndef row_pipeline():\n"
        "    for number in get_pipeline_context().extra['numbers']:\n        work(number)\n"),
    Row("`ExternalArtifact(value=...)`", "body",
        "from zenml import ExternalArtifact\nwork(ExternalArtifact(value=1))"),
    Row("`ExternalArtifact(name=..., version=...)`, `(id=...)`, which ZenML has no more: read by a task", "file",
        _FILE + "@step\ndef keep() -> None:\n    save_artifact(3, 'kept', version='v1')\n\n"
        "@pipeline\ndef row_pipeline():\n    keep()\n"
        "    work(ExternalArtifact(name='kept', version='v1'), after='keep')\n"
        "    work(ExternalArtifact(id='kept'), after='keep')\n"),
    Row("a comprehension with `if` over a result: the message says what to write", "body",
        "combine([x for x in work.map([1, 2]) if x > 1])"),
    Row("`save_artifact(value, name)`, `load_artifact(name)`: each a task", "file",
        _FILE + "@pipeline\ndef row_pipeline():\n    saved = save_artifact(work(1), 'kept')\n    work(saved)\n"),
    Row("`Client().get_artifact_version(name)` as an argument: read by a task before the step", "file",
        _FILE + "@step\ndef keep() -> None:\n    save_artifact(3, 'kept')\n\n@pipeline\ndef row_pipeline():\n"
        "    keep()\n    work(Client().get_artifact_version('kept'), after='keep')\n"),
    Row("`Client().active_stack.orchestrator.flavor`, `.get_secret(name)`", "body",
        "work(len(Client().active_stack.orchestrator.flavor))"),
    Row("`log_metadata(...)`, `get_step_context()` in the body", "body", "log_metadata({'a': 1})\nwork(1)"),
    Row("a pipeline from a dict, `PIPELINES[name]()`, or called in a `match`", "file",
        _FILE + "@pipeline\ndef row_pipeline(n: int = 1):\n    work(n)\n\nPIPELINES = {'row': row_pipeline}\n\n"
        "def main(name='row'):\n    match name:\n        case 'row':\n            PIPELINES[name](n=2)\n\n"
        "if __name__ == '__main__':\n    main()\n"),
    Row("`@click.command()` with options that the pipeline gets: `-p lr=0.5`", "file",
        "import click\n" + _FILE + "@pipeline\ndef row_pipeline(n: int):\n    work(n)\n\n"
        "@click.command()\n@click.option('--n', default=2)\n@click.option('--twice', is_flag=True)\n"
        "def main(n, twice):\n    row_pipeline(n=2 * n if twice else n)\n\nif __name__ == '__main__':\n    main()\n"),
    Row("`argparse`: `row_pipeline(n=args.n)`", "file",
        "import argparse\n" + _FILE + "@pipeline\ndef row_pipeline(n: int):\n    work(n)\n\n"
        "if __name__ == '__main__':\n    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--n', type=int, default=2)\n    row_pipeline(n=parser.parse_args().n)\n"),
    Row("`@pipeline(model=Model(name=..., version=...))`, `get_step_context().model`", "file",
        _FILE + "@step\ndef named() -> str:\n    model = get_step_context().model\n"
        "    assert (model.name, model.version) == ('m', 'v1')\n    return model.name\n\n"
        "@pipeline(model=Model(name='m', version='v1'))\ndef row_pipeline():\n    named()\n"),
    Row("a pipeline of before 0.40, which gets its steps as arguments", "file",
        "from zenml.pipelines import pipeline\nfrom zenml.steps import step\n\n"
        "@step\ndef work() -> int:\n    return 1\n\n"
        "@pipeline\ndef row_pipeline(first):\n    first()\n\nrow_pipeline(first=work()).run()\n"),
]  # fmt: skip

MAPS = [
    Row("`@pipeline(dynamic=True)`", "pipeline", "dynamic=True"),
    Row("`work.map(items)`", "body", "work.map(load())"),
    Row("`work.map([1, 2])`: a literal list, which ZenML refuses", "body", "work.map([1, 2])"),
    Row("`work.map(items)` of no items, an error in ZenML", "file", """
        from zenml import pipeline, step

        @step
        def load() -> list[int]:
            return []

        @step
        def work(x: int) -> int:
            return x

        @step
        def combine(values: list[int]) -> int:
            assert values == []
            return 0

        @pipeline(dynamic=True)
        def row_pipeline():
            combine(work.map(load()))
    """),
    Row("`work.map(x=items, y=others)`: item by item", "body", "work.map(x=load(), y=load())"),
    Row("`work.product(x=items, y=others)`", "body", "combine(work.product(x=load(), y=load()))"),
    Row("`unmapped(value)`", "body", "work.map(load(), y=unmapped(3))"),
    Row("a map over a map", "body", "combine(work.map(work.map(load())))"),
    Row("what a map gives, to a step", "body", "combine(work.map(load()))"),
    Row("`pipeline.map(items)`", "file", """
        from zenml import pipeline, step

        @step
        def load() -> list[int]:
            return [1, 2]

        @step
        def work(x: int) -> int:
            return x

        @pipeline
        def inner(x: int):
            return work(work(x))

        @pipeline(dynamic=True)
        def row_pipeline():
            inner.map(load())
    """),
    Row("`work.submit(1)`", "body", "work.submit(1)"),
    Row("`work.submit(1).load()`, `.result()`, `.artifacts()`", "body", "work.submit(1).load()"),
    Row("`load().load()`", "body", "items = load().load()\nwork(len(items))"),
    Row("`if result.load() > 1:`", "body", "if work(1).load() > 1:\n    work(2)\nelse:\n    work(3)"),
    Row("`for item in items.load():`, `range(result.load())`", "body",
        "for x in load().load():\n    work(x)\nfor i in range(work(1).load()):\n    work(i)"),
    Row("`f'{result.load()}'`, `result.load() + 1`", "body", "work(work(1).load() + 1, y=len(f'{load().load()}'))"),
    Row("`while result.load() < 9:`", "body", "a = work(1)\nwhile a.load() < 9:\n    a = work(a)"),
    Row("`load().chunk(0)`", "body", "work(load().chunk(0))"),
    Row("`work.map(items).unpack()`", "body", "a, b = work.map(load()).unpack()"),
    Row("a decorator of your own below `@step`", "file", _decorated("@step\n@noted")),
    Row("a decorator of your own above `@step` (ZenML cannot load the step)", "file", _decorated("@noted\n@step")),
    Row("`uncached = functools.partial(step, enable_cache=False)`", "file", _decorated("@uncached\n@noted")),
    Row("`use = step(function)`", "file", _decorated("", "use = step(noted(plain))")),
    Row("a decorator of your own around `@pipeline`", "file", _decorated("@step", around="@noted\n")),
]  # fmt: skip


def _step(signature: str, returns: str, use: str = "many()") -> str:
    return f"""
from typing import Annotated, Tuple
from zenml import ArtifactConfig, pipeline, step

@step
def many(){signature}:
    return {returns}

@step
def use(a, b=None):
    print(a, b)

@pipeline
def row_pipeline():
    {use}
"""


OUTPUTS = [
    Row("no annotation, `-> int`: `output`", "file", _step(" -> int", "1", "use(many())")),
    Row("`-> None`: no output", "file", _step(" -> None", "None", "many()\n    use(1, after='many')")),
    Row("`-> Annotated[int, 'name']`", "file", _step(" -> Annotated[int, 'rows']", "1", "use(many())")),
    Row("`-> Annotated[int, ArtifactConfig(name='name')]`", "file",
        _step(" -> Annotated[int, ArtifactConfig(name='rows', tags=['a'])]", "1", "use(many())")),
    Row("`-> Tuple[int, str]`, `-> tuple[int, str]`: `output_0`, `output_1`", "file",
        _step(" -> Tuple[int, str]", "1, 'a'", "a, b = many()\n    use(a, b)")),
    Row("`-> Tuple[Annotated[int, 'a'], Annotated[str, 'b']]`", "file",
        _step(" -> Tuple[Annotated[int, 'a'], Annotated[str, 'b']]", "1, 'a'", "a, b = many()\n    use(a, b)")),
    Row("`-> Tuple[int, ...]`: one output", "file", _step(" -> Tuple[int, ...]", "(1, 2)", "use(many())")),
    Row("a result by its place: `many()[0]`", "file",
        _step(" -> Tuple[int, str]", "1, 'a'", "results = many()\n    use(results[0], results[1])")),
]  # fmt: skip
