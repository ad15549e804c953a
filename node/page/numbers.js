// Going live in the middle of a day: where today's numbers go on behind the paper register. Set once; it ends
// by itself at midnight.
'use strict';

async function showNumbers() {
  try {
    const { start } = await api('GET', '/numbers');
    $('numbers-form').hidden = start !== null;
    if (start) tell('numbers-said', false, w('numbers_set', start.number, start.by, timeOf(start.at)));
  } catch { /* the line above says when the node does not answer */ }
}

async function beginNumbers(event) {
  event.preventDefault();
  const text = $('numbers-first').value.trim();
  if (!/^[0-9]{1,4}$/.test(text)) { tell('numbers-said', true, w('numbers_bad')); $('numbers-first').focus(); return; }
  try {
    const start = await api('POST', '/numbers', { body: { number: Number(text), clerk: clerk() } });
    $('numbers-form').hidden = true;
    tell('numbers-said', false, w('numbers_set', start.number, start.by, timeOf(start.at)));
  } catch (failure) { tell('numbers-said', true, failure.words()); }
}

function startNumbers() {
  $('numbers-form').addEventListener('submit', beginNumbers);
  $('sync-more').addEventListener('toggle', () => { if ($('sync-more').open) showNumbers(); });
}
