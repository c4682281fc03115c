from metaflow import FlowSpec, parallel_imap_unordered, parallel_map, profile, step


class HelpersFlow(FlowSpec):
    """Metaflow's helpers, and processes, threads and coroutines that a step starts itself."""

    @step
    def start(self):
        k = 10
        self.r = parallel_map(lambda x: x * k, range(5), max_parallel=2)
        self.u = sorted(parallel_imap_unordered(lambda x: x + 1, [3, 1, 2]))
        d = {}
        with profile("p", stats_dict=d):
            pass
        self.d = list(d)
        try:
            parallel_map(lambda x: 1 / x, [1, 0])
        except Exception as e:
            self.e = type(e).__name__
        self.next(self.end)

    @step
    def end(self):
        from multiprocessing.pool import ThreadPool

        with ThreadPool(2) as p:
            self.t = p.map(lambda v: v * 2, self.r)
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(2) as p:
            self.pp = list(p.map(abs, [-1, -2]))

        import asyncio

        async def co():
            await asyncio.sleep(0)
            return 4

        self.co = asyncio.run(co())


if __name__ == "__main__":
    HelpersFlow()
