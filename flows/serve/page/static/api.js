// Requests to the service, and small helpers for elements. Nothing here writes HTML: names and texts are somebody else's.
let session;

export async function getSession() {
  session ??= await call("/api/session");
  return session;
}

export async function call(url, options = {}) {
  const method = options.method ?? "GET";
  const headers = { ...options.headers };
  if (method !== "GET") headers["x-csrf-token"] = (await getSession()).csrf;
  const answer = await fetch(url, { ...options, headers });
  if (answer.status === 401) location.assign("/login");
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({ detail: answer.statusText }));
  if (!answer.ok) throw new Error([told.detail, told.remedy].filter(Boolean).join(". "));
  return told;
}

export const post = (url, content) =>
  call(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content) });

// An element with attributes, listeners (on...) and children (elements or text).
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export const byId = (id) => document.getElementById(id);

export function say(text) {
  byId("say").textContent = text;
}

export function clock(seconds) {
  const whole = Math.floor(seconds), pad = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

export const nameOf = (path) => (path ?? "(file unknown)").split("/").pop();

// Text with the words of the query marked.
export function marked(text, query) {
  const words = (query ?? "").toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? [];
  const out = el("span");
  if (!words.length) return out.append(text), out;
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(${words.join("|")})(?![\\p{L}\\p{N}])`, "giu");
  text.split(pattern).forEach((part, n) => out.append(n % 2 ? el("mark", {}, part) : part));
  return out;
}
