// Who hands in, without typing: from the QR of an identity card, wherever on the form the scanner types it,
// and from a dossier of the same person: see design/drafts.md. What a card says fills fields of the draft;
// the scanned line itself is kept nowhere.
'use strict';

const CARD_LINE = /(^|\D)(\d{12}\|)/; // no form's field has a bar behind twelve digits
const CARD_FIELDS = [
  ['applicant-name', (a) => a.name], ['applicant-id', (a) => a.id_number],
  ['applicant-birth', (a) => (a.birth_date ? shownBirth(a.birth_date) : '')], ['applicant-address', (a) => a.address],
];
const PERSON_FIELDS = CARD_FIELDS.concat([['applicant-phone', (a) => a.phone], ['applicant-email', (a) => a.email]]);

const card = { busy: false, refused: '', filled: null };

function startPerson() {
  const form = $('register-form');
  form.addEventListener('input', (event) => {
    // The line itself is no typing: it goes into no draft.
    if (event.target.id === 'card') { event.stopPropagation(); return; }
    catchCard(event);
    if (card.filled) forgetFrom(event.target.id);
  }, true);
  form.addEventListener('paste', (event) => {
    const text = event.clipboardData ? event.clipboardData.getData('text') : '';
    if (!/^\s*\d{12}\|/.test(text)) return;
    event.preventDefault();
    $('card').value = text.trim();
    readCard();
  });
  $('card').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== 'Tab') return;
    if (event.key === 'Enter') event.preventDefault(); // a scanner ends with it: it sends no form
    if ($('card').value.trim() && event.key === 'Tab' && !event.shiftKey) event.preventDefault();
    readCard();
  });
  $('card').addEventListener('change', () => { if ($('card').value !== card.refused) readCard(); });
  $('saved-again').addEventListener('click', againSaved);
  $('dossier-again').addEventListener('click', againShown);
}

// The scanner types into another field: what it typed goes over to the card's, and so does the rest.
function catchCard(event) {
  const found = CARD_LINE.exec(event.target.value || '');
  if (!found) return;
  const at = found.index + found[1].length;
  const line = event.target.value.slice(at);
  event.target.value = event.target.value.slice(0, at);
  $('card').value = line;
  $('card').focus();
  $('card').setSelectionRange(line.length, line.length);
}

async function readCard() {
  const text = $('card').value;
  if (!text.trim() || card.busy || register.sending) return;
  const { id } = draft;
  card.busy = true;
  $('card-said').textContent = w('card_reading');
  try {
    const answer = await api('POST', '/cards', { body: { text } });
    if (draft.id !== id) return;
    fieldError('card', '');
    fillFromCard(answer);
  } catch (failure) {
    if (draft.id !== id) return;
    card.refused = text;
    showCard();
    fieldError('card', failure.words());
    $('card').select(); // the next scan stands instead of it
  } finally {
    card.busy = false;
  }
}

function fillFromCard({ applicant, doubts }) {
  const before = new Map(CARD_FIELDS.map(([id]) => [id, $(id).value]));
  fillPerson(CARD_FIELDS, applicant);
  card.filled = { doubts, before, from: new Set(CARD_FIELDS.map(([id]) => id)), replaced: CARD_FIELDS.map(([id]) => id).filter((id) => before.get(id) && before.get(id) !== $(id).value), name: `${applicant.name}, ${applicant.id_number}` };
  $('card').value = card.refused = '';
  showCard();
  $('applicant-phone').focus(); // the first that no card has
}

function fillPerson(fields, applicant) {
  for (const [id, of] of fields) {
    $(id).value = of(applicant) || '';
    $(id).removeAttribute('aria-invalid');
    $(`${id}-error`).hidden = true;
  }
  typedSomething();
}

function showCard() {
  for (const old of $('register-form').querySelectorAll('.card-from')) old.remove();
  const { filled } = card;
  if (!filled) { $('card-said').replaceChildren(); return; }
  for (const id of filled.from) $(id).after(el('p', { class: 'hint card-from' }, mark('ok'), ' ', w('card_from')));
  const replaced = filled.replaced.map((id) => `${fieldWords(id)}: ${filled.before.get(id)}`);
  const back = el('button', { type: 'button', class: 'plain', id: 'card-back' }, w('card_back'));
  back.addEventListener('click', bringBack);
  fill('card-said',
    el('p', {}, mark('ok'), ' ', w('card_filled', filled.name)),
    ...filled.doubts.map((doubt) => el('p', { class: 'alarm' }, mark('alarm'), ' ', both(doubt))),
    replaced.length ? el('p', {}, w('card_replaced', replaced.join('; '))) : '', back);
}

// Somebody edits it: it is not what the card says any more.
function forgetFrom(id) {
  if (!card.filled.from.delete(id)) return;
  const said = $(id).parentElement.querySelector('.card-from');
  if (said) said.remove();
}

function bringBack() {
  for (const [id, value] of card.filled.before) $(id).value = value;
  typedSomething();
  resetCard();
  $('card').focus();
}

function resetCard() {
  Object.assign(card, { refused: '', filled: null });
  $('card').value = '';
  showCard();
  $('card-error').hidden = true;
  $('card').removeAttribute('aria-invalid');
}

// ---- one more dossier of the same person ----

const againSaved = () => { if (register.last) anotherOf(register.last); };
const againShown = () => { if (dossier.data) anotherOf(dossier.data); };

async function anotherOf({ applicant, code }) {
  if (register.sending || !applicant) return;
  // What is typed in another draft of this tab is at the machine before this tab leaves it.
  if (draft.id && draft.phase === 'open' && typedFields().length && !$('register-form').hidden) {
    await saveDraft(true);
    if (typedFields().length) {
      location.hash = '#/register';
      return;
    }
  }
  forgetDraft();
  if (view.name === 'register') history.replaceState(null, '', '#/register');
  newForm(null);
  fillPerson(PERSON_FIELDS, applicant);
  if (view.name !== 'register') location.hash = '#/register';
  $('register-status').textContent = w('person_filled', applicant.name, code || w('no_code'));
  $('procedure').focus();
}
