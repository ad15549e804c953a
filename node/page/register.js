// Registering a dossier. Its key follows from its draft, so that pressing again after a doubtful answer is
// safe, from whichever tab; the code is shown only after the node has said "saved".
'use strict';

const register = { sending: false, procedures: null, errors: [], last: null };

function openRegister(id) {
  loadProcedures(); // what is promised now
  loadDrafts();
  if (!id && !$('saved-panel').hidden) return;
  if (draft.id && !$('register-form').hidden && (!id || id === draft.id)) {
    if (!id && draft.revision > 0) history.replaceState(null, '', `#/register/${draft.id}`);
    lookAtDraft(false);
    return;
  }
  newForm(id);
}

// An empty form, or the draft that the address names, or the one that this tab was in.
function newForm(id) {
  emptyForm();
  openDraft(id);
  if (draft.base.size || typedFields().length) $('register-status').textContent = w('draft_back');
}

function emptyForm() {
  $('saved-panel').hidden = true;
  $('code').textContent = '';
  $('register-form').hidden = false;
  $('register-form').reset();
  $('papers').replaceChildren();
  register.wanted = '';
  showErrors([]);
  resetCard();
  addPaper(null);
  showProcedures();
  $('register-status').textContent = '';
}

async function clearForm() {
  const { id, revision, phase } = draft;
  try {
    if (revision > 0 && phase === 'open') await discardDraft(id);
  } catch (failure) {
    $('register-status').textContent = failure.words();
    return;
  }
  forgetDraft();
  location.hash = '#/register';
  emptyForm();
  showDraft();
  if (revision > 0 && phase === 'open') offerUndo(id); else $('register-status').textContent = w('cleared');
  $('procedure').focus();
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
  const chosen = register.wanted || select.value || '';
  const sectors = new Map();
  for (const p of register.procedures || []) {
    if (!sectors.has(p.sector)) sectors.set(p.sector, []);
    sectors.get(p.sector).push(el('option', { value: p.code }, `${p.name} (${p.code})`));
  }
  select.replaceChildren(el('option', { value: '' }, w('procedure_choose')),
    ...Array.from(sectors, ([sector, options]) => el('optgroup', { label: sector }, ...options)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
  if (select.value) register.wanted = '';
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
  showCard();
  $('register-status').textContent = '';
  $('drafts-list').dataset.print = '';
  if (draft.id) { for (const old of $('register-form').querySelectorAll('.choices')) old.remove(); showDraft(); }
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
  for (const field of draft.choices.keys()) errors.push([$(field) ? field : null, w('draft_choose', fieldWords(field))]);
  showErrors(errors);
  if (errors.length) return;
  // From here on nothing more is typed into it: a scanner may read the next card already.
  setSending(true);
  const { news } = draft;
  await saveDraft(true);
  // What others typed a moment ago is looked at before it is registered.
  if (draft.phase !== 'open' || draft.choices.size || draft.news !== news) {
    setSending(false);
    if (draft.phase === 'open') showErrors([[null, w('draft_news_check')]]);
    return;
  }
  body.draft = draft.id;
  try {
    const answer = await api('POST', '/dossiers', { body, key: draftKey() });
    // Only the node's own word makes it saved.
    if (!answer || answer.saved !== true || !answer.code) throw new Failure('unreadable', 200);
    setSending(false);
    register.last = { applicant: body.applicant, code: answer.code };
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
      forgetDraft();
      history.replaceState(null, '', '#/register');
      typedSomething();
      showErrors([]);
      $('register-status').textContent = w('mismatch_ready');
      $('save').focus();
    });
    showErrors([[null, w('not_saved', failure.words())]], el('div', {}, el('p', {}, w('mismatch_help')), fresh));
    lookAtDraft(false);
    return;
  }
  if (failure.doubtful) showErrors([[null, w('doubtful', failure.words())]]);
  else {
    const id = fieldFromNode(failure.body.field);
    showErrors([[id, id ? failure.words() : w('not_saved', failure.words())]]);
  }
}

function showSaved(answer) {
  const scans = Array.from(draft.scans).filter(([, name]) => name).map(([file]) => file);
  if (otherTabs) otherTabs.postMessage({ changed: draft.id, birth });
  forgetDraft();
  history.replaceState(null, '', '#/register');
  $('register-form').hidden = true;
  $('saved-panel').hidden = false;
  $('saved-title').replaceChildren(mark('ok'), ' ', w('saved_title'));
  $('code').textContent = answer.code;
  $('saved-open').href = `#/d/${encodeURIComponent(answer.id)}`;
  takeFeeNow(answer.id);
  if ($('saved-scans')) $('saved-scans').replaceChildren();
  if (scans.length) fetchFolder().then(() => attachDraftScans(answer.id, scans), () => problem('saved-problem', w('view_failed')));
  // The heading, not a button: an Enter still held down must not open the next form.
  $('saved-title').focus();
  window.scrollTo(0, 0);
}

function startAnother() {
  if (view.name !== 'register') location.hash = '#/register';
  if (register.sending || ($('saved-panel').hidden && draft.phase === 'open')) return;
  forgetDraft();
  history.replaceState(null, '', '#/register');
  newForm(null);
  $('procedure').focus();
}
