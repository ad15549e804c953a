// Building blocks. Data reach a page through textContent and setAttribute only, never as markup.
'use strict';

function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

// Marks differ in shape as well as colour.
const MARKS = {
  ok: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM7 11.4 3.8 8.2l1.2-1.2L7 9l4-4 1.2 1.2z',
  half: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2v10A5 5 0 0 1 8 3z',
  ring: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3z',
  box: 'M2 2h12v12H2zm2 2v8h8V4z',
  pause: 'M2 2h12v12H2zm3 3v6h2V5zm4 0v6h2V5z',
  alarm: 'M8 1 .5 15h15zM7.1 5.5h1.8v5H7.1zm0 6h1.8v1.7H7.1z',
  dash: 'M1 6.5h14v3H1z',
};

function mark(kind) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', 'mark');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('fill-rule', 'evenodd');
  path.setAttribute('d', MARKS[kind] || MARKS.ring);
  svg.append(path);
  return svg;
}

function fill(id, ...children) {
  $(id).replaceChildren(...children);
}

function facts(id, rows) {
  fill(id, ...rows.filter((row) => row).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}

function problem(id, text, retry) {
  const box = $(id);
  box.hidden = !text;
  box.replaceChildren();
  if (!text) return;
  box.append(el('p', {}, text));
  if (retry) {
    const again = el('button', { type: 'button', class: 'plain' }, w('retry'));
    again.addEventListener('click', retry);
    box.append(again);
  }
}

// One line of what became of something.
function tell(id, bad, ...words) {
  const line = $(id);
  line.replaceChildren(...words);
  line.className = bad ? 'problem' : '';
  line.hidden = words.join('') === '';
}

// The sentence about the line at the top. Unchanged words are left alone, or a screen reader would
// say them every second.
function showLine(line, box, state, shape, words) {
  if ($(line).textContent.trim() === words && $(box).dataset.state === state) return;
  $(box).dataset.state = state;
  $(line).replaceChildren(mark(shape), ' ', words);
}
