// Many dossiers at once, by scanner: given together on a paper list, taken by what was scanned, results given
// back with who collected each. A scanner types digits and Enter; nothing is sent before a button is pressed.
'use strict';

const hand = { give: new Map(), back: new Map(), list: null, scanned: new Set(), odd: [], keys: new Map(), busy: false };

function openHand() {
  if (!passes.sections) loadSections().then(showHandTargets);
  if (!dossier.offices) loadOffices().then(showHandTargets);
  showHandTargets();
}

// Sections of this office first, then the other offices.
function showHandTargets() {
  const select = $('hand-to');
  const print = JSON.stringify([passes.sections, dossier.offices && dossier.offices.length, lang]);
  if (select.dataset.print === print) return;
  select.dataset.print = print;
  const chosen = select.value;
  const group = (label, all) => el('optgroup', { label: w(label) }, ...all);
  select.replaceChildren(el('option', { value: '' }, w('pass_nobody')),
    group('hand_sections', (passes.sections || []).map((s) => el('option', { value: `section ${s.id}` }, s.name))),
    group('hand_offices', (dossier.offices || []).map((o) => el('option', { value: `office ${o.id}` }, `${o.name} (${o.code})`))));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
}

// What stands in a field when Enter is pressed, once for each line that was pasted.
function onScan(id, add) {
  $(id).addEventListener('keydown', async (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    const all = $(id).value.split(/\s+/).filter(Boolean);
    $(id).value = '';
    fieldError(id, '');
    for (const text of all) await add(text);
    $(id).focus();
  });
}

// The dossier that was scanned, or words beside the field; what could not be read stays in the field.
async function scanned(id, text) {
  try {
    return await api('GET', `/scanned?${new URLSearchParams({ text })}`);
  } catch (failure) {
    $(id).value = $(id).value ? `${$(id).value} ${text}` : text;
    fieldError(id, w('hand_unknown', text, failure.words()));
    return null;
  }
}

const handRow = (d, drop, ...more) => {
  const button = el('button', { type: 'button', class: 'plain', 'aria-label': w('hand_drop_of', d.code) }, w('hand_drop'));
  button.addEventListener('click', drop);
  return el('li', { 'data-id': d.id }, el('p', {}, el('span', { class: 'code' }, d.code || w('no_code')), ` ${d.applicant}`), el('p', { class: 'soft' }, d.procedure_name), ...more, button);
};

function drawGive() {
  fill('hand-rows', ...[...hand.give.values()].map((d) => handRow(d, () => { hand.give.delete(d.id); drawGive(); $('hand-scan').focus(); })));
  $('hand-count').textContent = w('hand_count', hand.give.size);
}

async function addGive(text) {
  const d = await scanned('hand-scan', text);
  if (d) hand.give.set(d.id, d);
  drawGive();
}

// One request of many dossiers: its key lives until the node has answered, so that pressing again is safe.
async function handPost(path, body, box) {
  if (hand.busy) return null;
  hand.busy = true;
  body.clerk = clerk();
  const name = path + JSON.stringify(body);
  if (!hand.keys.has(name)) hand.keys.set(name, newKey());
  problem(box, '');
  try {
    const answer = await api('POST', path, { body, key: hand.keys.get(name) });
    hand.keys.delete(name);
    return answer;
  } catch (failure) {
    problem(box, failure.doubtful ? w('doubtful_action', failure.words()) : w('not_saved', failure.words()));
    return null;
  } finally {
    hand.busy = false;
  }
}

const refusedLines = (lines) => lines.filter((one) => one.error).map((one) => el('li', { class: 'alarm' }, mark('alarm'), ` ${one.code || one.said}: ${both(one.error, 'message')}`));

async function giveTogether(event) {
  event.preventDefault();
  const [kind, id] = $('hand-to').value.split(' ');
  const person = $('hand-person').value.trim();
  fieldError('hand-to', kind || person ? '' : w('err_hand_to'));
  fieldError('hand-scan', hand.give.size ? '' : w('err_hand_none'));
  if (!(kind || person) || !hand.give.size) return;
  const body = { office: kind === 'office' ? id : '', section: kind === 'section' ? id : '', person: kind === 'office' ? '' : person, dossiers: [...hand.give.keys()], note: $('hand-note').value.trim() };
  const answer = await handPost('/hand-lists', body, 'hand-problem');
  if (!answer) return;
  for (const line of answer.dossiers) if (line.done) hand.give.delete(line.id);
  drawGive();
  const sheet = el('a', { href: `/api/v1/hand-lists/${answer.number}/sheet?${new URLSearchParams({ clerk: clerk() })}`, target: '_blank', rel: 'noopener', id: 'hand-sheet' }, w('hand_print'));
  fill('hand-done', el('p', {}, answer.given ? mark('ok') : mark('alarm'), ' ', w('hand_given', answer.given, answer.number)), answer.given ? el('p', {}, sheet) : null, el('ul', { class: 'lines' }, ...refusedLines(answer.dossiers)));
}

async function openHandList() {
  const number = $('take-number').value.replace(/\s/g, '');
  fieldError('take-number', /^\d{12}$/.test(number) ? '' : w('err_hand_number'));
  if (!/^\d{12}$/.test(number)) return;
  problem('take-problem', '');
  try {
    const list = await api('GET', `/hand-lists/${number}`);
    Object.assign(hand, { list, scanned: new Set(), odd: [] });
    fill('take-done');
    drawTake();
    $('take-scan').focus();
  } catch (failure) {
    problem('take-problem', failure.words());
  }
}

function drawTake() {
  const { list } = hand;
  $('hand-take-box').hidden = !list;
  if (!list) return;
  $('take-head').textContent = w('hand_head', officeName(list.from), list.given_by, timeOf(list.given_at), list.dossiers.length);
  const line = (d) => {
    const here = hand.scanned.has(d.id);
    const word = d.taken_at !== null ? w('step_taken', timeOf(d.taken_at), d.taken_by) : w(here ? 'hand_here' : 'hand_not_yet');
    return el('li', { 'data-id': d.id }, el('p', {}, d.taken_at !== null || here ? mark('ok') : mark('ring'), ' ', el('span', { class: 'code' }, d.code || w('no_code')), ` ${d.applicant}`), el('p', { class: 'soft' }, word));
  };
  fill('take-rows', ...list.dossiers.map(line));
  fill('take-odd', ...hand.odd.map((text) => el('li', { class: 'alarm' }, mark('alarm'), ` ${w('hand_extra', text)}`)));
  const open = list.dossiers.filter((d) => d.taken_at === null);
  $('take-count').textContent = w('hand_taken_count', open.filter((d) => hand.scanned.has(d.id)).length, open.length);
}

async function addTake(text) {
  const d = await scanned('take-scan', text);
  if (!d) return;
  if (hand.list.dossiers.some((one) => one.id === d.id)) hand.scanned.add(d.id);
  else if (!hand.odd.includes(d.code)) hand.odd.push(d.code);
  drawTake();
}

async function takeTogether() {
  fieldError('take-scan', hand.scanned.size ? '' : w('err_hand_none'));
  if (!hand.scanned.size) return;
  const { number } = hand.list;
  const answer = await handPost(`/hand-lists/${number}/taken`, { scanned: [...hand.scanned] }, 'take-problem');
  if (!answer) return;
  const odd = hand.odd;
  await openHandList();
  fill('take-done', el('p', {}, mark('ok'), ' ', w('hand_taken', answer.taken)),
    el('ul', { class: 'lines' },
      ...answer.missing.map((one) => el('li', { class: 'alarm' }, mark('ring'), ` ${w('hand_missing', one.code)}`)),
      ...odd.concat(answer.unknown).map((text) => el('li', { class: 'alarm' }, mark('alarm'), ` ${w('hand_extra', text)}`)),
      ...refusedLines(answer.dossiers)));
}

function drawBack() {
  const row = (one) => {
    const id = `collector-${one.d.id}`;
    const input = el('input', { id, maxlength: '200', autocomplete: 'off', spellcheck: 'false' });
    input.value = one.collector;
    input.addEventListener('input', () => { one.collector = input.value; });
    return handRow(one.d, () => { hand.back.delete(one.d.id); drawBack(); $('back-scan').focus(); }, el('div', { class: 'field' }, el('label', { for: id }, w('collector')), input));
  };
  fill('back-rows', ...[...hand.back.values()].map(row));
  $('back-count').textContent = w('hand_count', hand.back.size);
}

async function addBack(text) {
  const d = await scanned('back-scan', text);
  // Whoever asked is who collects, mostly; another name is typed over it.
  if (d && !hand.back.has(d.id)) hand.back.set(d.id, { d, collector: d.applicant });
  drawBack();
}

async function giveBackTogether(event) {
  event.preventDefault();
  const all = [...hand.back.values()];
  const nobody = all.find((one) => !one.collector.trim());
  fieldError('back-scan', !all.length ? w('err_hand_none') : nobody ? w('err_hand_collector', nobody.d.code) : '');
  if (!all.length || nobody) return;
  const results = all.map((one) => ({ dossier: one.d.id, collector: one.collector.trim() }));
  const answer = await handPost('/returns', { results }, 'back-problem');
  if (!answer) return;
  for (const line of answer.dossiers) if (line.done) hand.back.delete(line.id);
  drawBack();
  fill('back-done', el('p', {}, mark('ok'), ' ', w('hand_returned', answer.returned)), el('ul', { class: 'lines' }, ...refusedLines(answer.dossiers)));
}

function relabelHand() {
  showHandTargets();
  drawGive();
  drawTake();
  drawBack();
}

function startHand() {
  onScan('hand-scan', addGive);
  onScan('take-scan', addTake);
  onScan('back-scan', addBack);
  $('hand-form').addEventListener('submit', giveTogether);
  $('take-form').addEventListener('submit', (event) => { event.preventDefault(); openHandList(); });
  $('take-all').addEventListener('click', takeTogether);
  $('back-form').addEventListener('submit', giveBackTogether);
  relabelHand();
}

startHand();
