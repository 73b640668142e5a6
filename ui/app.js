// The shell: signing in, the tabs, and looking again every few seconds.

import { Refused, counted, el, get, useKey } from "./base.js";
import * as calls from "./calls.js";
import { keys, others } from "./limits.js";
import * as models from "./models.js";
import * as spend from "./spend.js";

// Each has `content`, and may have `controls`, which stay while the content is drawn anew, `chosen`, which stands in the
// address, and `rests`: when the content is not drawn anew.
const TABS = {
  spend: ["Spend", spend], calls: ["Calls", calls], keys: ["Keys", keys], others: ["Teams and users", others], models: ["Models", models],
};
const EVERY = 5000;
const KEPT = "lingate-key";
const store = storage();

const at = (id) => document.getElementById(id);
let turn = 0;

// A browser that keeps nothing for this site refuses to name it.
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

function tab() {
  const [name] = location.hash.slice(1).split("?");
  return Object.hasOwn(TABS, name) ? name : "spend";
}

function problem(text) {
  at("problem").textContent = text ?? "";
  at("problem").hidden = !text;
}

function turnTo() {
  const name = tab();
  const [, { chosen = {}, controls }] = TABS[name];
  const said = new URLSearchParams(location.hash.split("?")[1]);
  if (said.size) for (const field of Object.keys(chosen)) chosen[field] = said.get(field) ?? "";
  for (const link of at("tabs").children) link.ariaCurrent = link.hash === `#${name}` ? "page" : null;
  const there = document.activeElement.ariaLabel;
  at("controls").replaceChildren(...[controls?.(show) ?? []].flat());
  at("controls").querySelector(`[aria-label="${there}"]`)?.focus();
  at("content").replaceChildren(el("p", { className: "quiet late" }, "The gateway is asked ..."));
  return show();
}

async function show() {
  const mine = ++turn;
  const [, { chosen = {}, content }] = TABS[tab()];
  const said = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value));
  history.replaceState(null, "", `#${tab()}${said.size ? "?" : ""}${said}`);
  try {
    const status = get("admin/status").then((found) => mine === turn && state(found));
    const [drawn] = await Promise.all([content(show), status]);
    if (mine !== turn) return; // somebody has asked for something else meanwhile
    problem(null);
    at("content").replaceChildren(...drawn);
  } catch (error) {
    if (mine !== turn) return;
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401 || error.status === 403) return leave(error.message);
    problem(error.message);
    document.querySelector(".late")?.remove();
    if (!error.status) at("state").textContent = "";
  }
}

function state({ facts }) {
  const { journal, database, drainer } = facts;
  const notes = [facts.status, `${counted(facts.in_flight, "call")} under way`];
  if (facts.resting) notes.push(`${counted(facts.resting, "deployment")} resting`);
  if (database && (!database.ready || drainer?.away_since)) notes.push("the database is away");
  if (journal.pending_bytes > 1e6) notes.push(`${Math.round(journal.pending_bytes / 1e6)} MB wait for it`);
  if (journal.dropped_rows) notes.push(`${journal.dropped_rows} rows are lost`);
  at("state").textContent = notes.join(", ");
  at("state").classList.toggle("warn", notes.length > 2 || facts.status !== "ready");
}

function enter(key) {
  useKey(key);
  store?.setItem(KEPT, key);
  at("entry").hidden = true;
  at("tabs").hidden = at("leave").hidden = false;
  return turnTo();
}

function leave(why) {
  turn += 1;
  useKey(null);
  store?.removeItem(KEPT);
  at("controls").replaceChildren();
  at("content").replaceChildren();
  at("state").textContent = "";
  at("tabs").hidden = at("leave").hidden = true;
  at("entry").hidden = false;
  at("key").value = "";
  at("key").focus();
  problem(why);
}

// Nothing that somebody marks or is about to press is drawn anew.
const busy = () => at("content").querySelector(":focus-visible, button:focus") || !getSelection().isCollapsed;

// A question that takes long is not asked so often.
async function look() {
  const began = Date.now();
  try {
    if (!at("tabs").hidden && !document.hidden && !busy() && !TABS[tab()][1].rests?.()) await show();
  } finally {
    setTimeout(look, Math.max(EVERY, 10 * (Date.now() - began)));
  }
}

at("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(at("key").value.trim());
});
at("leave").addEventListener("click", () => leave());
// The second click of a double one would make a second key, or undo what the first has done.
addEventListener("click", (event) => {
  if (event.detail < 2 || !event.target.closest("form button, td button")) return;
  event.preventDefault();
  event.stopPropagation();
}, true);
addEventListener("hashchange", () => at("tabs").hidden || turnTo());
addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Refused)) return;
  event.preventDefault();
  problem(event.reason.message);
  at("problem").scrollIntoView({ block: "nearest" });
});
setTimeout(look, EVERY);

at("tabs").append(...Object.entries(TABS).map(([id, [title]]) => el("a", { href: `#${id}` }, title)));
const kept = store?.getItem(KEPT);
if (kept) enter(kept);
else leave();
