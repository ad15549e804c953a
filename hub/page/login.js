// Logging in and out. Nothing is asked of the hub before; when the hub says that the session is
// over, what is on the screen goes, because whoever stands there now may be somebody else.
'use strict';

const RESUME_MS = 3000;

const session = { operator: null, byHand: false, timer: 0 };

const isLoggedIn = () => session.operator !== null;

// The hub ends a session in which nobody does anything; the page's own questions do not count.
function markByHand() { session.byHand = true; }

ASKING.headers = () => {
  const headers = session.byHand ? { 'X-Motcua-By-Hand': '1' } : {};
  session.byHand = false;
  return headers;
};
ASKING.refused = (failure) => { if (isLoggedIn()) showLogIn(failure.body.code === 'log_in' ? w('login_over') : failure.words()); };

function showLogIn(words) {
  if (!$('login').hidden) { tell('login-said', true, words); return; }
  session.operator = null;
  $('console').hidden = true;
  $('hub-box').hidden = true;
  $('hub-name').textContent = '';
  $('foot-box').hidden = true;
  $('foot').textContent = '';
  $('operator-box').hidden = true;
  $('login').hidden = false;
  $('login-password').value = '';
  tell('login-said', true, words);
  forgetHub();
  forgetFleet();
  forgetHeld();
  document.title = w('login_page');
  $($('login-name').value ? 'login-password' : 'login-name').focus();
}

function showConsole(answer) {
  session.operator = answer.operator;
  tell('login-said', false);
  $('login').hidden = true;
  $('login-password').value = '';
  $('operator-name').textContent = answer.operator;
  $('operator-box').hidden = false;
  $('console').hidden = false;
  $('foot-box').hidden = false;
  $('hub-box').hidden = false;
  wake();
}

async function logIn(event) {
  event.preventDefault();
  const [name, password] = [$('login-name').value.trim(), $('login-password').value];
  if (!name || !password) { tell('login-said', true, w('login_both')); return; }
  $('login-send').disabled = true;
  tell('login-said', false, w('login_working'));
  try {
    showConsole(await api('POST', '/session', { body: { name, password } }));
    $('hub-title').focus();
  } catch (failure) {
    tell('login-said', true, failure.words());
    $('login-password').value = '';
    $('login-password').focus();
  } finally {
    $('login-send').disabled = false;
  }
}

async function logOut() {
  try {
    await api('DELETE', '/session');
    showLogIn(w('login_out'));
  } catch (failure) {
    // Still logged in as far as anybody knows: that must be said.
    if (isLoggedIn()) tell('logout-said', true, w('login_not_out', failure.words()));
  }
}

// A session outlives a reload, and a hub that is away for a moment.
async function resume() {
  clearTimeout(session.timer);
  if (document.hidden || isLoggedIn()) return;
  try {
    showConsole(await api('GET', '/session', { timeout: TIMEOUT_MS }));
  } catch (failure) {
    if (isLoggedIn()) return;
    showLogIn(failure.status === 401 && failure.body.code === 'log_in' ? '' : failure.words());
    if (failure.kind !== 'refused') session.timer = setTimeout(resume, RESUME_MS);
  }
}

function startSession() {
  $('login-form').addEventListener('submit', logIn);
  $('logout').addEventListener('click', logOut);
  for (const kind of ['keydown', 'pointerdown']) document.addEventListener(kind, markByHand);
  resume();
}
