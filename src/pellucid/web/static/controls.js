// The controls beside the pictures: each shows what the session has, and sends what a person chose.

import {drawMap, drawPoints} from "./plane.js";
import {send, set, state} from "./state.js";

const get = (id) => document.getElementById(id);
const CHUNK = 400_000;

// What a box offers, made anew only where it differs: a box that is open stays so.
export function options(box, names, labels = names) {
  const key = JSON.stringify([names, labels]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...names.map((name, i) => new Option(labels[i], name)));
}

// A value that is not among the usual ones is offered as well.
function choose(box, names, value) {
  const texts = names.map(String), own = String(value);
  options(box, texts.includes(own) ? texts : [...texts, own]);
  box.value = own;
}

function put(id, value) {
  if (document.activeElement !== get(id)) get(id).value = value;
}

// Fields of a record: numbers, and switches where the default is true or false.
function fields(box, list, record, act) {
  const key = JSON.stringify([record.type, list]);
  if (box.dataset.key !== key) {
    box.dataset.key = key;
    box.replaceChildren(...list.map(({name, default: first}) => {
      const label = document.createElement("label"), input = document.createElement("input");
      input.name = name;
      if (typeof first === "boolean") {
        input.type = "checkbox"; label.className = "check"; label.append(input, name.replaceAll("_", " "));
      } else {
        if (!Array.isArray(first)) { input.type = "number"; input.step = "any"; }
        label.append(name.replaceAll("_", " "), input);
      }
      input.onchange = () => {
        const value = input.type === "checkbox" ? input.checked
          : Array.isArray(first) ? input.value.split(/[ ,;]+/).filter(Boolean).map(Number)
          : input.value === "" ? null : Number(input.value);
        act(name, value);
      };
      return label;
    }));
  }
  for (const {name, default: first} of list) {
    const input = box.querySelector(`[name="${name}"]`), value = name in record ? record[name] : first;
    if (document.activeElement === input) continue;
    if (input.type === "checkbox") input.checked = value;
    else input.value = Array.isArray(value) ? value.join(", ") : value ?? "";
  }
}

const isRecord = (value) => value !== null && typeof value === "object";
const rateField = (schedule) => state.hello.schedules[schedule.type]
  .find(({name}) => state.hello.rate_fields.includes(name))?.name;

// The first rate: a number, or that of the schedule.
function rateOf(optimizer) {
  const given = optimizer.learning_rate;
  if (!isRecord(given)) return given;
  const own = rateField(given);
  return own ? given[own] : given.rates?.[0];
}

function optimizer(values) {
  set({optimizer: {...state.screen.settings.optimizer, ...values}});
}

export function showControls() {
  const {hello, screen} = state, s = screen.settings;
  const named = Object.values(hello.data).flat(), own = s.data === "own";
  const known = named.includes(s.data);
  options(get("data-name"), [...named, ...(known ? [] : [s.data])],
    [...named, ...(known ? [] : [own ? "own table or points" : `formula: ${s.data}`])]);
  get("data-name").value = s.data;
  put("noise", Math.round(s.noise * 100));
  get("noise-shown").textContent = `${Math.round(s.noise * 100)} %`;
  put("held", Math.round((1 - s.held) * 100));
  get("held-shown").textContent = `${Math.round((1 - s.held) * 100)} %`;
  const given = own || Boolean(screen.picture); // rows that are not drawn at random
  put("rows", given ? state.points?.y.length ?? s.rows : s.rows);
  for (const id of ["noise", "rows"]) get(id).disabled = given;
  get("regenerate").disabled = own;
  get("data-notes").textContent = screen.notes.join(" ");

  const list = get("feature-list"), usual = own ? screen.columns.map((_, i) => `x${i + 1}`) : [];
  const features = [...new Set([...usual, ...(own && screen.columns.length > 2 ? [] : hello.features), ...s.features])];
  const key = JSON.stringify([features, s.features]);
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    const focused = document.activeElement?.dataset?.feature;
    list.replaceChildren(...features.map((name) => {
      const button = Object.assign(document.createElement("button"), {textContent: name, type: "button"});
      const at = /^x(\d+)$/.exec(name);
      if (own && at) button.textContent = screen.columns[at[1] - 1] ?? name;
      button.dataset.feature = name;
      button.setAttribute("aria-pressed", s.features.includes(name));
      button.onclick = () => set({features: s.features.includes(name)
        ? s.features.filter((one) => one !== name) : features.filter((f) => f === name || s.features.includes(f))});
      return button;
    }));
    if (focused) list.querySelector(`[data-feature="${CSS.escape(focused)}"]`)?.focus();
  }

  options(get("problem"), ["classes", "values"], ["classification", "regression"]);
  get("problem").value = screen.classes ? "classes" : "values";
  const losses = hello.losses[screen.classes ? "classes" : "values"];
  const fitting = losses.filter((one) => screen.classes < 3 || /^(CrossEntropy|MulticlassHinge)$/.test(one.record.type));
  const names = fitting.map((one) => one.record.type);
  if (!names.includes(s.loss.type)) names.push(s.loss.type);
  options(get("loss"), names, names.map((type) => fitting.find((one) => one.record.type === type)?.name ?? type));
  get("loss").value = s.loss.type;

  const rate = s.optimizer.learning_rate;
  choose(get("learning-rate"), hello.rates, rateOf(s.optimizer) ?? "");
  options(get("schedule"), ["", ...Object.keys(hello.schedules)], ["constant", ...Object.keys(hello.schedules)]);
  get("schedule").value = isRecord(rate) ? rate.type : "";
  get("learning-rate").disabled = isRecord(rate) && !rateField(rate);
  get("schedule-fields").hidden = !isRecord(rate);
  if (isRecord(rate)) {
    const others = hello.schedules[rate.type].filter(({name}) => name !== rateField(rate));
    fields(get("schedule-fields"), others, rate, (name, value) =>
      optimizer({learning_rate: {...rate, [name]: value}}));
  }
  options(get("optimizer"), Object.keys(hello.optimizers));
  get("optimizer").value = s.optimizer.type;
  fields(get("optimizer-fields"), hello.optimizers[s.optimizer.type], s.optimizer,
    (name, value) => optimizer({[name]: value}));
  put("batch-size", s.batch_size);

  const penalty = s.penalties[0];
  options(get("penalty"), ["", ...hello.penalties], ["none", ...hello.penalties]);
  get("penalty").value = penalty?.type ?? "";
  choose(get("strength"), hello.strengths, penalty?.strength ?? 0);
  get("strength").disabled = !penalty;

  get("stop-kind").value = s.stop?.kind ?? "";
  if (s.stop) { get("stop-monitor").value = s.stop.monitor; put("stop-number", s.stop.number); }
  for (const id of ["stop-monitor", "stop-number"]) get(id).disabled = !s.stop;

  for (const section of document.querySelectorAll("[data-control]")) {
    section.hidden = s.hidden.includes(section.dataset.control);
  }
  const hide = get("hide-list");
  if (!hide.childElementCount) {
    hide.append(...hello.controls.filter((one) => one !== "files").map((name) => {
      const label = Object.assign(document.createElement("label"), {className: "check"});
      label.append(Object.assign(document.createElement("input"), {type: "checkbox", value: name}), name);
      return label;
    }));
  }
}

get("data-name").onchange = (event) => { if (event.target.value !== "own") set({data: event.target.value}); };
get("formula-form").onsubmit = (event) => { event.preventDefault(); set({data: get("formula").value}); };
get("noise").onchange = (event) => set({noise: event.target.value / 100});
get("held").onchange = (event) => set({held: Math.round(100 - event.target.value) / 100});
get("rows").onchange = (event) => set({rows: Number(event.target.value)});
get("regenerate").onclick = () => set({data_seed: state.screen.settings.data_seed + 1});
get("feature-form").onsubmit = (event) => {
  event.preventDefault();
  set({features: [...state.screen.settings.features, get("feature").value]});
};
get("problem").onchange = (event) => set({data: event.target.value === "classes" ? "circle" : "plane"});
get("loss").onchange = (event) => {
  const all = [...state.hello.losses.classes, ...state.hello.losses.values];
  set({loss: all.find((one) => one.record.type === event.target.value).record});
};
get("learning-rate").onchange = (event) => {
  const value = Number(event.target.value), rate = state.screen.settings.optimizer.learning_rate;
  optimizer({learning_rate: isRecord(rate) ? {...rate, [rateField(rate)]: value} : value});
};
get("schedule").onchange = (event) => {
  const first = rateOf(state.screen.settings.optimizer) ?? 0.03, type = event.target.value;
  if (!type) return optimizer({learning_rate: first});
  const record = {type};
  for (const {name, default: value} of state.hello.schedules[type]) {
    record[name] = state.hello.rate_fields.includes(name) ? first : value;
  }
  return optimizer({learning_rate: record});
};
get("optimizer").onchange = (event) => set({optimizer:
  {type: event.target.value, learning_rate: state.screen.settings.optimizer.learning_rate}});
get("batch-size").onchange = (event) => set({batch_size: Number(event.target.value)});
for (const id of ["penalty", "strength"]) {
  get(id).onchange = () => {
    const type = get("penalty").value;
    // The proximal step of L1 takes a weight that would cross 0 to exactly 0.
    const exact = type === "L1" ? {proximal: true} : {};
    set({penalties: type ? [{type, strength: Number(get("strength").value), ...exact}] : []});
  };
}
for (const id of ["stop-kind", "stop-monitor", "stop-number"]) {
  get(id).onchange = () => {
    const kind = get("stop-kind").value;
    if (id === "stop-kind" && kind === "patience") get("stop-number").value = 20;
    if (id === "stop-kind" && kind === "below") get("stop-number").value = 0.01;
    const number = Number(get("stop-number").value);
    set({stop: kind ? {kind, monitor: get("stop-monitor").value,
      number: kind === "patience" ? Math.round(number) : number} : null});
  };
}
get("show-test").onchange = drawPoints;
get("discretize").onchange = drawMap;

// A table: dropped, pasted or chosen. It goes over in parts.
function table(text) {
  for (let at = 0; at < text.length || at === 0; at += CHUNK) {
    send("csv", {text: text.slice(at, at + CHUNK), more: at + CHUNK < text.length});
  }
}
get("csv").onchange = async (event) => { if (event.target.files[0]) table(await event.target.files[0].text()); };
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", async (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) table(await event.dataTransfer.files[0].text());
});
addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text/plain");
  if (!/^(INPUT|TEXTAREA)$/.test(event.target.tagName) && text.includes("\n")) table(text);
});

get("save").onclick = () => send("save");
get("export").onclick = () => send("export");
get("load").onchange = async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  const content = btoa(text);
  for (let at = 0; at < content.length || at === 0; at += CHUNK) {
    send("load", {content: content.slice(at, at + CHUNK), more: at + CHUNK < content.length});
  }
  event.target.value = "";
};
get("link").onclick = async () => {
  const hidden = [...document.querySelectorAll("#hide-list input:checked")].map((one) => one.value);
  const parts = new URLSearchParams(state.screen.address);
  if (hidden.length) parts.set("hide", hidden.join(";"));
  const link = `${location.origin}/#${parts}`;
  try {
    await navigator.clipboard.writeText(link);
    get("message").textContent = "Copied. Open it with pellucid play 'LINK'.";
  } catch {
    get("message").textContent = link;
  }
};
