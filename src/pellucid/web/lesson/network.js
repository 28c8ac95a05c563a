"use strict";
// Units and weights: positive ones blue, negative ones orange and dashed; width by size.

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

class Network {
  constructor(columns, engine, words, shown) {
    Object.assign(this, { columns, engine, words, shown });
    this.chosen = [columns.length - 1, 0];
    const most = Math.max(...columns.map((one) => one.units));
    const longest = Math.max(...columns[0].labels.map((one) => short(one, 20).length));
    const left = 45 + 8 * longest, height = 40 + 36 * most, width = 95 * columns.length + left - 35;
    this.svg = element("svg", {
      viewBox: `0 0 ${width} ${height + 54}`, tabindex: 0, role: "application",
      "aria-label": words.network, onkeydown: (event) => this.key(event),
    });
    const at = (column, unit) => [
      left + 95 * column, 22 + height / 2 + 36 * (unit - (columns[column].units - 1) / 2)];
    this.links = [];
    this.units = [];
    columns.forEach((one, column) => {
      if (!one.W) return;
      for (let from = 0; from < columns[column - 1].units; from++) {
        for (let to = 0; to < one.units; to++) {
          const [x1, y1] = at(column - 1, from), [x2, y2] = at(column, to);
          const line = element("line", { x1, y1, x2, y2 });
          this.links.push([line, one.W, from * one.units + to]);
          this.svg.append(line);
        }
      }
    });
    columns.forEach((one, column) => {
      for (let unit = 0; unit < one.units; unit++) {
        const [cx, cy] = at(column, unit);
        const circle = element("circle", { cx, cy, r: 11,
          onpointerenter: () => this.choose(column, unit) });
        this.units.push([circle, column, unit]);
        this.svg.append(circle);
        if (one.labels[unit]) {
          this.svg.append(element("text", { x: cx - 18, y: cy + 4, class: "left" }, short(one.labels[unit], 20)));
        }
      }
      const [x] = at(column, 0);
      this.svg.append(
        element("text", { x, y: 16 }, short(one.name, 12)),
        ...one.notes.map((note, k) => element("text", { x, y: height + 16 + 17 * k }, short(note, 12))));
    });
    this.read = element("output", { "aria-live": "polite" });
    this.root = element("figure", { class: "network" },
      element("figcaption", {}, words.network), this.svg,
      element("p", {}, words.weights), element("p", { class: "read" }, this.read));
  }

  draw() {
    const arrays = {};
    for (const { W } of this.columns) if (W) arrays[W] = this.engine.array(W);
    for (const [line, W, place] of this.links) {
      const value = arrays[W][place];
      line.setAttribute("stroke-width", Math.min(6, 0.4 + 1.7 * Math.sqrt(Math.abs(value))).toFixed(2));
      line.setAttribute("class", value < 0 ? "negative" : "positive");
    }
    for (const [circle, column, unit] of this.units) {
      const chosen = column === this.chosen[0] && unit === this.chosen[1];
      circle.setAttribute("class", chosen ? "chosen" : "");
    }
    this.tell();
  }

  // The weights of the unit that is chosen, in words.
  tell() {
    const [column, unit] = this.chosen, { words, shown, engine } = this;
    const { name, labels, W, b, units } = this.columns[column];
    let told = labels[unit] ?? `${name} ${unit + 1}`;
    if (W) {
      const weights = engine.array(W).filter((_, place) => place % units === unit);
      const text = [...weights].map(shown).join(" · ");
      told += `: ${words.weight} ${text}`;
    }
    if (b) told += `; ${words.bias} ${shown(engine.array(b)[unit])}`;
    this.read.textContent = told;
  }

  choose(column, unit) {
    const last = this.columns.length - 1;
    const place = Math.max(0, Math.min(last, column));
    this.chosen = [place, Math.max(0, Math.min(this.columns[place].units - 1, unit))];
    this.draw();
  }

  key(event) {
    const [column, unit] = this.chosen;
    const goals = { ArrowLeft: [column - 1, unit], ArrowRight: [column + 1, unit],
      ArrowUp: [column, unit - 1], ArrowDown: [column, unit + 1] };
    if (!goals[event.key]) return;
    event.preventDefault();
    this.choose(...goals[event.key]);
  }
}
