// Whoever has limits: keys, and teams, users, end users and tags. Made, changed, and how far their budgets are.

import { Refused, callsOf, choice, count, counted, dollars, el, get, moment, send, table } from "./base.js";

const PAGE = 500;
const PERIODS = [["", "in all"], ["1d", "a day"], ["7d", "a week"], ["30d", "30 days"], ["1mo", "a month"]];
const NUMBER = { type: "number", min: 0, step: "any" };
const COMMON = {
  alias: ["Name"],
  max_budget: ["Budget, US dollars", NUMBER],
  budget_duration: ["Budget is for", PERIODS],
  soft_budget: ["Alert at, US dollars", NUMBER],
  models: ["Models", { placeholder: "all, or a, b" }],
  rpm_limit: ["Requests a minute", NUMBER],
  tpm_limit: ["Tokens a minute", NUMBER],
  max_parallel_requests: ["Calls at once", NUMBER],
};
const KEY = { ...COMMON, team_id: ["Team's id"], user_id: ["User's id"], duration: ["Good for", { placeholder: "ever, or 90d" }] };
const KEYS = [["keys", "Keys", "key", "key_id"]];
const OTHERS = [
  ["teams", "Teams", "team", "team_id"], ["users", "Users", "user", "user_id"], ["customers", "End users", "end user", "end_user"],
  ["tags", "Tags", "tag", "tag"],
];

// A tab. `kinds`: [part of the admin API's paths, title, what one is called, what calls have its id as].
function tabOf(kinds, fields, first, last) {
  const chosen = kinds.length > 1 ? { kind: "" } : {};
  let kind;
  let skipped;
  let form;

  function controls(again) {
    kind = kinds.find(([one]) => one === chosen.kind) ?? kinds[0];
    skipped = 0;
    const told = el("p", { className: "row", role: "status" });
    form = formOf(kind, fields, told, again);
    const turn = (to) => location.assign(`#others?kind=${to}`);
    const whose = kinds.length > 1 ? [el("div", { className: "row" }, choice("Whose", kinds, kind[0], turn))] : [];
    return [...whose, form.box, told];
  }

  async function content(again) {
    const { data, total, next_offset: next } = await get(`admin/${kind[0]}`, { limit: PAGE, offset: skipped });
    const turn = (to) => async () => {
      skipped = to;
      await again();
      scrollTo(0, 0);
    };
    const shown = [
      ...first,
      ["state", state],
      ["spent in all", (one) => callsOf({ [kind[3]]: one.id }, dollars(one.spend)), "num"],
      ["budget", (one) => one.budgets.map(budget)],
      ["limits", limits],
      ["models", (one) => (one.models.length ? one.models.join(", ") : "all"), "long"],
      ...last,
      ["", (one) => acts(kind[0], one, form, again), "acts"],
    ];
    return [
      el("p", { className: "row quiet" }, counted(total, kind[2])),
      data.length ? table(shown, data) : el("p", {}),
      el("p", { className: "row", hidden: !skipped && next === null },
        el("button", { disabled: !skipped, onclick: turn(Math.max(0, skipped - PAGE)) }, "Back"),
        el("button", { disabled: next === null, onclick: turn(next) }, "Next"),
      ),
    ];
  }

  return { chosen, controls, content };
}

const ALIAS = ["alias", (one) => one.alias ?? one.masked ?? "", "long"];

export const keys = tabOf(KEYS, KEY, [ALIAS], [
  ["team", (one) => one.team_id ?? "", "long"],
  ["id", (one) => one.id],
]);

export const others = tabOf(OTHERS, { id: ["Id", { placeholder: "made up" }], ...COMMON }, [["id", (one) => one.id, "long"], ALIAS], []);

// One form makes a record, and changes the one that `edit` was called with.
function formOf([many, , what], fields, told, again) {
  let changed = null;
  let saving = false;
  const title = el("summary");
  const press = el("button");
  const form = el("form", { className: "row", onsubmit: (event) => save(event) },
    Object.entries(fields).map(([name, [label, more = {}]]) => el("label", {}, label, input(name, more))),
    press, el("button", { type: "button", onclick: () => edit(null) }, "Cancel"));
  const box = el("details", {}, title, form);

  function edit(record) {
    changed = record;
    form.reset();
    title.textContent = record ? `Change ${record.alias ?? record.id}` : `New ${what}`;
    press.textContent = record ? "Save" : `Make the ${what}`;
    for (const field of form.elements) {
      if (!field.name) continue;
      field.disabled = field.name === "id" && record !== null;
      if (record) fill(field, record[field.name]);
    }
    box.open = record !== null;
    told.replaceChildren();
    if (record) form.elements.alias.focus();
  }

  async function save(event) {
    event.preventDefault();
    if (saving) return;
    const asked = read(form, changed);
    let made;
    try {
      saving = true;
      made = await send(changed ? "PATCH" : "POST", path(many, changed), asked);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      told.replaceChildren(el("span", { className: "bad" }, error.message));
      return;
    } finally {
      saving = false;
    }
    const open = box.open && !changed;
    edit(null);
    box.open = open;
    if (made.token) show(made.token);
    else told.replaceChildren("Saved.");
    await again();
  }

  function show(token) {
    const copy = async ({ target }) => {
      await navigator.clipboard.writeText(token);
      target.textContent = "Copied";
    };
    told.replaceChildren("Its token, which is shown this once:", el("code", {}, token),
      ...(navigator.clipboard ? [el("button", { onclick: copy }, "Copy")] : []));
    told.scrollIntoView({ block: "nearest" });
  }

  edit(null);
  return { box, edit, show };
}

function input(name, more) {
  if (Array.isArray(more)) return el("select", { name }, more.map(([value, text]) => el("option", { value }, text)));
  return el("input", { name, autocomplete: "off", ...more });
}

function fill(field, value) {
  if (value === null || value === undefined) return;
  if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === value)) {
    field.append(el("option", { value }, value));
  }
  field.value = Array.isArray(value) ? value.join(", ") : String(value);
}

// What the form says: of a new record all that is filled in, of an old one what is to be another now.
function read(form, old) {
  const asked = {};
  for (const { name, type, value, disabled } of form.elements) {
    if (!name || disabled) continue;
    const text = value.trim();
    let said = type === "number" && text ? Number(text) : text || null;
    if (name === "models") said = text.split(",").map((part) => part.trim()).filter(Boolean);
    const before = old?.[name] ?? (name === "models" ? [] : null);
    if (String(said) !== String(before)) asked[name] = said;
  }
  if (!old && asked.max_budget === undefined) delete asked.budget_duration;
  return asked;
}

const path = (many, one, act = "") => `admin/${many}${one ? `/${encodeURIComponent(one.id)}` : ""}${act}`;

function acts(many, one, form, again) {
  const name = one.alias ?? one.id;
  const act = async (method, what, body) => {
    const done = await send(method, path(many, one, what), body);
    document.activeElement?.blur();
    await again();
    return done;
  };
  const erase = () => confirm(`Delete ${name}? ${many === "keys" ? "Its calls are refused" : "Its limits are no more"} from now on.`) && act("DELETE", "");
  const rotate = async () => {
    const overlap = prompt(`A new token for ${name}. How long does the old one stay good (1h, 7d; empty: it ends now)?`, "1h");
    if (overlap !== null) form.show((await act("POST", "/rotate", { overlap: overlap.trim() || null })).token);
  };
  const button = (text, onclick) => [el("button", { onclick }, text), " "];
  return [
    button("Change", () => form.edit(one)),
    one.blocked ? button("Unblock", () => act("POST", "/unblock")) : button("Block", () => act("POST", "/block")),
    many === "keys" ? button("Rotate", rotate) : [],
    button("Delete", erase),
  ].flat();
}

function state(one) {
  if (one.blocked) return el("span", { className: "bad" }, "blocked");
  if (!one.expires_at) return "";
  const over = one.expires_at * 1000 < Date.now();
  return el("span", { className: over ? "bad" : "" }, `${over ? "expired" : "until"} ${moment(one.expires_at).slice(0, 10)}`);
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

function limits(one) {
  const told = [["rpm_limit", "requests a minute"], ["tpm_limit", "tokens a minute"], ["max_parallel_requests", "at once"]];
  return told.filter(([name]) => one[name] !== null).map(([name, text]) => el("div", {}, `${count(one[name])} ${text}`));
}
