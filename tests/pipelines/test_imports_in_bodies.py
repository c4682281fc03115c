"""An import in a pipeline's body, or in a function that makes one, means what it means at the top of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.driver import compile_file
from tests.support import without_places, write_files

STEPS = """
@zenml.step
def make() -> list[int]:
    return [1, 2]


@zenml.step
def one(x: int, k: int = 1) -> int:
    return x


"""
USE_DOCKER = "one.with_options(settings={'docker': DockerSettings(requirements=['a'])})(1)"
USE_RESOURCES = "one.with_options(settings={'resources': ResourceSettings(cpu_count=2)})(1)"
USE_RETRY = "one.with_options(retry=StepRetryConfig(max_retries=2))(1)"
IMPORTS = {
    "from zenml import unmapped": "one.map(make(), k=unmapped(4))",
    "from zenml import unmapped as u": "one.map(make(), k=u(4))",
    "import zenml as z": "one.map(make(), k=z.unmapped(4))",
    "from zenml.config import DockerSettings": USE_DOCKER,
    "from zenml.config import ResourceSettings": USE_RESOURCES,
    "import zenml.config as c": "one.with_options(settings={'resources': c.ResourceSettings(cpu_count=2)})(1)",
    "from zenml.config.retry_config import StepRetryConfig": USE_RETRY,
    "from zenml import Model": "one.with_options(model=Model(name='m', version='v'))(1)",
    "from zenml import ExternalArtifact": "one(ExternalArtifact(value=3))",
    "from zenml.artifacts.external_artifact import ExternalArtifact": "one(x=ExternalArtifact(value=3))",
    "from zenml import get_pipeline_context": "one(len(get_pipeline_context().name))",
    "from zenml.enums import ModelStages": "one.with_options(model=Model(name='m', version=ModelStages.PRODUCTION))(1)",
    "from zenml.client import Client": "one(Client().get_artifact_version('a'))",
    "from zenml import save_artifact": "save_artifact(make(), name='n')",
    "from zenml import load_artifact": "one(load_artifact('n'))",
    "from helper import more, K": "more(K)",
    "import helper": "helper.more(helper.K)",
    "import helper as h": "h.more(h.K)",
    "import os": "one(len(os.path.join('a', 'b')))",
    "from math import floor": "one(floor(2.5))",
    "from pathlib import Path as P": "one(len(P('a/b.c').suffix))",
}


CASES = [
    (statement, place)
    for statement, use in IMPORTS.items()
    for place in ("body", "function", *(("main",) if "with_options" in use else ()))
]


@pytest.mark.parametrize(("statement", "place"), CASES)
def test_the_same_pipeline(statement: str, place: str, tmp_path: Path) -> None:
    use, top = (
        IMPORTS[statement],
        "import zenml\nfrom zenml import Model\n" if "Stages" in statement else "import zenml\n",
    )
    body = {
        "body": f"    {statement}\n    {use}\n",
        "function": f"    def inner():\n        {statement}\n        {use}\n    inner()\n",
        "main": f"    {use}\n",
    }[place]
    run = "main()"
    if place == "main":
        body = "    one(1)\n"
        options = use[use.index("with_options") : use.rindex("(1)")]
        run = f"def go():\n    {statement}\n    main.{options}()\n\n\ngo()"
        wanted_run = f"main.{options}()"
    else:
        wanted_run = run
    wanted_body = body if place == "main" else f"    {use}\n"
    head = "@zenml.pipeline(dynamic=True)\ndef main():\n"
    helper = "import zenml\nK = 5\n\n\n@zenml.step\ndef more(x: int) -> None:\n    pass\n"
    write_files(
        tmp_path,
        {
            "helper.py": helper,
            "flow.py": f"{top}{STEPS}{head}{body}\n\n{run}\n",
            "wanted.py": f"{top}{statement}\n{STEPS}{head}{wanted_body}\n\n{wanted_run}\n",
        },
    )
    found, wanted = (_flow(tmp_path / name) for name in ("flow.py", "wanted.py"))
    assert found == wanted


def _flow(file: Path) -> object:
    flow = without_places(compile_file(file).flow.model_dump(mode="json"))
    del flow["file"], flow["source_hash"]
    return flow
