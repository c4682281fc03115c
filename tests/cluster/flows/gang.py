"""A gang of four that adds up over TCP, slowly enough in its first attempt for one of its pods to be deleted."""

from __future__ import annotations

import os
import socket
import time

from flowc import FlowSpec, current, environment, parallel, retry, step


class Gang(FlowSpec):
    @step
    def start(self):
        self.next(self.add, num_parallel=4)

    @environment(vars={"FLOWC_GANG_INTERVAL": "2"})
    @retry(times=3, minutes_between_retries=0)
    @parallel
    @step
    def add(self):
        me = current.parallel.node_index
        if current.retry_count == 0 and os.environ.get("FLOWC_RUN_ID", "").startswith("argo-"):
            time.sleep(90)
        self.total = gather(1 + me) if me == 0 else contribute(1 + me)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.totals = [member.total for member in inputs]
        self.next(self.end)

    @step
    def end(self):
        print(self.totals)


def gather(share: int) -> int:
    with socket.create_server((current.parallel.main_ip, int(os.environ["MASTER_PORT"]))) as server:
        others = [server.accept()[0] for _ in range(current.parallel.num_nodes - 1)]
        total = share + sum(int(other.makefile().readline()) for other in others)
        for other in others:
            other.sendall(f"{total}\n".encode())
    return total


def contribute(share: int) -> int:
    while True:
        try:
            connection = socket.create_connection((os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])))
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    with connection:
        connection.sendall(f"{share}\n".encode())
        return int(connection.makefile().readline())


if __name__ == "__main__":
    Gang()
