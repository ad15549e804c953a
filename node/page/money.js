// Money of the open dossier: what is due, taking it against a receipt, giving it back, and what only a person
// settles. Money is taken when the node has said so; each press has its key, so that pressing again takes nothing twice.
'use strict';

const MONEY_FIELDS = ['pay-amount', 'pay-payer', 'pay-reference', 'give-amount', 'give-note', 'demand-note'];
const money = { drawn: '', sums: '', fees: new Map(), chosen: new Map(), reductions: [] };

const dongs = (amount) => `${amount < 0 ? '−' : ''}${thousands(String(Math.abs(amount)))} ₫`;

// What was typed as đồng; null if it is none, undefined if nothing was typed.
function typedDong(id) {
  const text = $(id).value.replace(/[.,\s₫]/g, '');
  if (!text) return undefined;
  return /^\d{1,12}$/.test(text) ? Number(text) : null;
}

function drawMoney(d) {
  const m = d.money;
  const print = JSON.stringify([d.id, m, lang]);
  if (money.drawn === print) return;
  money.drawn = print;
  fill('money-state', el('span', { class: `state ${m.state === 'paid' ? 'done' : m.state === 'due' || m.state === 'part_paid' ? 'paused' : m.state === 'nothing' || m.state === 'refunded' ? '' : 'alarm'}` }, both(m, 'state')));
  const row = (key, amount, always) => (amount || always ? [w(key), dongs(amount)] : null);
  facts('money-sums', [row('money_demanded', m.demanded, true), row('money_taken', m.taken), row('money_refunded', m.refunded), row('money_outstanding', m.outstanding), row('money_owed', m.owed)]);
  fill('money-lines', ...m.lines.map((l) => el('li', {}, `${l.name}: ${dongs(l.amount)}`, l.amount < l.full ? el('p', { class: 'soft' }, w('money_less', dongs(l.full), l.why)) : null, l.basis ? el('p', { class: 'soft' }, l.basis) : null)));
  fill('money-receipts', ...m.receipts.map((r) => el('li', { 'data-receipt': r.id, 'data-standing': r.standing }, ...receiptParts(r))), ...m.refunds.map((r) => el('li', {}, ...refundParts(r))));
  $('money-faults').hidden = !m.faults;
  $('pay-form').hidden = !m.can_pay;
  const sums = JSON.stringify([d.id, m]);
  // What is being typed stays until something of the money has changed.
  if (money.sums !== sums) $('pay-amount').value = m.can_pay ? thousands(String(m.outstanding)) : '';
  money.sums = sums;
  $('give-panel').hidden = !m.can_give;
  const open = m.receipts.filter((r) => r.standing === 'holds' && r.left > 0);
  const chosen = $('give-receipt').value;
  $('give-receipt').replaceChildren(...open.map((r) => el('option', { value: r.id }, `${r.number} (${dongs(r.left)})`)));
  if (open.some((r) => r.id === chosen)) $('give-receipt').value = chosen;
  $('demand-panel').hidden = !m.can_demand;
  drawSettle(m);
}

function receiptParts(r) {
  const off = r.standing !== 'holds';
  const sheet = el('button', { type: 'button', class: 'plain', 'aria-label': `${w('money_print')} ${r.number}` }, w('money_print'));
  sheet.addEventListener('click', () => printReceipt(dossier.id, r.id));
  return [
    el('p', {}, el('span', { class: 'code' }, r.number), ` ${dongs(r.amount)} · ${both(r, 'way')}`),
    el('p', { class: 'soft' }, [timeOf(r.at), r.by, officeName(r.office), r.payer && w('money_payer_is', r.payer), r.reference].filter(Boolean).join(' · ')),
    off ? el('p', { class: 'alarm' }, mark('alarm'), ' ', w(`money_${r.standing}`, r.ended_by, timeOf(r.ended_at), r.ended_why)) : r.left < r.amount ? el('p', { class: 'soft' }, w('money_left', dongs(r.left))) : null,
    el('p', { class: 'buttons' }, sheet),
  ];
}

const refundParts = (r) => [
  el('p', {}, w('money_given_back', dongs(r.amount), r.number || '?', both(r, 'way'))),
  el('p', { class: 'soft' }, [timeOf(r.at), r.by, officeName(r.office), r.note].filter(Boolean).join(' · ')),
];

// Of each act a person says whether it holds; nothing is chosen beforehand.
function drawSettle(m) {
  $('settle-panel').hidden = m.contested.length === 0;
  $('settle-form').hidden = !m.can_settle;
  fill('settle-rows', ...m.contested.map((c, at) => {
    const option = (kind) => {
      const radio = el('input', { type: 'radio', name: `settle-${at}`, id: `settle-${at}-${kind}`, value: kind, 'data-act': c.id });
      radio.checked = money.chosen.get(c.id) === kind;
      radio.addEventListener('change', () => money.chosen.set(c.id, kind));
      return el('div', { class: 'choice' }, radio, el('label', { for: `settle-${at}-${kind}` }, w(`settle_${kind}`)));
    };
    const who = [c.by, officeName(c.office), timeOf(c.at), c.note && w('conflict_why', c.note)].filter(Boolean).join(' · ');
    return el('fieldset', {}, el('legend', {}, lang === 'vi' ? c.text : c.text_en), el('p', { class: 'soft' }, who), option('keep'), option('drop'));
  }));
}

async function settleMoney(event) {
  event.preventDefault();
  const m = dossier.data.money;
  const chosen = [...$('settle-rows').querySelectorAll('input:checked')];
  const whole = chosen.length === m.contested.length;
  const note = $('settle-note').value.trim();
  $('settle-rows-error').textContent = whole ? '' : w('err_settle');
  $('settle-rows-error').hidden = whole;
  fieldError('settle-note', note ? '' : w('err_money_note'));
  if (!whole) { $('settle-rows').querySelector('input').focus(); return; }
  if (!note) return;
  const keep = chosen.filter((one) => one.value === 'keep').map((one) => one.dataset.act);
  if (await act('settlements', { keep, note, seen: m.heads }, 'money-problem', w('done_settle'))) $('settle-note').value = '';
}

async function payMoney(event) {
  event.preventDefault();
  const m = dossier.data.money;
  const amount = typedDong('pay-amount');
  const wrong = amount === null || amount === 0 ? w('err_dong') : amount > m.outstanding ? w('err_more_than_due', dongs(m.outstanding)) : '';
  fieldError('pay-amount', wrong);
  if (wrong) return;
  const body = { way: $('pay-way').value, payer: $('pay-payer').value.trim(), reference: $('pay-reference').value.trim(), seen: m.heads };
  if (amount !== undefined) body.amount = amount;
  const sum = amount === undefined ? m.outstanding : amount;
  if (await act('payments', body, 'money-problem', w('done_pay', dongs(sum)))) {
    for (const field of ['pay-payer', 'pay-reference']) $(field).value = '';
  }
}

async function giveMoney(event) {
  event.preventDefault();
  const m = dossier.data.money;
  const r = m.receipts.find((one) => one.id === $('give-receipt').value);
  const cancels = $('give-how').value === 'cancel';
  const amount = typedDong('give-amount');
  const note = $('give-note').value.trim();
  const wrong = cancels ? '' : amount === null || amount === 0 ? w('err_dong') : amount > r.left ? w('err_more_than_left', dongs(r.left)) : '';
  fieldError('give-amount', wrong);
  fieldError('give-note', note ? '' : w('err_money_note'));
  if (wrong || !note || !r) return;
  const body = { receipt: r.id, note, seen: m.heads };
  if (!cancels) { body.way = $('give-way').value; if (amount !== undefined) body.amount = amount; }
  const done = cancels ? w('done_cancel', r.number) : w('done_refund', dongs(amount === undefined ? r.left : amount));
  if (await act(cancels ? 'cancellations' : 'refunds', body, 'money-problem', done)) {
    for (const field of ['give-amount', 'give-note']) $(field).value = '';
    $('give-panel').open = false;
  }
}

// ---- what is demanded ----

async function feesOf(procedure) {
  if (!money.fees.has(procedure)) money.fees.set(procedure, await api('GET', `/fees?${new URLSearchParams({ procedure })}`));
  return money.fees.get(procedure);
}

// The lines in force, or those of the table, to be changed.
async function openDemand() {
  if (!$('demand-panel').open || !dossier.data) return;
  const d = dossier.data;
  try {
    const fees = await feesOf(d.procedure);
    money.reductions = fees.reductions;
    const lines = d.money.lines.length ? d.money.lines : fees.lines.length ? fees.lines.map((l) => ({ ...l, full: l.amount, why: '' }))
      : [{ what: 'fee', name: w('demand_plain'), full: d.money.demanded, amount: d.money.demanded, why: '', basis: '' }];
    $('demand-rows').replaceChildren(...lines.map(demandRow));
    problem('money-problem', '');
  } catch (failure) {
    problem('money-problem', failure.words());
  }
}

let demandCount = 0;
function demandRow(line) {
  demandCount += 1;
  const n = demandCount;
  const input = (name, value, more) => el('input', { id: `demand-${name}-${n}`, value, autocomplete: 'off', spellcheck: 'false', ...more });
  const field = (name, box) => el('div', { class: 'field' }, el('label', { for: box.id }, w(`demand_${name}`)), box);
  const why = el('select', { id: `demand-why-${n}` }, el('option', { value: '' }, w('demand_no_reduction')),
    ...money.reductions.map((r) => el('option', { value: r.code }, `${both(r)} (−${r.percent}%)`)),
    ...(line.why && !money.reductions.some((r) => r.vi === line.why) ? [el('option', { value: 'as-it-is' }, line.why)] : []));
  const known = money.reductions.find((r) => r.vi === line.why);
  why.value = known ? known.code : line.why ? 'as-it-is' : '';
  const amount = input('amount', thousands(String(line.amount)), { inputmode: 'numeric', maxlength: '20' });
  const full = input('full', thousands(String(line.full)), { inputmode: 'numeric', maxlength: '20' });
  why.addEventListener('change', () => {
    const r = money.reductions.find((one) => one.code === why.value);
    const all = Number(full.value.replace(/[.,\s₫]/g, '')) || 0;
    amount.value = thousands(String(r ? Math.floor(all * (100 - r.percent) / 100) : all));
  });
  full.addEventListener('change', () => why.dispatchEvent(new Event('change')));
  const drop = el('button', { type: 'button', class: 'quiet', 'aria-label': w('demand_drop_of', line.name) }, w('demand_drop'));
  const box = el('fieldset', { 'data-what': line.what, 'data-basis': line.basis || '', 'data-why': line.why || '' }, el('legend', {}, w(`demand_${line.what}`)), field('name', input('name', line.name, { maxlength: '200' })),
    el('div', { class: 'two' }, field('full', full), field('amount', amount)), field('why', why), el('p', {}, drop));
  drop.addEventListener('click', () => { box.remove(); $('demand-add').focus(); });
  return box;
}

async function sendDemand(event) {
  event.preventDefault();
  const dong = (text) => { const plain = text.replace(/[.,\s₫]/g, ''); return /^\d{1,12}$/.test(plain) ? Number(plain) : null; };
  const lines = [...$('demand-rows').children].map((box) => {
    const of = (name) => box.querySelector(`[id^="demand-${name}-"]`).value.trim();
    const r = money.reductions.find((one) => one.code === of('why'));
    return { what: box.dataset.what, name: of('name').normalize('NFC'), full: dong(of('full')), amount: dong(of('amount')), why: r ? r.vi : of('why') ? box.dataset.why : '', basis: box.dataset.basis };
  });
  const wrong = lines.length === 0 ? w('err_demand_none') : lines.some((l) => l.full === null || l.amount === null) ? w('err_dong')
    : lines.some((l) => !l.name) ? w('err_demand_name') : lines.some((l) => l.amount > l.full) ? w('err_demand_more') : lines.some((l) => l.amount < l.full && !l.why) ? w('err_demand_why') : '';
  $('demand-error').textContent = wrong;
  $('demand-error').hidden = !wrong;
  if (wrong) { ($('demand-rows').querySelector('input') || $('demand-add')).focus(); return; }
  const note = $('demand-note').value.trim();
  if (await act('demands', { lines, note, seen: dossier.data.money.heads }, 'money-problem', w('done_demand'))) {
    $('demand-note').value = '';
    $('demand-panel').open = false;
  }
}

// ---- at registration ----

// The fee of the procedure by the table in force, unless one was typed.
async function suggestFee() {
  const procedure = $('procedure').value;
  $('fee-table').textContent = '';
  if (!procedure) return;
  try {
    const { lines } = await feesOf(procedure);
    if ($('procedure').value !== procedure) return;
    $('fee-table').textContent = lines.length ? lines.map((l) => `${l.name}: ${dongs(l.amount)}/${l.unit} (${l.basis})`).join('; ') : w('fee_unknown');
  } catch { /* the fee is typed */ }
}

// Takes the fee of what was registered a moment ago, all of it. Its key follows from the dossier: pressed twice, or
// in another tab, it is one payment.
async function takeFeeNow(id) {
  const { checked } = $('fee-now');
  $('saved-money').hidden = !checked;
  if (!checked) return;
  fill('saved-money', w('sending'));
  try {
    const answer = await api('POST', `/dossiers/${encodeURIComponent(id)}/payments`, { body: { way: $('fee-way').value, clerk: clerk() }, key: `fee-${id}` });
    const r = answer.receipt;
    const sheet = el('button', { type: 'button', class: 'plain', id: 'saved-receipt' }, w('money_print'));
    sheet.addEventListener('click', () => printReceipt(id, r.id));
    fill('saved-money', el('p', {}, mark('ok'), ' ', w('saved_paid', dongs(r.amount), r.number)), el('p', {}, sheet));
  } catch (failure) {
    fill('saved-money', el('p', { class: 'alarm' }, mark('alarm'), ' ', failure.doubtful ? w('doubtful_action', failure.words()) : w('saved_not_paid', failure.words())));
  }
}

// The receipt as it is printed, counted, on the paper of this PC.
function printReceipt(id, receipt) {
  printForm(id, 'payment', recall(localStorage, `${PAPER}.payment`) || 'a5', 'form-said', 'form-problem', { receipt });
}

// Another dossier was opened.
function resetMoney() {
  for (const field of MONEY_FIELDS) { $(field).value = ''; fieldError(field, ''); }
  problem('money-problem', '');
  money.drawn = money.sums = '';
  money.chosen.clear();
  for (const panel of ['give-panel', 'demand-panel']) $(panel).open = false;
}

function showGiveHow() {
  const cancels = $('give-how').value === 'cancel';
  $('give-amount-box').hidden = $('give-way-box').hidden = cancels;
}

function startMoney() {
  $('pay-form').addEventListener('submit', payMoney);
  $('give-form').addEventListener('submit', giveMoney);
  $('give-how').addEventListener('change', showGiveHow);
  $('settle-form').addEventListener('submit', settleMoney);
  $('demand-form').addEventListener('submit', sendDemand);
  $('demand-panel').addEventListener('toggle', openDemand);
  $('demand-add').addEventListener('click', () => {
    const row = demandRow({ what: 'fee', name: '', full: 0, amount: 0, why: '', basis: '' });
    $('demand-rows').append(row);
    row.querySelector('input').focus();
  });
  $('procedure').addEventListener('change', suggestFee);
}

startMoney();
