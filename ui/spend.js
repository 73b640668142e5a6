// What was spent: sums over time, and by whatever they are asked for.

import { brief, callsOf, choice, count, dollars, el, get, table } from "./base.js";
import { bars } from "./chart.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const MOST = 10000;
const SHOWN = 7;

const PERIODS = { day: ["24 hours", 24, HOUR], week: ["7 days", 7, DAY], month: ["30 days", 30, DAY], quarter: ["90 days", 90, DAY] };
const MEASURES = {
  cost: ["Cost", (sum) => sum.cost, dollars],
  calls: ["Calls", (sum) => sum.calls, brief],
  tokens: ["Tokens", (sum) => sum.prompt_tokens + sum.completion_tokens, brief],
  errors: ["Failures", (sum) => sum.errors, brief],
};
const DIMENSIONS = {
  model: "model", key_id: "key", team_id: "team", user_id: "user", provider: "provider", tag: "tag", end_user: "end user", error: "kind of error",
};
const OPTIONS = { measure: MEASURES, by: DIMENSIONS, period: PERIODS };
export const chosen = { measure: "", by: "", period: "" };

export function controls(again) {
  for (const [name, all] of Object.entries(OPTIONS)) {
    if (!Object.hasOwn(all, chosen[name])) [chosen[name]] = Object.keys(all);
  }
  const set = (name) => (value) => {
    chosen[name] = value;
    again();
  };
  const titles = (of) => Object.entries(of).map(([name, [title]]) => [name, title]);
  return el("div", { className: "row" },
    choice("Measure", titles(MEASURES), chosen.measure, set("measure")),
    el("span", { className: "quiet" }, "by"),
    choice("By", Object.entries(DIMENSIONS), chosen.by, set("by")),
    el("span", { className: "quiet" }, "in the last"),
    choice("Period", titles(PERIODS), chosen.period, set("period")),
    el("span", { className: "quiet push" }, "Times are UTC"),
  );
}

export async function content() {
  const [, slots, length] = PERIODS[chosen.period];
  const until = Math.floor(Date.now() / 1000 / length + 1) * length;
  const starts = Array.from({ length: slots }, (_, at) => until - (slots - at) * length);
  const unit = length === HOUR ? "hour" : "day";
  const [{ data, totals }, names] = await Promise.all([
    get("admin/spend", { since: starts[0], by: `${unit},${chosen.by}`, limit: MOST }),
    chosen.by === "key_id" ? aliases() : new Map(),
  ]);
  const named = (one) => names.get(one) ?? (String(one ?? "") || "(none)");
  const groups = grouped(data, named, (sum) => starts.indexOf(Date.parse(sum[unit]) / 1000), slots);
  const warning = data.length === MOST ? [el("p", { className: "warn" }, `Only the first ${count(MOST)} sums are shown.`)] : [];
  return [tiles(totals), picture(starts, unit, groups), ...warning, sums(groups)];
}

async function aliases() {
  const { data } = await get("admin/keys", { limit: 1000 });
  return new Map(data.map((key) => [key.id, key.alias ?? key.masked]));
}

function grouped(data, named, slot, slots) {
  const [, measure] = MEASURES[chosen.measure];
  const found = new Map();
  for (const sum of data) {
    const one = sum[chosen.by];
    if (!found.has(one)) found.set(one, { one, name: named(one), values: Array(slots).fill(0), total: 0, sum: {} });
    const group = found.get(one);
    const at = slot(sum);
    if (at >= 0) group.values[at] += measure(sum);
    group.total += measure(sum);
    for (const [field, value] of Object.entries(sum)) {
      if (typeof value === "number" && field !== "status") group.sum[field] = (group.sum[field] ?? 0) + value;
    }
  }
  return [...found.values()].sort((one, other) => other.total - one.total || (one.name < other.name ? -1 : 1));
}

function tiles(totals) {
  const tile = (title, value, note = "", kind = "") =>
    el("div", { className: "tile" }, el("span", { className: "quiet" }, title), el("b", { className: kind }, value), el("span", { className: "quiet" }, note));
  const share = totals.calls ? `${((100 * totals.errors) / totals.calls).toFixed(1)} %` : "";
  const free = totals.unpriced - totals.errors; // most failures cost nothing, and have no cost
  const cached = totals.cached_tokens ? `${brief(totals.cached_tokens)} from the provider's cache` : "";
  return el("div", { className: "tiles" },
    tile("Cost", dollars(totals.cost), free > 0 ? `${count(free)} answers or more have no known cost` : ""),
    tile("Calls", brief(totals.calls), totals.cache_hits ? `${count(totals.cache_hits)} from the cache` : ""),
    tile("Failures", totals.errors ? callsOf({ failed: true }, brief(totals.errors)) : "0", share, totals.errors ? "bad" : ""),
    tile("Input tokens", brief(totals.prompt_tokens), cached),
    tile("Output tokens", brief(totals.completion_tokens), totals.reasoning_tokens ? `${brief(totals.reasoning_tokens)} of them reasoning` : ""),
  );
}

function picture(starts, unit, groups) {
  const [, , figure] = MEASURES[chosen.measure];
  const used = groups.filter((group) => group.total > 0);
  const shown = used.slice(0, used.length > SHOWN + 1 ? SHOWN : SHOWN + 1);
  if (!shown.length) return "";
  const rest = used.slice(shown.length);
  const series = rest.length
    ? [...shown, { name: `${rest.length} others`, values: starts.map((_, at) => rest.reduce((sum, one) => sum + one.values[at], 0)) }]
    : shown;
  const slots = starts.map((start) => {
    const text = new Date(start * 1000).toISOString();
    return unit === "hour" ? { label: text.slice(11, 16), title: `${text.slice(0, 10)} ${text.slice(11, 16)}` } : { label: text.slice(5, 10), title: text.slice(0, 10) };
  });
  const legend = series.map((one, color) => el("span", {}, el("i", { className: `dot k${color}` }), one.name));
  return el("div", {}, bars(slots, series, figure), el("div", { className: "legend" }, legend));
}

function sums(groups) {
  if (!groups.length) return el("p", { className: "quiet" }, "No calls in this time.");
  const field = (name, shown = count) => [(group) => shown(group.sum[name] ?? 0), "num"];
  return table([
    [DIMENSIONS[chosen.by], (group) => group.name, "long"],
    ["calls", ({ one, sum }) => led(one, sum.calls, {}), "num"],
    ["failures", ({ one, sum }) => led(one, sum.errors, { failed: true }), "num"],
    ["input tokens", ...field("prompt_tokens")],
    ["output tokens", ...field("completion_tokens")],
    ["cost", ({ sum }) => (sum.cost || sum.unpriced <= sum.errors ? dollars(sum.cost) : "unknown"), "num"],
  ], groups);
}

// A number of calls leads to them, where they can be told from others.
function led(one, number, more) {
  return number && one && chosen.by !== "error" ? callsOf({ [chosen.by]: one, ...more }, count(number)) : count(number);
}
