// The flow's code as it ran.

const PYTHON = /(#.*$)|("""|''')|((?:\b[rbuf]{1,2})?"(?:\\.|[^"\\\n])*"|(?:\b[rbuf]{1,2})?'(?:\\.|[^'\\\n])*')|(@[\w.]+)|\b(and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|match|nonlocal|not|or|pass|raise|return|try|while|with|yield|None|True|False|self)\b|\b(\d[\w.]*)\b/gi;

/** The lines of a Python file with its words in colors; only what is not a string of several lines is told apart. */
function pythonLines(text) {
  let quote = null;
  return text.split("\n").map((line) => {
    const parts = [];
    let at = 0;
    const add = (end, kind) => { if (end > at) parts.push(kind ? make("span", { class: kind }, line.slice(at, end)) : line.slice(at, end)); at = end; };
    while (at < line.length) {
      if (quote) {
        const end = line.indexOf(quote, at);
        add(end < 0 ? line.length : end + 3, "s");
        if (end >= 0) quote = null;
        continue;
      }
      PYTHON.lastIndex = at;
      const found = PYTHON.exec(line);
      if (!found) { add(line.length, null); break; }
      add(found.index, null);
      if (found[2]) { quote = found[2]; add(found.index + 3, "s"); continue; }
      add(found.index + found[0].length, found[1] ? "c" : found[3] ? "s" : found[4] ? "a" : found[5] ? "k" : "d");
    }
    return parts;
  });
}

class SourceCode {
  constructor(section, code) {
    Object.assign(this, { section, code, files: code.files, chosen: code.file in code.files ? code.file : Object.keys(code.files)[0], marked: 0 });
    this.tabs = make("div", { class: "code-files", role: "group", "aria-label": "Files" });
    this.box = make("div", { class: "source", tabindex: 0 });
    const others = Object.entries(code.others || {}).map(([name, size]) => `${name} (${sizeText(size)})`);
    section.replaceChildren(make("h2", {}, "Code as it ran"), make("div", { class: "card" }, this.tabs, this.box), others.length ? make("p", { class: "soft" }, `Not kept in the store: ${others.join(", ")}`) : "");
    section.hidden = false;
    this.show();
  }
  show(name = this.chosen, line = 0) {
    if (!(name in this.files)) return;
    const names = Object.keys(this.files);
    this.chosen = name;
    this.tabs.hidden = names.length < 2;
    this.tabs.replaceChildren(...names.map((each) => make("button", { type: "button", "aria-pressed": String(each === name), onclick: () => this.show(each) }, each)));
    this.box.replaceChildren(make("ol", {}, pythonLines(this.files[name].replace(/\n$/, "")).map((parts, place) => make("li", { "data-line": place + 1, class: place + 1 === line ? "marked" : null }, parts))));
    if (line) { this.section.scrollIntoView({ block: "start" }); const row = this.box.querySelector(".marked"); if (row) this.box.scrollTop = row.offsetTop - 60; }
  }
}
