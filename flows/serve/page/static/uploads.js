// Files that are dropped: sent, then watched stage by stage until they can be searched.
import { byId, el, getSession, say } from "./api.js";

const ENDED = ["complete", "partial", "failed", "unchanged", "skipped", "cancelled"];

export function startUploads() {
  byId("upload").addEventListener("change", (event) => { send([...event.target.files]); event.target.value = ""; });
  const cover = byId("drop-all");
  let depth = 0;
  const isFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => { if (isFiles(event)) { depth += 1; cover.hidden = false; event.preventDefault(); } });
  addEventListener("dragover", (event) => isFiles(event) && event.preventDefault());
  addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); cover.hidden = depth === 0; });
  addEventListener("drop", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    depth = 0;
    cover.hidden = true;
    send([...event.dataTransfer.files]);
  });
}

const send = async (files) => { for (const file of files) await sendOne(file); };

async function sendOne(file) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
  const state = el("span", { class: "state" }, "sending"), stages = el("span", { class: "stages" });
  const line = el("li", {}, el("strong", {}, file.name), " ", state, " ", bar, stages);
  byId("upload-list").prepend(line);
  const fail = (why) => { bar.remove(); state.textContent = why; line.className = "failed"; say(`${file.name}: ${why}`); };
  const session = await getSession();
  if (file.size > session.upload_mb * 2 ** 20) return fail(`larger than ${session.upload_mb} MB`);
  try {
    const upload = await put(file, session.csrf, (share) => { bar.value = share; });
    bar.removeAttribute("value");
    watch(upload, line, state, stages, bar, file.name);
  } catch (error) {
    fail(error.message);
  }
}

// XMLHttpRequest tells how much has been sent; fetch does not.
function put(file, csrf, progress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.setRequestHeader("x-csrf-token", csrf);
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(event.loaded / Math.max(1, event.total));
    request.onload = () => request.status < 300 ? done(request.response)
      : failed(new Error(request.response?.detail ?? `refused (${request.status})`));
    request.onerror = () => failed(new Error("the connection broke"));
    request.send(file);
  });
}

function watch(upload, line, state, stages, bar, name) {
  const events = new EventSource(`${upload.url}/events`);
  events.onmessage = (event) => {
    const now = JSON.parse(event.data);
    state.textContent = now.status;
    stages.textContent = now.stages.length ? ` ${now.stages.map((one) => one.stage).join(" · ")}` : "";
    if (!ENDED.includes(now.status)) return;
    events.close();
    bar.remove();
    line.className = now.status;
    say(`${name} is ${now.status}`);
    for (const error of now.errors) line.append(el("p", { class: "error" }, error.message));
  };
  events.onerror = () => { if (events.readyState === EventSource.CLOSED) state.textContent = "not watched any more"; };
}
