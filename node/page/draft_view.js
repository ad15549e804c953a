// What the form says of its draft: where it is kept, what others changed, what a person must choose, and
// what became of it; and the list of drafts that wait.
'use strict';

const DRAFT_MARK = { new: 'ring', typing: 'ring', saved: 'ok', unreachable: 'alarm', refused: 'alarm', gone: 'alarm' };

function fieldWords(field) {
  if (field.startsWith('paper.')) return w('draft_paper');
  if (field.startsWith('scan.')) return w('draft_scan');
  const label = document.querySelector(`label[for="${field}"]`);
  return label ? label.firstElementChild ? label.firstElementChild.textContent : label.textContent : field;
}

function valueWords(one) {
  if (!one.value) return w('draft_empty');
  if (one.field.startsWith('paper.')) {
    try { const [name, form, count] = JSON.parse(one.value); return `${w('paper_line', name, count)}, ${w(`paper_${form}`)}`; } catch { return one.value; }
  }
  if (one.field === 'procedure') {
    const p = (register.procedures || []).find((x) => x.code === one.value);
    return p ? p.name : one.value;
  }
  return one.value;
}

const whoWords = (one) => w('draft_who', one.by || w('draft_nobody'), one.pc, timeOf(one.at)) + (one.tab === draft.tab ? ` (${w('draft_this_tab')})` : '');

function draftWords() {
  if (draft.phase === 'registered') return w('draft_registered_line');
  if (draft.phase === 'discarded') return w('draft_discarded', draft.discarded.by, timeOf(draft.discarded.at));
  if (draft.state === 'refused') return w('draft_refused', draft.why.words());
  if (draft.state === 'saved') return w('draft_saved', timeOf(draft.at));
  return w(`draft_${draft.state}`);
}

function showDraft() {
  const open = draft.phase === 'open';
  const state = draft.phase === 'registered' ? 'saved' : open ? draft.state : 'gone';
  showLine('draft-line', 'draft-box', state, DRAFT_MARK[state], draftWords());
  $('draft-news').hidden = !open || !draft.news.length;
  fill('draft-news', el('p', {}, w('draft_news')),
    el('ul', {}, ...draft.news.map((one) => el('li', {}, el('strong', {}, fieldWords(one.field)), `: ${valueWords(one)} `, el('span', { class: 'soft' }, whoWords(one))))));
  $('save').hidden = !open;
  if (draft.phase === 'discarded' && !$('draft-undo')) offerUndo(draft.id);
  showChoices();
  showBecome();
}

function showChoices() {
  for (const old of $('register-form').querySelectorAll('.choices')) {
    if (old.contains(document.activeElement) && draft.choices.has(old.dataset.field)) continue;
    old.remove();
  }
  for (const [field, values] of draft.choices) {
    if (draft.phase !== 'open' || $('register-form').querySelector(`.choices[data-field="${field}"]`)) continue;
    const row = field.startsWith('paper.') ? Array.from($('papers').children).find((one) => one.dataset.key === field.slice(6)) : $(field) && $(field).closest('.field');
    if (!row) continue;
    row.after(el('div', { class: 'choices', role: 'group', 'aria-label': w('draft_choose', fieldWords(field)), 'data-field': field },
      el('p', {}, mark('alarm'), ' ', w('draft_choose', fieldWords(field))),
      el('ul', {}, ...values.map((one) => {
        const use = el('button', { type: 'button', class: 'plain' }, w('draft_use', valueWords({ ...one, field })));
        use.addEventListener('click', () => chooseValue(field, one.value));
        return el('li', {}, use, ' ', el('span', { class: 'soft' }, whoWords(one)));
      }))));
  }
}

// The draft is a dossier: its code, and what was typed here too late.
function showBecome() {
  const box = $('draft-become');
  box.hidden = draft.phase !== 'registered' || !draft.dossier || !$('saved-panel').hidden;
  if (box.hidden) { box.replaceChildren(); return; }
  const parts = [
    el('h2', {}, mark('ok'), ' ', w('draft_became')),
    el('p', {}, el('a', { class: 'code', id: 'draft-code', href: `#/d/${encodeURIComponent(draft.dossier.id)}` }, draft.dossier.code)),
  ];
  if (draft.late.length) {
    const offer = el('button', { type: 'button', id: 'draft-offer' }, w('late_offer'));
    offer.addEventListener('click', offerLate);
    parts.push(el('p', {}, w('late_title')),
      el('ul', { id: 'draft-late' }, ...draft.late.map((one) => el('li', {}, el('strong', {}, fieldWords(one.field)), `: ${valueWords(one)} `, el('span', { class: 'soft' }, whoWords(one))))),
      el('p', {}, offer));
  } else parts.push(el('p', { class: 'soft' }, w('late_hint')));
  const print = JSON.stringify([draft.dossier, draft.late, lang]);
  if (box.dataset.print === print && box.children.length) return;
  box.dataset.print = print;
  box.replaceChildren(...parts);
}

// ---- those that wait ----

async function loadDrafts() {
  try {
    const { drafts } = await api('GET', '/drafts', { timeout: POLL_TIMEOUT_MS });
    showDrafts(drafts.filter((one) => one.id !== draft.id));
  } catch { /* the line at the top says that the machine cannot be reached */ }
}

function showDrafts(drafts) {
  $('drafts').hidden = drafts.length === 0;
  $('drafts-title').textContent = w('drafts_title', drafts.length);
  const print = JSON.stringify([drafts, lang]);
  if ($('drafts-list').dataset.print === print) return;
  $('drafts-list').dataset.print = print;
  fill('drafts-list', ...drafts.map((one) => {
    const about = [valueWords({ field: 'procedure', value: one.procedure || '' }), w('draft_who', one.by || w('draft_nobody'), one.pc, timeOf(one.at))];
    const name = one.name || w('draft_nameless');
    const parts = [el('a', { href: `#/register/${one.id}` }, one.dossier ? `${one.dossier.code} – ${name}` : name), ' ', el('span', { class: 'soft' }, about.join(' · '))];
    if (one.to_choose) parts.push(el('p', { class: 'alarm' }, mark('alarm'), ' ', w('drafts_choose', one.to_choose)));
    if (one.late) parts.push(el('p', { class: 'alarm' }, mark('half'), ' ', w('drafts_late', one.late)));
    if (!one.dossier) {
      const drop = el('button', { type: 'button', class: 'quiet', 'aria-label': w('draft_drop_label', name) }, w('draft_drop'));
      drop.addEventListener('click', () => discardDraft(one.id).then(() => { offerUndo(one.id); return loadDrafts(); }, (failure) => { $('register-status').textContent = failure.words(); }));
      parts.push(' ', drop);
    }
    return el('li', {}, ...parts);
  }));
}

// Discarding can be taken back for a day; the button stands here for as long as the form is open.
function offerUndo(id) {
  const undo = el('button', { type: 'button', class: 'plain', id: 'draft-undo' }, w('draft_undo'));
  undo.addEventListener('click', async () => {
    try {
      await api('POST', `/drafts/${id}/kept`);
      history.replaceState(null, '', `#/register/${id}`);
      if (id === draft.id) { $('register-status').textContent = ''; lookAtDraft(false); } else newForm(id);
      loadDrafts();
    } catch (failure) { $('register-status').textContent = failure.words(); }
  });
  $('register-status').replaceChildren(w('draft_dropped'), ' ', undo);
}
