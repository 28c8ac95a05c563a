// The diagrams: features, layers, output; each unit with its map, each weight as a line. The first is
// that of the page's network, the second that of a run beside it, which is only looked at.

import {paint, paintInk} from "./colours.js";
import {drawMap, unitRange, view, views} from "./plane.js";
import {digits, send, set, state} from "./state.js";

const WIDEST = 118, NARROWEST = 84, ROW = 50, UNIT = 40, TOP = 46;
const dialog = document.getElementById("unit");

// Columns of units: the features, then each block with the Dense layer that makes it.
function layout(screen) {
  const {settings, names, ends, picture} = screen;
  const made = [picture
    ? {title: "picture", units: 1, array: "features", names: ["the picture"],
      inputs: settings.features.map((_, i) => `row ${Math.floor(i / picture[1]) + 1}, column ${i % picture[1] + 1}`)}
    : {title: "features", units: settings.features.length, array: "features", names: settings.features}];
  let from = 0;
  ends.forEach((end, number) => {
    const at = settings.layers.findIndex((one, i) => i >= from && i <= end && one.type === "Dense");
    const dense = settings.layers[at], last = number === ends.length - 1;
    const title = last ? "output" : `layer ${number + 1}`;
    made.push({title, units: dense.units, array: `block${number}`, at, end, last, dense,
      weight: names[at], names: Array.from({length: dense.units}, (_, i) =>
        last && dense.units === 1 ? "output" : last && picture ? `output, class ${screen.labels[i]}`
          : `${title}, unit ${i + 1}`)});
    from = end + 1;
  });
  return made;
}

const hiddenLayers = (layers) => layers.filter((one) => one.type === "Dense").length - 1;

class Diagram {
  // Of what: the part of the screen that the network stands in; "second:" stands before its arrays.
  constructor(id, view, what, prefix) {
    Object.assign(this, {box: document.getElementById(id), id, view, what, prefix});
    Object.assign(this, {columns: [], links: [], built: "", turn: 0});
  }

  build() {
    const screen = this.what(), key = screen && JSON.stringify([screen.settings.layers, screen.settings.features, screen.picture]);
    if (key === this.built) return;
    this.built = key;
    this.columns = []; this.links = [];
    if (!screen) return this.box.replaceChildren();
    const focused = document.activeElement?.id;
    const columns = this.columns = layout(screen), editable = !this.prefix;
    const most = Math.max(...columns.map((one) => one.units)), gaps = Math.max(1, columns.length - 1);
    const room = (this.box.clientWidth - UNIT - 114) / gaps;
    const distance = Math.round(Math.max(NARROWEST, Math.min(WIDEST, room)));
    const width = gaps * distance + UNIT + 110, height = TOP + most * ROW + 20;
    const space = Object.assign(document.createElement("div"), {className: "space"});
    space.style.width = `${width}px`; space.style.height = `${height}px`;
    const svg = element("svg", {width, height, "aria-hidden": "true"});
    space.append(svg);
    const x = (c) => 50 + c * distance, y = (i) => TOP + i * ROW;
    columns.forEach((column, c) => {
      const name = Object.assign(document.createElement("div"),
        {className: "name", textContent: `${column.title}${column.dense ? `, ${column.dense.activation ?? "linear"}` : ""}`});
      name.style.left = `${x(c) - 30}px`; name.style.top = "0";
      space.append(name);
      if (editable && column.dense && !column.last) space.append(counter(column, x(c)));
      column.canvases = [];
      for (let i = 0; i < column.units; i++) {
        const button = this.unit(c, i);
        button.style.left = `${x(c)}px`; button.style.top = `${y(i)}px`;
        space.append(button);
        if (c === 0) continue;
        for (let j = 0; j < columns[c - 1].units; j++) {
          const x0 = x(c - 1) + UNIT, y0 = y(j) + UNIT / 2, x1 = x(c), y1 = y(i) + UNIT / 2, m = (x0 + x1) / 2;
          const path = element("path", {d: `M${x0},${y0}C${m},${y0} ${m},${y1} ${x1},${y1}`});
          const title = element("title");
          path.append(title);
          if (columns[c - 1].inputs) { // a bundle of lines: the patch of the unit shows its weights
            path.setAttribute("class", "link bundle");
            svg.append(path);
            continue;
          }
          if (editable) path.onclick = () => openUnit(c, i, j);
          svg.append(path);
          this.links.push({path, title, c, i, j});
        }
      }
    });
    this.box.replaceChildren(space);
    if (focused?.includes("unit-")) document.getElementById(focused)?.focus();
  }

  unit(c, i) {
    const column = this.columns[c], name = column.names[i];
    const button = Object.assign(document.createElement("button"),
      {className: "unit", id: `${this.prefix ? "second-" : ""}unit-${c}-${i}`, type: "button", title: name});
    button.setAttribute("aria-label", this.prefix ? `second run, ${name}` : name);
    const canvas = Object.assign(document.createElement("canvas"), {width: 8, height: 8});
    button.append(canvas);
    column.canvases.push(canvas);
    const look = () => { this.view.unit = {array: column.array, index: i, name}; drawMap(); };
    const away = () => { this.view.unit = null; drawMap(); };
    button.onpointerenter = look; button.onfocus = look;
    button.onpointerleave = away; button.onblur = away;
    if (column.dense && !this.prefix) button.onclick = () => openUnit(c, i);
    return button;
  }

  draw() {
    const frame = state.frame, {columns, links} = this;
    if (!frame || !columns.length) return;
    const array = (name) => frame.arrays[this.prefix + name];
    if (!columns.every((column) => array(column.array))) return; // a picture of the network before
    const weights = columns.map((column) => column.dense ? array(`w:${column.weight}.W`) : null);
    // Large networks are drawn in turns, so that a frame stays short.
    const still = !frame.playing; // while it trains, the numbers are set where the cursor is
    const many = links.length > 600, from = many ? (this.turn++ % 4) : 0, by = many ? 4 : 1;
    for (let k = from; k < links.length; k += by) {
      const {path, title, c, i, j} = links[k];
      const w = weights[c].data[j * columns[c].units + i];
      const size = w === 0 ? 1 : Math.min(8, 0.6 + 2.4 * Math.abs(w));
      // Only what changes is set: the browser lays out anew what is.
      const shown = `link ${w === 0 ? "dead" : w > 0 ? "plus" : "minus"}`, wide = size.toFixed(1);
      const link = links[k];
      if (link.shown !== shown) path.setAttribute("class", link.shown = shown);
      if (link.wide !== wide) path.setAttribute("stroke-width", link.wide = wide);
      if (still || path.matches(":hover")) {
        title.textContent = `weight from ${columns[c - 1].names[j]} to ${columns[c].names[i]}: ${digits(w)}`;
      }
    }
    for (const column of columns) {
      const maps = array(column.array), cells = maps.shape[1];
      if (column.inputs) {
        paintInk(column.canvases[0], maps.data, maps.shape.slice(1));
        continue;
      }
      column.canvases.forEach((canvas, i) => {
        const values = maps.data.subarray(i * cells * cells, (i + 1) * cells * cells);
        const {scale, shift} = unitRange(values);
        paint(canvas, values, cells, scale, shift);
      });
    }
  }
}

function element(name, attributes = {}) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const first = new Diagram("diagram", view, () => state.screen, "");
const second = new Diagram("diagram-second", views[1], () => state.screen.second, "second:");

export function buildNetwork() { first.build(); second.build(); }
export function drawNetwork() { first.draw(); second.draw(); }

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

// The dialog of a unit: its weights, and how its layer is made.
function openUnit(c, i, chosen) {
  const {columns} = first, column = columns[c], frame = state.frame;
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
  const inputs = (columns[c - 1].inputs ?? columns[c - 1].names).map((from, j) =>
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
  const layers = state.screen.settings.layers, last = first.columns.at(-1).at;
  const activation = document.getElementById("all-activations").value || "tanh";
  const kernel_initializer = document.getElementById("all-initializers").value || "xavier";
  set({layers: [...layers.slice(0, last), {type: "Dense", units: 4, activation, kernel_initializer},
    ...layers.slice(last)]});
};
document.getElementById("remove-layer").onclick = () => {
  const layers = state.screen.settings.layers;
  if (hiddenLayers(layers) < 1) return;
  const from = first.columns.at(-2).at, to = first.columns.at(-1).at;
  set({layers: [...layers.slice(0, from), ...layers.slice(to)]});
};
for (const [id, name] of [["all-activations", "activation"], ["all-initializers", "kernel_initializer"]]) {
  document.getElementById(id).onchange = (event) => {
    const last = first.columns.at(-1).at;
    set({layers: state.screen.settings.layers.map((one, i) =>
      one.type === "Dense" && (i < last || name === "kernel_initializer")
        ? {...one, [name]: event.target.value} : one)});
  };
}

export function showNetworkControls() {
  const hello = state.hello, hidden = first.columns.filter((one) => one.dense && !one.last);
  const shown = hidden[0]?.dense ?? first.columns.at(-1).dense;
  for (const [id, options, value] of [
    ["all-activations", hello.activations, hidden[0]?.dense.activation ?? "tanh"],
    ["all-initializers", hello.initializers, shown.kernel_initializer ?? "xavier"]]) {
    const box = document.getElementById(id);
    if (!box.options.length) for (const name of options) box.append(new Option(name, name));
    box.value = typeof value === "string" ? value : "";
  }
  document.getElementById("remove-layer").disabled = hidden.length < 1;
}
