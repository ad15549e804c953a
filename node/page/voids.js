// A wrong registration voided, or said to stand after all.
'use strict';

function drawVoid(d) {
  const v = d.voided;
  $('dossier-void').hidden = !v;
  $('forward-panel').hidden = Boolean(v);
  fill('dossier-void', ...(v ? [
    el('h2', {}, mark('alarm'), ' ', w('void_banner')),
    el('p', {}, [v.by, officeName(v.office), timeOf(v.at)].filter(Boolean).join(' · '), v.leader ? ` · ${w('void_agreed', v.leader)}` : ''),
    el('p', {}, w('conflict_why', v.note)),
    el('p', { class: 'soft' }, w('void_means')),
  ] : []));
  const may = d.can_void && d.can_void !== 'no';
  $('void-panel').hidden = !may && !d.can_revive;
  $('void-send').hidden = !may;
  $('revive-send').hidden = !d.can_revive;
  $('void-leader-box').hidden = d.can_void !== 'leader';
}

async function voidIt(stands) {
  const note = $('void-note').value.trim();
  const leader = $('void-leader').value.trim().normalize('NFC');
  const lacks = stands && dossier.data.can_void === 'leader' && !leader;
  fieldError('void-leader', lacks ? w('err_void_leader') : '');
  fieldError('void-note', note ? '' : w('err_void_note'));
  if (!note || lacks) return;
  const body = stands ? { stands, note, leader } : { stands, note };
  if (await act('voids', body, 'void-problem', w(stands ? 'done_void' : 'done_revive'))) resetVoid();
}

// Another dossier was opened, or it is done.
function resetVoid() {
  for (const field of ['void-note', 'void-leader']) { $(field).value = ''; fieldError(field, ''); }
  problem('void-problem', '');
  $('void-panel').open = false;
}

function startVoid() {
  $('void-form').addEventListener('submit', (event) => { event.preventDefault(); voidIt(!$('void-send').hidden); });
  $('revive-send').addEventListener('click', () => voidIt(false));
}

startVoid();
