# Compiled by flowc <version> from parallel_sum.py. Change that file, not this one.
#
# flow    ParallelSumFlow
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

try:
    from airflow.sdk import Asset, dag, task_group
    from airflow.sdk.definitions.param import Param
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag, task_group
    from airflow.models.param import Param

# This folder is on Airflow's path only if it is the dags folder itself.
sys.path.append(str(Path(__file__).parent))

from flowc_runtime_version_hash import (
    FlowPackage,
    StepOperator,
    indices,
)

FLOW = FlowPackage(
    name="ParallelSumFlow",
    digest="<hash>",
    root="/tmp/store",
    start="start",
    parameters={"FLOWC_PARAM_NODES": "nodes", "FLOWC_PARAM_UP_TO": "up-to"},
)


@dag(
    dag_id="ParallelSumFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md="Adds up 1 + 2 + ... in a gang.\n\n```\nstart -> add, a gang\nadd -> join\njoin -> end\nend\n```\n",
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
    params={
        "nodes": Param(
            default=4,
            type="integer",
            description="how many members add up",
        ),
        "up-to": Param(default=1000, type="integer", description="the last number"),
    },
)
def flow():
    start = StepOperator(
        task_id="start",
        doc_md="Starts as many members as the parameter `nodes` says.",
    )
    start_indices = indices.override(task_id="start_indices")("start")

    @task_group(group_id="start_items", prefix_group_id=False)
    def each_of_start(index):
        """What runs for each member of the gang."""
        StepOperator(
            task_id="add",
            index=index,
            retries=2,
            retry_delay=timedelta(seconds=0),
            variables={"FLOWC_GANG_FRESH": "1"},
            doc_md="Each adds up its share; after that, every member knows the whole sum.",
        )

    start_items = each_of_start.expand(index=start_indices)
    join = StepOperator(
        task_id="join",
        trigger_rule="none_failed",
        doc_md="As after a foreach: the inputs come in the order of their index.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.ParallelSumFlow.end")],
        doc_md="Print what they agreed on.",
    )

    start >> start_indices >> start_items >> join >> end


# The files of the flow, and its plan.
FLOW.texts["files/parallel_sum.py"] = r'''
"""A gang: four members at the same time that know each other's place, and add up their shares over TCP.

Member 0 listens at `current.parallel.main_ip`, the others send it what they have. MASTER_ADDR, MASTER_PORT, RANK and
WORLD_SIZE are set, too, so that `torch.distributed.init_process_group()` finds the others without further words.

    flowc run examples/parallel_sum.py
    flowc run examples/parallel_sum.py --nodes 2 --up-to 10
"""

from __future__ import annotations

import os
import socket
import time

from flowc import FlowSpec, Inputs, Parameter, current, parallel, retry, step


class ParallelSumFlow(FlowSpec):
    """Adds up 1 + 2 + ... in a gang."""

    nodes = Parameter("nodes", default=4, help="how many members add up")
    up_to = Parameter("up-to", default=1000, help="the last number")

    @step
    def start(self) -> None:
        """Starts as many members as the parameter `nodes` says."""
        self.next(self.add, num_parallel=self.nodes)

    @retry(times=2, minutes_between_retries=0)
    @parallel
    @step
    def add(self) -> None:
        """Each adds up its share; after that, every member knows the whole sum."""
        who = current.parallel
        self.share = sum(range(1 + who.node_index, self.up_to + 1, who.num_nodes))
        place = (who.main_ip, int(os.environ["MASTER_PORT"]))
        if who.node_index == 0:
            self.total = gather(place, self.share, who.num_nodes - 1)
        else:
            self.total = contribute(place, self.share)
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[ParallelSumFlow]) -> None:
        """As after a foreach: the inputs come in the order of their index."""
        self.shares = [member.share for member in inputs]
        self.totals = {member.total for member in inputs}
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print what they agreed on."""
        print(f"shares: {self.shares}")
        print(f"sum: {self.totals}")


def gather(place: tuple[str, int], share: int, others: int) -> int:
    """Take the others' shares, and tell them all the sum."""
    with socket.create_server(place) as server:
        connections = [server.accept()[0] for _ in range(others)]
        total = share + sum(int(connection.makefile().readline()) for connection in connections)
        for connection in connections:
            connection.sendall(f"{total}\n".encode())
            connection.close()
    return total


def contribute(place: tuple[str, int], share: int) -> int:
    """Give a share, and take the sum."""
    while True:
        try:
            connection = socket.create_connection(place)
            break
        except ConnectionRefusedError:  # member 0 does not listen yet
            time.sleep(0.05)
    with connection:
        connection.sendall(f"{share}\n".encode())
        return int(connection.makefile().readline())


if __name__ == "__main__":
    ParallelSumFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "ParallelSumFlow",
"class": "ParallelSumFlow",
"module": "parallel_sum",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "nodes", "name": "nodes", "type": "int"}, {"attribute": "up_to", "name": "up-to", "type": "int"}],
"steps": {
 "start": {"kind": "parallel", "parents": [], "next": ["add"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "add": {"kind": "linear", "parents": ["start"], "next": ["join"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 2, "timeout": null, "env": {}},
 "join": {"kind": "join", "parents": ["add"], "next": ["end"], "depth": 0, "closes": "start", "closes_kind": "parallel", "arms": [["add"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["join"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "parallel_sum.py", "path": [""], "shipped": ["parallel_sum.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "ParallelSumFlow",
    "flow": "ParallelSumFlow",
    "root": "/tmp/store",
    "pools": [],
    "tasks": ["start", "add", "join", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
