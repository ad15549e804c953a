// Corrections of what was registered: each beside the first value, with its reason; and a paper added.
'use strict';

const corrections = { drawn: '', seen: null };

const fieldOf = (d, name) => (d.fields || []).find((f) => f.field === name);

// The name of a field; of a paper's with the paper, as there are several.
function fieldTitle(d, f) {
  const paper = /^paper\.\w+\/(.+)$/.exec(f.field);
  const name = paper && fieldOf(d, `paper.name/${paper[1]}`);
  return name ? `${both(f, 'name')}: ${name.value}` : both(f, 'name');
}

// A value as people read it.
function valueText(field, text) {
  if (text === '') return w('none_given');
  if (field === 'due') return timeOf(Number(text));
  if (field === 'request.fee') return w('dong', thousands(text));
  if (field === 'applicant.birth_date') return shownBirth(text);
  if (field.startsWith('paper.form/')) return `paper_${text}` in WORDS.vi ? w(`paper_${text}`) : text;
  if (field.startsWith('paper.count/') && text === '0') return w('paper_struck');
  return text;
}

// What was typed as the node keeps it; null where it cannot be read. What the node asks beyond that it says.
function typedValue(field, text) {
  if (field === 'due') return text ? parseMoment(text) && String(parseMoment(text)) : null;
  if (field === 'request.fee') return /^[\d.\s]*$/.test(text) ? text.replace(/[.\s]/g, '') : null;
  if (field === 'applicant.birth_date') return text && parseBirth(text);
  if (field.startsWith('paper.count/')) return /^\d+$/.test(text) ? text : null;
  return text;
}

// How a value is typed: what was printed in another form is written in it again.
function valueToType(field, text) {
  if (field === 'due') return text === '' ? '' : momentText(Number(text));
  if (field === 'applicant.birth_date') return text && shownBirth(text);
  return text;
}

function momentText(ms) {
  const t = local(ms);
  return `${two(t.getUTCDate())}/${two(t.getUTCMonth() + 1)}/${t.getUTCFullYear()} ${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
}

// Behind a value that is not the first one.
function correctedPart(d, name) {
  const f = fieldOf(d, name);
  if (!f || (f.value === f.first && !f.conflict)) return null;
  return el('p', { class: f.conflict ? 'alarm' : 'soft' }, f.conflict ? mark('alarm') : null, f.conflict ? ' ' : '',
    w(f.conflict ? 'field_contested' : 'field_corrected', valueText(name, f.first)));
}

function drawCorrections(d) {
  const fields = d.fields || [];
  $('correct-panel').hidden = $('more-panel').hidden = !d.can_correct;
  const print = JSON.stringify([d.id, fields, lang]);
  if (corrections.drawn === print) return;
  corrections.drawn = print;
  const select = $('correct-field');
  const chosen = select.value;
  select.replaceChildren(el('option', { value: '' }, w('correct_choose')), ...fields.map((f) => el('option', { value: f.field }, fieldTitle(d, f))));
  select.value = fields.some((f) => f.field === chosen) ? chosen : '';
  showField(false);
}

const chosenField = () => dossier.data && fieldOf(dossier.data, $('correct-field').value);

// What the field says now; what a correction builds on is what stood here when it was chosen.
function showField(fresh) {
  const f = chosenField();
  $('correct-box').hidden = !f;
  if (!f) return;
  if (fresh) {
    corrections.seen = f.heads;
    $('correct-value').value = valueToType(f.field, f.value);
    for (const field of ['correct-value', 'correct-note']) fieldError(field, '');
  }
  $('correct-now').textContent = w('correct_now', valueText(f.field, f.value));
  $('correct-hint').textContent = f.field.startsWith('paper.form/') ? w('correct_form_hint')
    : f.field.startsWith('paper.count/') ? w('correct_count_hint') : f.field === 'due' ? w('correct_due_hint') : '';
  $('correct-need').hidden = !f.legal;
  const news = JSON.stringify(corrections.seen) !== JSON.stringify(f.heads);
  $('correct-news').hidden = !news;
  $('correct-undo').hidden = !f.undo;
}

function reasonGiven(f) {
  const note = $('correct-note').value.trim();
  const lacks = f.legal && !note;
  fieldError('correct-note', lacks ? w('err_correct_note', fieldTitle(dossier.data, f)) : '');
  return lacks ? null : note;
}

async function correctField(event) {
  event.preventDefault();
  const f = chosenField();
  if (!f) { $('correct-field').focus(); return; }
  const value = typedValue(f.field, $('correct-value').value.trim().normalize('NFC'));
  fieldError('correct-value', value === null ? w('err_correct_value') : value === f.value && !f.conflict ? w('err_correct_same') : '');
  const wrong = value === null || (value === f.value && !f.conflict);
  const note = reasonGiven(f);
  if (wrong || note === null) return;
  await saidCorrection({ field: f.field, value, seen: corrections.seen, note }, w('done_correct', fieldTitle(dossier.data, f)), 'correct-problem');
}

async function undoCorrection() {
  const f = chosenField();
  const note = f && f.undo ? reasonGiven(f) : null;
  if (note === null) return;
  await saidCorrection({ field: f.field, undo: f.undo, seen: f.heads, note }, w('done_undo', fieldTitle(dossier.data, f)), 'correct-problem');
}

async function saidCorrection(body, done, box) {
  if (!(await act('corrections', body, box, done))) return false;
  for (const field of ['correct-field', 'correct-value', 'correct-note']) $(field).value = '';
  showField(true);
  return true;
}

async function addForgottenPaper(event) {
  event.preventDefault();
  const name = $('more-name').value.trim().normalize('NFC');
  const count = $('more-count').value.trim();
  const note = $('more-note').value.trim();
  fieldError('more-note', note ? '' : w('err_more_note'));
  fieldError('more-count', /^[1-9]\d{0,2}$/.test(count) ? '' : w('err_more_count'));
  fieldError('more-name', name ? '' : w('err_more_name'));
  if (!name || !note || !/^[1-9]\d{0,2}$/.test(count)) return;
  if (await act('papers', { name, form: $('more-form').value, count: Number(count), note }, 'more-problem', w('done_more', name))) resetPaper();
}

function resetPaper() {
  for (const field of ['more-name', 'more-note']) { $(field).value = ''; fieldError(field, ''); }
  $('more-count').value = '1';
  fieldError('more-count', '');
  problem('more-problem', '');
}

// Another dossier was opened.
function resetCorrections() {
  corrections.drawn = '';
  corrections.seen = null;
  for (const field of ['correct-field', 'correct-value', 'correct-note']) $(field).value = '';
  for (const field of ['correct-value', 'correct-note']) fieldError(field, '');
  problem('correct-problem', '');
  $('correct-panel').open = $('more-panel').open = false;
  resetPaper();
  showField(true);
}

function startCorrections() {
  $('correct-field').addEventListener('change', () => showField(true));
  $('correct-form').addEventListener('submit', correctField);
  $('correct-undo').addEventListener('click', undoCorrection);
  $('more-form-box').addEventListener('submit', addForgottenPaper);
}

startCorrections();
