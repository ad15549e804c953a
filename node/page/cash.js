// The cash of a day: what every machine of the office took and gave, the count of the box, and money that is not
// settled yet, at #/cash.
'use strict';

const NOTES = [500000, 200000, 100000, 50000, 20000, 10000, 5000, 2000, 1000, 500, 200];
const cash = { data: null, day: '', keys: new Map(), busy: false };

function openCash() {
  if (!$('cash-day').value) $('cash-day').value = dayOf(now());
  loadCash();
  loadMoneyLists();
}

async function loadCash() {
  const day = isoDay($('cash-day').value);
  fieldError('cash-day', day ? '' : w('err_day'));
  if (!day) return;
  try {
    cash.data = await api('GET', `/cash?${new URLSearchParams({ day })}`);
    problem('cash-problem', '');
    drawCash();
  } catch (failure) {
    problem('cash-problem', failure.words(), loadCash);
  }
}

function drawCash() {
  const c = cash.data;
  if (!c) return;
  const shown = c.day.split('-').reverse().join('/');
  $('cash-head').textContent = w('cash_head', shown);
  const table = (head, rows, caption) => el('table', {}, el('caption', {}, caption), el('thead', {}, el('tr', {}, ...head.map((h) => el('th', { scope: 'col' }, h)))), el('tbody', {}, ...rows));
  const cells = (all) => el('tr', {}, ...all.map((x) => el('td', {}, x)));
  fill('cash-ways', table([w('cash_way'), w('cash_in'), w('cash_out'), w('cash_net')], c.ways.map((x) => cells([both(x, 'way'), dongs(x.taken), dongs(x.given), dongs(x.net)])), w('cash_ways')));
  fill('cash-movements', c.movements.length ? table([w('cash_time'), w('cash_receipt'), w('cash_dossier'), w('cash_why'), w('cash_amount'), w('cash_who')], c.movements.map((m) => {
    const link = el('a', { href: `#/d/${encodeURIComponent(m.dossier)}` }, m.code || w('no_code'));
    const row = cells([timeOf(m.at), m.number, link, `${w(`cash_${m.cause}`)} · ${both(m, 'way')}`, dongs(m.amount), w('cash_by', m.by, m.machine)]);
    if (m.late) row.children[3].append(el('p', { class: 'alarm' }, mark('ring'), ' ', w('cash_late')));
    if (m.note) row.children[3].append(el('p', { class: 'soft' }, m.note));
    return row;
  }), w('cash_movements')) : el('p', { class: 'soft' }, w('cash_none')));
  $('cash-late').hidden = !c.late;
  $('cash-late').textContent = c.late ? w('cash_late_count', c.late) : '';
  $('cash-contested').hidden = !c.contested;
  fill('cash-counts', ...c.counts.map((one) => el('li', {}, ...countParts(one))), ...c.before.map((one) => el('li', { class: 'soft' }, w('cash_replaced'), ' ', ...countParts(one))));
  fill('cash-numbers', ...c.numbers.map((r) => el('li', {}, ...rangeParts(r))));
  $('count-again').textContent = w(c.counts.length ? 'count_again' : 'count_send');
  $('count-note-need').hidden = !c.counts.length;
  showCountSum();
}

const countParts = (one) => [
  el('p', {}, w('count_line', dongs(one.counted), dongs(one.float), dongs(one.expected)), ' ', el('strong', { class: one.difference ? 'alarm' : '' }, one.difference ? w(one.difference > 0 ? 'count_over' : 'count_short', dongs(Math.abs(one.difference))) : w('count_even'))),
  el('p', { class: 'soft' }, [timeOf(one.at), one.by, one.machine, one.note].filter(Boolean).join(' · ')),
];

// Every number of a range is used, cancelled, open or unused for ever.
function rangeParts(r) {
  const span = ([from, to]) => (from === to ? from : w('numbers_span', from, to));
  return [
    el('p', {}, span([r.first, r.last]), ': ', w('numbers_used', r.used), r.open ? ` · ${w('numbers_open', span(r.open))}` : ''),
    r.cancelled.length ? el('p', { class: 'soft' }, w('numbers_cancelled', r.cancelled.map((x) => `${x.number} (${x.why})`).join('; '))) : null,
    r.unused.length ? el('p', { class: 'soft' }, w('numbers_unused', r.unused.map(span).join('; '))) : null,
  ];
}

// What was typed of pieces, or the sum that was typed.
function countTyped() {
  const notes = {};
  let sum = 0;
  for (const note of NOTES) {
    const text = $(`count-${note}`).value.trim();
    if (!text) continue;
    if (!/^\d{1,5}$/.test(text)) return { wrong: `count-${note}` };
    if (Number(text)) { notes[note] = Number(text); sum += note * Number(text); }
  }
  const float = typedDong('count-float');
  if (float === null) return { wrong: 'count-float' };
  return { notes, sum, float: float || 0 };
}

function showCountSum() {
  const typed = countTyped();
  const expected = cash.data ? cash.data.expected : 0;
  // Nothing is said before something was counted.
  const begun = !typed.wrong && Object.keys(typed.notes).length > 0;
  const difference = begun ? typed.sum - typed.float - expected : 0;
  $('count-sum').textContent = typed.wrong ? w('err_pieces') : w('count_sum', dongs(typed.sum), dongs(typed.float + expected));
  $('count-difference').textContent = !begun ? '' : difference ? w(difference > 0 ? 'count_over' : 'count_short', dongs(Math.abs(difference))) : w('count_even');
  $('count-difference').className = difference ? 'alarm' : 'soft';
}

async function sendCount(event) {
  event.preventDefault();
  if (cash.busy || !cash.data) return;
  const typed = countTyped();
  const note = $('count-note').value.trim();
  fieldError('count-float', typed.wrong === 'count-float' ? w('err_dong') : '');
  if (typed.wrong) { $(typed.wrong).focus(); return; }
  const uneven = typed.sum - typed.float - cash.data.expected !== 0 || cash.data.counts.length > 0;
  fieldError('count-note', uneven && !note ? w('err_count_note') : '');
  if (uneven && !note) return;
  const body = { day: cash.data.day, float: typed.float, counted: typed.sum, notes: typed.notes, seen: cash.data.counts.map((one) => one.id), note, clerk: clerk() };
  const name = JSON.stringify(body);
  if (!cash.keys.has(name)) cash.keys.set(name, newKey());
  cash.busy = true;
  problem('cash-problem', '');
  try {
    cash.data = await api('POST', '/cash', { body, key: cash.keys.get(name) });
    cash.keys.delete(name);
    $('count-form').reset();
    $('count-said').replaceChildren(mark('ok'), ' ', w('done_count'));
    drawCash();
  } catch (failure) {
    problem('cash-problem', failure.doubtful ? w('doubtful_action', failure.words()) : w('not_saved', failure.words()));
    if (failure.kind === 'refused' && failure.body.code === 'counted') loadCash();
  } finally {
    cash.busy = false;
  }
}

// ---- money that is not settled ----

async function loadMoneyLists() {
  try {
    const { states } = await api('GET', '/money');
    fill('money-states', ...states.map((s) => {
      const sum = s.outstanding ? w('money_list_due', dongs(s.outstanding)) : s.owed ? w('money_list_owed', dongs(s.owed)) : '';
      const button = el('button', { type: 'button', class: 'plain', id: `money-list-${s.state}` }, `${both(s, 'state')}: ${s.count}${s.more ? '+' : ''}${sum ? ` · ${sum}` : ''}`);
      button.addEventListener('click', () => loadMoneyList(s.state));
      return button;
    }));
  } catch (failure) {
    fill('money-states', el('p', { class: 'soft' }, failure.words()));
  }
}

async function loadMoneyList(state) {
  try {
    const page = await api('GET', `/money/${state}`);
    const sums = new Map(page.sums.map((s) => [s.id, s]));
    fill('money-dossiers', ...(page.dossiers.length ? page.dossiers.map((d) => {
      const s = sums.get(d.id) || { outstanding: 0, owed: 0 };
      return el('li', { 'data-id': d.id }, el('p', {}, el('a', { href: `#/d/${encodeURIComponent(d.id)}`, class: 'code' }, d.code || w('no_code')), ` ${d.applicant} · ${d.procedure_name}`),
        el('p', { class: 'soft' }, s.outstanding ? w('money_list_due', dongs(s.outstanding)) : w('money_list_owed', dongs(s.owed))));
    }) : [el('li', { class: 'soft' }, w('money_list_none'))]));
    $('money-list-said').textContent = `${both(page, 'state')}${page.more ? w('money_list_more') : ''}`;
  } catch (failure) {
    $('money-list-said').textContent = failure.words();
  }
}

function startCash() {
  fill('count-notes', ...NOTES.map((note) => el('div', { class: 'field' }, el('label', { for: `count-${note}` }, `${thousands(String(note))} ₫`), el('input', { id: `count-${note}`, inputmode: 'numeric', maxlength: '6', autocomplete: 'off' }))));
  $('count-form').addEventListener('input', showCountSum);
  $('count-form').addEventListener('submit', sendCount);
  $('cash-day').addEventListener('change', loadCash);
  $('cash-print').addEventListener('click', () => window.print());
}

startCash();
