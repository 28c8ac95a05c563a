// A second run beside the first: what differs, its losses and scores, its program.

import {digits, on, send, state} from "./state.js";

const get = (id) => document.getElementById(id);
const CHOOSE = "Choose what differs";

function choosing(yes) {
  state.comparing = yes;
  get("compare").setAttribute("aria-pressed", yes);
  get("compare").textContent = yes ? "Now change one setting…" : state.screen.second ? "Choose another difference" : CHOOSE;
}

get("compare").onclick = () => choosing(!state.comparing);
get("compare-end").onclick = () => send("compare", {values: {}});
on("asked", () => choosing(false)); // the one setting is on its way
on("screen", (screen) => {
  const beside = screen.second;
  for (const id of ["network-second", "output-second", "losses-second", "program-of-label", "compare-end"]) {
    get(id).hidden = !beside;
  }
  if (!state.comparing) choosing(false);
  const texts = beside?.differs ?? ["", ""];
  get("compare-text").textContent = beside ? `First run: ${texts[0]}. Second run: ${texts[1]}.` : "";
  for (const one of document.querySelectorAll(".second-name")) one.textContent = texts[1];
  for (const one of document.querySelectorAll(".first-name")) one.textContent = beside ? `, ${texts[0]}` : "";
  if (!beside) get("program-of").value = "first";
  program();
});

// The program of one of the two; that of the second is only read.
function program() {
  const text = get("program-text"), second = get("program-of").value === "second";
  text.readOnly = second;
  get("program-apply").disabled = second;
  if (second) text.value = state.screen.second.program;
  else if (!text.dataset.edited) text.value = state.screen.program;
}
get("program-of").onchange = () => { delete get("program-text").dataset.edited; program(); };

export function drawSecond() {
  const given = state.frame.second, {classes} = state.screen;
  if (!given?.scores?.train || !state.screen.second) return;
  const {train, test} = given.scores;
  get("second-train-loss").textContent = digits(train.loss);
  get("second-test-loss").textContent = test ? digits(test.loss) : "";
  const late = given.epoch === state.frame.epoch ? "" : ` It ended at epoch ${given.epoch}.`;
  const value = (one) => one === undefined ? "" : classes ? `${(100 * one.accuracy).toFixed(1)} %` : digits(one.r2);
  get("second-scores").textContent =
    `${classes ? "Accuracy" : "R²"}: training ${value(train)}, test ${value(test)}.${late}`;
}
