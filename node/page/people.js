// Accounts of the office, at #/people: the first one with the set-up code, later ones by administrators,
// recovery codes printed by the head, tokens of programs.
'use strict';

const ROLES = ['reception', 'specialist', 'leader', 'treasurer', 'admin'];

const people = { accounts: [], tokens: [], busy: false };

function startPeople() {
  $('first-form').addEventListener('submit', makeFirst);
  $('account-form').addEventListener('submit', makeAccount);
  $('token-form').addEventListener('submit', makeToken);
  $('sheet-print').addEventListener('click', () => window.print());
  $('sheet-close').addEventListener('click', closeOnce);
  $('door-panel').addEventListener('toggle', loadDoor);
  $('views-panel').addEventListener('toggle', loadViews);
}

function openPeople() {
  $('door-panel').hidden = !session.accounts || !mayDo('admin', 'leader');
  const isAdmin = session.accounts && mayDo('admin');
  const isHead = session.accounts && mayDo('admin', 'leader');
  $('first-panel').hidden = session.accounts;
  $('people-none').hidden = !session.accounts || mayDo('admin', 'leader');
  $('accounts-panel').hidden = !isHead;
  $('account-new').hidden = !isAdmin;
  $('tokens-panel').hidden = !isAdmin;
  drawRoleChoice('account-roles', ['reception']);
  drawRoleChoice('token-roles', ['reception']);
  if (isHead) loadPeople();
}

const roleBox = (id, role, checked) => {
  const input = el('input', { type: 'checkbox', id: `${id}-${role}`, value: role, checked });
  return el('label', { class: 'check', for: `${id}-${role}` }, input, ' ', w(`role_${role}`));
};
const chosenRoles = (box) => Array.from($(box).querySelectorAll('input:checked'), (input) => input.value);

function drawRoleChoice(box, chosen) {
  const now = $(box).childElementCount ? chosenRoles(box) : chosen;
  fill(box, ...ROLES.map((role) => roleBox(box, role, now.includes(role))));
}

async function loadPeople() {
  try {
    const programs = mayDo('admin') ? api('GET', '/tokens') : { tokens: [] };
    const [accounts, tokens] = await Promise.all([api('GET', '/accounts'), programs]);
    Object.assign(people, { accounts: accounts.accounts, tokens: tokens.tokens });
    drawPeople();
  } catch (failure) {
    if (failure.body.code !== 'log_in') problem('people-problem', failure.words(), loadPeople);
  }
}

function drawPeople() {
  fill('account-rows', ...people.accounts.map(accountRow));
  fill('token-rows', ...people.tokens.map(accountRow));
  $('tokens-none').hidden = people.tokens.length > 0;
}

function accountRow(account) {
  const isProgram = !account.login;
  const item = el('li', { 'data-id': account.id });
  const marks = [account.closed && w('account_closed'), account.given && w('account_given'), account.shadowed && w('account_shadowed')].filter(Boolean);
  const name = el('p', {}, el('strong', {}, account.name), isProgram ? '' : ` (${account.login})`, marks.length ? ` – ${marks.join(', ')}` : '');
  const about = isProgram ? '' : w('account_about', account.sessions, account.codes);
  const boxes = el('span', { class: 'checks', role: 'group', 'aria-label': w('account_roles_of', account.name) }, ...ROLES.map((role) => roleBox(`r-${account.id}`, role, account.roles.includes(role))));
  const button = (word, act, body) => {
    const b = el('button', { type: 'button', class: 'plain', 'data-act': act, 'aria-label': `${w(word)}: ${account.name}` }, w(word));
    b.addEventListener('click', () => changeAccount(account, act, body ? body() : {}));
    return b;
  };
  const roles = () => ({ roles: Array.from(boxes.querySelectorAll('input:checked'), (input) => input.value) });
  const buttons = el('p', { class: 'buttons' });
  if (!mayDo('admin')) {
    for (const input of boxes.querySelectorAll('input')) input.disabled = true;
    if (!account.closed) buttons.append(button('account_codes', 'recovery'));
    item.append(name, el('p', { class: 'hint' }, about), boxes, buttons);
    return item;
  }
  buttons.append(button('account_roles_set', 'roles', roles));
  if (account.closed) buttons.append(button(isProgram ? 'token_open' : 'account_open', 'opening'));
  else {
    if (!isProgram) buttons.append(button('account_password', 'password'), button('account_codes', 'recovery'));
    buttons.append(button(isProgram ? 'token_revoke' : 'account_close', 'closing'));
  }
  const history = el('details', {}, el('summary', {}, w('account_history')), el('ul', {}, ...account.history.map((one) => el('li', {}, `${timeOf(one.at)} – ${w(`account_did_${one.what}`)} – ${one.by}`))));
  item.append(name, el('p', { class: 'hint' }, about), boxes, buttons, history);
  return item;
}

async function changeAccount(account, act, body) {
  if (people.busy) return;
  people.busy = true;
  problem('people-problem', '');
  try {
    const told = await api('POST', `/accounts/${account.id}/${act}`, { body });
    if (told.password) showOnce(w('sheet_password', account.name), [[w('login'), account.login], [w('password'), told.password]], w('sheet_password_hint'));
    else if (told.codes) showOnce(w('sheet_codes', account.name), told.codes.map((code, n) => [String(n + 1), code]), w('sheet_codes_hint', account.login));
    else tell('people-said', false, mark('ok'), ' ', w('account_done', account.name));
    await loadPeople();
    if (act === 'closing') await afterClosing(account);
  } catch (failure) {
    problem('people-problem', failure.words());
  } finally {
    people.busy = false;
  }
}

// What is shown once: a given password, a token, a sheet of codes.
function showOnce(title, lines, hint) {
  $('sheet-title').textContent = title;
  facts('sheet-lines', lines);
  $('sheet-hint').textContent = hint;
  $('sheet-office').textContent = office ? office.office.name : '';
  $('sheet').hidden = false;
  document.documentElement.classList.add('sheet-open');
  $('sheet-title').focus();
}

function closeOnce() {
  $('sheet').hidden = true;
  $('sheet-lines').replaceChildren();
  document.documentElement.classList.remove('sheet-open');
  $('people-title').focus();
}

async function makeFirst(event) {
  event.preventDefault();
  const body = { code: $('first-code').value.trim(), login: $('first-login').value.trim(), name: $('first-name').value.trim(), password: $('first-password').value };
  await sendForm('first', body, { code: 'first-code', login: 'first-login', name: 'first-name', password: 'first-password' }, async () => {
    const told = await api('POST', '/accounts/first', { body });
    $('first-form').reset();
    takeSession(told);
  });
}

async function makeAccount(event) {
  event.preventDefault();
  const body = { login: $('account-login').value.trim(), name: $('account-name').value.trim(), roles: chosenRoles('account-roles') };
  await sendForm('account', body, { login: 'account-login', name: 'account-name', roles: 'account-roles' }, async () => {
    const made = await api('POST', '/accounts', { body });
    $('account-form').reset();
    showOnce(w('sheet_password', made.account.name), [[w('login'), made.account.login], [w('password'), made.password]], w('sheet_password_hint'));
    await loadPeople();
  });
}

async function makeToken(event) {
  event.preventDefault();
  const body = { name: $('token-name').value.trim(), roles: chosenRoles('token-roles') };
  await sendForm('token', body, { name: 'token-name', roles: 'token-roles' }, async () => {
    const made = await api('POST', '/tokens', { body });
    $('token-form').reset();
    showOnce(w('sheet_token', made.account.name), [[w('token'), made.token]], w('sheet_token_hint'));
    await loadPeople();
  });
}

// An error stands beside its field.
async function sendForm(form, body, fields, send) {
  if (people.busy) return;
  for (const id of Object.values(fields)) fieldError(id, '');
  const empty = Object.entries(fields).find(([name]) => body[name].length === 0);
  if (empty) { fieldError(empty[1], w('err_needed')); return; }
  people.busy = true;
  problem(`${form}-problem`, '');
  try {
    await send();
  } catch (failure) {
    const at = fields[failure.body.field];
    if (at) fieldError(at, failure.words()); else problem(`${form}-problem`, failure.words());
  } finally {
    people.busy = false;
  }
}

// ---- who saw what ----

function seenLine(one) {
  const what = one.what === 'viewed' ? '' : ` – ${w(`seen_${one.what}`)}`;
  const from = [one.file, one.from && w('seen_from', one.from), w('seen_machine', one.node)].filter(Boolean).join(', ');
  return el('li', {}, `${timeOf(one.at)} – ${one.by || w('seen_nobody')}${what}`, el('p', { class: 'hint' }, from));
}

async function loadSeen(panel, path, name, box) {
  if (!$(panel).open) return;
  problem(`${panel}-problem`, '');
  try {
    const lines = (await api('GET', path))[name];
    fill(box, ...(lines.length ? lines.map(seenLine) : [el('li', {}, w('seen_none'))]));
  } catch (failure) {
    fill(box);
    problem(`${panel}-problem`, failure.words());
  }
}

const loadDoor = () => loadSeen('door-panel', '/audit', 'lines', 'door-lines');
const loadViews = () => loadSeen('views-panel', `/dossiers/${encodeURIComponent(dossier.id)}/views`, 'views', 'views-lines');

// Of another dossier than was shown before; closed, so that opening a dossier asks nothing more.
function forgetViews() {
  $('views-panel').hidden = !session.accounts || !mayDo('admin', 'leader');
  $('views-panel').open = false;
  fill('views-lines');
}
