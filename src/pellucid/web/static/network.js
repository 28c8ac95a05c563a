// The diagram: features, layers, output; each unit with its map, each weight as a line.

import {paint} from "./colours.js";
import {drawMap, unitRange, view} from "./plane.js";
import {digits, send, set, state} from "./state.js";

const WIDEST = 118, NARROWEST = 84, ROW = 50, UNIT = 40, TOP = 46;
const diagram = document.getElementById("diagram"), dialog = document.getElementById("unit");
let columns = [], links = [], built = "";

// Columns of units: the features, then each block with the Dense layer that makes it.
function layout(screen) {
  const {settings, names, ends} = screen;
  const made = [{title: "features", units: settings.features.length, array: "features",
    names: settings.features}];
  let from = 0;
  ends.forEach((end, number) => {
    const at = settings.layers.findIndex((one, i) => i >= from && i <= end && one.type === "Dense");
    const dense = settings.layers[at], last = number === ends.length - 1;
    const title = last ? "output" : `layer ${number + 1}`;
    made.push({title, units: dense.units, array: `block${number}`, at, end, last, dense,
      weight: names[at], names: Array.from({length: dense.units}, (_, i) =>
        last && dense.units === 1 ? "output" : `${title}, unit ${i + 1}`)});
    from = end + 1;
  });
  return made;
}

const hiddenLayers = (layers) => layers.filter((one) => one.type === "Dense").length - 1;

export function buildNetwork() {
  const screen = state.screen;
  const key = JSON.stringify([screen.settings.layers, screen.settings.features]);
  if (key === built) return;
  built = key;
  const focused = document.activeElement?.id;
  columns = layout(screen);
  links = [];
  const most = Math.max(...columns.map((one) => one.units)), gaps = Math.max(1, columns.length - 1);
  const room = (diagram.clientWidth - UNIT - 114) / gaps;
  const distance = Math.round(Math.max(NARROWEST, Math.min(WIDEST, room)));
  const width = gaps * distance + UNIT + 110, height = TOP + most * ROW + 20;
  const space = Object.assign(document.createElement("div"), {className: "space"});
  space.style.width = `${width}px`; space.style.height = `${height}px`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", width); svg.setAttribute("height", height);
  svg.setAttribute("aria-hidden", "true");
  space.append(svg);
  const x = (c) => 50 + c * distance, y = (i) => TOP + i * ROW;
  columns.forEach((column, c) => {
    const name = Object.assign(document.createElement("div"),
      {className: "name", textContent: `${column.title}${column.dense ? `, ${column.dense.activation ?? "linear"}` : ""}`});
    name.style.left = `${x(c) - 30}px`; name.style.top = "0";
    space.append(name);
    if (column.dense && !column.last) space.append(counter(column, x(c)));
    column.canvases = [];
    for (let i = 0; i < column.units; i++) {
      const button = Object.assign(document.createElement("button"),
        {className: "unit", id: `unit-${c}-${i}`, type: "button"});
      button.setAttribute("aria-label", column.names[i]);
      button.title = column.names[i];
      button.style.left = `${x(c)}px`; button.style.top = `${y(i)}px`;
      const canvas = Object.assign(document.createElement("canvas"), {width: 8, height: 8});
      button.append(canvas);
      column.canvases.push(canvas);
      const look = () => { view.unit = {array: column.array, index: i, name: column.names[i]}; drawMap(); };
      const away = () => { view.unit = null; drawMap(); };
      button.onpointerenter = look; button.onfocus = look;
      button.onpointerleave = away; button.onblur = away;
      if (column.dense) button.onclick = () => openUnit(c, i);
      space.append(button);
      if (c > 0) {
        for (let j = 0; j < columns[c - 1].units; j++) {
          const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
          const x0 = x(c - 1) + UNIT, y0 = y(j) + UNIT / 2, x1 = x(c), y1 = y(i) + UNIT / 2, m = (x0 + x1) / 2;
          path.setAttribute("d", `M${x0},${y0}C${m},${y0} ${m},${y1} ${x1},${y1}`);
          const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
          path.append(title);
          path.onclick = () => openUnit(c, i, j);
          svg.append(path);
          links.push({path, title, c, i, j});
        }
      }
    }
  });
  diagram.replaceChildren(space);
  if (focused?.startsWith("unit-")) document.getElementById(focused)?.focus();
}

function counter(column, left) {
  const box = Object.assign(document.createElement("div"), {className: "count"});
  box.style.left = `${left - 30}px`; box.style.top = "18px";
  for (const [sign, step] of [["−", -1], ["+", 1]]) {
    const button = Object.assign(document.createElement("button"), {textContent: sign, type: "button"});
    button.setAttribute("aria-label", `${step > 0 ? "More" : "Fewer"} units in ${column.title}`);
    button.id = `units-${column.at}-${step}`;
    button.disabled = column.units + step < 1;
    button.onclick = () => changeLayer(column.at, {units: column.units + step});
    box.append(button);
  }
  return box;
}

export function changeLayer(at, values) {
  const layers = structuredClone(state.screen.settings.layers);
  Object.assign(layers[at], values);
  set({layers});
}

let turn = 0;
export function drawNetwork() {
  const frame = state.frame;
  if (!frame || !columns.length) return;
  const weights = columns.map((column) => column.dense ? frame.arrays[`w:${column.weight}.W`] : null);
  // Large networks are drawn in turns, so that a frame stays short.
  const many = links.length > 600, from = many ? (turn++ % 4) : 0, by = many ? 4 : 1;
  for (let k = from; k < links.length; k += by) {
    const {path, title, c, i, j} = links[k];
    const w = weights[c].data[j * columns[c].units + i];
    const size = Math.min(8, 0.6 + 2.4 * Math.abs(w));
    path.setAttribute("class", `link ${w === 0 ? "dead" : w > 0 ? "plus" : "minus"}`);
    path.setAttribute("stroke-width", (w === 0 ? 1 : size).toFixed(1));
    title.textContent = `weight from ${columns[c - 1].names[j]} to ${columns[c].names[i]}: ${digits(w)}`;
  }
  for (const column of columns) {
    const maps = frame.arrays[column.array], cells = maps.shape[1];
    column.canvases.forEach((canvas, i) => {
      const values = maps.data.subarray(i * cells * cells, (i + 1) * cells * cells);
      const {scale, shift} = unitRange(values);
      paint(canvas, values, cells, scale, shift);
    });
  }
}

// The dialog of a unit: its weights, and how its layer is made.
function openUnit(c, i, chosen) {
  const column = columns[c], frame = state.frame;
  document.getElementById("unit-title").textContent = column.names[i];
  const box = document.getElementById("unit-weights");
  box.replaceChildren();
  const field = (text, name, index, value) => {
    const label = Object.assign(document.createElement("label"), {textContent: text});
    const input = Object.assign(document.createElement("input"), {type: "number", step: "any", value});
    input.onchange = () => {
      if (input.value !== "") send("weight", {name, index, value: Number(input.value)});
    };
    label.append(input);
    box.append(label);
    return input;
  };
  const W = frame.arrays[`w:${column.weight}.W`], b = frame.arrays[`w:${column.weight}.b`];
  const inputs = columns[c - 1].names.map((from, j) =>
    field(`from ${from}`, `${column.weight}.W`, [j, i], W.data[j * column.units + i]));
  if (b) field("bias", `${column.weight}.b`, [i], b.data[i]);
  layerFields(column);
  dialog.showModal();
  (chosen === undefined ? inputs[0] : inputs[chosen]).focus();
}

function layerFields(column) {
  const box = document.getElementById("unit-layer");
  box.replaceChildren();
  const layers = state.screen.settings.layers, hello = state.hello;
  const select = (text, options, value, act) => {
    const label = Object.assign(document.createElement("label"), {textContent: text});
    const one = document.createElement("select");
    for (const name of options) one.append(new Option(name, name, false, name === value));
    one.onchange = () => { dialog.close(); act(one.value); };
    label.append(one);
    box.append(label);
  };
  const check = (text, on, act) => {
    const label = Object.assign(document.createElement("label"), {className: "check"});
    const one = Object.assign(document.createElement("input"), {type: "checkbox", checked: on});
    one.onchange = () => { dialog.close(); act(one.checked); };
    label.append(one, text);
    box.append(label);
  };
  select("Activation of the layer", hello.activations, column.dense.activation ?? "linear",
    (activation) => changeLayer(column.at, {activation}));
  const given = column.dense.kernel_initializer;
  select("Initial weights of the layer", hello.initializers,
    typeof given === "string" ? given : "xavier",
    (kernel_initializer) => changeLayer(column.at, {kernel_initializer}));
  check("Bias", column.dense.use_bias !== false, (use_bias) => changeLayer(column.at, {use_bias}));
  if (column.last) return;
  const inside = layers.slice(column.at + 1, column.end + 1);
  const put = (kind, record) => {
    const rest = inside.filter((one) => one.type !== kind);
    if (record) rest[kind === "BatchNorm" ? "unshift" : "push"](record);
    set({layers: [...layers.slice(0, column.at + 1), ...rest, ...layers.slice(column.end + 1)]});
  };
  check("Batch normalization", inside.some((one) => one.type === "BatchNorm"),
    (yes) => put("BatchNorm", yes && {type: "BatchNorm"}));
  const dropout = inside.find((one) => one.type === "Dropout");
  select("Dropout", ["0", "0.1", "0.2", "0.3", "0.5"], String(dropout?.rate ?? 0),
    (rate) => put("Dropout", Number(rate) && {type: "Dropout", rate: Number(rate)}));
}

document.getElementById("add-layer").onclick = () => {
  const layers = state.screen.settings.layers, last = columns.at(-1).at;
  const activation = document.getElementById("all-activations").value || "tanh";
  const kernel_initializer = document.getElementById("all-initializers").value || "xavier";
  set({layers: [...layers.slice(0, last), {type: "Dense", units: 4, activation, kernel_initializer},
    ...layers.slice(last)]});
};
document.getElementById("remove-layer").onclick = () => {
  const layers = state.screen.settings.layers;
  if (hiddenLayers(layers) < 1) return;
  const from = columns.at(-2).at, to = columns.at(-1).at;
  set({layers: [...layers.slice(0, from), ...layers.slice(to)]});
};
for (const [id, name] of [["all-activations", "activation"], ["all-initializers", "kernel_initializer"]]) {
  document.getElementById(id).onchange = (event) => {
    const last = columns.at(-1).at;
    set({layers: state.screen.settings.layers.map((one, i) =>
      one.type === "Dense" && (i < last || name === "kernel_initializer")
        ? {...one, [name]: event.target.value} : one)});
  };
}

export function showNetworkControls() {
  const hello = state.hello, hidden = columns.filter((one) => one.dense && !one.last);
  const first = hidden[0]?.dense ?? columns.at(-1).dense;
  for (const [id, options, value] of [
    ["all-activations", hello.activations, hidden[0]?.dense.activation ?? "tanh"],
    ["all-initializers", hello.initializers, first.kernel_initializer ?? "xavier"]]) {
    const box = document.getElementById(id);
    if (!box.options.length) for (const name of options) box.append(new Option(name, name));
    box.value = typeof value === "string" ? value : "";
  }
  document.getElementById("remove-layer").disabled = hidden.length < 1;
}
