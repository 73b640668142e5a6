// Virtual keys, and how far their budgets are.

import { count, dollars, el, get, moment, table } from "./base.js";

const PAGE = 100;
let first = 0;

export async function content(again) {
  const { data, total, next_offset: next } = await get("admin/keys", { limit: PAGE, offset: first });
  const turn = (to) => () => {
    first = to;
    again();
  };
  return [
    el("p", { className: "row quiet" }, `${count(total)} key${total === 1 ? "" : "s"}. New ones: lingate keys create`),
    data.length ? rows(data) : el("p", {}),
    el("p", { className: "row" },
      el("button", { disabled: !first, onclick: turn(Math.max(0, first - PAGE)) }, "Back"),
      el("button", { disabled: next === null, onclick: turn(next) }, "Next"),
    ),
  ];
}

function rows(data) {
  return table([
    ["alias", (key) => key.alias ?? "", "long"],
    ["id", (key) => key.id],
    ["key", (key) => key.masked],
    ["team", (key) => key.team_id ?? "", "long"],
    ["state", state],
    ["models", (key) => (key.models.length ? key.models.join(", ") : "all"), "long"],
    ["spent in all", (key) => dollars(key.spend), "num"],
    ["budget", (key) => key.budgets.map(budget)],
    ["limits", limits],
  ], data);
}

function state(key) {
  if (key.blocked) return el("span", { className: "bad" }, "blocked");
  if (key.expires_at === null) return "";
  const over = key.expires_at * 1000 < Date.now();
  return el("span", { className: over ? "bad" : "" }, `${over ? "expired" : "until"} ${moment(key.expires_at).slice(0, 16)}`);
}

function budget(one) {
  const used = one.spent + one.reserved;
  const share = one.max_budget ? Math.min(1, used / one.max_budget) : 1;
  const fill = el("i");
  fill.style.width = `${share * 100}%`;
  const period = one.budget_duration ? ` / ${one.budget_duration}` : "";
  return el("div", {},
    el("span", { className: share < 0.9 ? "meter" : "meter full", role: "meter", ariaValueNow: String(Math.round(share * 100)), ariaLabel: "spent, percent" }, fill),
    `${dollars(used)} of ${dollars(one.max_budget)}${period}${one.models ? ` on ${one.models}` : ""}`);
}

function limits(key) {
  const told = [["rpm_limit", "requests a minute"], ["tpm_limit", "tokens a minute"], ["max_parallel_requests", "at once"]];
  return told.filter(([name]) => key[name] !== null).map(([name, text]) => `${count(key[name])} ${text}`).join(", ");
}
