from flowc import FlowSpec, kubernetes, resources, step


class Bad(FlowSpec):
    @kubernetes(secret_volumes={"a": "/data"}, persistent_volume_claims={"b": "/data/"})  # FC406
    @step
    def start(self):
        self.next(self.middle)

    @resources(shared_memory=64)
    @kubernetes(tmpfs_size=5, tmpfs_path="/dev/shm")  # FC406
    @step
    def middle(self):
        self.next(self.end)

    @kubernetes(cpu=1, cpu_limit=2, qos="guaranteed")  # FC406
    @step
    def end(self):
        pass
