// Cards, as steps have filled them.

const MARKDOWN = new Set("h1 h2 h3 h4 h5 h6 p strong em s code pre ul ol li blockquote hr br table thead tbody tr th td a span img".split(" "));

/** The elements of a tree of Markdown: only those that are known, with nothing but what is known. */
function markdownNodes(tree) {
  return tree.map((node) => {
    if (typeof node === "string") return node;
    const [tag, attributes, children] = node, name = MARKDOWN.has(tag) ? tag : "p", given = {};
    if (name === "a" && /^(https?:|mailto:|#)/.test(attributes.href)) Object.assign(given, { href: attributes.href, rel: "noopener noreferrer nofollow", target: "_blank" });
    if (name === "img") Object.assign(given, { src: safeImage(attributes.src ?? ""), alt: attributes.alt ?? "" });
    if (attributes.class === "n") given.class = "n";
    const level = /^h([1-6])$/.exec(name);
    return make(level ? `h${Math.min(6, Number(level[1]) + 2)}` : name, given, markdownNodes(children));
  });
}

const titled = (title, ...children) => make("div", {}, title ? make("h4", {}, title) : null, children);

Object.assign(VALUE_VIEWS, {
  markdown: (view) => make("div", { class: "markdown" }, markdownNodes(view.tree)),
  artifact: (view) => make("div", { class: "artifact-line" }, view.name ? make("b", {}, view.name) : null, view.type ? make("span", { class: "faint" }, ` ${view.type}`) : null, make("pre", {}, view.text ?? "")),
  box: (view) => make("div", { class: `value-box ${["success", "warning", "danger"].includes(view.theme) ? view.theme : ""}` },
    view.title ? make("div", { class: "soft" }, view.title) : null, make("div", { class: "big" }, view.value ?? ""), view.subtitle ? make("div", { class: "soft" }, view.subtitle) : null, view.change ? make("div", { class: "change" }, view.change) : null),
  code: (view) => make("div", { class: "code-block" }, make("pre", {}, pythonLines((view.text ?? "").trimEnd()).flatMap((parts) => [...parts, "\n"]))),
  error: (view) => make("div", { class: "error-box" }, view.title ? make("b", {}, view.title) : null, make("pre", {}, view.text ?? "")),
  json: (view) => titled(view.title, make("pre", { class: "trace" }, view.text ?? "")),
  html: (view) => make("iframe", { class: "html", sandbox: "", srcdoc: view.html, title: "HTML of the step's own" }),
  nothing: () => null,
  page: (view) => titled(view.title, cardView(view)),
  progress: (view) => {
    const share = view.max > 0 ? Math.min(1, Math.max(0, view.value / view.max)) : 0, text = `${numberText(view.value)} of ${numberText(view.max)}${view.unit ? ` ${view.unit}` : ""}`;
    return make("div", { class: "progress" }, make("div", {}, make("b", {}, view.label ?? ""), make("span", { class: "soft" }, [text, view.details].filter(Boolean).join(" · "))),
      make("div", { class: "track-bar", role: "progressbar", "aria-valuenow": view.value, "aria-valuemax": view.max, "aria-label": view.label ?? "progress" }, make("i", { style: { width: `${share * 100}%` } })));
  },
  events: (view) => titled(view.title, view.events.map((event) => make("div", { class: `event ${["success", "warning", "error"].includes(event.theme) ? event.theme : ""}` },
    make("div", { class: "event-facts" }, event.facts.map(([name, text]) => make("span", {}, make("span", { class: "faint" }, `${name} `), text))),
    event.parts.map(([name, part]) => make("details", {}, make("summary", {}, name), valueView(part)))))),
  vega: (view) => (view.source ? make("img", { src: safeImage(view.source), alt: "Chart" }) : make("div", {}, make("p", { class: "note" }, view.note ?? ""), make("details", {}, make("summary", {}, "Specification"), make("pre", { class: "trace" }, view.text ?? "")))),
  "rich table": (view) => {
    const cell = (each) => (typeof each === "string" ? make("td", { class: isNumber(each) ? "n" : null }, each) : make("td", {}, valueView(each)));
    const wide = view.rows[0] ?? [];
    const head = view.headers.some(Boolean) ? make("thead", {}, make("tr", {}, view.headers.map((name, place) => make("th", { class: typeof wide[place] === "string" && isNumber(wide[place]) ? "n" : null }, name)))) : null;
    return make("div", {}, make("div", { class: "table-box", tabindex: 0 }, make("table", {}, head, make("tbody", {}, view.rows.map((row) => make("tr", {}, row.map(cell)))))),
      view.total > view.rows.length ? make("p", { class: "faint" }, `the first ${countText(view.rows.length)} of ${plural(view.total, "row")}`) : null);
  },
});

/** The components of a card; numbers in boxes stand side by side. */
function cardView(card) {
  const found = [];
  let boxes = null;
  for (const component of card.components || []) {
    if (component.kind !== "box") boxes = null;
    else if (!boxes) found.push((boxes = make("div", { class: "boxes" })));
    (boxes ?? { append: (child) => found.push(child) }).append(valueView(component));
  }
  return make("div", { class: "step-card" }, card.title || card.id ? make("h4", {}, card.title || card.id) : null, found);
}
