// In somebody's stead, where it is met: on a dossier, in the lists, and where an account is closed that still holds
// something. The rest is at #/stead (stead.js).
'use strict';

const LEFT_MS = 60000; // how often the head's list asks what closed accounts hold

const stead = { told: null, left: [], busy: false, asked: 0, keys: new Map() };

function startStood() {
  $('stood-take').addEventListener('click', takeStood);
}

async function loadLeft() {
  stead.left = (await api('GET', '/left-work')).left;
  stead.asked = now();
  if (isFetched('stead')) drawLeft();
}

// Whoever may hand it on sees in the lists that there is some, until there is none.
async function lookForLeft() {
  const may = session.person && mayDo('leader', 'admin');
  if (may && now() - stead.asked > LEFT_MS) {
    stead.asked = now();
    try { await loadLeft(); } catch { /* the line at the top says that the machine cannot be reached */ }
  }
  const closed = may ? stead.left.filter((one) => one.closed) : [];
  const count = closed.reduce((sum, one) => sum + one.count, 0);
  $('left-banner').hidden = count === 0;
  if (count) fill('left-banner', mark('alarm'), ' ', w('left_banner', thousands(count), closed.map((one) => one.name).join(', ')), ' ', el('a', { href: '#/stead', id: 'left-open' }, w('left_open')));
}

// Closed while it holds something: what it holds is shown at once.
async function afterClosing(account) {
  await loadLeft();
  if (stead.left.some((one) => one.account === account.id)) location.hash = '#/stead';
}

function drawStood(d) {
  const name = d.filed && d.filed.in_stead_of;
  $('stood-box').hidden = !name || !d.can_pass;
  if (name) fill('stood-words', mark('half'), ' ', w('stood_words', name));
}

async function takeStood() {
  const name = dossier.data.filed.in_stead_of;
  await act('passes/stood', { person: name }, 'pass-problem', w('done_stood', name));
}
