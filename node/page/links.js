// Two dossiers that are one case, or are not: said with a reason, shown at both, and taken back.
'use strict';

function drawLinks(d) {
  const all = d.links || [];
  $('links-panel').hidden = !d.can_correct && all.length === 0;
  $('links-form').hidden = !d.can_correct;
  drawLines('dossier-links', all, 'links_none', (l) => linkParts(l));
  if (!$('links-code').value && (d.possible_duplicates || []).length) $('links-code').value = d.possible_duplicates[0].code;
}

function linkParts(l) {
  const word = l.same === null ? 'link_contested' : l.same ? 'link_same' : 'link_apart';
  return [
    el('p', { class: l.same === null ? 'alarm' : '' }, l.same === null ? mark('alarm') : null, l.same === null ? ' ' : '', `${w(word)} `,
      el('a', { class: 'code', href: `#/d/${encodeURIComponent(l.id)}` }, l.code || w('no_code')), l.void ? ` (${w('void_short')})` : ''),
    ...l.said.map((s) => el('p', { class: 'soft' }, l.same === null ? `${w(s.same ? 'link_same_short' : 'link_apart_short')} · ` : '',
      [s.by, officeName(s.office), timeOf(s.at)].filter(Boolean).join(' · '), ` · ${w('conflict_why', s.note)}`)),
  ];
}

// The one dossier of this office with exactly that code.
async function withCode(code) {
  const answer = await api('GET', `/dossiers?${new URLSearchParams({ q: code, limit: '50' })}`);
  const exact = answer.dossiers.filter((one) => one.code.toUpperCase() === code.toUpperCase() && one.id !== dossier.id);
  return exact.length === 1 ? exact[0].id : null;
}

async function linkIt(same) {
  const code = $('links-code').value.trim();
  const note = $('links-note').value.trim();
  fieldError('links-note', note ? '' : w('err_links_note'));
  fieldError('links-code', code ? '' : w('err_links_code'));
  if (!note || !code) return;
  let other = null;
  try {
    other = await withCode(code);
  } catch (failure) {
    problem('links-problem', failure.words());
    return;
  }
  fieldError('links-code', other ? '' : w('err_links_unknown'));
  if (other && await act('links', { other, same, note }, 'links-problem', w('done_links'))) resetLinks();
}

// Another dossier was opened, or it is said.
function resetLinks() {
  for (const field of ['links-note', 'links-code']) { $(field).value = ''; fieldError(field, ''); }
  problem('links-problem', '');
}

function startLinks() {
  $('links-form').addEventListener('submit', (event) => { event.preventDefault(); linkIt(true); });
  $('links-apart').addEventListener('click', () => linkIt(false));
}

startLinks();
