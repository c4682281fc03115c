// The page of a run.

const KEYS = [["/", "search tasks"], ["j  k", "next and previous task"], ["Esc", "close"], ["o g l a c", "overview, graph, timeline, tasks, code"], ["f", "first failed task"], ["t", "light or dark"], ["?", "these keys"]];
const MOST_CARDS = 24;
const SECTIONS = [["overview", "Overview"], ["graph", "Graph"], ["parameters", "Parameters"], ["timeline", "Timeline"], ["cards", "Cards"], ["tasks", "Tasks"], ["code", "Code"]];

class RunPage {
  constructor(data) {
    this.run = new RunModel(data);
    this.panel = new Panel(byId("panel"), this);
    this.table = new TaskTable(byId("tasks"), this.run, (key, step, quiet) => this.open(key, step, quiet));
    this.timeline = new Timeline(byId("timeline"), this.run, (key, step) => this.open(key, step));
    if (this.run.code) this.source = new SourceCode(byId("code"), this.run.code);
    this.head();
    this.failures();
    this.parameters();
    this.cards();
    this.graph();
    this.nav();
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("hashchange", () => this.go());
    addEventListener("resize", later(() => this.timeline.draw()));
    byId("keys-button").addEventListener("click", () => this.help());
    followTheme(() => this.timeline.draw());
    this.go();
  }
  head() {
    const run = this.run, counts = run.counts(run.tasks, run.shown.reduce((sum, step) => sum + Math.max(step.total, step.tasks.length), 0));
    byId("run-state").replaceChildren(pill(run.state));
    const total = Object.values(counts).reduce((a, b) => a + b, 0), done = DONE.reduce((sum, state) => sum + (counts[state] || 0), 0), bad = BAD.reduce((sum, state) => sum + (counts[state] || 0), 0);
    const own = run.tasks.filter((task) => !task.takenOver), sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    const busy = sum(own.flatMap((task) => task.attempts.map((attempt) => (attempt.started === null ? 0 : Math.max(0, (attempt.ended ?? (attempt.state === "running" ? run.now : attempt.started)) - attempt.started)))));
    const waits = own.map((task) => task.waited).filter((time) => time !== null), tries = sum(own.map((task) => Math.max(0, task.attempts.length - 1))), again = own.filter((task) => task.attempts.length > 1).length;
    const tile = (name, value, more, bad) => make("div", { class: "tile" }, make("dt", {}, name), make("dd", { class: bad ? "bad" : null }, value, more ? make("small", {}, more) : null));
    const more = [bad ? `${countText(bad)} failed` : "", counts.stopped ? `${countText(counts.stopped)} stopped` : "", counts.running ? `${countText(counts.running)} running` : "", counts.waiting ? `${countText(counts.waiting)} not begun` : "", counts["taken over"] ? `${countText(counts["taken over"])} taken over` : "", counts["from the cache"] ? `${countText(counts["from the cache"])} from the cache` : ""].filter(Boolean).join(", ");
    const tiles = [
      tile(run.state === "running" ? "Running for" : "Duration", secondsText(run.ended ?? (run.state === "running" ? run.now : run.length)), momentText(0, run.created)),
      tile("Tasks done", done === total ? countText(done) : `${countText(done)} of ${countText(total)}`, more || "all of them", bad > 0),
      tile("Work", secondsText(busy), busy && run.length ? `${(busy / run.length).toFixed(1)} tasks at a time` : ""),
      waits.length ? tile("Waiting", secondsText(median(waits)), `a task; at most ${secondsText(waits.reduce((a, b) => Math.max(a, b)))}`) : null,
      tile("Tried again", countText(tries), tries ? `in ${plural(again, "task")}` : "no task"),
    ];
    const about = [["engine", run.engine], ["started by", run.user], ["resumed from", run.origin], ["store", run.root]].filter(([, text]) => text);
    byId("overview").replaceChildren(make("dl", { class: "card tiles" }, tiles.filter(Boolean)),
      make("div", { class: "about" }, run.doc ? make("p", {}, run.doc) : null, about.map(([name, text]) => make("span", {}, `${name} `, make("b", {}, text))), (run.tags || []).map((tag) => make("span", { class: "tag" }, tag))),
      ...(run.notes || []).map((note) => make("p", { class: "soft note-line" }, note)));
  }
  /** Tasks that have failed, those of one kind together, each with one traceback. */
  failures() {
    const groups = new Map();
    for (const task of this.run.tasks) {
      if (!BAD.includes(task.state)) continue;
      const failure = this.run.details[task.key]?.attempts?.[task.attempts.at(-1)?.number]?.failure;
      const name = failure ? `${failure.type}: ${failure.message}` : `${task.step.name} ${task.state}`;
      if (!groups.has(name)) groups.set(name, { failure, state: task.state, tasks: [] });
      groups.get(name).tasks.push(task);
    }
    const section = byId("failures"), all = [...groups.values()].sort((a, b) => b.tasks.length - a.tasks.length);
    section.hidden = !all.length;
    const chip = (task) => make("button", { type: "button", class: "chip", onclick: () => this.open(task.key) }, task.key);
    section.replaceChildren(make("h2", {}, all.length === 1 ? "Why it failed" : `${plural(all.length, "kind")} of failure`), ...all.slice(0, 10).map(({ failure, state, tasks }) => make("div", { class: "card failure" },
      make("div", { class: "what" }, failure ? [make("b", {}, failure.type), failure.message ? `: ${failure.message}` : ""] : state),
      make("div", { class: "who" }, tasks.slice(0, 8).map(chip), tasks.length > 8 ? `and ${countText(tasks.length - 8)} more` : ""), failure?.traceback ? traceView(failure) : null)));
    if (all.length > 10) section.append(make("p", { class: "soft" }, `and ${plural(all.length - 10, "more kind")}`));
  }
  parameters() {
    const found = this.run.parameters || [];
    byId("parameters").hidden = !found.length;
    byId("parameters").replaceChildren(make("h2", {}, "Parameters"), make("div", { class: "card parameter-list" }, found.map((each) => artifactView(each, this.run.values))));
  }
  cards() {
    const found = this.run.tasks.flatMap((task) => (this.run.details[task.key]?.cards || []).map((card) => [task, card]));
    byId("cards").hidden = !found.length;
    byId("cards").replaceChildren(make("h2", {}, "Cards"), make("div", { class: "card-grid" }, found.slice(0, MOST_CARDS).map(([task, card]) => make("div", { class: "card run-card" }, make("button", { type: "button", class: "link", onclick: () => this.open(task.key) }, task.key), cardView(card)))),
      found.length > MOST_CARDS ? make("p", { class: "soft" }, `and ${plural(found.length - MOST_CARDS, "more card")}: see them at their tasks`) : "");
  }
  graph() {
    for (const node of document.querySelectorAll("#graph-box .node")) {
      const step = this.run.steps.find((each) => each.name === node.dataset.step);
      if (!step) continue;
      Object.entries({ tabindex: 0, role: "button", "aria-label": stepSummary(step, this.run.counts(step.tasks, step.total)) }).forEach(([name, value]) => node.setAttribute(name, value));
      const open = () => this.open(step.tasks.length === 1 ? step.tasks[0].key : null, step);
      node.addEventListener("click", open);
      node.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(); } });
    }
  }
  nav() {
    const links = SECTIONS.filter(([id]) => !byId(id).hidden).map(([id, title]) => make("a", { href: `#${id}` }, title));
    byId("nav").replaceChildren(...links);
    const seen = new Map(), watch = new IntersectionObserver((entries) => {
      for (const entry of entries) seen.set(entry.target.id, entry.isIntersecting);
      const here = SECTIONS.find(([id]) => seen.get(id));
      for (const link of links) link.classList.toggle("here", here !== undefined && link.hash === `#${here[0]}`);
    }, { rootMargin: "-60px 0px -55% 0px" });
    for (const [id] of SECTIONS) watch.observe(byId(id));
  }
  /** The details of a task: of the page, or of the server where there is one. */
  async details(task) { return this.run.details[task.key]; }
  open(key, step = null, quiet = false) {
    const task = key === null ? undefined : this.run.find(key);
    this.chosen = task ?? step;
    this.table.choose(task);
    if (task) this.panel.task(task); else if (step) this.panel.step(step); else return;
    history.replaceState(null, "", task ? `#task/${encodeURIComponent(task.key)}` : `#step/${encodeURIComponent(step.name)}`);
    if (!quiet) this.panel.box.focus({ preventScroll: true });
  }
  close() { this.chosen = null; this.panel.close(); this.table.choose(undefined); history.replaceState(null, "", location.pathname + location.search); byId("main").focus({ preventScroll: true }); }
  move(way) {
    const task = this.table.beside(this.chosen, way);
    if (task) this.open(task.key, null, true);
  }
  go() {
    const [kind, name] = location.hash.slice(1).split("/", 2).map((part) => { try { return decodeURIComponent(part); } catch { return ""; } });
    if (kind === "task" && this.run.find(name)) this.open(name);
    const step = kind === "step" && this.run.steps.find((each) => each.name === name);
    if (step) this.open(null, step);
  }
  showCode(file, line) {
    if (innerWidth <= 1000) this.close();
    this.source?.show(file, line);
  }
  help() {
    byId("keys").replaceChildren(make("h2", {}, "Keys"), make("dl", {}, KEYS.flatMap(([keys, text]) => [make("dt", {}, keys.split(" ").filter(Boolean).map((key) => [make("kbd", {}, key), " "])), make("dd", {}, text)])), make("p", {}, make("button", { type: "button", onclick: () => byId("keys").close() }, "Close")));
    byId("keys").showModal();
  }
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && this.chosen) return this.close();
    if (event.target.matches?.("input, select, textarea")) return;
    const jump = { o: "overview", g: "graph", l: "timeline", a: "tasks", c: "code" }[event.key];
    const failed = () => this.run.tasks.find((task) => BAD.includes(task.state));
    if (jump) byId(jump).scrollIntoView();
    else if (event.key === "/") { event.preventDefault(); byId("search").focus(); }
    else if (event.key === "j" || event.key === "k") this.move(event.key === "j" ? 1 : -1);
    else if (event.key === "f" && failed()) this.open(failed().key);
    else if (event.key === "t") byId("theme").click();
    else if (event.key === "?") this.help();
  }
}

function later(action) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(action, 120); };
}
