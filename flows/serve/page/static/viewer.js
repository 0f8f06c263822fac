// A hit in full: plays from its second with the transcript running along, or shows the page with its box, or the picture.
import { byId, call, clock, el, marked, nameOf } from "./api.js";
import { showOrigin } from "./origin.js";

const TOLD = { screen: "On screen", chapter: "Chapter" };
const CUT_S = 60, BEFORE_S = 1;
let closing = () => {};

export function startViewer() {
  const viewer = byId("viewer");
  byId("viewer-close").addEventListener("click", () => viewer.close());
  viewer.addEventListener("click", (event) => event.target === viewer && viewer.close());
  viewer.addEventListener("close", () => { closing(); byId("viewer-body").replaceChildren(); });
}

export function open(hit, query) {
  closing = () => {};
  byId("viewer-title").textContent = nameOf(hit.path);
  const body = byId("viewer-body");
  body.className = "";
  if (hit.start_s != null) body.replaceChildren(...player(hit, query));
  else if (hit.modality === "page" && !hit.box) body.replaceChildren(text(hit, query));
  else if (hit.page != null && hit.box) body.replaceChildren(...page(hit));
  else body.replaceChildren(el("img", { class: "whole", src: hit.thumbnail_url, alt: nameOf(hit.path) }));
  showOrigin(hit);
  byId("viewer").showModal();
}

function player(hit, query) {
  byId("viewer-body").className = "playing";
  const sound = el("video", { controls: true, playsinline: true, "aria-label": nameOf(hit.path) });
  const from = Math.max(0, hit.start_s - BEFORE_S), base = `/api/assets/${hit.asset_id}/media`;
  let offset = 0, whole = true; // `offset`: the second of the file at which what is played begins
  const jump = (at) => {
    if (!whole && (at < offset || at > offset + CUT_S - 1)) cut(at);
    else sound.currentTime = at - offset;
    sound.play().catch(() => {}); // a browser may want a click first
  };
  const cut = (at) => {
    whole = false;
    offset = Math.max(0, at - BEFORE_S);
    sound.src = `${base}?at=${offset.toFixed(2)}&seconds=${CUT_S}`;
  };
  sound.addEventListener("loadedmetadata", () => { if (whole) jump(from); }, { once: true });
  sound.addEventListener("error", () => {
    if (whole) { cut(from); sound.play().catch(() => {}); } // this browser cannot play the file itself
    else note.textContent = "This part cannot be played here.";
  });
  const note = el("p", { class: "note", role: "status" });
  const still = hit.evidence.find((piece) => piece.modality === "ocr" && piece.box && piece.thumbnail_url);
  const words = el("ol", { class: "transcript", "aria-label": "Transcript", tabindex: 0 });
  follow(hit, query, words, sound, jump, () => offset);
  sound.src = base;
  closing = () => { sound.pause(); sound.removeAttribute("src"); sound.load(); };
  return [el("div", {}, sound, note, ...(still ? [boxed(still)] : [])), words];
}

async function follow(hit, query, list, sound, jump, offset) {
  let segments = [];
  try {
    const content = await call(`/api/assets/${hit.asset_id}/transcript.json`);
    const shots = content.shots.filter((one) => !one.track);
    if (shots.length > 1) sound.after(shotButtons(shots, () => sound.currentTime + offset(), jump));
    const tracks = [...new Set(content.segments.map((one) => one.track))];
    const track = tracks.includes(hit.track) ? hit.track : tracks[0];
    segments = linesOf({ ...content, segments: content.segments.filter((one) => one.track === track) });
    if (tracks.length > 1) list.before(el("p", { class: "note" }, `What is said on track ${track}; known besides: ${tracks.filter((one) => one !== track).join(", ")}`));
  } catch (error) {
    list.replaceWith(el("p", { class: "error" }, error.message));
    return;
  }
  if (!segments.length) return list.remove();
  const lines = segments.map((one) => el("li", { class: one.kind, title: TOLD[one.kind] }, el("button", { type: "button", onclick: () => jump(one.start_s) },
    el("time", {}, clock(one.start_s)), " ", marked(one.text, query))));
  list.replaceChildren(...lines);
  let current = -1;
  const show = () => {
    const at = sound.currentTime + offset();
    const now = segments.findLastIndex((one) => one.start_s <= at + 0.2);
    if (now === current) return;
    lines[current]?.removeAttribute("aria-current");
    current = now;
    lines[current]?.setAttribute("aria-current", "true");
    if (lines[current]) list.scrollTop = lines[current].offsetTop - list.clientHeight / 3;
  };
  sound.addEventListener("timeupdate", show);
  sound.addEventListener("seeked", show);
}

function shotButtons(shots, now, jump) {
  const to = (step) => {
    const here = shots.findLastIndex((shot) => shot.start_s <= now() + 0.05);
    const back = step < 0 && now() - shots[Math.max(here, 0)].start_s > 1 ? 0 : step; // first to the begin of this one
    jump(shots[Math.min(Math.max(here + back, 0), shots.length - 1)].start_s);
  };
  return el("p", { class: "pager" },
    el("button", { type: "button", onclick: () => to(-1) }, "Previous shot"),
    el("button", { type: "button", onclick: () => to(1) }, "Next shot"));
}

// Chapters, what is said and what stands on the pictures, by time.
function linesOf({ segments: said, on_screen, chapters, speakers }) {
  const segments = said.map((one, at) => one.speaker && one.speaker !== said[at - 1]?.speaker
    ? { ...one, text: `${speakers[one.speaker] ?? `Speaker ${one.speaker}`}: ${one.text}` } : one);
  const named = chapters.map(({ start_s, title }) => ({ start_s, text: title, kind: "chapter" }));
  const shown = on_screen.map(({ start_s, text }) => ({ start_s, text, kind: "screen" }));
  return [...named, ...segments, ...shown].sort((one, other) => one.start_s - other.start_s);
}

// The frame on which the words were read, with their box.
function boxed(piece) {
  const frame = el("img", { src: piece.thumbnail_url, alt: `On screen: ${piece.text}` });
  const box = el("span", { class: "box" });
  frame.addEventListener("load", () => {
    const [x0, y0, x1, y1] = piece.box, wide = frame.naturalWidth / 100, high = frame.naturalHeight / 100;
    Object.assign(box.style, { left: `${x0 / wide}%`, top: `${y0 / high}%`, width: `${(x1 - x0) / wide}%`, height: `${(y1 - y0) / high}%` });
  });
  return el("figure", { class: "boxed" }, frame, box);
}

// What a document says, with its headings and tables, from the passage on.
function text(hit, query) {
  const shown = el("div", { class: "document", tabindex: 0, "aria-label": nameOf(hit.path) });
  call(`/api/assets/${hit.asset_id}/pages.json`).then(({ pages }) => {
    const letters = (words) => words.replace(/[^\p{L}\p{N}]/gu, "");
    const wanted = letters(hit.text);
    let first = null;
    for (const { page: number, blocks } of pages) for (const block of blocks) {
      const made = shown.appendChild(blockOf(block, query));
      const here = number === (hit.page ?? 1) && !block.level && wanted.includes(letters(block.text).slice(0, 200));
      if (here && letters(block.text)) { made.classList.add("found"); first ??= made; }
    }
    first?.scrollIntoView({ block: "center" });
  }).catch((error) => shown.replaceChildren(el("p", { class: "error" }, error.message)));
  return shown;
}

function blockOf({ text: words, level, cells }, query) {
  if (level) return el(`h${Math.min(level + 2, 6)}`, {}, words);
  if (!cells) return el("p", {}, marked(words, query));
  const rows = cells.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, marked(cell, query)))));
  return el("table", {}, el("tbody", {}, ...rows));
}

function page(hit) {
  let number = hit.page;
  const boxes = hit.evidence.filter((piece) => piece.page === hit.page && piece.box).map((piece) => piece.box.join(","));
  const picture = el("img", { class: "whole", alt: "" });
  const where = el("span", { role: "status" });
  const show = (to) => {
    number = Math.max(1, to);
    const asked = new URLSearchParams(number === hit.page ? boxes.slice(0, 10).map((box) => ["box", box]) : []);
    picture.src = `/api/assets/${hit.asset_id}/pages/${number}.png?${asked}`;
    picture.alt = `Page ${number} of ${nameOf(hit.path)}${number === hit.page && hit.text ? `: ${hit.text}` : ""}`;
    where.textContent = `Page ${number}`;
  };
  picture.addEventListener("error", () => { where.textContent = `There is no page ${number}`; });
  show(number);
  return [el("p", { class: "pager" },
    el("button", { type: "button", onclick: () => show(number - 1) }, "Previous page"), where,
    el("button", { type: "button", onclick: () => show(number + 1) }, "Next page")), picture];
}
