from flowc import FlowSpec, kubernetes, step

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
TERMS = [{"matchExpressions": [{"key": "a", "operator": "In"}]}]


class Bad(FlowSpec):
    @kubernetes(affinity={"nodeAffinity": {"required": {}}})  # FC404
    @step
    def start(self):
        self.next(self.a)

    @kubernetes(
        affinity={"podAntiAffinity": {REQUIRED: [{"labelSelector": {"matchLabels": {"a": 1}}}]}},  # FC404
        secret_volumes={"My_Secret": "/path"},  # FC404
        config_map_volumes={"settings": "path"},  # FC404
    )
    @step
    def a(self):
        self.next(self.b)

    @kubernetes(cpu=2, cpu_limit=1)  # FC404
    @step
    def b(self):
        self.next(self.c)

    @kubernetes(security_context={"run_as_user": 0, "run_as_non_root": True}, memory_limit=0)  # FC404 FC404
    @step
    def c(self):
        self.next(self.d)

    @kubernetes(
        affinity={"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": TERMS}}}  # FC404
    )
    @step
    def d(self):
        self.next(self.end)

    @kubernetes(security_context={"capabilities": ["ALL"]})  # FC404
    @step
    def end(self):
        pass
