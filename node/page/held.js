// "Chờ xử lý đồng bộ": entries that are kept out, wait for an update or should be looked at, with
// the reason; what this office wrote on top of one can be done again.
'use strict';

const HELD_EVERY_MS = 5000;

const held = { shown: '', timer: 0 };

async function redo(dossier) {
  const path = `/dossiers/${dossier}/redo`;
  try {
    const { steps } = await api('GET', path);
    if (steps.length === 0) { tell('held-said', false, w('held_redo_none')); return; }
    const list = steps.map((step) => `• ${both(step, 'text')}`).join('\n');
    if (!window.confirm(`${w('held_redo_ask')}\n${list}`)) return;
    const answer = await api('POST', path, { body: { clerk: clerk() } });
    const left = answer.steps.filter((step) => !step.done).length;
    tell('held-said', left > 0, left === 0 ? w('held_redo_done', String(answer.steps.length)) : w('held_redo_some', String(left)));
    held.shown = '';
    pollHeld();
  } catch (failure) {
    tell('held-said', true, failure.words ? failure.words() : w('why_unreachable'));
  }
}

function heldRow(line) {
  const entries = line.entries.map((entry) => el('li', {},
    `${w(`held_${entry.verdict}`)}: ${both(entry, 'reason')} (${entry.office && entry.office.name ? entry.office.name : '–'}, ${timeOf(entry.written_at)})`));
  const open = el('a', { href: `#/d/${line.dossier}` }, line.code || line.dossier.slice(0, 12));
  const item = el('li', { 'data-dossier': line.dossier }, open, el('ul', {}, ...entries));
  if (line.entries.some((entry) => entry.reason === 'builds-on-held')) {
    const button = el('button', { type: 'button', class: 'plain' }, w('held_redo'));
    button.addEventListener('click', () => redo(line.dossier));
    item.append(button);
  }
  return item;
}

async function pollHeld() {
  clearTimeout(held.timer);
  held.timer = setTimeout(pollHeld, HELD_EVERY_MS);
  if (document.hidden) return;
  try {
    const { dossiers } = await api('GET', '/held');
    const print = JSON.stringify([dossiers, document.documentElement.lang]);
    if (print === held.shown) return;
    held.shown = print;
    $('held-none').hidden = dossiers.length > 0;
    $('held-list').replaceChildren(...dossiers.map(heldRow));
  } catch { /* the line above says when the node does not answer */ }
}

function startHeld() {
  document.addEventListener('visibilitychange', pollHeld);
  pollHeld();
}
