"""What files of pipelines import: names of `zenml` and `flowc`, and steps and pipelines in plain Python."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, assert_type

import pytest

import flowc
from flowc import FlowSpec, Resources, pipeline, step, unmapped
from flowc.compat.served_modules import find
from flowc.pipeline_calls import MappedResults, Unmapped
from flowc.pipelines import Pipeline, StepFunction
from flowc.protocol.zenml_names import MODULES, PIPELINES
from tests.runtime.shim import runtime_folder
from tests.runtime.test_pythons import interpreter


def test_flowc_itself_serves_names_of_pipelines() -> None:
    for name in PIPELINES:
        assert name in flowc.__all__
        assert getattr(flowc, name) is not None


@pytest.mark.parametrize("module", MODULES)
def test_every_served_name_is_there(module: str) -> None:
    for name in MODULES[module]:
        assert find(module, name) is not None


def _python(code: str, folder: Path, python: str = sys.executable) -> str:
    done = subprocess.run(
        [python, "-c", code],
        env={"PYTHONPATH": runtime_folder()},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.process
def test_zenml_is_served_whether_or_not_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "zenml").mkdir()
    (tmp_path / "zenml" / "__init__.py").write_text("raise ImportError('the real one')", encoding="utf-8")
    code = """
from flowc.shim.user_code import serve_modules
serve_modules()
import zenml, zenml.integrations.kubernetes.pod_settings
from zenml import *
from zenml.integrations.constants import SKLEARN, PYTORCH_L
from zenml.integrations.kubernetes.flavors import KubernetesOrchestratorSettings
from zenml.io import fileio
from zenml.materializers import base_materializer
assert zenml.step is step and zenml.client.Client and fileio.exists("zenml") and SKLEARN == "sklearn"
class Mine(base_materializer.BaseMaterializer):
    ASSOCIATED_TYPES = (int,)
settings = zenml.config.ResourceSettings(cpu_count=2, memory="4GB")
assert (settings.cpu_count, settings) == (2, zenml.config.ResourceSettings(cpu_count=2, memory="4GB"))
for name in ("register_artifact", "no_such_name"):
    try:
        getattr(zenml, name)
    except AttributeError as error:
        assert f"flowc does not serve zenml.{name}; it serves ArtifactConfig, CommandStep, " in str(error), error
try:
    from zenml import register_artifact
except ImportError as error:
    assert "served_modules" in str(error)
try:
    import zenml.model_registries
except ModuleNotFoundError:
    print("fine", zenml.__version__.partition("+")[0])
from zenml.logger import get_logger
get_logger("a.b").info("said")
get_logger("a.b").debug("not said")
"""
    assert _python(code, tmp_path) == "fine 0.98\nsaid\n"


@pytest.mark.process
def test_a_class_flow_imports_nothing_of_pipelines(tmp_path: Path) -> None:
    code = """
import sys
from flowc import FlowSpec, step
import flowc.shim.task_runner, flowc.shim.user_code
class F(FlowSpec):
    @step
    def start(self): pass
    @step(end=True)
    def end(self): pass
assert F.start.is_step and F.end.is_step
print([m for m in sys.modules if "pipelines" in m or "zenml" in m])
"""
    assert _python(code, tmp_path) == "[]\n"


@step
def double(x: int) -> int:
    """Twice x."""
    return 2 * x


@step(name="sum", resources=Resources(cpu=2), enable_cache=False)
def total(xs: list[int], offset: int = 0) -> int:
    return sum(xs) + offset


@step
def minmax(x: int, y: int) -> tuple[int, int]:
    return min(x, y), max(x, y)


quick = double.with_options(retry=1)


@pipeline
def inner(x: int) -> int:
    return double(double(x), id="again")


@pipeline(enable_cache=False)
def outer(n: int) -> int:
    """All of it."""
    first = double(n, id="first", after=[])
    mapped = double.map([1, 2, first], after=first)
    nested = inner.map(mapped)
    low, _ = minmax(total(nested), inner(n))
    return low


def test_a_step_is_its_function() -> None:
    plain: Any = double
    assert (double(4), double(x=4, id="a", after=["b"]), quick(2), total([1, 2], offset=3)) == (8, 8, 4, 6)
    assert (plain.__name__, plain.__doc__, plain.__module__) == ("double", "Twice x.", __name__)
    assert plain.__annotations__ == {"x": "int", "return": "int"}
    assert plain.__wrapped__ is double.entrypoint
    assert isinstance(double.entrypoint, types.FunctionType)
    assert str(inspect.signature(double)) == "(x: 'int') -> 'int'"
    assert (double.name, total.name, quick.name, repr(double)) == ("double", "sum", "double", "<step double>")
    assert total.options["resources"].cpu == 2
    assert total.configure(retry=2) is total
    assert total.options["retry"] == 2


def test_a_step_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(double)) is double
    assert copy.deepcopy(double) is double
    again = pickle.loads(pickle.dumps(quick))
    assert (again(3), again.options, again is quick) == (6, {"retry": 1}, False)


def test_types_of_steps() -> None:
    """Checked by mypy and pyright; when it runs, that there is nothing wrong with the calls."""
    assert_type(double(1, id="a"), int)
    assert_type(double.map([1]), MappedResults[int])
    assert_type(minmax(1, 2), tuple[int, int])
    assert_type(quick.with_options(retry=3)(2), int)
    assert_type(unmapped([1]), Unmapped[list[int]])


def test_maps_in_plain_python() -> None:
    assert double.map([1, 2]) == [2, 4]
    assert double.map(range(0)) == []
    assert minmax.map([1, 5], y=(3, 4)) == [(1, 3), (4, 5)]
    assert minmax.map([1, 5], 3).unpack() == ([1, 3], [3, 5])
    assert minmax.product([1, 5], [2, 3]) == [(1, 2), (1, 3), (2, 5), (3, 5)]
    assert total.map([[1], [2]], offset=unmapped(5)) == [6, 7]
    assert total.map(unmapped([1, 2]), [3, 4]).load() == [6, 7]
    with pytest.raises(ValueError, match="are of one length, not 2, 3"):
        minmax.map([1, 2], [1, 2, 3])
    assert double.map({3, 1}) == [6, 2] or double.map({3, 1}) == [2, 6]
    assert double.map(number + 1 for number in (1, 2)) == [4, 6]
    assert double.map({"a": 1}.values()) == [2]
    with pytest.raises(TypeError, match=r"nothing to map over.*; write `list\(text\)` for its characters"):
        double.map("text")
    with pytest.raises(TypeError, match=r"nothing to map over.*; write `list\(d\.items\(\)\)` for its pairs"):
        double.map({"a": 1})


def test_the_function_of_a_pipeline_runs_in_plain_python() -> None:
    assert outer.entrypoint(2) == 8
    assert (outer.__doc__, outer.name, repr(outer)) == ("All of it.", "outer", "<pipeline outer>")
    assert isinstance(outer.with_options(enable_cache=True), Pipeline)
    assert outer.configure(settings={}) is outer


def test_methods_and_functions_are_distinguished() -> None:
    @step
    def local(x: int) -> int:
        return x

    class Flow(FlowSpec):
        @step
        def start(self) -> None:
            self.next(self.end)

        @step(end=True)
        def end(self) -> None:
            pass

    assert isinstance(local, StepFunction)
    assert isinstance(Flow.start, types.FunctionType)
    assert isinstance(Flow.end, types.FunctionType)
    with pytest.raises(TypeError, match="@step is for functions"):
        step(name="a")(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="@pipeline is for functions"):
        pipeline(3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


@pytest.mark.process
@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_settings_stand_in_annotations(tmp_path: Path, version: str) -> None:
    code = """
from flowc.shim.user_code import serve_modules
serve_modules()
from typing import Annotated, Optional, Tuple, Union, get_type_hints
from zenml import ArtifactConfig, Model, Tag, pipeline, step
@step
def f() -> Tuple[Annotated[int, ArtifactConfig(name="a", tags=["x"])], Optional[Annotated[str, ArtifactConfig("b")]]]:
    return 1, "b"
@pipeline(model=Model(name="m"), tags=["a", Tag(name="b", cascade=True)])
def p(): f()
print(f(), "ArtifactConfig(name='b')" in str(get_type_hints(f, include_extras=True)))
"""
    assert _python(code, tmp_path, interpreter(version)) == "(1, 'b') True\n"


def test_there_is_no_context_outside_of_steps() -> None:
    with pytest.raises(RuntimeError, match="only available inside a step"):
        flowc.get_step_context()
    with pytest.raises(ValueError, match="within a step only"):
        find("zenml", "log_metadata")({"a": 1})
