// What artifacts hold: tables, pictures, plots and text.

const VALUE_VIEWS = {
  text: (view) => make("pre", {}, view.text, view.cut ? make("span", { class: "faint" }, `\n… ${countText(view.cut)} more characters`) : null),
  table: tableView,
  image: (view) => make("figure", {}, make("img", { src: safeImage(view.source), alt: view.label || "" }), view.label ? make("figcaption", {}, view.label) : null),
  plot: plotView,
  bars: barsView,
};

function valueView(view) {
  const draw = view && Object.hasOwn(VALUE_VIEWS, view.kind) ? VALUE_VIEWS[view.kind] : () => make("span", { class: "faint" }, "not in this file");
  return make("div", { class: "value" }, draw(view));
}

/** The address of a picture, which is in the page itself. */
const safeImage = (source) => (/^data:image\/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]*$/.test(source) ? source : "data:,");

const isNumber = (text) => /^-?[\d.,]+(e[-+]?\d+)?%?$/i.test(text);

function tableView(view) {
  const numeric = view.columns.map((_, column) => view.rows.length > 0 && view.rows.every((row) => row[column] === "" || isNumber(row[column])));
  const head = view.columns.some(([name]) => name)
    ? make("thead", {}, make("tr", {}, view.columns.map(([name, type], column) => make("th", { class: numeric[column] ? "n" : null }, name, type ? make("small", {}, type) : null))))
    : null;
  const rows = view.rows.map((row) => make("tr", {}, row.map((cell, column) => make("td", { class: numeric[column] ? "n" : null }, cell))));
  const more = view.total > view.rows.length ? make("p", { class: "faint" }, `the first ${countText(view.rows.length)} of ${plural(view.total, "row")}`) : null;
  return make("div", {}, make("div", { class: "table-box", tabindex: 0 }, make("table", {}, head, make("tbody", {}, rows))), more);
}

function plotView(view) {
  const low = Math.min(...view.numbers), high = Math.max(...view.numbers);
  const x = (place) => ((place / Math.max(1, view.numbers.length - 1)) * 600).toFixed(1);
  const y = (value) => (high === low ? 50 : 95 - ((value - low) / (high - low)) * 90).toFixed(1);
  const line = view.numbers.map((value, place) => `${place ? "L" : "M"}${x(place)} ${y(value)}`).join("");
  const svg = drawing("svg", { class: "plot", viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img" },
    drawing("path", { class: "area", d: `${line}L600 100L0 100Z` }), drawing("path", { d: line }));
  svg.setAttribute("aria-label", `${plural(view.total, "number")} from ${low} to ${high}`);
  const more = view.total > view.numbers.length ? `the first ${countText(view.numbers.length)} of ${countText(view.total)} numbers, ` : `${countText(view.total)} numbers, `;
  return make("div", {}, svg, make("div", { class: "faint" }, `${more}${numberText(low)} to ${numberText(high)}`), make("pre", {}, view.text));
}

const numberText = (value) => (Number.isInteger(value) ? countText(value) : String(Number(value.toPrecision(6))));

function barsView(view) {
  const most = Math.max(...view.bars.map(([, value]) => Math.abs(value))) || 1;
  return make("div", { class: "bars" }, view.bars.flatMap(([name, value]) => [
    make("span", {}, name), make("i", { style: { width: `${(Math.abs(value) / most) * 100}%` } }), make("span", { class: "num" }, numberText(value))]));
}
