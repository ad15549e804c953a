// Received on paper: codes that were drawn and printed before, and what was received under them entered later, at
// #/emergency. The form is that of registering, under the slip's code and with the time that stands on it.
'use strict';

const emergency = { data: null, code: '', known: null, keys: new Map(), sheets: new Map(), busy: false, due: 0 };
const EM_FIELDS = {
  'received': 'em-received', 'received_by': 'em-by', 'procedure': 'em-procedure', 'request': 'em-request', 'due': 'em-due', 'fee': 'em-fee', 'code': 'em-code',
  'applicant.name': 'em-name', 'applicant.id_number': 'em-id', 'applicant.birth_date': 'em-birth', 'applicant.phone': 'em-phone', 'applicant.address': 'em-address', 'applicant.email': 'em-email',
};
// What is typed of a slip stays in the tab's own storage until it is entered: a reload or a lock loses nothing.
const EM_CARD = [['em-name', (a) => a.name], ['em-id', (a) => a.id_number], ['em-birth', (a) => (a.birth_date ? shownBirth(a.birth_date) : '')], ['em-address', (a) => a.address]];

const emWord = (name) => el('span', { 'data-w': name }, w(name));

// A label, its field, a hint where there is one, and room for an error.
function emField(id, word, input, { hint, need } = {}) {
  const described = [hint ? `${id}-hint` : '', `${id}-error`].filter(Boolean).join(' ');
  input.id = id;
  input.setAttribute('aria-describedby', described);
  return el('div', { class: 'field' },
    el('label', { for: id }, emWord(word), need ? ' ' : null, need ? el('span', { class: 'need', 'data-w': 'needed' }, w('needed')) : null), input,
    hint ? el('p', { class: 'hint', id: `${id}-hint`, 'data-w': hint }, w(hint)) : null,
    el('p', { class: 'error', id: `${id}-error`, hidden: true }));
}

const emInput = (attributes) => el('input', { autocomplete: 'off', spellcheck: 'false', ...attributes });

function buildEmergency() {
  const draw = el('form', { id: 'em-draw', class: 'tools three', novalidate: true },
    emField('em-day', 'em_day', el('select', {})),
    emField('em-count', 'em_count', emInput({ inputmode: 'numeric', maxlength: '2', value: '20' })),
    el('button', { type: 'submit', id: 'em-draw-send', class: 'plain' }, emWord('em_draw')));
  const scan = el('form', { id: 'em-scan-form', class: 'tools', novalidate: true },
    emField('em-scan', 'em_scan', emInput({ maxlength: '60' }), { hint: 'em_scan_hint' }),
    el('button', { type: 'submit', id: 'em-scan-send', class: 'plain' }, emWord('em_open_form')));
  const two = (...fields) => el('div', { class: 'two' }, ...fields);
  const part = (word, ...fields) => el('fieldset', {}, el('legend', { 'data-w': word }, w(word)), ...fields);
  const gone = el('div', { class: 'field', id: 'em-gone-box', hidden: true }, el('label', { class: 'check' }, el('input', { type: 'checkbox', id: 'em-gone' }), ' ', emWord('em_gone')));
  const add = el('button', { type: 'button', id: 'em-paper-add', class: 'plain' }, emWord('paper_add'));
  const cancel = el('button', { type: 'button', id: 'em-cancel', class: 'quiet' }, emWord('em_cancel'));
  const form = el('form', { id: 'em-form', class: 'panel', novalidate: true, hidden: true, 'aria-labelledby': 'em-form-title' },
    el('h2', { id: 'em-form-title', tabindex: '-1' }),
    el('div', { id: 'em-problem', class: 'problem', role: 'alert', hidden: true }),
    part('em_part_slip',
      two(emField('em-received', 'em_received', emInput({ maxlength: '60', inputmode: 'numeric' }), { hint: 'em_received_hint', need: true }),
        emField('em-by', 'em_by', emInput({ maxlength: '200' }), { need: true }),
        emField('em-due', 'em_due', emInput({ maxlength: '60', inputmode: 'numeric' }), { hint: 'em_due_hint' })), gone,
      el('p', { id: 'em-promise', role: 'status' })),
    part('part_procedure', emField('em-procedure', 'procedure', el('select', {}), { need: true }), emField('em-request', 'request', el('textarea', { rows: '3', maxlength: '2000' }))),
    part('part_applicant', emField('em-card', 'card', emInput({})),
      two(emField('em-name', 'applicant_name', emInput({ maxlength: '200' }), { need: true }), emField('em-id', 'applicant_id', emInput({ inputmode: 'numeric', maxlength: '30' })),
        emField('em-birth', 'applicant_birth', emInput({ inputmode: 'numeric', maxlength: '20' })), emField('em-phone', 'applicant_phone', emInput({ type: 'tel', maxlength: '40' }))),
      emField('em-address', 'applicant_address', emInput({ maxlength: '2000' })), emField('em-email', 'applicant_email', emInput({ type: 'email', maxlength: '200' }))),
    part('part_papers', el('div', { id: 'em-papers' }), el('p', { class: 'error', id: 'em-papers-error', hidden: true }), el('p', {}, add)),
    part('part_return', emField('em-fee', 'fee', emInput({ inputmode: 'numeric', maxlength: '20' }))),
    el('p', { class: 'buttons' }, el('button', { type: 'submit', id: 'em-save' }, emWord('em_save')), ' ', cancel));
  fill('emergency-body',
    el('p', { class: 'hint', 'data-w': 'em_hint' }, w('em_hint')),
    el('p', { id: 'em-said', role: 'status', hidden: true }),
    el('div', { id: 'em-failed', class: 'problem', role: 'alert', hidden: true }),
    el('section', { class: 'panel', id: 'em-draw-panel', 'aria-labelledby': 'em-draw-title' }, el('h2', { id: 'em-draw-title', 'data-w': 'em_draw_title' }, w('em_draw_title')), el('p', { class: 'hint', 'data-w': 'em_draw_hint' }, w('em_draw_hint')), draw),
    el('section', { class: 'panel', 'aria-labelledby': 'em-enter-title' }, el('h2', { id: 'em-enter-title', 'data-w': 'em_enter_title' }, w('em_enter_title')), scan),
    form, el('div', { id: 'em-blocks' }));
  draw.addEventListener('submit', drawEmergencyBlock);
  scan.addEventListener('submit', (event) => { event.preventDefault(); openSlip($('em-scan').value); });
  form.addEventListener('submit', sendSlip);
  cancel.addEventListener('click', closeSlip);
  add.addEventListener('click', () => { addSlipPaper().focus(); keepSlip(); });
  for (const kind of ['input', 'change']) form.addEventListener(kind, keepSlip);
  for (const id of ['em-received', 'em-due']) $(id).addEventListener('blur', showSlipPromise);
  $('em-procedure').addEventListener('change', showSlipPromise);
  $('em-card').addEventListener('keydown', (event) => { if (event.key === 'Enter') { event.preventDefault(); readSlipCard(); } });
}

async function openEmergency() {
  if (!register.procedures) { await loadProcedures(); }
  showSlipProcedures();
  await loadEmergency();
  reopenSlip();
}

async function loadEmergency() {
  try {
    emergency.data = await api('GET', '/emergency');
    problem('em-failed', '');
    drawEmergency();
  } catch (failure) { problem('em-failed', failure.words(), loadEmergency); }
}

const shownDay = (iso) => iso.split('-').reverse().join('/');
const blockNumber = (number) => number.replace(/(\d{4})(?=\d)/g, '$1 ');

function drawEmergency() {
  const { data } = emergency;
  if (!data) return;
  $('em-draw-panel').hidden = !data.may_draw;
  const chosen = $('em-day').value;
  fill('em-day', ...data.days.map((day) => el('option', { value: day }, day === data.today ? w('em_today', shownDay(day)) : shownDay(day))));
  if (data.days.includes(chosen)) $('em-day').value = chosen;
  const open = new Set(Array.from($('em-blocks').querySelectorAll('details[open]'), (d) => d.dataset.block));
  fill('em-blocks', ...(data.blocks.length ? data.blocks.map((b) => blockParts(b, open.has(b.block) || (b.open > 0 && b.day <= data.today))) : [el('p', { class: 'soft' }, w('em_none'))]));
}

function blockParts(block, open) {
  const late = block.over && block.open > 0;
  const details = el('details', { class: 'panel', 'data-block': block.block, open },
    el('summary', {}, late ? mark('alarm') : block.open ? mark('ring') : mark('ok'), ' ', w('em_block', blockNumber(block.block), shownDay(block.day), block.count), ' · ', el('strong', { class: late ? 'alarm' : '' }, block.open ? w(late ? 'em_open_late' : 'em_open', block.open) : w('em_settled'))),
    el('p', { class: 'soft' }, w('em_drawn', block.drawn_by, timeOf(block.drawn_at)), ' · ', block.printings ? w('em_printed', block.printings) : w('em_not_printed')));
  if (emergency.data.may_draw) {
    const print = el('button', { type: 'button', class: 'plain', 'data-print': block.block }, w(block.printings ? 'em_print_again' : 'em_print'));
    print.addEventListener('click', () => printBlock(block));
    details.append(el('p', { class: 'buttons' }, print, ...sheetLinks(block)));
  }
  details.append(el('ul', { class: 'lines' }, ...block.codes.map((c) => codeLine(block, c))));
  if (emergency.data.may_draw && block.open) details.append(unusedForm(block));
  return details;
}

function codeLine(block, c) {
  const became = c.fate === 'entered'
    ? [mark('ok'), ' ', c.received === null ? w('em_entered_short') : w('em_entered', timeOf(c.received), c.received_by || '…', c.by, timeOf(c.at)), ' ', el('a', { href: `#/d/${encodeURIComponent(c.dossier)}` }, w('em_see'))]
    : c.fate === 'unused' ? [mark('dash'), ' ', w('em_unused', c.why, c.by, timeOf(c.at))] : [mark('ring'), ' ', w('em_code_open')];
  const line = el('li', { 'data-code': c.code, 'data-fate': c.fate });
  const name = el('span', { class: 'code' }, c.code);
  if (c.fate === 'open' && emergency.data.may_draw) line.append(el('label', { class: 'check' }, el('input', { type: 'checkbox', value: c.code, class: 'em-pick' }), ' ', name));
  else line.append(name);
  line.append(' ', el('span', { class: c.fate === 'open' ? '' : 'soft' }, ...became));
  if (c.fate !== 'entered' && emergency.data.may_enter && block.day <= emergency.data.today) {
    const words = w(c.fate === 'open' ? 'em_enter' : 'em_enter_found');
    const button = el('button', { type: 'button', class: 'plain', 'aria-label': `${words} ${c.code}` }, words);
    button.addEventListener('click', () => openSlip(c.code));
    line.append(' ', button);
  }
  return line;
}

function unusedForm(block) {
  const id = `em-why-${block.block}`;
  const all = el('button', { type: 'button', class: 'plain' }, w('em_pick_all'));
  const form = el('form', { class: 'tools three em-unused', novalidate: true },
    el('div', { class: 'field grow' }, el('label', { for: id }, w('em_why')), emInput({ id, maxlength: '2000', 'aria-describedby': `${id}-error` }), el('p', { class: 'error', id: `${id}-error`, hidden: true })),
    all, el('button', { type: 'submit', class: 'plain' }, w('em_say_unused')));
  const picks = () => Array.from(form.parentElement.querySelectorAll('.em-pick'));
  all.addEventListener('click', () => { for (const pick of picks()) pick.checked = true; });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const codes = picks().filter((pick) => pick.checked).map((pick) => pick.value);
    const why = $(id).value.trim();
    fieldError(id, !codes.length ? w('em_err_pick') : why ? '' : w('em_err_why'));
    if (!codes.length || !why) return;
    const done = await emPost(`/emergency/${block.block}/unused`, { codes, why }, 'em-failed');
    if (done) { tell('em-said', false, mark('ok'), ' ', w('em_done_unused', codes.length)); $('em-said').scrollIntoView({ block: 'nearest' }); await loadEmergency(); }
  });
  return form;
}

// One request, whose key lives until the node has answered.
async function emPost(path, body, box) {
  if (emergency.busy) return null;
  emergency.busy = true;
  body.clerk = clerk();
  const name = path + JSON.stringify(body);
  if (!emergency.keys.has(name)) emergency.keys.set(name, newKey());
  problem(box, '');
  try {
    const answer = await api('POST', path, { body, key: emergency.keys.get(name) });
    emergency.keys.delete(name);
    return answer;
  } catch (failure) {
    const id = failure.kind === 'refused' && EM_FIELDS[failure.body.field];
    if (box === 'em-problem' && id && $(`${id}-error`)) fieldError(id, failure.words());
    problem(box, failure.doubtful ? w('doubtful_action', failure.words()) : w('not_saved', failure.words()));
    return null;
  } finally {
    emergency.busy = false;
  }
}

async function drawEmergencyBlock(event) {
  event.preventDefault();
  const count = Number($('em-count').value.trim());
  const right = /^\d{1,2}$/.test($('em-count').value.trim()) && count >= 1 && count <= 50;
  fieldError('em-count', right ? '' : w('em_err_count'));
  if (!right) return;
  const block = await emPost('/emergency', { day: $('em-day').value, count }, 'em-failed');
  if (!block) return;
  await loadEmergency();
  const drawn = $('em-blocks').querySelector(`details[data-block="${block.block}"]`);
  // Another Enter prints; it does not draw once more.
  if (drawn) { drawn.open = true; drawn.querySelector('button').focus(); }
  tell('em-said', false, mark('ok'), ' ', w('em_done_draw', block.count, shownDay(block.day)));
}

async function printBlock(block) {
  const answer = await emPost(`/emergency/${block.block}/printings`, {}, 'em-failed');
  if (!answer) return;
  emergency.sheets.set(block.block, answer);
  await loadEmergency();
  const link = $('em-blocks').querySelector(`details[data-block="${block.block}"] .em-sheet-open`);
  if (link) link.focus();
}

// Where the newest printing from this page is shown.
function sheetLinks(block) {
  const sheet = emergency.sheets.get(block.block);
  if (!sheet) return [];
  const link = (href, words, more) => el('a', { href, target: '_blank', rel: 'noopener', ...more }, words);
  return [' ', link(sheet.html, w('em_sheet', sheet.printing), { class: 'em-sheet-open' }), ' ', link(sheet.pdf, 'PDF')];
}

// ---- one slip ----

function showSlipProcedures() {
  const chosen = $('em-procedure').value;
  fill('em-procedure', el('option', { value: '' }, w('procedure_choose')), ...(register.procedures || []).map((p) => el('option', { value: p.code }, `${p.name} (${p.code})`)));
  $('em-procedure').value = chosen;
  if ($('em-procedure').selectedIndex < 0) $('em-procedure').value = '';
}

function openSlip(text) {
  const typed = text.trim().toUpperCase();
  const bare = typed.replace(/\s/g, '');
  fieldError('em-scan', bare ? '' : w('em_err_code'));
  if (!bare) return;
  const known = (emergency.data ? emergency.data.blocks : []).flatMap((block) => block.codes.map((c) => ({ ...c, block })));
  const found = known.find((c) => c.code === bare || c.digits === bare);
  if (found && found.fate === 'entered') { fieldError('em-scan', w('em_err_entered', found.code, found.by || '…')); return; }
  if (emergency.code && emergency.code !== (found ? found.code : bare) && slipTyped() && !window.confirm(w('em_leave', emergency.code))) return;
  emergency.known = found || null;
  emergency.code = found ? found.code : bare;
  $('em-scan').value = '';
  $('em-form').reset();
  $('em-papers').replaceChildren();
  addSlipPaper();
  for (const id of Object.values(EM_FIELDS)) if ($(`${id}-error`)) { $(`${id}-error`).hidden = true; $(id).removeAttribute('aria-invalid'); }
  problem('em-problem', '');
  $('em-gone-box').hidden = Boolean(found);
  $('em-received').value = found ? `${shownDay(found.block.day)} ` : '';
  $('em-by').value = clerk();
  restoreSlip();
  $('em-form').hidden = false;
  sayFormTitle();
  $('em-promise').textContent = '';
  showSlipPromise();
  $('em-form-title').scrollIntoView({ block: 'start' });
  $('em-received').focus();
}

function sayFormTitle() {
  if (emergency.code) $('em-form-title').textContent = w(emergency.known && emergency.known.fate === 'unused' ? 'em_form_title_found' : 'em_form_title', emergency.code);
}

const slipTyped = () => ['em-name', 'em-id', 'em-request', 'em-phone', 'em-address'].some((id) => $(id).value.trim());

// Each person's own: another who logs in at this tab sees nothing of it.
const slipKey = () => `motcua.slip.${clerk()}`;

const slipFields = () => Array.from($('em-form').querySelectorAll('input, select, textarea'));

function keepSlip() {
  if (!emergency.code) return;
  const values = slipFields().map((field) => [field.id, field.type === 'checkbox' ? field.checked : field.value]);
  remember(sessionStorage, slipKey(), JSON.stringify({ code: emergency.code, lines: $('em-papers').children.length, values }));
}

function keptSlip() {
  try {
    const kept = JSON.parse(recall(sessionStorage, slipKey()));
    return kept && typeof kept.code === 'string' && Array.isArray(kept.values) ? kept : null;
  } catch { return null; }
}

// What was typed under this code before the page was loaded anew.
function restoreSlip() {
  const kept = keptSlip();
  if (!kept || kept.code !== emergency.code) return;
  while ($('em-papers').children.length < Math.min(kept.lines, 100)) addSlipPaper();
  for (const [id, value] of kept.values) {
    const field = $(id);
    if (!field || !$('em-form').contains(field)) continue;
    if (field.type === 'checkbox') field.checked = value === true; else field.value = String(value);
  }
}

// Back at this page: the slip that was being typed is open again.
function reopenSlip() {
  const kept = keptSlip();
  if (kept && !emergency.code) openSlip(kept.code);
}

function closeSlip() {
  remember(sessionStorage, slipKey(), null);
  emergency.code = '';
  emergency.known = null;
  $('em-form').hidden = true;
  $('em-scan').focus();
}

function addSlipPaper() {
  const at = $('em-papers').children.length;
  const name = emInput({ id: `em-paper-${at}-name`, class: 'paper-name', maxlength: '200', 'aria-describedby': 'em-papers-error' });
  const form = el('select', { id: `em-paper-${at}-form`, class: 'paper-form' }, el('option', { value: 'original', 'data-w': 'paper_original' }, w('paper_original')), el('option', { value: 'copy', 'data-w': 'paper_copy' }, w('paper_copy')));
  const count = emInput({ id: `em-paper-${at}-count`, class: 'paper-count', inputmode: 'numeric', maxlength: '3', value: '1' });
  const field = (kind, word, input) => el('div', { class: `field ${kind}` }, el('label', { for: input.id }, word), input);
  $('em-papers').append(el('div', { class: 'paper', role: 'group', 'aria-label': w('paper_name', at + 1) }, field('grow', w('paper_name', at + 1), name), field('', emWord('paper_form'), form), field('short', emWord('paper_count'), count)));
  return name;
}

async function readSlipCard() {
  const text = $('em-card').value.trim();
  if (!text) return;
  try {
    const { applicant } = await api('POST', '/cards', { body: { text } });
    for (const [id, of] of EM_CARD) $(id).value = of(applicant) || '';
    $('em-card').value = '';
    keepSlip();
    fieldError('em-card', '');
    $('em-phone').focus();
  } catch (failure) {
    fieldError('em-card', failure.words());
    $('em-card').select();
  }
}

// What is promised: the date on the slip, or by the term from the time on it.
async function showSlipPromise() {
  const turn = emergency.due += 1;
  const received = parseMoment($('em-received').value.trim());
  if ($('em-due').value.trim()) { $('em-promise').textContent = w('em_promise_paper'); return; }
  if (!received || !$('em-procedure').value) { $('em-promise').textContent = ''; return; }
  try {
    const { due } = await api('GET', `/emergency/promise?${new URLSearchParams({ procedure: $('em-procedure').value, received })}`);
    if (turn === emergency.due) $('em-promise').textContent = due === null ? w('no_due') : w('em_promise', timeOf(due));
  } catch (failure) { if (turn === emergency.due) $('em-promise').textContent = failure.words(); }
}

// The same checks as in the form for registering, beside each field; the node judges again.
function readSlip() {
  const errors = new Map();
  const text = (id) => $(id).value.trim().normalize('NFC');
  const wrong = (id, words) => { if (!errors.has(id)) errors.set(id, words); };
  const received = parseMoment(text('em-received'));
  if (!received) wrong('em-received', w('em_err_received'));
  else if (received > now()) wrong('em-received', w('em_err_ahead'));
  if (!text('em-by')) wrong('em-by', w('em_err_by'));
  const due = text('em-due') ? parseMoment(text('em-due')) : undefined;
  if (due === null) wrong('em-due', w('err_due'));
  if (!$('em-procedure').value) wrong('em-procedure', w('err_procedure'));
  if (!text('em-name')) wrong('em-name', w('err_name'));
  const id = text('em-id').replace(/\s/g, '');
  const odd = /[^0-9]/.exec(id);
  if (odd) wrong('em-id', w('err_id_letter', odd.index + 1, odd[0]));
  else if (id && id.length !== 12 && id.length !== 9) wrong('em-id', w('err_id', id.length));
  const birth = text('em-birth') ? parseBirth(text('em-birth')) : undefined;
  if (birth === null) wrong('em-birth', w('err_birth'));
  else if (birth && birth > local(now()).toISOString().slice(0, birth.length)) wrong('em-birth', w('err_birth_ahead'));
  const email = text('em-email');
  if (email && !/^[^@\s]+@[^@\s]+$/.test(email)) wrong('em-email', w('err_email'));
  const fee = text('em-fee').replace(/[.\s]/g, '');
  if (fee && !/^\d{1,12}$/.test(fee)) wrong('em-fee', w('err_fee'));
  const papers = [];
  let paper = '';
  Array.from($('em-papers').children, paperOf).forEach((p, i) => {
    if (!p.name && p.count === '1') return;
    if (!p.name) paper = w('err_paper_name', i + 1);
    else if (!/^[1-9]\d{0,2}$/.test(p.count)) paper = w('err_paper_count', i + 1);
    papers.push({ name: p.name.normalize('NFC'), form: p.form, count: Number(p.count) });
  });
  const body = {
    code: emergency.code, received, received_by: text('em-by'), procedure: $('em-procedure').value,
    applicant: { name: text('em-name'), id_number: id, birth_date: birth || null, phone: text('em-phone'), address: text('em-address'), email },
    request: text('em-request'), papers, due: due === undefined ? null : due, fee: fee ? Number(fee) : null, gone: $('em-gone').checked,
  };
  return { body, errors, paper };
}

async function sendSlip(event) {
  event.preventDefault();
  const { body, errors, paper } = readSlip();
  for (const id of Object.values(EM_FIELDS)) if (id !== 'em-code') fieldError(id, errors.get(id) || '');
  $('em-papers-error').textContent = paper;
  $('em-papers-error').hidden = !paper;
  const first = Object.values(EM_FIELDS).find((id) => errors.has(id));
  if (first || paper) {
    problem('em-problem', [...errors.values(), paper].filter(Boolean).join(' '));
    $(first || 'em-paper-0-name').focus();
    return;
  }
  const { code } = emergency;
  const saved = await emPost('/emergency/entries', body, 'em-problem');
  if (!saved || saved.saved !== true) return;
  closeSlip();
  tell('em-said', false, mark('ok'), ' ', w('em_done_enter', code), ' ', el('a', { href: `#/d/${encodeURIComponent(saved.id)}` }, w('em_see')));
  await loadEmergency();
  // The next open slip is a key away.
  const next = $('em-blocks').querySelector('li[data-fate="open"] button') || $('em-scan');
  next.focus();
}

function relabelEmergency() {
  sayFormTitle();
  showSlipProcedures();
  drawEmergency();
}

buildEmergency();
