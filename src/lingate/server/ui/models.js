// Deployments, and how they are.

import { count, el, get, table } from "./base.js";

export async function content() {
  const [{ data }, status] = await Promise.all([get("admin/models"), get("admin/status")]);
  const { config } = status;
  const notes = [...(config.error ? [config.error] : []), ...config.warnings];
  return [
    el("p", { className: "quiet" }, `${count(data.length)} deployment${data.length === 1 ? "" : "s"}${config.path ? ` from ${config.path}` : ""}`),
    ...notes.map((note) => el("p", { className: "warn" }, note)),
    table([
      ["model", (one) => one.model_name, "long"],
      ["asks", (one) => `${one.provider}/${one.model}`, "long"],
      ["state", state],
      ["calls under way", (one) => count(one.in_flight), "num"],
      ["input, $ a million tokens", (one) => price(one.input_price), "num"],
      ["output", (one) => price(one.output_price), "num"],
    ], data),
  ];
}

function state(one) {
  if (one.problem) return el("span", { className: "bad" }, one.problem);
  return one.cooling ? el("span", { className: "warn" }, `rests for ${Math.ceil(one.cooling)} s`) : "ready";
}

function price(dollars) {
  return dollars === null ? "unknown" : (dollars * 1e6).toLocaleString("en", { maximumFractionDigits: 3 });
}
