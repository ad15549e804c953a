// Registering a dossier. Its key lives until the node has said yes, so that pressing again after a
// doubtful answer is safe; the code is shown only after the node has said "saved".
'use strict';

const DRAFT = 'motcua.draft';
const register = { key: null, sending: false, procedures: null, errors: [] };

function openRegister() {
  loadProcedures(); // what is promised now
  if (register.key || !$('saved-panel').hidden) return;
  newForm(readDraft());
}

// An empty form, or the draft of this tab with the key it was opened with.
function newForm(draft) {
  $('saved-panel').hidden = true;
  $('code').textContent = '';
  $('register-form').hidden = false;
  $('register-form').reset();
  $('papers').replaceChildren();
  showErrors([]);
  register.key = (draft && draft.key) || newKey();
  for (const id of FIELDS) $(id).value = (draft && draft.fields[id]) || '';
  for (const paper of (draft && draft.papers.length ? draft.papers : [null])) addPaper(paper);
  if (draft) register.wanted = draft.fields.procedure;
  showProcedures();
  $('register-status').textContent = draft ? w('draft_back') : '';
}

// The draft stays in this tab only (sessionStorage): two tabs never write over each other, and a
// duplicated tab shares the key, so it cannot make a second dossier from the same form.
function readDraft() {
  try {
    const draft = JSON.parse(recall(sessionStorage, DRAFT));
    return draft && typeof draft.key === 'string' && draft.fields && Array.isArray(draft.papers) ? draft : null;
  } catch { return null; }
}

function saveDraft() {
  const fields = {};
  for (const id of FIELDS) fields[id] = $(id).value;
  remember(sessionStorage, DRAFT, JSON.stringify({ key: register.key, fields, papers: readPapers() }));
}

async function loadProcedures() {
  try {
    register.procedures = (await api('GET', '/procedures')).procedures;
    register.procedures_failed = null;
  } catch (failure) {
    register.procedures_failed = failure;
  }
  showProcedures();
}

function showProcedures() {
  const select = $('procedure');
  const chosen = select.value || register.wanted || '';
  const sectors = new Map();
  for (const p of register.procedures || []) {
    if (!sectors.has(p.sector)) sectors.set(p.sector, []);
    sectors.get(p.sector).push(el('option', { value: p.code }, `${p.name} (${p.code})`));
  }
  select.replaceChildren(el('option', { value: '' }, w('procedure_choose')),
    ...Array.from(sectors, ([sector, options]) => el('optgroup', { label: sector }, ...options)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
  if (register.procedures) register.wanted = '';
  showTerm();
}

function showTerm() {
  const p = (register.procedures || []).find((x) => x.code === $('procedure').value);
  const promise = (p) => (p.promise.at === null ? '' : w('promise', timeOf(p.promise.at)) + (p.promise.provisional ? w('promise_provisional') : ''));
  $('procedure-hint').textContent = p ? w(`term_${p.term_unit}`, p.term) + promise(p)
    : register.procedures_failed ? w('procedures_failed', register.procedures_failed.words()) : '';
}

function relabelRegister() {
  labelPapers();
  showProcedures();
  if (!$('saved-panel').hidden) $('saved-title').replaceChildren(mark('ok'), ' ', w('saved_title'));
  showErrors([]);
  $('register-status').textContent = '';
}

// Shows errors in one summary and beside each field. An error without a field has id null.
function showErrors(errors, extra) {
  register.errors.forEach((id) => { if ($(id)) $(id).removeAttribute('aria-invalid'); });
  for (const e of $('register-form').querySelectorAll('.error')) { e.hidden = true; e.textContent = ''; }
  register.errors = [];
  const box = $('register-errors');
  box.hidden = errors.length === 0;
  box.replaceChildren();
  if (!errors.length) return;
  const placed = errors.filter(([id]) => id && $(id));
  for (const [id, words] of placed) {
    const beside = $(`${id}-error`) || $('papers-error');
    beside.textContent = beside.textContent ? `${beside.textContent} ${words}` : words;
    beside.hidden = false;
    $(id).setAttribute('aria-invalid', 'true');
    register.errors.push(id);
  }
  if (placed.length) box.append(el('h2', {}, placed.length === 1 ? w('errors_title_one') : w('errors_title', placed.length)));
  box.append(el('ul', {}, ...errors.map(([id, words]) => {
    if (!id || !$(id)) return el('li', {}, words);
    const link = el('a', { href: '#/register' }, words);
    link.addEventListener('click', (event) => { event.preventDefault(); $(id).focus(); });
    return el('li', {}, link);
  })));
  if (extra) box.append(extra);
  box.focus();
}

async function submitRegister(event) {
  event.preventDefault();
  if (register.sending || $('register-form').hidden) return;
  const { body, errors } = readForm();
  showErrors(errors);
  if (errors.length) return;
  setSending(true);
  try {
    const answer = await api('POST', '/dossiers', { body, key: register.key });
    // Only the node's own word makes it saved.
    if (!answer || answer.saved !== true || !answer.code) throw new Failure('unreadable', 200);
    setSending(false);
    showSaved(answer);
  } catch (failure) {
    setSending(false);
    registerFailed(failure);
  }
}

function setSending(sending) {
  register.sending = sending;
  $('save').disabled = sending;
  $('register-clear').disabled = sending;
  for (const part of $('register-form').querySelectorAll('fieldset')) part.disabled = sending;
  $('save-word').textContent = w(sending ? 'saving' : 'save');
  $('register-status').textContent = sending ? w('saving') : '';
}

function registerFailed(failure) {
  if (failure.kind === 'refused' && failure.body.code === 'idempotency_mismatch') {
    const fresh = el('button', { type: 'button', class: 'plain', id: 'register-new-key' }, w('mismatch_new'));
    fresh.addEventListener('click', () => {
      register.key = newKey();
      saveDraft();
      showErrors([]);
      $('register-status').textContent = w('mismatch_ready');
      $('save').focus();
    });
    showErrors([[null, w('not_saved', failure.words())]], el('div', {}, el('p', {}, w('mismatch_help')), fresh));
    return;
  }
  if (failure.doubtful) showErrors([[null, w('doubtful', failure.words())]]);
  else {
    const id = fieldFromNode(failure.body.field);
    showErrors([[id, id ? failure.words() : w('not_saved', failure.words())]]);
  }
}

function showSaved(answer) {
  register.key = null;
  remember(sessionStorage, DRAFT, null);
  $('register-form').hidden = true;
  $('saved-panel').hidden = false;
  $('saved-title').replaceChildren(mark('ok'), ' ', w('saved_title'));
  $('code').textContent = answer.code;
  $('saved-open').href = `#/d/${encodeURIComponent(answer.id)}`;
  // The heading, not a button: an Enter still held down must not open the next form.
  $('saved-title').focus();
  window.scrollTo(0, 0);
}

function startAnother() {
  location.hash = '#/register';
  if (register.sending || $('saved-panel').hidden) return;
  newForm(null);
  $('procedure').focus();
}
