// Entries that are not plainly accepted, with what an operator can do about each, and offices that
// have not said yet that they forgot.
'use strict';

const HELD_EVERY_MS = 5000;

const held = { shown: '', timer: 0 };

async function decide(dossier, change, verdict) {
  const reason = window.prompt(w('held_why'));
  if (!reason || !reason.trim()) return;
  const body = { dossier, change, verdict, reason, with_causes: false };
  const send = () => api('POST', '/decisions', { body });
  try {
    await send().catch((failure) => {
      if (failure.body.code !== 'causes' || !window.confirm(failure.words())) throw failure;
      body.with_causes = true;
      return send();
    });
    tell('held-said', false, w('held_decided'));
  } catch (failure) {
    tell('held-said', true, failure.kind === 'refused' ? failure.words() : w('held_broken'));
  }
  held.shown = '';
  pollHeld();
}

function heldButtons(dossier, entry) {
  const make = (key, verdict) => {
    const button = el('button', { type: 'button', class: 'plain' }, w(key));
    button.addEventListener('click', () => decide(dossier, entry.change, verdict));
    return button;
  };
  const release = ['banned', 'suspended', 'decided', 'builds-on-held', 'revoked-meanwhile'].includes(entry.reason);
  const keep = entry.verdict !== 'quarantined';
  return [release && make('held_release', 'release'), keep && make('held_quarantine', 'quarantine')].filter(Boolean);
}

function heldRow(line) {
  const entries = line.entries.map((entry) => {
    const office = entry.office && entry.office.name ? entry.office.name : '–';
    return el('li', { 'data-change': entry.change },
      el('p', {}, el('strong', {}, w(`held_${entry.verdict}`)), `: ${both(entry, 'reason')}`),
      el('p', { class: 'soft' }, `${office}, ${timeOf(entry.written_at)}`),
      el('div', { class: 'buttons' }, ...heldButtons(line.dossier, entry)));
  });
  return el('li', { 'data-dossier': line.dossier, class: 'panel' }, el('strong', {}, line.code || line.dossier), el('ul', { class: 'lines' }, ...entries));
}

async function pollHeld() {
  clearTimeout(held.timer);
  held.timer = setTimeout(pollHeld, HELD_EVERY_MS);
  if (document.hidden || !isLoggedIn()) return;
  try {
    const [{ dossiers }, { purges }] = await Promise.all([api('GET', '/held'), api('GET', '/purges')]);
    const open = purges.filter((purge) => purge.confirmed.length === 0);
    const print = JSON.stringify([dossiers, open, lang]);
    if (print === held.shown) return;
    held.shown = print;
    $('held-none').hidden = dossiers.length > 0;
    $('held-list').replaceChildren(...dossiers.map(heldRow));
    $('purge-none').hidden = open.length > 0;
    $('purge-list').replaceChildren(...open.map((purge) => el('li', {},
      w('purge_line', purge.name || purge.office, purge.dossier.slice(0, 12), timeOf(purge.revoked_at)))));
  } catch { /* the line above says when the hub does not answer */ }
}

function startHeld() {
  document.addEventListener('visibilitychange', pollHeld);
  pollHeld();
}

function forgetHeld() {
  held.shown = '';
  $('held-list').replaceChildren();
  $('purge-list').replaceChildren();
  tell('held-said', false);
  tell('bundle-said', false);
}
