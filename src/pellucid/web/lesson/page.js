"use strict";
// The page of a lesson: controls, pictures, and the loop that spends a part of each frame on steps.

const BUDGET = 12; // milliseconds of a frame for steps
const SCALES = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

// How a language writes numbers; the browser's own way for a tag that it does not know.
function numbers(language) {
  const digits = { maximumSignificantDigits: 4 };
  try {
    return new Intl.NumberFormat(language, digits);
  } catch {
    return new Intl.NumberFormat([], digits);
  }
}

class Page {
  constructor(told, engine) {
    Object.assign(this, { told, engine, words: told.words, playing: false, drawn: 0, cost: 0 });
    const number = numbers(told.language);
    this.shown = (value) => (Number.isFinite(value) ? number.format(value) : String(value));
    this.views = [];
    if (told.plane) this.views.push(new Plane(told.plane, engine, this.words, this.shown));
    if (told.network) this.views.push(new Network(told.network, engine, this.words, this.shown));
    if (!told.hide.includes("curves")) this.views.push(new Curves(engine, this.words, this.shown));
    this.status = element("output", { class: "status", "aria-live": "off" });
    this.message = element("p", { role: "status", class: "message" });
    const root = document.getElementById("page");
    root.replaceChildren(this.controls(), this.message,
      element("div", { class: "views" }, ...this.views.map((one) => one.root)));
    if (told.questions.length) {
      root.append(element("section", {}, element("h2", {}, this.words.questions),
        ...told.questions.map((one, k) => questionForm(one, k, this.words))));
    }
    this.draw();
  }

  controls() {
    const { words } = this, shows = (name) => !this.told.hide.includes(name);
    const button = (name, press) => element("button", { type: "button", onclick: press }, words[name]);
    this.player = element("button", { type: "button", class: "play", onclick: () => this.toggle() });
    const parts = [this.player];
    if (shows("step")) parts.push(button("step", () => this.once(1)));
    if (shows("epoch")) {
      parts.push(button("epoch", () => this.once(this.engine.perEpoch - this.engine.batch)));
    }
    if (shows("reset")) parts.push(button("reset", () => this.reset()));
    if (shows("rate")) parts.push(this.select("rate", this.rates(), (value) => this.setRate(value)));
    if (shows("speed")) {
      const speeds = ["slow", "normal", "fast"].map((name) => [name, words[name]]);
      parts.push(this.select("speed", speeds, (value) => { this.speed = value; }, "normal"));
    }
    this.speed = "normal";
    this.showPlayer();
    return element("div", { class: "controls", role: "toolbar", "aria-label": words.training },
      ...parts, this.status);
  }

  select(name, options, change, first = "1") {
    const made = element("select", { onchange: () => change(made.value) },
      ...options.map(([value, text]) =>
        element("option", { value, selected: String(value) === first }, text)));
    this[`${name}Select`] = made;
    return element("label", {}, `${this.words[name]} `, made);
  }

  // Rates to choose from: numbers, or factors of a schedule.
  rates() {
    const { constant } = this.engine.plan.rates;
    return SCALES.map((scale) =>
      [scale, constant === undefined ? `× ${this.shown(scale)}` : this.shown(constant * scale)]);
  }

  setRate(value) {
    this.engine.scale = Number(value);
    this.draw();
  }

  showPlayer() {
    const name = this.playing ? "pause" : "play";
    this.player.textContent = `${this.playing ? "❚❚" : "▶"} ${this.words[name]}`;
    this.player.setAttribute("aria-pressed", String(this.playing));
    const live = this.playing ? "off" : "polite"; // nobody can listen to every frame
    for (const one of this.views) one.read?.setAttribute("aria-live", live);
  }

  toggle() {
    this.playing = !this.playing && !this.engine.finished && !this.engine.halted;
    this.showPlayer();
    if (this.playing) requestAnimationFrame((now) => this.frame(now));
  }

  once(steps) {
    this.playing = false;
    this.showPlayer();
    this.engine.advance(steps);
    this.draw();
  }

  reset() {
    const { scale } = this.engine;
    this.playing = false;
    this.engine.reset();
    this.engine.scale = scale;
    this.showPlayer();
    this.draw();
  }

  // As many steps as the speed asks for and the frame has time for.
  spend(now) {
    const { engine } = this;
    if (this.speed === "slow") {
      if (now - (this.stepped ?? -Infinity) < 250) return;
      this.stepped = now;
      engine.run(1);
      return;
    }
    const end = performance.now() + BUDGET, epoch = engine.epoch;
    let steps = 1;
    do {
      if (!engine.run(steps)) return;
      if (this.speed === "normal" && engine.epoch > epoch) return;
      steps *= 2;
    } while (performance.now() < end);
  }

  frame(now) {
    if (!this.playing) return;
    this.spend(now);
    if (this.engine.finished || this.engine.halted) {
      this.playing = false;
      this.showPlayer();
      this.draw();
      return;
    }
    if (now - this.drawn >= Math.max(STILL.matches ? 500 : 30, 2 * this.cost)) {
      this.drawn = now;
      this.draw();
    }
    requestAnimationFrame((next) => this.frame(next));
  }

  draw() {
    const { engine, words } = this, before = performance.now();
    for (const one of this.views) one.draw();
    const told = [`${words.epochs} ${this.shown(engine.epoch)}`, `${words.steps} ${this.shown(engine.steps)}`];
    if (engine.last) told.push(`${words.batch}: ${words.loss} ${this.shown(engine.last[0])}`);
    this.status.textContent = told.join(" · ");
    const halts = { loss: words.diverged, data: words.diverged };
    this.message.textContent = engine.halted ? halts[engine.halted] ?? words.refused
      : engine.finished ? words.finished : "";
    this.cost = performance.now() - before;
  }
}

const told = JSON.parse(document.getElementById("data").textContent);
globalThis.lesson = Engine.of(told.plan).then((engine) => new Page(told, engine)).catch((error) => {
  document.getElementById("page").textContent = told.words.unsupported;
  throw error;
});
