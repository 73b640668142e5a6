// Virtual keys: new ones, how far their budgets are, and an end to them.

import { Refused, count, dollars, el, get, moment, send, table } from "./base.js";

const PAGE = 100;
let first = 0;

// A button that has the focus is not drawn anew: somebody is about to press it.
export const rests = () => document.activeElement?.closest("td") !== null;

export function controls(again) {
  const field = (name, label, more = {}) => el("label", {}, label, el("input", { name, autocomplete: "off", ...more }));
  const number = { type: "number", min: 0, step: "any" };
  const period = el("select", { name: "budget_duration" },
    [["", "in all"], ["1d", "a day"], ["7d", "a week"], ["30d", "30 days"]].map(([value, text]) => el("option", { value }, text)));
  const told = el("p", { className: "row", role: "status" });
  const form = el("form", { className: "row", onsubmit: (event) => make(event, form, told, again) },
    field("alias", "Name"),
    field("max_budget", "Budget, US dollars", number),
    el("label", {}, "for", period),
    field("models", "Models", { placeholder: "all, or a, b" }),
    field("rpm_limit", "Requests a minute", number),
    field("tpm_limit", "Tokens a minute", number),
    field("duration", "Good for", { placeholder: "ever, or 90d" }),
    el("button", {}, "Make the key"),
  );
  return [el("details", {}, el("summary", {}, "New key"), form), told];
}

async function make(event, form, told, again) {
  event.preventDefault();
  const asked = {};
  for (const { name, type, value } of form.elements) {
    if (!name || !value.trim()) continue;
    asked[name] = type === "number" ? Number(value) : value.trim();
  }
  if (asked.models) asked.models = asked.models.split(",").map((name) => name.trim()).filter(Boolean);
  if (asked.max_budget === undefined) delete asked.budget_duration;
  let token;
  try {
    ({ token } = await send("POST", "admin/keys", asked));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    told.replaceChildren(el("span", { className: "bad" }, error.message));
    return;
  }
  form.reset();
  const copy = () => navigator.clipboard.writeText(token);
  told.replaceChildren("Its token, which is shown this once:", el("code", {}, token),
    ...(navigator.clipboard ? [el("button", { onclick: copy }, "Copy")] : []));
  await again();
}

export async function content(again) {
  const { data, total, next_offset: next } = await get("admin/keys", { limit: PAGE, offset: first });
  const turn = (to) => () => {
    first = to;
    again();
  };
  return [
    el("p", { className: "row quiet" }, `${count(total)} key${total === 1 ? "" : "s"}`),
    data.length ? rows(data, again) : el("p", {}),
    el("p", { className: "row" },
      el("button", { disabled: !first, onclick: turn(Math.max(0, first - PAGE)) }, "Back"),
      el("button", { disabled: next === null, onclick: turn(next) }, "Next"),
    ),
  ];
}

function rows(data, again) {
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
    ["", (key) => acts(key, again)],
  ], data);
}

function acts(key, again) {
  const act = (method, what) => async () => {
    await send(method, `admin/keys/${encodeURIComponent(key.id)}${what}`);
    document.activeElement?.blur();
    await again();
  };
  const erase = () => confirm(`Delete ${key.alias ?? key.id}? Its calls are refused from now on.`) && act("DELETE", "")();
  return [
    el("button", { onclick: key.blocked ? act("POST", "/unblock") : act("POST", "/block") }, key.blocked ? "Unblock" : "Block"),
    " ",
    el("button", { onclick: erase }, "Delete"),
  ];
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
