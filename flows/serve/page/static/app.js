// The page: which view is shown, keys, dark and light.
import { byId } from "./api.js";
import { fromAddress, startSearch } from "./search.js";
import { showFiles, showRuns, startStatus } from "./status.js";
import { startUploads } from "./uploads.js";
import { startViewer } from "./viewer.js";

const VIEWS = { search: () => {}, files: showFiles, runs: showRuns };

function showView() {
  const wanted = location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "search";
  for (const name of Object.keys(VIEWS)) byId(`view-${name}`).hidden = name !== wanted;
  for (const link of document.querySelectorAll("[data-view]"))
    link.dataset.view === wanted ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  byId("filters").hidden = wanted !== "search";
  VIEWS[wanted]();
}

function onKey(event) {
  if (event.key !== "/" || event.target.matches("input, textarea, select") || byId("viewer").open) return;
  event.preventDefault();
  byId("query").focus();
  byId("query").select();
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

byId("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("theme", dark ? "light" : "dark");
  setTheme(dark ? "light" : "dark");
});

setTheme(localStorage.getItem("theme"));
addEventListener("hashchange", showView);
addEventListener("popstate", fromAddress);
addEventListener("medley:view", showView);
addEventListener("keydown", onKey);
startSearch();
startViewer();
startUploads();
startStatus();
showView();
fromAddress();
if (!location.search) byId("query").focus();
