from flowc import FlowSpec, catch, step


class Bad(FlowSpec):
    @catch(var="failure")  # FC406
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.each, foreach="items")

    @catch
    @step
    def each(self):
        self.next(self.join)

    @catch
    @step
    def join(self, inputs):
        self.choice = "a"
        self.next(self.choose)

    @catch()  # FC406
    @step
    def choose(self):
        self.next({"a": self.one, "b": self.two}, condition="choice")

    @step
    def one(self):
        self.next(self.split)

    @step
    def two(self):
        self.next(self.split)

    @catch
    @step
    def split(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.end)

    @step
    def right(self):
        self.next(self.end)

    @step
    def end(self, inputs):
        pass
