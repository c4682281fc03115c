"""The small modules of ZenML that files import: each enumeration, exception and constant is that of ZenML itself."""

from __future__ import annotations

import json
import pickle
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from flowc.compat import zenml_constants, zenml_helpers, zenml_io_utils
from flowc.compat.served_modules import find
from flowc.protocol.zenml_names import MODULES
from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = REPOSITORY / "tests" / "bench" / "env-zenml"
READ = """
import enum, json, sys
import zenml.constants, zenml.enums, zenml.exceptions, zenml.materializers.materializer_registry
import zenml.metadata.metadata_types, zenml.utils.dashboard_utils, zenml.utils.io_utils, zenml.utils.yaml_utils
modules = json.loads(sys.argv[1])
found = {"missing": [], "enums": {}, "exceptions": {}, "constants": {}}
for module, names in modules.items():
    real = __import__(module, fromlist=["x"])
    found["missing"] += [f"{module}.{name}" for name in names if not hasattr(real, name)]
for name, value in vars(zenml.enums).items():
    if isinstance(value, type) and issubclass(value, enum.Enum) and value.__module__ == "zenml.enums":
        found["enums"][name] = [[key, member.value] for key, member in value.__members__.items()]
for name, value in vars(zenml.exceptions).items():
    if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == "zenml.exceptions":
        found["exceptions"][name] = [base.__name__ for base in value.__bases__]
for name in modules["zenml.constants"]:
    value = getattr(zenml.constants, name)
    if isinstance(value, (str, int, list)):
        found["constants"][name] = value
print(json.dumps(found))
"""
SMALL = [
    "zenml.artifacts.external_artifact", "zenml.artifacts.utils", "zenml.constants", "zenml.enums", "zenml.exceptions",
    "zenml.materializers.materializer_registry", "zenml.metadata.metadata_types", "zenml.model.utils",
    "zenml.pipelines.pipeline_context", "zenml.pipelines.pipeline_decorator", "zenml.steps.step_context",
    "zenml.steps.step_decorator", "zenml.steps.utils", "zenml.utils.cuda_utils", "zenml.utils.dashboard_utils",
    "zenml.utils.enum_utils", "zenml.utils.io_utils", "zenml.utils.yaml_utils",
]  # fmt: skip


@pytest.mark.oracle
@pytest.mark.process
def test_values_are_those_of_zenml() -> None:
    asked = json.dumps({module: list(MODULES[module]) for module in SMALL})
    done = subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-c", READ, asked], capture_output=True, text=True, check=True
    )
    real: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert real["missing"] == []
    assert set(real["enums"]) <= set(MODULES["zenml.enums"])
    for name, members in real["enums"].items():
        ours = find("zenml.enums", name)
        assert [[key, member.value] for key, member in ours.__members__.items()] == members, name
    assert set(real["exceptions"]) == set(MODULES["zenml.exceptions"])
    for name, bases in real["exceptions"].items():
        assert [base.__name__ for base in find("zenml.exceptions", name).__bases__] == bases, name
    assert len(real["constants"]) > 50
    for name, value in real["constants"].items():
        assert find("zenml.constants", name) == value, name


def test_members_and_exceptions_are_what_flows_do_with_them() -> None:
    mode, kind = find("zenml.enums", "ExecutionMode"), find("zenml.enums", "StackComponentType")
    assert f"{mode.FAIL_FAST}" == "fail_fast" == mode("fail_fast")
    assert mode.names()[0] == "FAIL_FAST"
    assert pickle.loads(pickle.dumps(mode.FAIL_FAST)) is mode.FAIL_FAST
    assert [item.plural for item in (kind.SANDBOX, kind.ORCHESTRATOR, kind.MODEL_REGISTRY)] == [
        "sandboxes", "orchestrators", "model_registries",
    ]  # fmt: skip
    error = find("zenml.exceptions", "EntityCreationError")("no room", url="https://x")
    assert isinstance(error, RuntimeError)
    assert str(error) == "no room For more information, visit https://x."
    assert str(find("zenml.exceptions", "ZenKeyError")("k")) == "k"
    with pytest.raises(KeyError):
        find("zenml.exceptions", "Nothing")


def test_variables_are_read_as_zenml_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in {"yes": True, "0": False, "maybe": True}.items():
        monkeypatch.setenv("SOME", text)
        assert zenml_constants.handle_bool_env_var("SOME", default=True) is expected
    assert zenml_constants.handle_int_env_var("SOME", 4) == 4
    monkeypatch.setenv("SOME", "[1]")
    assert zenml_constants.handle_json_env_var("SOME", list) == [1]
    assert zenml_constants.handle_json_env_var("SOME", dict, {"a": 1}) == {"a": 1}
    monkeypatch.setenv("SOME", "-2.5")
    assert zenml_constants.handle_float_env_var("SOME") == -2.5
    assert zenml_constants.handle_positive_int_env_var("SOME", 7) == 7
    monkeypatch.setenv("ZENML_LOGGING_VERBOSITY", "debug")
    assert zenml_constants.get_logging_level().value == 10


def test_files_and_materializers(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    zenml_io_utils.create_file_if_not_exists(str(path))
    zenml_io_utils.write_json(str(path), {"x": 1})
    assert zenml_io_utils.read_json(str(path)) == {"x": 1}
    zenml_io_utils.copy_dir(str(tmp_path / "a"), str(tmp_path / "c"))
    assert list(zenml_io_utils.find_files(str(tmp_path / "c"), "*.json")) == [str(tmp_path / "c" / "b.json")]
    zenml_io_utils.append_yaml(str(path), {"y": 2})
    assert zenml_io_utils.read_yaml(str(path)) == {"x": 1, "y": 2}
    assert zenml_io_utils.is_remote("s3://b/k")
    assert zenml_helpers.get_run_url(object()) is None
    registry = zenml_helpers.materializer_registry
    registry.register_materializer_type(int, str)
    assert registry[bool] is str
    registry.register_and_overwrite_type(int, bytes)
    assert registry[int] is bytes
