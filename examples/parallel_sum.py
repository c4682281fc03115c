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
