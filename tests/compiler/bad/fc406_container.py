from flowc import FlowSpec, card, catch, container, secrets, step


class Bad(FlowSpec):
    @card  # FC406
    @secrets(sources=["aws-secrets-manager.key"])  # FC406
    @container(image="debian:12", command=["true"])
    @step
    def start(self):
        self.next(self.one, self.two)

    @catch(var="failure")  # FC406
    @container(image="debian:12", command=["true"])
    @step
    def one(self):
        self.next(self.join)

    @step
    def two(self):
        self.next(self.join)

    @container(image="debian:12", command=["true"])  # FC406
    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
