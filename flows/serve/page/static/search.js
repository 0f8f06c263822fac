// The box and its hits.
import { byId, call, clock, el, marked, nameOf, post, say } from "./api.js";
import { open } from "./viewer.js";

const PAGE = 20;
const KINDS = { speech: "said", frame: "seen", page: "page", ocr: "scan", image: "picture", caption: "caption" };
let asked = null, hits = [], turn = 0, shownAt = "";

export function startSearch() {
  byId("search").addEventListener("submit", (event) => { event.preventDefault(); go(words()); });
  byId("filter-form").addEventListener("submit", (event) => { event.preventDefault(); if (asked) go(again()); });
  byId("filter-form").addEventListener("reset", () => setTimeout(() => asked && go(again())));
  byId("more").addEventListener("click", () => ask(hits.length));
  byId("by-picture").addEventListener("click", () => byId("picture").click());
  byId("picture").addEventListener("change", (event) => {
    const [picture] = event.target.files;
    if (picture) { asked = { picture, filters: filters() }; ask(0); }
    event.target.value = "";
  });
  byId("results").addEventListener("keydown", moveBetweenHits);
  byId("filters").addEventListener("toggle", offerLabels, { once: true });
}

// The labels that runs have looked for, with how many pictures and frames each fits.
async function offerLabels() {
  const labels = await call("/api/labels").catch(() => []);
  byId("labels").replaceChildren(...labels.map(({ label, records }) => el("option", { value: label }, `${label} (${records})`)));
}

const words = () => ({ query: byId("query").value.trim(), filters: filters() });
const again = () => ({ ...asked, filters: filters() });

function filters() {
  const given = Object.fromEntries(new FormData(byId("filter-form")));
  const found = {};
  for (const name of ["kind", "file", "speaker", "language", "since", "until", "dated_since", "dated_until", "near"]) if (given[name]) found[name] = given[name];
  if (given.modality) found.modalities = [given.modality];
  if (given.label) found.labels = [given.label];
  if (given.tag) found.tags = [given.tag];
  if (given.camera) found.where = [`camera=${given.camera}`];
  if (given.sure) found.least = 0.5;
  return found;
}

// Shows what an address asks for: a search can be sent as a link.
export function fromAddress() {
  if (location.search === shownAt) return; // another view of the same
  shownAt = location.search;
  const given = new URLSearchParams(location.search);
  if (given.get("record")) openRecord(given.get("record"));
  if (!given.get("q") && !given.get("like")) return;
  byId("query").value = given.get("q") ?? "";
  for (const field of byId("filter-form").elements)
    if (field.name && given.has(field.name)) field.type === "checkbox" ? (field.checked = true) : (field.value = given.get(field.name));
  asked = { query: given.get("q") ?? "", like: given.get("like"), filters: filters() };
  ask(0);
}

// A link to one moment, as agents give it.
async function openRecord(id) {
  try {
    const record = await call(`/api/records/${encodeURIComponent(id)}`);
    open({ ...record, evidence: [record] }, "");
  } catch (error) {
    byId("results").replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
  }
}

export function go(what) {
  if (!what.query && !what.like && !what.picture) return byId("query").focus();
  asked = what;
  const shown = new URLSearchParams();
  if (what.query) shown.set("q", what.query);
  if (what.like) shown.set("like", what.like);
  for (const [name, value] of new FormData(byId("filter-form"))) if (value) shown.set(name, value);
  if (!what.picture) history.pushState(null, "", `/?${shown}#search`);
  shownAt = location.search;
  dispatchEvent(new Event("medley:view"));
  ask(0);
}

async function ask(offset) {
  const mine = ++turn, results = byId("results");
  results.setAttribute("aria-busy", "true");
  try {
    const found = await request(offset);
    if (mine !== turn) return; // another search was begun meanwhile
    if (!offset) { hits = []; results.replaceChildren(); }
    show(found, offset);
  } catch (error) {
    if (mine === turn) results.replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
  } finally {
    if (mine === turn) results.removeAttribute("aria-busy");
  }
}

function request(offset) {
  const { query, like, picture } = asked, rest = { ...asked.filters, limit: PAGE, offset };
  if (!picture) return post("/api/search", like ? { like, ...rest } : { query, ...rest });
  const form = new FormData();
  form.set("picture", picture);
  form.set("request", JSON.stringify(rest));
  return call("/api/search/picture", { method: "POST", body: form });
}

function show(found, offset) {
  const results = byId("results");
  for (const hit of found.hits) {
    if (hit.weak && !hits.some((known) => known.weak))
      results.append(el("p", { class: "weak", role: "separator" }, "Weak matches: they may not fit"));
    hits.push(hit);
    results.append(card(hit));
  }
  for (const note of found.notes) results.append(el("p", { class: "note" }, note));
  if (!hits.length && !found.notes.length)
    results.append(el("p", { class: "note" }, "Nothing found. Is anything indexed? Drop files below."));
  byId("more").hidden = found.hits.length < PAGE;
  const sure = hits.filter((hit) => !hit.weak).length;
  say(`${sure} hits${hits.length > sure ? `, ${hits.length - sure} weak ones` : ""}`);
  if (!offset) document.title = asked.query ? `${asked.query} · Medley` : "Medley";
}

function card(hit) {
  const place = hit.start_s != null ? clock(hit.start_s) : hit.page != null ? `page ${hit.page}` : "";
  const label = [nameOf(hit.path), place, hit.text.slice(0, 80)].filter(Boolean).join(", ");
  const picture = hit.thumbnail_url
    ? el("img", { src: hit.thumbnail_url, alt: "", loading: "lazy" })
    : el("span", { class: "no-picture", "aria-hidden": "true" }, hit.start_s == null ? "¶" : "♪");
  const score = el("meter", { min: 0, max: 1, value: hit.score, title: hit.score.toFixed(2), "aria-label": "score" });
  return el("article", { class: hit.weak ? "hit faint" : "hit" },
    el("button", { type: "button", class: "open", "aria-label": `Open ${label}`, onclick: () => open(hit, asked.query) }, picture,
      place ? el("span", { class: "place" }, place) : null),
    el("div", {},
      el("h2", { title: hit.path ?? "" }, nameOf(hit.path)),
      hit.title ? el("p", { class: "title" }, hit.title) : null,
      hit.parent ? el("p", { class: "facts" }, `attached to ${nameOf(hit.parent)}`) : null,
      el("p", { class: "facts" }, el("span", { class: "badge" }, KINDS[hit.modality] ?? hit.modality), score),
      hit.labels.length ? el("p", { class: "facts" }, ...hit.labels.map((label) => el("button", { type: "button", class: "badge", onclick: () => byLabel(label) }, label))) : null,
      hit.text ? el("p", { class: "text" }, hit.speaker && hit.modality === "speech" ? el("b", {}, `${hit.speaker}: `) : null, marked(hit.text, asked.query)) : null,
      el("button", { type: "button", class: "link", onclick: () => like(hit) }, "More like this")));
}

function byLabel(label) {
  byId("filter-form").elements.label.value = label;
  byId("filters").open = true;
  go(again());
}

function like(hit) {
  byId("query").value = "";
  go({ like: hit.record_id, filters: filters() });
  scrollTo(0, 0);
}

function moveBetweenHits(event) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step || !event.target.classList.contains("open")) return;
  const buttons = [...byId("results").querySelectorAll(".open")];
  const next = buttons[buttons.indexOf(event.target) + step];
  if (next) { event.preventDefault(); next.focus(); }
}
