// What all views share: elements, figures as people read them, and the admin API.

const API = new URL(".", location.href);
let key = null;

export function useKey(given) {
  key = given;
}

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function get(path, query = {}) {
  const url = new URL(path, API);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return ask(url, {});
}

export function send(method, path, body = {}) {
  return ask(new URL(path, API), { method, body: method === "DELETE" ? null : JSON.stringify(body) });
}

async function ask(url, what) {
  if (/[^ -~]/.test(key)) throw new Refused(401, "this API key is not valid"); // no header can hold it
  const headers = { authorization: `Bearer ${key}`, ...(what.body ? { "content-type": "application/json" } : {}) };
  let answer;
  try {
    answer = await fetch(url, { ...what, headers, cache: "no-store" });
    if (answer.ok) return await answer.json();
  } catch {
    throw new Refused(0, "the gateway does not answer");
  }
  const told = await answer.json().catch(() => null);
  throw new Refused(answer.status, told?.error?.message ?? `the gateway answers with ${answer.status}`);
}

// Names of models and keys are other people's words: they become text, never markup.
export function el(tag, fields = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export function choice(label, options, chosen, change) {
  const select = el("select", { ariaLabel: label, onchange: () => change(select.value) });
  for (const [value, text] of options) select.append(el("option", { value, selected: value === chosen }, text));
  return select;
}

// columns: [title, cell of a row, class]. A cell is text or an element.
export function table(columns, rows, open = null) {
  const head = el("tr", {}, columns.map(([title, , kind = ""]) => el("th", { className: kind, scope: "col" }, title)));
  const body = rows.map((row) => {
    const line = el("tr", {}, columns.map(([, cell, kind = ""]) => {
      const made = el("td", { className: kind }, cell(row) ?? "");
      if (kind === "long") made.title = made.textContent; // it is cut where there is no room
      return made;
    }));
    if (open) {
      Object.assign(line, { className: "open", tabIndex: 0, onclick: () => open(row, line) });
      line.onkeydown = (event) => void (event.key === "Enter" && open(row, line)); // a false would undo Tab
    }
    return line;
  });
  return el("div", { className: "wide" }, el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

const counts = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

// The calls of somebody, or to something.
export const callsOf = (asked, text) => el("a", { href: `#calls?${new URLSearchParams(asked)}` }, text);

export const counted = (number, what) => `${count(number)} ${what}${number === 1 ? "" : "s"}`;
export const count = (value) => (value === null || value === undefined ? "" : counts.format(value));
export const brief = (value) => (value < 10000 ? counts.format(Math.round(value)) : short.format(value));

export function dollars(value) {
  if (value === null || value === undefined) return "";
  const digits = value === 0 || value >= 100 ? 2 : value >= 0.1 ? 3 : Math.min(9, 2 - Math.floor(Math.log10(value)));
  return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: Math.max(2, digits) })}`;
}

export function seconds(value) {
  if (value === null || value === undefined) return "";
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

// In UTC, as everywhere in Lingate.
export function moment(epoch) {
  return new Date(epoch * 1000).toISOString().slice(0, 19).replace("T", " ");
}
