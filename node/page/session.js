// Who works at this PC: log-in, lock, and going on where it was. While the office has no accounts nobody
// is asked, and the name is what stands in the head of the page.
//
// A session that ends (nobody did anything for ten minutes, or eight hours are over) locks the page: a dialog
// covers what it shows, everything typed stays where it is, and the same person goes on with the password.
// Another person begins afresh; what the first one had typed and not sent waits in this tab for them.
'use strict';

const MARK_MS = 1000;

const session = { accounts: false, coming: false, person: null, last: null, other: null, byHand: false, shown: '' };

const mayDo = (...roles) => !session.accounts || Boolean(session.person && session.person.roles.some((role) => roles.includes(role)));
const isLocked = () => $('lock').open;

// The machine ends a session in which nobody does anything; the page's own questions do not count.
ASKING.headers = () => {
  const headers = session.byHand ? { 'X-Motcua-By-Hand': '1' } : {};
  session.byHand = false;
  return headers;
};
ASKING.refused = (failure) => {
  // Not over a password that is being typed.
  if (failure.body.code === 'log_in' && !isLocked()) lock(session.person || session.last ? 'unlock' : 'log_in', session.person ? w('lock_idle') : '');
};

async function startSession() {
  for (const kind of ['keydown', 'pointerdown']) document.addEventListener(kind, () => { session.byHand = true; }, true);
  $('lock').addEventListener('cancel', (event) => event.preventDefault());
  $('log-in-form').addEventListener('submit', (event) => { event.preventDefault(); logIn($('log-in-login').value.trim(), 'log-in-password'); });
  $('unlock-form').addEventListener('submit', (event) => { event.preventDefault(); logIn(session.last.login, 'unlock-password'); });
  $('unlock-other').addEventListener('click', () => { Object.assign(session, { other: session.last || session.other, last: null }); lock('log_in', ''); });
  $('recover-open').addEventListener('click', () => lock('recover', ''));
  $('recover-back').addEventListener('click', () => lock('log_in', ''));
  $('recover-form').addEventListener('submit', recover);
  $('change-form').addEventListener('submit', changePassword);
  $('change-cancel').addEventListener('click', () => { if (session.person && !session.person.must_change) unlock(); });
  $('who-lock').addEventListener('click', logOut);
  $('who-change').addEventListener('click', () => lock('change', ''));
  $('lock-lang').addEventListener('click', () => $('lang').click());
  window.addEventListener('focus', lookAtSession);
  await lookAtSession();
}

// Another tab of this browser may have logged in or out.
async function lookAtSession() {
  let told;
  try { told = await api('GET', '/session', { timeout: POLL_TIMEOUT_MS }); } catch { return; }
  takeSession(told);
}

function takeSession(told) {
  // Whoever was here last, also behind "somebody else".
  const before = session.person || session.last || session.other;
  Object.assign(session, { accounts: told.accounts, coming: told.coming, person: told.person });
  if (told.person) {
    session.last = told.person;
    if (before && before.id !== told.person.id) { beginAfresh(before, told.person); return; }
    showWho();
    if (told.person.must_change) lock('change', w('change_must')); else if (isLocked() && session.shown !== 'change') unlock();
  } else {
    showWho();
    if (told.accounts && !isLocked()) lock(session.last ? 'unlock' : 'log_in', told.coming ? w('accounts_coming') : '');
  }
}

function showWho() {
  const { person, accounts } = session;
  $('clerk-box').hidden = accounts;
  $('who-box').hidden = !person;
  $('nav-people').hidden = accounts && !mayDo('admin', 'leader');
  if (accounts) $('clerk').value = person ? person.name : '';
  $('who-name').textContent = person ? person.name : '';
  drawOpen();
  if (view.name === 'people') openPeople();
  if (view.name === 'stead' && isFetched('stead')) openStead();
}

// That an office without accounts is open is said calmly, where whoever can change it looks.
function drawOpen() {
  $('open-office').hidden = session.accounts;
}

function lock(which, words) {
  const first = !isLocked();
  session.shown = which;
  if (first) session.person = null;
  if (which === 'change' && session.last) session.person = session.last;
  for (const form of ['log_in', 'unlock', 'recover', 'change']) $(`${form.replace('_', '-')}-form`).hidden = form !== which;
  for (const field of $('lock').querySelectorAll('input[type="password"], #recover-code')) field.value = '';
  $('lock-title').textContent = w(`lock_title_${which}`);
  $('unlock-who').textContent = session.last ? session.last.name : '';
  $('change-cancel').hidden = Boolean(session.person && session.person.must_change) || which !== 'change';
  if (which === 'recover') $('recover-login').value = $('log-in-login').value;
  tell('lock-said', Boolean(words) && !first, words || '');
  // Behind the dialog nothing is shown, read out, or reached by a key.
  if (first) { document.documentElement.classList.add('locked'); $('lock').showModal(); }
  const focus = { log_in: 'log-in-login', unlock: 'unlock-password', recover: 'recover-code', change: 'change-old' }[which];
  $(focus).focus();
}

function unlock() {
  session.shown = '';
  if (isLocked()) $('lock').close();
  document.documentElement.classList.remove('locked');
  tell('lock-said', false, '');
  poll();
  refreshView();
  if (!office) loadOffice();
  if (!dossier.offices) loadOffices();
  // What could not be sent while it was locked.
  if (view.name === 'register' && draft.id && typedFields().length) saveSoon();
}

async function logIn(login, field) {
  const password = $(field).value;
  if (!login || !password) { tell('lock-said', true, w('log_in_both')); return; }
  await atLock(() => api('POST', '/session', { body: { login, password } }), field);
}

async function recover(event) {
  event.preventDefault();
  const [login, code, password] = ['recover-login', 'recover-code', 'recover-password'].map((id) => $(id).value.trim());
  if (!login || !code || !password) { tell('lock-said', true, w('recover_all')); return; }
  await atLock(() => api('POST', '/session/recovery', { body: { login, code, password } }), 'recover-code');
}

async function changePassword(event) {
  event.preventDefault();
  const [old, next, again] = ['change-old', 'change-new', 'change-again'].map((id) => $(id).value);
  if (!old || !next) { tell('lock-said', true, w('change_all')); return; }
  if (next !== again) { tell('lock-said', true, w('change_differ')); $('change-again').focus(); return; }
  await atLock(() => api('POST', '/session/password', { body: { old, new: next } }), 'change-old');
}

// Asks, and opens the page or says why not.
async function atLock(ask, field) {
  const buttons = $('lock').querySelectorAll('button');
  for (const button of buttons) button.disabled = true;
  tell('lock-said', false, w('log_in_working'));
  try {
    const told = await ask();
    session.shown = '';
    takeSession(told);
  } catch (failure) {
    tell('lock-said', true, failure.words());
    $(field).value = '';
    $(field).focus();
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

async function logOut() {
  session.last = session.person;
  try { await api('DELETE', '/session'); } catch { /* it is locked here in any case, and ends by itself */ }
  lock('unlock', w('lock_by_hand'));
}

// Somebody else: nothing of the first person stays on the screen, and nothing of it is sent under another name.
function beginAfresh(before, now) {
  const kept = recall(sessionStorage, DRAFT);
  if (kept) remember(sessionStorage, `${DRAFT}.${before.id}`, kept);
  remember(sessionStorage, DRAFT, recall(sessionStorage, `${DRAFT}.${now.id}`));
  draft.id = null;
  location.hash = '#/';
  location.reload();
}
