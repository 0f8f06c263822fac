// Where a hit comes from: its file, and the stages that led to it. Asked for when somebody opens it.
import { byId, call, el } from "./api.js";

export function showOrigin(hit) {
  const details = byId("viewer-origin");
  const list = byId("viewer-stages");
  details.open = false;
  list.replaceChildren();
  details.ontoggle = async () => {
    if (!details.open || list.childElementCount) return;
    try {
      list.replaceChildren(...lines(await call(`/api/records/${hit.record_id}/origin`)));
    } catch (error) {
      list.replaceChildren(el("li", { class: "error" }, error.message));
    }
  };
}

function lines({ paths, asset_id, size_bytes, media_type, record, stages }) {
  const places = paths.map(({ path, state }) => `${path} (${state})`).join(", ");
  return [
    el("li", {}, `${places}: ${media_type}, ${size_bytes.toLocaleString()} bytes, SHA-256 ${asset_id}`),
    ...stages.map(line),
    el("li", {}, `Record ${record.record_id} in ${record.collection}`),
  ];
}

function line({ stage, does, model, options, run_id, started, seconds }) {
  const read = options && Object.keys(options).length ? ` Options: ${JSON.stringify(options)}.` : "";
  return el("li", {}, el("b", {}, stage), ` ${does}${model ? ` Model: ${model}.` : ""}${read} `,
    el("small", {}, `${started ? new Date(started).toLocaleString() : ""}, ${seconds.toFixed(2)} s, run ${run_id}`));
}
