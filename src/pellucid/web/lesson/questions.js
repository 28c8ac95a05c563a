"use strict";
// Questions whose answers are checked.

const plainText = (text) => text.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase();

function isRight(question, given) {
  if (question.texts) return question.texts.some((one) => plainText(one) === plainText(given));
  const text = given.trim().replace("−", "-").replace(/^([-+]?\d*),(\d+)$/, "$1.$2");
  const value = text === "" ? NaN : Number(text);
  return Math.abs(value - question.number) <= question.tolerance;
}

function questionForm(question, number, words) {
  const name = `question${number}`;
  const inputs = question.choices.length
    ? question.choices.map((choice, k) => element("label", {},
      element("input", { type: "radio", name, value: k }), choice))
    : [element("input", { name, type: "text", autocomplete: "off", "aria-label": question.ask,
      inputmode: question.texts ? "text" : "decimal" })];
  const verdict = element("output", { "aria-live": "polite" });
  const form = element("form", {
    onsubmit: (event) => {
      event.preventDefault();
      const given = new FormData(form).get(name);
      if (given === null) return;
      const answer = question.choices.length ? question.choices[Number(given)] : given;
      const right = isRight(question, answer);
      form.className = right ? "right" : "wrong";
      verdict.textContent = right ? `✓ ${words.right}`
        : `✗ ${words.wrong}${question.hint ? ` ${question.hint}` : ""}`;
    },
  }, element("fieldset", {}, element("legend", {}, question.ask), ...inputs,
    element("button", { type: "submit" }, words.check), verdict));
  return form;
}
