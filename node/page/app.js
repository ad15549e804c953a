// The clerk's page: plain scripts, no build, no outside resource, nothing inline. Scripts share one
// scope and load in the order of index.html: /parts (language, build, time, ask, bundle), which the
// hub's console has too, then live, sync, list, lists, fields, papers, drafts, draft_view, register,
// pauses, extend, dossier, acts, scans, held, and this one, which starts them: language, routes, keys.
//
// Element ids that other programs (browser tests) may rely on:
//   #sync-line       the sentence about what is saved, sent and received; its box #sync-box has
//                    data-state = checking|unreachable|ok|waiting|connecting|offline|no_hub
//   #lang            switches Vietnamese and English
//   #clerk           the clerk's name, written into what is done; remembered on this PC
//   #dossier-list    the table of dossiers (rows: #dossier-rows tr, each with data-id)
//   #register-form   with #procedure, #applicant-name, #applicant-id, #applicant-phone,
//                    #applicant-address, #request, #save; errors in #register-errors
//   #tab-<list>, #tab-all   the working lists at #/l/<list>, with counters; #mine: only one's own
//   #draft-line      where the draft is kept; its box #draft-box has data-state; #draft-news what others
//                    changed, .choices[data-field] two values of one field, #draft-code the code that a
//                    draft has become elsewhere, #draft-late what was typed after that, #drafts-list all
//   #code            the dossier code; filled and shown only after the node has said "saved"
//   #move-<n>        on #/d/<id>: moves the dossier to state n (3, 5 and 8 need #move-note)
//   #happened, #pause-model   when a move happened, and what the pause does that begins with it;
//                    dates and pauses stand in #due-dates and #pauses
//   #take            confirms a hand-over (shown only when there is one to confirm)
//   #forward-office, #forward-send   forward to another office
//   #collector       who collects, when the result is returned
//   #extend-until, #extend-note, #extend-send   a new date with an apology, once
//   #note-text, #note-send           add a note
//   #history         what happened, in the node's order
//
// Rules this file keeps:
// - Data reach the page through textContent and setAttribute only, never as markup.
// - A state that could be old is never shown as current: the line says it is asking again, or
//   that the machine cannot be reached.
// - Every POST carries an Idempotency-Key that lives until the node has said yes, so repeating
//   after a doubtful answer is safe.
// - No long-lived connection per tab: browsers allow about six to one machine, and a clerk opens
//   more tabs than that. One shared worker listens for all tabs (live.js); where there is none, or it
//   is silent, a visible tab asks once a second and a hidden one not at all.
'use strict';

const VIEW_REFRESH_MS = 10000; // what other offices sent shows up at the latest after this
const CLERK = 'motcua.clerk';

const clerk = () => $('clerk').value.trim().normalize('NFC');

function useLanguage(next) {
  sayFixedWords(next);
  showOffice();
  showStateFilter();
  showSync();
  list.drawn = dossier.drawn = '';
  drawTabs();
  relabelRegister();
  showOffices();
  if (list.data) drawList();
  if (dossier.data) drawDossier();
  setTitle();
}

const view = { name: '' };

function route(first) {
  const at = /^#\/d\/(.+)$/.exec(location.hash);
  const form = /^#\/register(?:\/([0-9a-f]{32}))?$/.exec(location.hash);
  const name = at ? 'dossier' : form ? 'register' : 'list';
  const tab = /^#\/l\/(\w+)$/.exec(location.hash);
  view.name = name;
  for (const other of ['list', 'register', 'dossier']) $(`view-${other}`).hidden = other !== name;
  for (const [link, on] of [['nav-list', name === 'list'], ['nav-register', name === 'register']]) {
    if (on) $(link).setAttribute('aria-current', 'page'); else $(link).removeAttribute('aria-current');
  }
  if (name === 'list') openList(tab && LISTS.includes(tab[1]) ? tab[1] : '');
  if (name === 'register') openRegister(form[1]);
  if (name === 'dossier') {
    let id = at[1];
    try { id = decodeURIComponent(id); } catch { /* a broken escape is asked for as it stands */ }
    openDossier(id);
  }
  setTitle();
  if (first === true) return;
  window.scrollTo(0, 0);
  if (name === 'register' && !$('register-form').hidden) $('procedure').focus();
  else $(`${name}-title`).focus();
}

function setTitle() {
  const here = view.name === 'register' ? w('register_title') : view.name === 'dossier' && dossier.data ? $('dossier-title').textContent : w('list_title');
  document.title = [here, office && office.office.name, 'Một Cửa'].filter(Boolean).join(' – ');
}

function refreshView() {
  if (document.hidden) return;
  if (view.name === 'list' && !list.asking && list.pages <= 1) loadList(false);
  if (view.name === 'dossier' && dossier.id && !dossier.busy) loadDossier();
  if (view.name === 'register') { if (!register.procedures) loadProcedures(); loadDrafts(); }
  if (view.name === 'dossier' && !dossier.offices) loadOffices();
}

function lookAgain() {
  if (!document.hidden && view.name === 'register' && !$('register-form').hidden) lookAtDraft(false);
}

// F-keys only: Telex and VNI rewrite letters and digits, so no letter is a shortcut.
function shortcut(event) {
  if (event.ctrlKey || event.altKey || event.shiftKey || event.metaKey || event.repeat) return;
  const onForm = view.name === 'register' && !$('register-form').hidden;
  if (event.key === 'F2') { event.preventDefault(); startAnother(); }
  if (event.key === 'F4') { event.preventDefault(); if (view.name === 'list') $('search').focus(); else location.hash = '#/'; }
  if (event.key === 'F8' && onForm) { event.preventDefault(); addPaper(null).focus(); }
  if (event.key === 'F9' && onForm) { event.preventDefault(); $('register-form').requestSubmit(); }
}

function start() {
  for (const id of FIELDS.concat(['forward-office', 'note-text', 'move-note', 'happened'])) {
    const by = [`${id}-hint`, `${id}-error`].filter((x) => $(x)).join(' ');
    if (by) $(id).setAttribute('aria-describedby', by);
  }
  startLanguage(useLanguage);
  startBundles((answer) => tell('bundle-said', false, both(answer, 'words')));
  startHeld();
  startNumbers();
  startLive();
  $('clerk').value = recall(localStorage, CLERK) || '';
  $('clerk').addEventListener('change', () => remember(localStorage, CLERK, $('clerk').value.trim()));
  $('skip').addEventListener('click', (event) => { event.preventDefault(); $('main').focus(); });
  $('sync-more').addEventListener('toggle', showSync);
  $('search-form').addEventListener('submit', searchNow);
  $('search').addEventListener('input', () => { clearTimeout(list.wait); list.wait = setTimeout(() => loadList(false), 250); });
  $('state-filter').addEventListener('change', () => loadList(false));
  $('mine').addEventListener('change', () => loadList(false));
  $('list-more').addEventListener('click', () => { if (list.next) loadList(true); });
  $('register-form').addEventListener('submit', submitRegister);
  $('register-form').addEventListener('input', typedSomething);
  $('procedure').addEventListener('change', () => { register.wanted = ''; showTerm(); });
  $('paper-add').addEventListener('click', () => addPaper(null).focus());
  $('register-clear').addEventListener('click', clearForm);
  $('saved-next').addEventListener('click', startAnother);
  $('nav-register').addEventListener('click', (event) => { if (view.name === 'register') { event.preventDefault(); startAnother(); } });
  $('take').addEventListener('click', take);
  $('forward-form').addEventListener('submit', forward);
  $('forward-filter').addEventListener('input', showOffices);
  $('extend-form').addEventListener('submit', extend);
  $('note-form').addEventListener('submit', addNote);
  document.addEventListener('keydown', shortcut);
  window.addEventListener('hashchange', route);
  document.addEventListener('freeze', showNoAnswer);
  document.addEventListener('resume', () => { distrustOldAnswers(); poll(); });
  document.addEventListener('visibilitychange', () => { distrustOldAnswers(); poll(); refreshView(); lookAgain(); });
  window.addEventListener('pageshow', (event) => { if (event.persisted) { distrustOldAnswers(); poll(); } });
  setInterval(distrustOldAnswers, 250);
  setInterval(refreshView, VIEW_REFRESH_MS);
  setInterval(lookAgain, DRAFT_LOOK_MS);
  route(true);
  loadOffice();
  poll();
}

start();
