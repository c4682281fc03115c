// The details of a task or a step, at the side.

class Panel {
  constructor(box, page) { Object.assign(this, { box, page }); }
  close() { this.box.hidden = true; this.box.replaceChildren(); }
  head(title, state, way) {
    return make("div", { class: "panel-head" }, make("h2", {}, title), state ? pill(state) : null,
      make("div", { class: "right" }, way ? [make("button", { type: "button", title: "Previous (k)", "aria-label": "Previous task", onclick: () => way(-1) }, "↑"), make("button", { type: "button", title: "Next (j)", "aria-label": "Next task", onclick: () => way(1) }, "↓")] : null,
        make("button", { type: "button", title: "Close (Esc)", "aria-label": "Close", onclick: () => this.page.close() }, "×")));
  }
  fill(children) {
    this.box.replaceChildren(...children.flat().filter(Boolean));
    this.box.scrollTop = 0;
    this.box.hidden = false;
  }
  async task(task) {
    const run = this.page.run;
    const facts = [["started", task.takenOver ? "" : momentText(task.started, run.created)], ["duration", secondsText(task.took)], ["waited", secondsText(task.waited)], ["ran on", task.attempts.at(-1)?.host]];
    const details = await this.page.details(task);
    if (this.page.chosen !== task) return;
    if (details?.origin) facts.push(["taken over from", details.origin]);
    const children = [this.head(task.key, task.state, (way) => this.page.move(way)), factList(facts)];
    if (details?.problem) children.push(make("p", { class: "note" }, details.problem));
    if (!details) children.push(make("p", { class: "note" }, "Artifacts and logs of this task are not in this file: flowc ui shows them, and flowc show."));
    if (task.attempts.length) children.push(make("h3", {}, task.attempts.length > 1 ? plural(task.attempts.length, "attempt") : "Log"), ...task.attempts.slice().reverse().map((attempt) => this.attempt(task, attempt, details?.attempts?.[attempt.number])));
    if (details?.cards?.length) children.push(make("h3", {}, "Cards"), ...details.cards.map((card) => cardView(card)));
    if (details?.artifacts?.length) children.push(make("h3", {}, BAD.includes(task.state) ? "What it had set" : plural(details.artifacts.length, "artifact")), ...details.artifacts.map((artifact) => artifactView(artifact, run.values)));
    children.push(this.about(task.step));
    this.fill(children);
  }
  attempt(task, attempt, found) {
    const last = attempt === task.attempts.at(-1), many = task.attempts.length > 1;
    const body = [];
    if (found?.failure) body.push(traceView(found.failure));
    if (found?.log?.length) body.push(logView(found.log));
    if (found?.cut) body.push(make("p", { class: "faint" }, `${plural(found.cut, "line")} of the beginning are left out`));
    if (found && !body.length) body.push(make("p", { class: "faint" }, found.has_log === false ? "Its log is not in the store." : "It printed nothing."));
    const took = attempt.started === null ? "" : secondsText((attempt.ended ?? this.page.run.now) - attempt.started);
    return make("details", { class: "attempt", open: last || BAD.includes(attempt.state) }, make("summary", {}, pill(attempt.state), many ? `attempt ${attempt.number}` : "", make("span", { class: "right" }, took)), make("div", {}, body));
  }
  about(step) {
    const run = this.page.run, children = [make("h3", {}, `Step ${step.name}`)];
    if (step.doc) children.push(make("p", { class: "doc" }, step.doc));
    const facts = [["calls", step.call], ...step.facts.map(([name, text]) => [name, text])];
    if (step.line && run.code) facts.push(["code", make("button", { type: "button", class: "link", onclick: () => this.page.showCode(step.file, step.line) }, `${step.file}:${step.line}`)]);
    return make("div", {}, children, factList(facts));
  }
  step(step) {
    const counts = this.page.run.counts(step.tasks, step.total), times = step.tasks.map((task) => task.took).filter((time) => time !== null);
    const waits = step.tasks.map((task) => task.waited).filter((time) => time !== null), most = (numbers) => numbers.reduce((a, b) => Math.max(a, b), 0);
    const facts = [["tasks", Object.entries(counts).map(([state, count]) => `${countText(count)} ${state}`).join(", ")]];
    if (times.length) facts.push(["duration", `${secondsText(Math.min(most(times), times.reduce((a, b) => Math.min(a, b))))} – ${secondsText(median(times))} – ${secondsText(most(times))}`], ["together", secondsText(times.reduce((a, b) => a + b, 0))]);
    if (waits.length) facts.push(["waited", `median ${secondsText(median(waits))}, longest ${secondsText(most(waits))}`]);
    const slow = step.tasks.filter((task) => task.took !== null).sort((a, b) => b.took - a.took).slice(0, 5), bad = step.tasks.filter((task) => BAD.includes(task.state)).slice(0, 20);
    const links = (title, tasks) => (tasks.length ? [make("h3", {}, title), make("div", { class: "filters" }, tasks.map((task) => make("button", { type: "button", class: "chip", onclick: () => this.page.open(task.key) }, `${task.index || task.key} · ${secondsText(task.took)}`)))] : []);
    const spread = times.length > 20 ? [make("h3", {}, "Durations"), histogram(times)] : [];
    this.fill([this.head(step.name, null, null), factList(facts), spread, links("Failed", bad), step.tasks.length > 1 ? links("Longest", slow) : [], this.about(step)]);
  }
}

/** How many of many times are how long. */
function histogram(times) {
  const most = times.reduce((a, b) => Math.max(a, b), 0) || 1, least = times.reduce((a, b) => Math.min(a, b)), bins = new Array(40).fill(0);
  for (const time of times) bins[Math.min(39, Math.floor(((time - least) / (most - least || 1)) * 40))]++;
  const tall = Math.max(...bins);
  return make("div", {}, make("div", { class: "histogram", role: "img", "aria-label": `${plural(times.length, "task")} by duration` }, bins.map((count, place) => make("i", {
    style: { height: `${count ? Math.max(3, (count / tall) * 100) : 0}%` }, title: `${plural(count, "task")}: ${secondsText(least + ((most - least) * place) / 40)} to ${secondsText(least + ((most - least) * (place + 1)) / 40)}` }))),
    make("div", { class: "ends faint num" }, make("span", {}, secondsText(least)), make("span", {}, secondsText(most))));
}

function factList(facts) {
  const shown = facts.filter(([, text]) => text);
  return shown.length ? make("dl", { class: "facts" }, shown.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)])) : null;
}

/** What was printed, with the seconds since the attempt began. */
function logView(rows) {
  const timed = rows.some(([seconds]) => seconds !== null);
  return make("div", { class: "log", tabindex: 0, role: "log" }, rows.map(([seconds, stream, text]) => make("div", { class: `log-row ${stream || "gap"}` },
    timed ? make("span", { class: "at num" }, seconds === null ? "" : secondsText(Math.max(0, seconds))) : null, make("pre", {}, text))));
}

const traceView = (failure) => make("pre", { class: "trace", tabindex: 0 }, failure.traceback || `${failure.type}: ${failure.message}`);

function artifactView(artifact, values) {
  return make("div", { class: "artifact" }, make("div", { class: "head" }, make("b", {}, artifact.name), make("span", { class: "right" }, [artifact.type, sizeText(artifact.size)].filter(Boolean).join(" · "))), valueView(values[artifact.value]));
}
