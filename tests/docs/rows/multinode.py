"""Rows of steps that run as gangs: Metaflow's decorators for them, and those of its extensions."""

from __future__ import annotations

import textwrap

from tests.docs.rows.base import Row

_GANG = """
from metaflow import *

class RowFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, num_parallel=2)

{decorators}
    @step
    def a(self):
{body}
        self.next(self.join)

    @step
    def join(self, inputs):
        {join}
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def _gang(decorators: str, body: str, join: str = "pass") -> str:
    """A file with a gang of two."""
    lines = textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
    return _GANG.format(decorators=textwrap.indent(decorators, " " * 4), body=lines, join=join)


_RAY = "import ray\nassert len(ray.nodes()) == 2"
"""Fails where Ray is not installed, as it is here; tests/gangs has it."""

MULTINODE = [
    Row("`@parallel`", "file", _gang("@parallel", "assert current.is_parallel")),
    Row("`@parallel` with `@catch`", "file", _gang(
        "@catch(var='failure')\n@parallel", "assert current.parallel.node_index",
        "assert [one.failure is None for one in inputs] == [False, True]")),
    Row("members that return before `self.next`", "file", _gang(
        "@parallel", "if current.parallel.node_index != 1: return")),
    Row("`@pytorch_parallel`, `master_port=`", "file", _gang(
        "@pytorch_parallel(master_port=3340)", "import os\nassert os.environ['NUM_NODES'] == '2'")),
    *(Row(f"`@torchrun`{what}, of metaflow-torchrun", "file", _gang(
        f"@torchrun{arguments}", f"assert current.torch.torchrun_args['nproc_per_node'] == {processes}"))
      for what, arguments, processes in [
          ("", "", 1), (", `nproc_per_node=`", "(nproc_per_node=2)", 2),
          (", `master_port=`, `all_nodes_started_timeout=`", "(master_port=3339, all_nodes_started_timeout=60)", 1)]),
    Row("`@torchrun_parallel`, its first name", "file", _gang(
        "@torchrun_parallel", "assert current.torch.torchrun_args['nnodes'] == 2")),
    Row("`TorchrunSingleNodeMultiGPU().run(entrypoint, nproc_per_node=2)`, of metaflow-torchrun", "body",
        "from metaflow import TorchrunSingleNodeMultiGPU as T; assert callable(T().run)"),
    *(Row(f"`@metaflow_ray`{what}, of metaflow-ray", "file", _gang(f"@metaflow_ray{arguments}", _RAY), fails=True)
      for what, arguments in [
          ("", ""), (", `main_port=`, `all_nodes_started_timeout=`", "(main_port=6379, all_nodes_started_timeout=90)"),
          (", `logging_level=`, `log_style=`", "(logging_level='debug', log_style='record')"),
          (", `enable_dashboard=`, `dashboard_port=`", "(enable_dashboard=True, dashboard_port=8300)"),
          (", `heartbeat_timeout=`, `unreachable_timeout=`",
           "(heartbeat_timeout=60, unreachable_timeout=60)")]),
    Row("`@ray_parallel`, its first name", "file", _gang("@ray_parallel", _RAY), fails=True),
    *(Row(f"`@{name}`, of metaflow-{name}", "file", _gang(f"@{name}", "pass").replace(
        "import *", f"import *\nfrom metaflow import {name}")) for name in ("deepspeed", "mpi")),
]  # fmt: skip
