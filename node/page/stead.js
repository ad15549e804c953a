// Who is away and who stands in, duties that are lent, and work in the hands of somebody who is gone, at
// #/stead: see design/people.md. It comes when it is opened first (later.js).
'use strict';

const LENDABLE = ['decide', 'direct', 'turn_away', 'money', 'return'];

function startStead() {
  $('away-form').addEventListener('submit', (event) => { event.preventDefault(); sayStead('away', 'absences'); });
  $('lend-form').addEventListener('submit', (event) => { event.preventDefault(); sayStead('lend', 'loans'); });
}

function openStead() {
  const { person } = session;
  $('stead-none').hidden = session.accounts;
  $('stead-body').hidden = !person;
  if (!person) return;
  $('away-who-field').hidden = !mayDo('leader', 'admin');
  $('lend-panel').hidden = !mayDo('leader');
  $('left-panel').hidden = !mayDo('leader', 'admin');
  fill('lend-duties', ...LENDABLE.map((duty) => checkBox('lend-duties', duty, w(`lend_${duty}`))));
  loadStead();
}

const checkBox = (id, value, words) => el('label', { class: 'check', for: `${id}-${value}` }, el('input', { type: 'checkbox', id: `${id}-${value}`, value }), ' ', words);

async function loadStead() {
  try {
    stead.told = await api('GET', '/steads');
    drawStead();
    if (mayDo('leader', 'admin')) await loadLeft();
    problem('stead-problem', '');
  } catch (failure) {
    if (failure.body.code !== 'log_in') problem('stead-problem', failure.words(), loadStead);
  }
}

function drawStead() {
  const { told } = stead;
  if (!told) return;
  const lines = told.steads.map(steadLine);
  fill('stead-rows', ...(lines.length ? lines : [el('li', { class: 'soft' }, w('stead_nobody'))]));
  const choose = (id, except) => {
    const chosen = $(id).value;
    fill(id, el('option', { value: '' }, w('stead_choose')), ...told.people.filter((one) => one.id !== except).map((one) => el('option', { value: one.id }, one.name)));
    $(id).value = chosen;
    if ($(id).selectedIndex < 0) $(id).value = '';
  };
  if (!$('away-who').options.length) {
    choose('away-who', null);
    $('away-who').value = session.person.id;
  }
  choose('away-person', null);
  choose('lend-person', session.person.id);
}

function steadLine(one) {
  const words = one.kind === 'away' ? w('stead_away', one.name, timeOf(one.from), timeOf(one.until - 60000), one.person_name)
    : w('stead_lent', one.name, one.person_name, one.duties.map((duty) => w(`lend_${duty}`)).join('; '), timeOf(one.from), timeOf(one.until - 60000));
  const own = session.person && session.person.id === one.account;
  const end = el('button', { type: 'button', class: 'plain', 'aria-label': `${w('stead_end')}: ${one.name}, ${one.person_name}` }, w('stead_end'));
  end.addEventListener('click', () => endStead(one));
  return el('li', { 'data-kind': one.kind },
    el('p', {}, mark(one.holds ? 'half' : 'ring'), ' ', words),
    one.why ? el('p', { class: 'soft' }, w('stead_why', one.why)) : null,
    own || mayDo('leader', 'admin') ? el('p', {}, end) : null);
}

async function sayStead(form, act) {
  if (stead.busy) return;
  for (const field of ['from', 'until', 'person', 'why', 'duties']) if ($(`${form}-${field}`)) fieldError(`${form}-${field}`, '');
  const who = form === 'away' && !$('away-who-field').hidden ? $('away-who').value : session.person.id;
  // Days as people say them: the last one is a day of it.
  const [from, until] = ['from', 'until'].map((field) => parseDay($(`${form}-${field}`).value.trim()));
  const wrong = [
    !from && ['from', w('err_day')], !until && ['until', w('err_day')],
    !$(`${form}-person`).value && ['person', w('err_needed')], !$(`${form}-why`).value.trim() && ['why', w('err_needed')],
  ].filter(Boolean);
  if (wrong.length) {
    for (const [field, words] of wrong.reverse()) fieldError(`${form}-${field}`, words);
    return;
  }
  const start = ([year, month, day], more) => Date.UTC(year, month - 1, day + more) - OFFICE_HOURS_OFFSET_MS;
  const body = { from: start(from, 0), until: start(until, 1), person: $(`${form}-person`).value, why: $(`${form}-why`).value.trim() };
  if (form === 'lend') body.duties = chosenRoles('lend-duties');
  await doStead(form, () => api('POST', `/accounts/${who || session.person.id}/${act}`, { body }), () => {
    $(`${form}-form`).reset();
    if (form === 'away') $('away-who').value = session.person.id;
    tell('stead-said', false, mark('ok'), ' ', w('stead_done'));
  });
}

async function endStead(one) {
  await doStead('stead', () => api('POST', `/accounts/${one.account}/steads/${encodeURIComponent(one.id)}/ended`, { body: {} }),
    () => { tell('stead-said', false, mark('ok'), ' ', w('stead_ended', one.name)); $('stead-title').focus(); });
}

async function doStead(form, ask, done) {
  stead.busy = true;
  tell('stead-said', false, '');
  problem('stead-problem', '');
  try {
    await ask();
    done();
    await loadStead();
  } catch (failure) {
    const field = `${form}-${failure.body.field}`;
    if (failure.body.field && $(`${field}-error`)) fieldError(field, failure.words()); else problem('stead-problem', failure.words());
  } finally {
    stead.busy = false;
  }
}

// ---- work in the hands of somebody who is gone ----

function drawLeft() {
  const print = JSON.stringify([stead.left, stead.told && stead.told.people, lang]);
  if ($('left-rows').dataset.print === print) return;
  $('left-rows').dataset.print = print;
  // What was typed or unticked stays.
  const typed = Array.from($('left-rows').querySelectorAll('input, select'), (one) => [one.id, one.value, one.checked]);
  fill('left-rows', ...(stead.left.length ? stead.left.map(leftPart) : [el('p', { class: 'soft' }, w('left_none'))]));
  for (const [id, value, checked] of typed) if ($(id)) Object.assign($(id), { value, checked });
}

function leftPart(one) {
  const id = (name) => `left-${name}-${one.account}`;
  const boxes = one.dossiers.map((d) => {
    const input = el('input', { type: 'checkbox', id: id(d.id), value: d.id, checked: true });
    return el('li', {}, el('label', { class: 'check' }, input, ' ', d.code || w('no_code'), ` · ${d.applicant} · ${d.procedure_name || d.procedure}`));
  });
  const people = ((stead.told && stead.told.people) || []).filter((other) => other.id !== one.account);
  const form = el('form', { class: 'left', 'data-account': one.account, novalidate: true },
    el('h3', {}, w(one.closed ? 'left_closed' : 'left_away', one.name, thousands(one.count))),
    one.count > one.dossiers.length ? el('p', { class: 'hint' }, w('left_first', one.dossiers.length)) : null,
    el('div', { role: 'group', 'aria-label': w('left_which', one.name) }, el('ul', { class: 'lines' }, ...boxes)),
    el('div', { class: 'two' },
      el('div', { class: 'field' }, el('label', { for: id('person') }, w('left_to')), el('select', { id: id('person') }, el('option', { value: '' }, w('stead_choose')), ...people.map((other) => el('option', {}, other.name))), el('p', { class: 'error', id: `${id('person')}-error`, hidden: true })),
      el('div', { class: 'field' }, el('label', { for: id('note') }, w('left_why')), el('input', { id: id('note'), maxlength: '2000', autocomplete: 'off' }), el('p', { class: 'error', id: `${id('note')}-error`, hidden: true }))),
    el('p', { class: 'buttons' }, el('button', { type: 'submit', class: 'plain' }, w('left_send'))));
  form.addEventListener('submit', (event) => { event.preventDefault(); handOn(one, form, id); });
  return form;
}

async function handOn(one, form, id) {
  if (stead.busy) return;
  const [person, note] = [$(id('person')).value, $(id('note')).value.trim()];
  fieldError(id('note'), note ? '' : w('err_needed'));
  fieldError(id('person'), person ? '' : w('err_needed'));
  const dossiers = Array.from(form.querySelectorAll('li input:checked'), (input) => input.value);
  if (!person || !note) return;
  if (!dossiers.length) { problem('stead-problem', w('left_choose')); return; }
  const body = { person, note, dossiers };
  const print = JSON.stringify([one.account, body]);
  if (!stead.keys.has(print)) stead.keys.set(print, newKey());
  stead.busy = true;
  problem('stead-problem', '');
  try {
    const done = await api('POST', `/accounts/${one.account}/work`, { body, key: stead.keys.get(print) });
    stead.keys.delete(print);
    const not = done.dossiers.filter((line) => !line.done);
    tell('stead-said', false, mark('ok'), ' ', w('left_done', done.given, person));
    problem('stead-problem', not.length ? `${w('left_not', not.length)} ${not.map((line) => `${line.code || line.said}: ${both(line.error, 'message')}`).join(' ')}` : '');
    await loadLeft();
    $('left-title').focus();
  } catch (failure) {
    problem('stead-problem', failure.words());
  } finally {
    stead.busy = false;
  }
}

startStead();
