from flowc import FlowSpec, environment, secrets, step

INLINE = {"type": "inline", "id": "x", "options": {"env_vars": {"ANYTHING": "s3cr3t"}}}


class Warned(FlowSpec):
    @environment(vars={"AWS_SECRET_ACCESS_KEY": "wJalr", "REGION": "eu-1", "MAX_TOKENS": "512"})  # FC412
    @step
    def start(self):
        self.next(self.middle)

    @secrets(sources=[INLINE, {"type": "kubernetes", "id": "ours"}])  # FC412
    @environment(vars={"USE_AUTH": "true", "API_KEY": "", "TOKENIZERS_PARALLELISM": "maybe"})
    @step
    def middle(self):
        self.next(self.end)

    @secrets(sources=[{"type": "kubernetes", "id": "ours"}])
    @step
    def end(self):
        pass

    @step
    def lonely(self):  # FC205
        self.next(self.end)
