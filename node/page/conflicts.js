// What only a person settles: what differs, who said what, when, where and why. Nothing is chosen
// beforehand and nothing is settled by waiting.
'use strict';

const conflicts = { drawn: '' };

function drawConflicts(d) {
  const all = d.conflicts || [];
  const print = JSON.stringify([d.id, all, d.allowed, lang]);
  // Drawn again only if it changed: what is being typed there stays.
  if (conflicts.drawn === print) return;
  conflicts.drawn = print;
  $('dossier-conflicts').hidden = all.length === 0;
  fill('dossier-conflicts', el('h2', { id: 'conflicts-title' }, mark('alarm'), ' ', w('conflicts_title')),
    el('p', { class: 'soft' }, w('conflicts_hint')), ...all.map((c, at) => conflictPart(d, c, at)));
}

function conflictPart(d, c, at) {
  const choices = !d.can_correct ? [] : c.kind === 'field' ? c.values
    : c.kind === 'states' ? c.values.filter((v, i) => c.values.findIndex((one) => one.state === v.state) === i && d.allowed.some((m) => m.state === v.state)) : [];
  if (choices.length === 0) {
    return el('div', { class: 'conflict' }, el('p', {}, both(c, 'text')), el('ul', {}, ...c.values.map((v) => el('li', {}, ...valueParts(c, v)))));
  }
  const name = `conflict-${at}`;
  const f = c.field === null ? null : fieldOf(d, c.field);
  const typed = c.kind === 'field' && !c.field.startsWith('paper.form/');
  const form = el('form', { class: 'conflict', novalidate: '', 'data-field': c.field || c.kind },
    el('fieldset', {}, el('legend', {}, f ? fieldTitle(d, f) : both(c, 'text')),
      ...choices.map((v, i) => el('div', { class: 'choice' },
        el('input', { type: 'radio', name, id: `${name}-${i}`, value: String(i) }),
        el('label', { for: `${name}-${i}` }, ...valueParts(c, v)))),
      typed ? el('div', { class: 'choice' },
        el('input', { type: 'radio', name, id: `${name}-own`, value: 'own' }),
        el('label', { for: `${name}-own` }, w('conflict_own'))) : null,
      typed ? el('div', { class: 'field' },
        el('label', { for: `${name}-text` }, w('conflict_text')),
        el('input', { id: `${name}-text`, autocomplete: 'off', spellcheck: 'false', maxlength: '2000' })) : null,
      el('p', { class: 'error', id: `${name}-choice-error`, hidden: '' })),
    el('div', { class: 'field' },
      el('label', { for: `${name}-note` }, w('conflict_note'), ' ', c.legal ? el('span', { class: 'need' }, w('needed')) : null),
      el('textarea', { id: `${name}-note`, rows: '2', maxlength: '2000', 'aria-describedby': `${name}-note-error` }),
      el('p', { class: 'error', id: `${name}-note-error`, hidden: '' })),
    el('button', { type: 'submit', class: 'plain', id: `${name}-send` }, w('conflict_send')),
    el('div', { class: 'problem', role: 'alert', id: `${name}-problem`, hidden: '' }));
  form.querySelector('button').disabled = dossier.busy;
  form.addEventListener('submit', (event) => { event.preventDefault(); settle(form, d, c, choices, name); });
  if (typed) form.querySelector(`#${name}-text`).addEventListener('input', () => { form.querySelector(`#${name}-own`).checked = true; });
  return form;
}

function valueParts(c, v) {
  const text = c.kind === 'field' ? valueText(c.field, v.text) : lang === 'vi' ? v.text : v.text_en;
  const who = [v.by, officeName(v.office), timeOf(v.at)].filter(Boolean).join(' · ');
  return [el('strong', {}, text), el('span', { class: 'soft' }, ` ${who}${v.note ? ` · ${w('conflict_why', v.note)}` : ''}`)];
}

async function settle(form, d, c, choices, name) {
  const chosen = form.querySelector(`input[name="${name}"]:checked`);
  const note = $(`${name}-note`).value.trim();
  let value = null;
  let wrong = chosen ? '' : w('err_conflict_choice');
  if (chosen && chosen.value === 'own') {
    value = typedValue(c.field, $(`${name}-text`).value.trim().normalize('NFC'));
    if (value === null) wrong = w('err_correct_value');
  } else if (chosen) value = choices[Number(chosen.value)].text;
  const beside = $(`${name}-choice-error`);
  beside.textContent = wrong;
  beside.hidden = !wrong;
  fieldError(`${name}-note`, c.legal && !note ? w('err_conflict_note') : '');
  if (wrong) form.querySelector('input').focus();
  if (wrong || (c.legal && !note)) return;
  const box = `${name}-problem`;
  if (c.kind === 'field') await act('corrections', { field: c.field, value, seen: c.heads, note }, box, w('done_conflict'));
  else await act('moves', { to: choices[Number(chosen.value)].state, note, ...(choices[Number(chosen.value)].state === RETURNED ? { collector: '' } : {}) }, box, w('done_conflict'));
}
