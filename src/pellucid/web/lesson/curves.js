"use strict";
// Each measure over the epochs: of training as a line, of validation dashed.

const MOST_PLACES = 400; // of a curve that are drawn

class Curves {
  constructor(engine, words, shown) {
    Object.assign(this, { engine, words, shown });
    const { measures, evaluate } = engine.plan;
    const held = evaluate ? evaluate.sums.length : 0;
    this.panels = measures.map((name, k) => {
      const lines = [[k, words.trained, "training"]];
      if (k < held) lines.push([measures.length + k, words.validation, "held"]);
      return this.panel(words[name] ?? name.replaceAll("_", " "), lines);
    });
    this.root = element("figure", { class: "curves" },
      element("figcaption", {}, words.curves), ...this.panels.map((one) => one.root));
  }

  panel(name, lines) {
    const drawn = lines.map(([place, text, kind]) => ({
      place, text, line: element("polyline", { class: kind }),
      value: element("output", {}),
    }));
    const top = element("text", { x: 46, y: 14 }), bottom = element("text", { x: 46, y: 103 });
    const end = element("text", { x: 299, y: 117 });
    const svg = element("svg", { viewBox: "0 0 300 120", role: "img", "aria-label": name },
      element("rect", { x: 50.5, y: 0.5, width: 249, height: 104 }),
      ...drawn.map((one) => one.line), top, bottom, end);
    const legend = element("p", { class: "read" }, `${name}: `, ...drawn.flatMap((one, k) => [
      k ? ", " : "", element("span", { class: `key ${k ? "held" : "training"}`, "aria-hidden": "true" }),
      `${one.text} `, one.value]));
    return { root: element("div", {}, svg, legend), drawn, top, bottom, end };
  }

  draw() {
    const { history } = this.engine;
    const every = Math.max(1, Math.ceil(history.length / MOST_PLACES));
    const kept = history.filter((_, k) => k % every === 0 || k === history.length - 1);
    for (const { drawn, top, bottom, end } of this.panels) {
      const values = drawn.flatMap((one) => kept.map((row) => row[one.place]));
      const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
      const low = Math.min(0, values.reduce((a, b) => Math.min(a, b), Infinity));
      for (const { place, line, value } of drawn) {
        line.setAttribute("points", kept.map((row, k) => {
          const x = 51 + (248 * k) / Math.max(1, kept.length - 1);
          return `${x.toFixed(1)},${(103 - (98 * (row[place] - low)) / (high - low || 1)).toFixed(1)}`;
        }).join(" "));
        value.textContent = history.length ? this.shown(history.at(-1)[place]) : "–";
      }
      top.textContent = history.length ? this.shown(high) : "";
      bottom.textContent = history.length ? this.shown(low) : "";
      end.textContent = history.length ? `${this.shown(history.length)} ${this.words.epochs}` : "";
    }
  }
}
