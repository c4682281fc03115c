"""Pipelines: what maps iterate over, next to a `for` of plain Python; and what a step knows of its run."""

from __future__ import annotations

from importlib.util import find_spec

from tests.variants.variant import Variant

_SOURCE = """
    import array
    import collections
    import itertools

    D = {"a": 1, "b": 2}


    class Series:  # as of pandas: iterated over by value, indexed by label
        def __init__(self, values):
            self.values = values

        def __iter__(self):
            return iter(self.values)

        def __len__(self):
            return len(self.values)

        def __getitem__(self, label):
            raise KeyError(label)


    class Old:
        def __getitem__(self, index):
            if index > 2:
                raise IndexError
            return index * 5


    class Odd(Series):
        def __len__(self):
            return 100


    Point = collections.namedtuple("Point", "x y")


    def numbers(count):
        for number in range(count):
            yield number * 2


    def items():
        return SOURCE


    def show(item):
        print("RESULT item", type(item).__name__, item)


    def show_all(found):
        print("RESULT all", sorted(map(str, found)))
"""
_REFERENCE = """
    from source import items, show, show_all

    found = list(items())
    for item in found:
        show(item)
    show_all(found)
"""
_FLOW = """
    from flowc import pipeline, step, unmapped
    from source import items, show, show_all


    @step
    def load():
        return items()


    @step
    def work(item, more=0):
        show(item)
        return item


    @step
    def again(item):
        return item


    @step
    def total(found):
        show_all(found)


    @pipeline
    def numbers():
        BODY
"""
_ITERATED = {
    "list": "[3, 1, 2]", "tuple": "(3, 1, 2)", "range": "range(1, 9, 3)", "set": "{'x', 'y', 'z'}",
    "frozenset": "frozenset([3, 1])", "generator": "numbers(3)", "generator_expression": "(n + 1 for n in (1, 2))",
    "map": "map(str, [1, 2])", "filter": "filter(None, [0, 1, 2])", "zip": "zip('ab', (1, 2))",
    "enumerate": "enumerate('ab')", "reversed": "reversed([1, 2])", "iterator": "iter([1, 2])",
    "chain": "itertools.chain([1], (2,))", "keys": "D.keys()", "values": "D.values()", "pairs": "D.items()",
    "counted": "collections.Counter('aab').items()", "deque": "collections.deque([1, 2])",
    "array": "array.array('d', [1, 2])", "memoryview": "memoryview(b'ab')", "namedtuple": "Point(1, 2)",
    "series": "Series([7, 8])", "by_index": "Old()", "odd_length": "Odd([1, 2])", "dicts": "[{'a': 1}, {'b': 2}]",
    "texts": "['ab', 'cd']", "one_text": "('ab',)", "empty_list": "[]", "empty_set": "set()",
    "empty_generator": "numbers(0)", "nested": "[[1, 2], (3,)]", "of_none": "[None, None]", "duplicates": "[1, 1, 1]",
}  # fmt: skip
_ARRAYS = {
    "numpy_1d": "__import__('numpy').arange(3)", "numpy_2d": "__import__('numpy').arange(6).reshape(3, 2)",
    "numpy_text": "__import__('numpy').array(['a', 'b'])", "numpy_empty": "__import__('numpy').zeros((0, 3))",
}  # fmt: skip
_BODIES = {
    "": "total(work.map(load()))",
    "_beside_another": "total(work.map(load(), unmapped([5])))",
    "_chained": "total(again.map(work.map(load())))",
    "_product": "total(work.product(load(), [1]))",
}
_KNOWN = {
    "list": "[3, 1]", "tuple": "(3, 1)", "range": "range(2)", "set": "{3, 1}", "frozenset": "frozenset({'a', 'b'})",
    "comprehension": "{n % 2 for n in range(5)}", "generator": "(n + 1 for n in range(3))", "zip": "zip('ab', (1, 2))",
    "enumerate": "enumerate(['a'])", "keys": "{'a': 1}.keys()", "values": "{'a': 1, 'b': 2}.values()",
    "pairs": "{'a': 1, 'b': 2}.items()", "sorted": "sorted('ba')", "map": "map(str, range(2))",
    "reversed": "reversed([1, 2])", "list_of_pairs": "list({'a': 1}.items())", "texts": "'a b'.split()",
    "empty": "set()",
}  # fmt: skip
_CLASSES = """
    import typing
    from collections import Counter, OrderedDict
    from collections.abc import Mapping
    from typing import Annotated, Dict, Optional, TypedDict

    from flowc import pipeline, step

    if typing.TYPE_CHECKING:
        import geopandas, pandas as pd, polars, pyarrow
        from pandas import DataFrame


    class Config(dict):
        pass


    class Row(TypedDict):
        x: int


    class Name(str):
        pass


    @step
    def load() -> "RETURNS":
        raise NotImplementedError


    @step
    def work(item):
        return item


    @pipeline
    def numbers(PARAMETER):
        work.map(SOURCE)


    numbers()
"""
_NO_LISTS = {
    "dict": "dict", "dict_of": "dict[str, int]", "typing_dict": "Dict[str, int]", "mapping": "Mapping[str, int]",
    "ordered": "OrderedDict", "counter": "Counter[str]", "own_dict": "Config", "typed_dict": "Row", "str": "str",
    "own_str": "Name", "optional_str": "Optional[str]", "bytes": "bytes", "bytearray": "bytearray",
    "annotated": "Annotated[dict, 'rows']", "frame": "pd.DataFrame", "frame_by_name": "DataFrame",
    "polars_frame": "polars.DataFrame", "lazy_frame": "polars.LazyFrame", "arrow_table": "pyarrow.Table",
    "geo_frame": "geopandas.GeoDataFrame", "either": "dict | str", "int": "int",
}  # fmt: skip
_NO_LISTS_KNOWN = {
    "dict": "{'a': 1}", "str": "'abc'", "bytes": "b'abc'", "empty_dict": "{}", "concatenated": "'a' + 'b'",
    "dict_call": "dict(a=1)", "keyword": "item={'a': 1}",
}  # fmt: skip


def _mapped(name: str, body: str, source: str) -> Variant:
    files = {
        "flow.py": _FLOW.replace("BODY", body),
        "source.py": _SOURCE.replace("SOURCE", source),
        "reference.py": _REFERENCE,
    }
    return Variant(name, files, oracle="python", reference="reference.py")


def _refused(name: str, *, returns: str = "list", source: str = "load()", parameter: str = "") -> Variant:
    flow = _CLASSES.replace("RETURNS", returns).replace("SOURCE", source).replace("PARAMETER", parameter)
    return Variant(name, {"flow.py": flow}, refused="FC312")


def _maps() -> list[Variant]:
    sources = _ITERATED | (_ARRAYS if find_spec("numpy") is not None else {})
    some = ("set", "pairs", "range", "generator", "odd_length")
    return [
        *(_mapped(f"result_{name}", _BODIES[""], source) for name, source in sources.items()),
        *(_mapped(f"{name}{way}", body, sources[name]) for way, body in _BODIES.items() if way for name in some),
        *(_mapped(f"known_{name}", f"total(work.map({source}))", source) for name, source in _KNOWN.items()),
        *(_refused(f"refused_{name}", returns=returns) for name, returns in _NO_LISTS.items()),
        *(_refused(f"refused_known_{name}", source=source) for name, source in _NO_LISTS_KNOWN.items()),
        _refused("refused_parameter_dict", source="config", parameter="config: dict = {'a': 1}"),
        _refused("refused_parameter_str", source="config", parameter="config: str = 'ab'"),
    ]


_CONTEXT = """
    from zenml import get_step_context, log_metadata, pipeline, step
    from zenml.client import Client


    def read():
        return Client().get_pipeline_run(get_step_context().pipeline_run.name)


    @step
    def load() -> list[int]:
        log_metadata({"rows": 2}, infer_model=True)
        return [1, 2]


    @step
    def work(item: int, factor: int) -> int:
        context = get_step_context()
        print("RESULT", CODE)
        return item * factor


    @step
    def total(found: list[int]) -> None:
        print("RESULT", sum(found))


    @pipeline
    def numbers():
        total(work.map(load(), factor=3))
"""
_SERVED = {
    "step_name": ("context.step_name", "work", "work"),
    "pipeline_id": ("context.pipeline.id == context.pipeline.name", "True", "True"),
    "run_of_client": ("read().id == context.pipeline_run.id", "True", "True"),
    "inputs": ("context.inputs['item'][0].load()", "1", "2"),
    "inputs_by_name": ("sorted(context.inputs)", "['item']", "['item']"),
    "input_of_step": ("context.step_run.input.step.name", "load", "load"),
    "parameters": ("context.step_run.config.parameters", "{'factor': 3}", "{'factor': 3}"),
    "model_metadata": ("read().steps['load'].run_metadata", "{'model': {'rows': 2}}", "{'model': {'rows': 2}}"),
    "artifact": ("read().steps['load'].output.artifact.name", "numbers::load::output", "numbers::load::output"),
    "listed": ("len(Client().list_pipelines().items)", "1", "1"),
    "status": ("context.step_run.status, read().in_progress", "running True", "running True"),
}
_REFUSED = {
    "model": "context.model", "state": "context.pipeline_state", "stack": "Client().active_stack.orchestrator.flavor",
    "run_stack": "read().stack", "step_logs": "read().steps['load'].logs", "uri": "context.inputs['item'][0].uri",
    "sorted": "Client().list_pipeline_runs(sort_by='created')", "secret": "Client().get_secret('a').values",
    "metadata_of_step": "log_metadata({'a': 1}, step_id='x')", "artifact_uri": "context.get_output_artifact_uri()",
}  # fmt: skip


def _contexts() -> list[Variant]:
    return [
        *(
            Variant(
                f"served_{name}",
                {"flow.py": _CONTEXT.replace("CODE", code)},
                expected=(f"RESULT {first}", f"RESULT {second}", "RESULT 9"),
            )
            for name, (code, first, second) in _SERVED.items()
        ),
        *(
            Variant(f"refused_{name}", {"flow.py": _CONTEXT.replace("CODE", code)}, refused="FC106")
            for name, code in _REFUSED.items()
        ),
    ]


VARIANTS = (*_maps(), *_contexts())
