from flowc import FlowSpec, cache, kubernetes, parallel, secrets, step


class Cached(FlowSpec):
    @cache(ttl="1d", version=3, ignore=["seen"])
    @step
    def start(self):
        self.seen = 1
        self.next(self.guarded)

    @cache  # FC414
    @secrets(sources=[{"type": "kubernetes", "id": "keys"}])
    @step
    def guarded(self):
        self.next(self.mounted)

    @cache(version="1")  # FC414
    @kubernetes(secrets=["keys"])
    @step
    def mounted(self):
        self.next(self.allowed)

    @cache(secrets=True)
    @secrets(sources=[{"type": "kubernetes", "id": "keys"}])
    @step
    def allowed(self):
        self.next(self.member, num_parallel=2)

    @cache  # FC414
    @parallel
    @step
    def member(self):
        self.next(self.join)

    @cache(ttl="soon")  # FC404
    @step
    def join(self, inputs):
        self.next(self.end)

    @cache(enabled=False, ttl=5)  # FC410
    @step
    def end(self):
        pass
