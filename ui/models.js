// Deployments, and how they are.

import { count, counted, el, get, table } from "./base.js";

export async function content() {
  const [{ data }, status] = await Promise.all([get("admin/models"), get("admin/status")]);
  const { config } = status;
  const notes = [...(config.error ? [config.error] : []), ...config.warnings];
  return [
    el("p", { className: "quiet" }, `${counted(data.length, "deployment")}${config.path ? ` from ${config.path}` : ""}`),
    ...notes.map((note) => el("p", { className: "warn" }, note)),
    data.length ? table([
      ["model", (one) => one.model_name, "long"],
      ["asks", (one) => `${one.provider}/${one.model}`, "long"],
      ["state", state],
      ["calls under way", (one) => count(one.in_flight), "num"],
      ["input, $ per million", (one) => price(one.input_price), "num"],
      ["output, $ per million", (one) => price(one.output_price), "num"],
    ], data) : el("p", {}, "Calls name provider/model."),
  ];
}

function state(one) {
  if (one.problem) return el("span", { className: "bad" }, one.problem);
  return one.cooling ? el("span", { className: "warn" }, `rests for ${Math.ceil(one.cooling)} s`) : "ready";
}

function price(dollars) {
  return dollars === null ? "unknown" : (dollars * 1e6).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 3 });
}
