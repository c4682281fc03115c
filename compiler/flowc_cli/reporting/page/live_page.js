// The page of a run that goes on: it asks the server for what is new.

class LivePage extends RunPage {
  constructor(data) {
    super(data);
    this.address = `/data${location.pathname}`;
    this.have = "";
    this.trouble = byId("main").insertBefore(make("p", { class: "banner", role: "alert", hidden: true }), byId("main").firstChild);
    setInterval(() => { if (!document.hidden && !this.asking && this.run.state === "running") this.ask(); }, 2000);
  }
  async ask() {
    this.asking = true;
    try {
      const answer = await fetch(`${this.address}?have=${this.have}`);
      if (answer.status === 200) { this.have = answer.headers.get("X-Flowc-Have"); this.take(await answer.json()); }
      else if (answer.status === 204) this.wait();
      this.trouble.hidden = answer.ok;
      if (!answer.ok) this.trouble.textContent = await answer.text();
    } catch {
      this.trouble.hidden = false;
      this.trouble.textContent = "flowc ui does not answer: it has ended.";
    } finally {
      this.asking = false;
    }
  }
  /** Nothing is new but the time. */
  wait() {
    this.run.now = Date.now() / 1000 - this.run.created;
    this.run.length = Math.max(this.run.length, this.run.now);
    this.head();
    this.timeline.draw();
    this.again();
  }
  take({ run, graph }) {
    const before = this.run, chosen = this.chosen?.key;
    this.run = new RunModel({ ...run, details: { ...run.details }, values: { ...before.values, ...run.values } });
    const svg = new DOMParser().parseFromString(graph, "image/svg+xml").documentElement;
    byId("graph-box").replaceChildren(document.importNode(svg, true));
    this.timeline.run = this.run;
    for (const step of this.run.shown) if (step.tasks.length > 1 && step.tasks.length < FOLDED_FROM && !before.steps.some((each) => each.name === step.name && each.tasks.length > 1)) this.timeline.unfolded.add(step.name);
    if (chosen) this.chosen = this.run.find(chosen) ?? null;
    this.table.chosen = chosen ? this.chosen : null;
    this.table.renew(this.run);
    this.timeline.draw();
    for (const draw of ["head", "failures", "parameters", "cards", "graph", "nav"]) this[draw]();
    if (!this.source && this.run.code) this.source = new SourceCode(byId("code"), this.run.code);
    this.again();
  }
  /** The panel once more, where its task goes on. */
  again() {
    const task = this.chosen;
    if (!task?.key || (task.state !== "running" && task.seen === task.state)) return;
    task.seen = task.state;
    const top = this.panel.box.scrollTop;
    this.panel.task(task).then(() => { this.panel.box.scrollTop = top; });
  }
  async details(task) {
    if (this.run.details[task.key] && task.state !== "running") return this.run.details[task.key];
    try {
      const answer = await fetch(`${this.address}/task?key=${encodeURIComponent(task.key)}`);
      if (!answer.ok) return undefined;
      const { details, values } = await answer.json();
      Object.assign(this.run.values, values);
      this.run.details[task.key] = details;
      return details;
    } catch {
      return undefined;
    }
  }
}

new LivePage(JSON.parse(byId("run-data").textContent));
