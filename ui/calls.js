// Calls one by one, newest first.

import { count, dollars, el, get, moment, seconds, table } from "./base.js";

const PAGE = 100;
const FIELDS = {
  model: "Model", key_id: "Key's id", team_id: "Team's id", user_id: "User's id", end_user: "End user", tag: "Tag", provider: "Provider",
};
export const chosen = { ...Object.fromEntries(Object.keys(FIELDS).map((name) => [name, ""])), failed: "" };
let older = [];

export async function content(again) {
  const { data, next_cursor: next } = await get("admin/spend/rows", { ...chosen, cursor: older.at(-1), limit: PAGE });
  return [rows(data), turning(next, again)];
}

// Whoever has turned a page or reads a call does not want them to move.
export const rests = () => older.length > 0 || document.querySelector(".facts") !== null;

export function controls(again) {
  older = [];
  const set = (name) => (event) => {
    chosen[name] = event.target.type === "checkbox" ? (event.target.checked ? "true" : "") : event.target.value.trim();
    older = [];
    again();
  };
  const field = ([name, text]) => el("input", { placeholder: text, ariaLabel: text, value: chosen[name], onchange: set(name) });
  const failures = el("input", { type: "checkbox", checked: chosen.failed === "true", onchange: set("failed") });
  return el("div", { className: "row" }, Object.entries(FIELDS).map(field), el("label", {}, failures, " failures only"),
    el("span", { className: "quiet push" }, "Times are UTC"));
}

function rows(data) {
  if (!data.length) return el("p", { className: "quiet" }, "No calls.");
  return table([
    ["at", (row) => moment(row.at)],
    ["status", (row) => el("span", { className: row.error ? "bad" : "" }, row.error ? `${row.status} ${row.error}` : String(row.status))],
    ["key", (row) => row.key_alias ?? row.key_id, "long"],
    ["model", (row) => row.model, "long"],
    ["answered by", (row) => (row.provider ? `${row.provider}/${row.provider_model}` : ""), "long"],
    ["input", (row) => count(row.prompt_tokens), "num"],
    ["output", (row) => count(row.completion_tokens), "num"],
    ["cost", (row) => dollars(row.cost) + (row.price?.startsWith("incomplete") ? " and more" : ""), "num"],
    ["first token", (row) => seconds(row.ttft), "num"],
    ["took", (row) => seconds(row.seconds), "num"],
  ], data, details);
}

async function details(row, line) {
  const shown = () => (line.nextElementSibling?.classList.contains("facts") ? line.nextElementSibling : null);
  if (shown()) return shown().remove();
  const whole = await get(`admin/spend/rows/${encodeURIComponent(row.id)}`); // with request and answer, if those are stored
  if (shown()) return;
  const facts = Object.entries(whole).filter(([, value]) => value !== null && value !== "");
  const lines = facts.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, name === "at" ? moment(value) : told(value))));
  line.after(el("tr", { className: "facts" }, el("td", { colSpan: line.cells.length }, el("table", {}, lines))));
}

function told(value) {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

function turning(next, again) {
  const turn = (change) => async () => {
    change();
    await again();
    scrollTo(0, 0);
  };
  return el("p", { className: "row", hidden: !older.length && !next },
    el("button", { disabled: !older.length, onclick: turn(() => older.pop()) }, "Newer"),
    el("button", { disabled: !next, onclick: turn(() => older.push(next)) }, "Older"),
  );
}
