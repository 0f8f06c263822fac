// Files and runs: what failed and why, and trying again.
import { byId, call, el, post, say } from "./api.js";

const PAGE = 50;
let shown = 0, failed = [];

export function startStatus() {
  byId("files-form").addEventListener("submit", (event) => { event.preventDefault(); showFiles(); });
  byId("more-files").addEventListener("click", () => moreFiles());
  byId("retry-all").addEventListener("click", () => retry(failed, byId("retry-all")));
}

export function showFiles() {
  shown = 0;
  failed = [];
  byId("files").replaceChildren();
  return moreFiles();
}

async function moreFiles() {
  const given = new FormData(byId("files-form"));
  const asked = new URLSearchParams({ limit: PAGE, offset: shown, contains: given.get("named") });
  if (given.get("status")) asked.set("status", given.get("status"));
  try {
    const { total, items } = await call(`/api/assets?${asked}`);
    shown += items.length;
    byId("files").append(...items.map(item));
    byId("more-files").hidden = shown >= total;
    failed.push(...items.filter((one) => again(one)).map((one) => one.path));
    byId("retry-all").hidden = !failed.length;
    say(`${total} files`);
    if (!total) byId("files").append(el("p", { class: "note" }, "No files."));
  } catch (error) {
    byId("files").append(el("p", { class: "error", role: "alert" }, error.message));
  }
}

const again = (one) => ["failed", "partial", "cancelled"].includes(one.status);

function item(one) {
  const button = el("button", { type: "button", class: "link", "aria-label": `Try ${one.path} again` }, "Try again");
  button.addEventListener("click", () => retry([one.path], button));
  return el("article", { class: "item" },
    el("p", {}, el("span", { class: `badge ${one.status}` }, one.status), " ", el("span", { class: "path" }, one.path), " ",
      again(one) ? button : null),
    ...one.errors.map((error) => el("p", { class: "error" }, `${error.stage ? `${error.stage}: ` : ""}${error.message}`)));
}

async function retry(paths, button) {
  button.disabled = true;
  try {
    await post("/api/retry", { paths: paths.slice(0, 1000) });
    button.textContent = "A run is on its way";
    say("A run is on its way");
  } catch (error) {
    button.disabled = false;
    button.after(el("span", { class: "error", role: "alert" }, ` ${error.message}`));
  }
}

export async function showRuns() {
  try {
    const runs = await call("/api/runs?limit=50");
    byId("runs").replaceChildren(runs.length ? table(runs) : el("p", { class: "note" }, "No run yet."));
  } catch (error) {
    byId("runs").replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
  }
}

function table(runs) {
  const head = ["Run", "Pipeline", "Status", "Started", "Items"].map((name) => el("th", { scope: "col" }, name));
  const rows = runs.map((run) => el("tr", {},
    el("td", {}, run.prefect_page ? el("a", { href: run.prefect_page, rel: "noreferrer" }, run.run_id.slice(0, 8)) : run.run_id.slice(0, 8)),
    el("td", {}, run.flow), el("td", {}, el("span", { class: `badge ${run.status}` }, run.status)),
    el("td", {}, new Date(run.started).toLocaleString()),
    el("td", {}, Object.entries(run.counts).map(([status, count]) => `${count} ${status}`).join(", "))));
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Runs" },
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)));
}
