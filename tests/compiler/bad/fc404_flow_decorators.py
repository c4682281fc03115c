from flowc import FlowSpec, catch, exit_hook, project, schedule, secrets, step, trigger, trigger_on_finish


@project(name="My Project")  # FC404
@trigger(event="a", events=["b"])  # FC404
@trigger_on_finish(flows=["project.Flow"])  # FC404
@exit_hook(on_success=["absent"])  # FC404
@exit_hook()  # FC404
@schedule(cron=3)  # FC404
class Bad(FlowSpec):
    @catch(var="not a name")  # FC404
    @secrets(sources=["vaults.key"])  # FC404
    @step
    def start(self):
        self.next(self.end)

    @secrets(sources=[{"type": "inline", "options": {"env_vars": {"METAFLOW_X": "1"}}}])  # FC404
    @step
    def end(self):
        pass
