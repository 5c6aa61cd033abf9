// Elements out of plain values: text is set as text, so that nothing that a record holds is ever markup.

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function table(caption, columns, rows) {
  const head = make("tr", {}, columns.map(([label]) => make("th", { scope: "col" }, label)));
  const body = rows.map((row) =>
    make("tr", {}, columns.map(([label, cell]) => make("td", { "data-label": label }, make("span", {}, ...shown(cell(row)))))),
  );
  if (!rows.length) return make("p", {}, `${caption}: none.`);
  return make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, body));
}

export function facts(pairs) {
  const list = make("dl");
  for (const [name, value] of pairs) {
    if (value === undefined || value === null || value === "") continue;
    list.append(make("dt", {}, name), make("dd", {}, ...shown(value)));
  }
  return list;
}

export function button(label, action, danger = false) {
  return make("button", { type: "button", class: danger ? "danger" : null, onclick: action }, label);
}

export function field(label, attributes = {}, element = "input") {
  return make("label", {}, label, make(element, attributes));
}

export function moment(text) {
  if (!text) return "";
  return make("time", { datetime: text }, new Date(text).toLocaleString());
}

function shown(value) {
  if (value === undefined || value === null) return [""];
  if (Array.isArray(value)) return value.every((each) => each instanceof Node) ? value : [value.join(", ")];
  return value instanceof Node ? [value] : [String(value)];
}
