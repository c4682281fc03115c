"""Pods that have the runtime and the code from elsewhere than ConfigMaps, with real controllers and S3."""

from __future__ import annotations

import pytest

from tests.argo.test_package_places import FLOW, LOCAL
from tests.cluster.cluster import Cluster, Submitted
from tests.conftest import REPOSITORY
from tests.support import write_files

pytestmark = pytest.mark.cluster
IN_IMAGE = (
    f'template_patch={{volumes=[{{name="installed", hostPath={{path="{REPOSITORY / "runtime"}"}}}}], '
    'container={env=[{name="PYTHONPATH", value="/installed"}], '
    'volumeMounts=[{name="installed", mountPath="/installed", readOnly=true}]}}'
)
"""What makes of a bare image one with flowc, on nodes that are this machine."""
PLACES = {
    "both below the root": ("--runtime", "store", "--code", "store", "--push"),
    "the code below the root": ("--code", "store", "--push"),
    "the code in the Workflow, the runtime below the root": ("--runtime", "store", "--code", "workflow", "--push"),
    "the runtime in the image": ("--runtime", "image", "--set", IN_IMAGE),
    "the runtime in the image, the code below the root": (
        *("--runtime", "image", "--code", "store", "--push", "--set", IN_IMAGE),
    ),
    "the runtime in the image, the code in the Workflow": (
        *("--runtime", "image", "--code", "workflow", "--set", IN_IMAGE),
    ),
}


@pytest.fixture(scope="module")
def runs(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Submitted]:
    """All of them, applied at once."""
    folder = tmp_path_factory.mktemp("places")
    write_files(folder, {"flow.py": FLOW, "shop/util.py": LOCAL, ".git/x": ""})
    return {name: cluster.apply(cluster.compile(folder / "flow.py", *options)) for name, options in PLACES.items()}


@pytest.mark.parametrize("place", PLACES)
def test_a_run_has_both_from_any_place(place: str, runs: dict[str, Submitted]) -> None:
    assert runs[place].wait()["end"].task.data.total == 6
