"""Lessons: a model, its data and its training as one HTML file.

| module | contents |
|---|---|
| `lesson` | `pel.lesson`: the arguments, checked, and the file |
| `question`, `words` | questions with answers; the page's own words by language |
| `training` | the model's training as a WebAssembly module and the plan that the page follows |
| `view` | what the page shows: the plane, the network |
| `page` | the HTML, with hashes of all that it may run |
| `engine.js` | steps, epochs, rates, predictions; knows no page |
| `page.js`, `plane.js`, `network.js`, `curves.js`, `questions.js`, `page.css` | the page |
"""
