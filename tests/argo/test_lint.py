"""Argo's own linter over the examples and the shapes of these tests, where its program is at hand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.argo.manifests import NESTED, diamond, emit
from tests.conftest import examples_on

pytestmark = pytest.mark.process

EXAMPLES = examples_on("argo.yaml")
SPECS = Path(__file__).parent.parent / "cluster" / "flows" / "specs.py"
PROFILES = {"lab": {"selector": {"flowc.test/pool": ["gpu", "none"]}}}
HOOKS = "@exit_hook(on_error=['a.b'], on_success=['c.d'])\nclass DiamondFlow"
DECORATED = (
    diamond(
        "@catch(var='e')\n    @retry(times=2)\n    @timeout(hours=1)\n    "
        "@environment(vars={'A': '$(B)', 'C': '{{x'})\n    "
        "@kubernetes(gpu=1, gpu_type='t4', shared_memory=64, persistent_volume_claims={'c': '/c'}, secrets=['s'],"
        " port=80, qos='guaranteed', cpu=1, extended_resources={'a.b/c': 2}, tmpfs_size=9, executable='python3.12',"
        " security_context={'privileged': False, 'run_as_user': 7})",
        "n = Parameter('n', default='{{=1+1}} $(X)', help='{{workflow.name}}')\n    y = Parameter('y', default='')",
    )
    .replace("class DiamondFlow", HOOKS)
    .replace("import FlowSpec,", "import FlowSpec, exit_hook,")
)
FLOWS = {"diamond": diamond(), "nested": NESTED, "decorated": DECORATED, "specs": SPECS.read_text()}


def unscheduled(text: str) -> str:
    """The flow without its schedule, which only a CronWorkflow takes."""
    return re.sub(r"^@schedule.*\n", "", text, flags=re.MULTILINE)


def _programs() -> list[Path]:
    cached = sorted(Path("~/.cache/flowc-cluster").expanduser().glob("argo-*/argo"))
    found = os.environ.get("ARGO") or shutil.which("argo")
    return [Path(found), *cached] if found else cached


@pytest.mark.skipif(not _programs(), reason="no `argo` on the PATH, in $ARGO or in ~/.cache/flowc-cluster")
@pytest.mark.parametrize("program", _programs(), ids=lambda path: path.parent.name)
@pytest.mark.parametrize("kind", ["workflow", "template"])
@pytest.mark.parametrize("flow", [*FLOWS, *EXAMPLES])
def test_lint(flow: str, kind: str, program: Path, tmp_path: Path) -> None:
    text = FLOWS[flow] if flow in FLOWS else EXAMPLES[flow].read_text()
    gc = {"pod_gc": "OnPodSuccess", "pod_gc_delay": "1h"}
    options = {"namespace": "flows", "parallelism": 3, "gpu": PROFILES, "event_source": "shops", **gc}
    output = emit(tmp_path, unscheduled(text), None, kind=kind, **options)
    assert output is not None
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(output)
    command = [str(program), "lint", "--offline", "--no-color", str(manifest)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
