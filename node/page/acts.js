// What a clerk does with an open dossier: move it, take it over, forward it, note something.
'use strict';

const REST_MS = 800;           // a second press of a double click must not meet the next button
const RETURNED = 10;

function drawMoves(d) {
  const print = JSON.stringify([d.allowed, lang]);
  $('take-box').hidden = !d.can_take;
  $('extend-panel').hidden = !d.can_extend;
  drawCollector(d);
  $('no-moves').hidden = d.allowed.length > 0;
  if ($('moves').dataset.print === print) return;
  $('moves').dataset.print = print;
  fill('moves', ...d.allowed.map((m) => {
    const button = el('button', { type: 'button', class: 'plain', id: `move-${m.state}` }, both(m));
    button.disabled = dossier.busy;
    button.addEventListener('click', () => move(m));
    return button;
  }));
}

// Whoever asked is who collects, mostly; another name is typed over it.
function drawCollector(d) {
  const returns = d.allowed.some((m) => m.state === RETURNED);
  if (returns && $('collector-box').hidden) $('collector').value = (d.applicant && d.applicant.name) || '';
  $('collector-box').hidden = !returns;
}

function fieldError(id, words) {
  const beside = $(`${id}-error`);
  if (!beside) return;
  beside.textContent = words;
  beside.hidden = !words;
  if (words) { $(id).setAttribute('aria-invalid', 'true'); $(id).focus(); } else $(id).removeAttribute('aria-invalid');
}

function setBusy(busy) {
  dossier.busy = busy;
  for (const b of $('dossier-body').querySelectorAll('.actions button, .conflict button')) b.disabled = busy;
}

// One act on the open dossier. Its key belongs to exactly this act with this content, so that
// pressing again after a lost answer repeats it and pressing something else does not.
async function act(path, body, box, done) {
  if (dossier.busy) return false;
  const id = dossier.id;
  body.clerk = clerk();
  const name = path + JSON.stringify(body);
  if (!dossier.keys.has(name)) dossier.keys.set(name, newKey());
  const keys = dossier.keys;
  problem(box, '');
  setBusy(true);
  $('dossier-status').textContent = w('sending');
  try {
    await api('POST', `/dossiers/${encodeURIComponent(id)}/${path}`, { body, key: keys.get(name) });
    keys.delete(name);
    if (dossier.id !== id) return false;
    $('dossier-status').replaceChildren(mark('ok'), ' ', done);
    $('dossier-title').focus();
    return true;
  } catch (failure) {
    if (dossier.id !== id) return false;
    $('dossier-status').textContent = '';
    problem(box, failure.doubtful ? w('doubtful_action', failure.words()) : w('not_saved', failure.words()));
    return false;
  } finally {
    await loadDossier();
    setTimeout(() => setBusy(false), REST_MS);
  }
}

async function move(m) {
  const note = $('move-note').value.trim();
  const reasonless = m.reason && !note;
  fieldError('move-note', reasonless ? w('err_reason', both(m)) : '');
  const nobody = m.state === RETURNED && !$('collector').value.trim();
  if (m.state === RETURNED) fieldError('collector', nobody ? w('err_collector') : '');
  if (reasonless || nobody) return;
  const more = moveMore(m);
  if (more && await act('moves', { to: m.state, note, ...more }, 'work-problem', w('done_move', both(m)))) {
    for (const field of ['move-note', 'happened', 'pause-model']) $(field).value = '';
  }
}

async function take() {
  fieldError('move-note', '');
  if (await act('taken', { note: $('move-note').value.trim() }, 'work-problem', w('done_take'))) $('move-note').value = '';
}

async function forward(event) {
  event.preventDefault();
  const select = $('forward-office');
  fieldError('forward-office', select.value ? '' : w('err_office'));
  if (!select.value) return;
  const name = select.selectedOptions[0].textContent;
  if (await act('forwards', { office: select.value, note: $('forward-note').value.trim() }, 'forward-problem', w('done_forward', name))) {
    select.value = '';
    $('forward-note').value = '';
  }
}

async function addNote(event) {
  event.preventDefault();
  const text = $('note-text').value.trim();
  fieldError('note-text', text ? '' : w('err_note'));
  if (text && await act('notes', { text }, 'note-problem', w('done_note'))) $('note-text').value = '';
}

async function loadOffices() {
  try {
    dossier.offices = (await api('GET', '/offices')).offices;
    dossier.offices_failed = null;
  } catch (failure) {
    dossier.offices_failed = failure;
  }
  showOffices();
}

function showOffices() {
  const select = $('forward-office');
  const chosen = select.value;
  const wanted = fold($('forward-filter').value.trim());
  // Names repeat all over the country: the parent and the code tell them apart.
  const title = (o) => [o.name, o.parent_name].filter(Boolean).join(', ') + ` (${o.code})`;
  const fit = (dossier.offices || []).filter((o) => o.id === chosen || fold(title(o)).includes(wanted));
  select.replaceChildren(el('option', { value: '' }, w('forward_choose')), ...fit.map((o) => el('option', { value: o.id }, title(o))));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
  $('forward-office-hint').textContent = dossier.offices_failed && !dossier.offices
    ? w('offices_failed', dossier.offices_failed.words())
    : wanted ? w('forward_count', fit.length) : '';
}
