// The clerk's page: plain scripts, no build, no outside resource, nothing inline. Scripts share one
// scope and load in the order of index.html: /parts (language, build, time, ask, bundle), which the
// hub's console has too, then live, sync, list, lists, fields, papers, drafts, draft_view, register,
// pauses, extend, dossier, acts, passes, hand, scans, forms, money, later (which fetches hand, import and cash), held, session, people, and this one, which starts them:
// language, routes, keys.
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
//   #pass-section, #pass-person, #pass-send   give it on inside the office; #pass-take, #pass-refuse answer
//                    that; who had it how long stands in #turns
//   #view-hand       many at once at #/hand: #hand-to, #hand-scan, #hand-send; #take-number, #take-scan,
//                    #take-all; #back-scan, #back-send
//   #note-text, #note-send           add a note
//   #pay-amount, #pay-way, #pay-send take money; #give-receipt, #give-how, #give-note, #give-send give it back or
//                    cancel a receipt; #settle-form settles; #demand-panel, #demand-send what is due; #money-state
//   #view-cash       the day's cash at #/cash: #count-<note>, #count-again counts it
//   #lock            covers the page while somebody has to log in: #log-in-login, #log-in-password, #log-in-send,
//                    #unlock-password, #unlock-send, #unlock-other; #who-name who is in, #who-lock locks
//   #view-people     accounts at #/people
//   #em-draw         codes on paper at #/emergency: #em-day, #em-count; #em-blocks details[data-block], li[data-code][data-fate];
//                    #em-scan opens a slip, #em-form with #em-received, #em-by, #em-due, #em-save enters it; #paper-banner in the lists
//   #import-form     at #/import: #import-file, #import-send; then #import-rows tr[data-row][data-verdict],
//                    input[data-accept] for each proposal, #import-begin, #import-run-line
//   #view-setup      this counter's printer and scanner at #/setup: #trial-paper, #trial-show, #trial-right; #trial-field, #trial-said
//   #folder-panel    the scanner's folder, where there is one: #folder-files li[data-file], #file-<id>, #folder-send
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
  drawPaper();
  relabelRegister();
  showOffices();
  if (list.data) drawList();
  if (dossier.data) drawDossier();
  relabelLater();
  if (session.shown) $('lock-title').textContent = w(`lock_title_${session.shown}`);
  if (view.name === 'people') { openPeople(); drawPeople(); }
  lookForLeft();
  setTitle();
}

const view = { name: '' };
// Views that are one place each.
const PLACES = { '#/people': 'people', '#/hand': 'hand', '#/import': 'import', '#/cash': 'cash', '#/stead': 'stead', '#/setup': 'setup', '#/emergency': 'emergency' };

function route(first) {
  const at = /^#\/d\/(.+)$/.exec(location.hash);
  const form = /^#\/register(?:\/([0-9a-f]{32}))?$/.exec(location.hash);
  const name = at ? 'dossier' : form ? 'register' : PLACES[location.hash] || 'list';
  const tab = /^#\/l\/(\w+)$/.exec(location.hash);
  view.name = name;
  for (const other of ['list', 'register', 'dossier', ...Object.values(PLACES)]) $(`view-${other}`).hidden = other !== name;
  for (const [link, on] of [['nav-list', name === 'list'], ['nav-register', name === 'register'], ['nav-hand', name === 'hand'], ['nav-cash', name === 'cash'], ['nav-people', name === 'people']]) {
    if (on) $(link).setAttribute('aria-current', 'page'); else $(link).removeAttribute('aria-current');
  }
  if (name === 'list') openList(tab && LISTS.includes(tab[1]) ? tab[1] : '');
  if (name === 'people') openPeople();
  problem('view-failed', '');
  if (name in LATER) openLater(name);
  if (name === 'register') openRegister(form[1]);
  if (name === 'dossier') {
    let id = at[1];
    try { id = decodeURIComponent(id); } catch { /* a broken escape is asked for as it stands */ }
    openDossier(id);
  }
  setTitle();
  lookForFolder();
  if (first === true) return;
  window.scrollTo(0, 0);
  if (name === 'register' && !$('register-form').hidden) $('procedure').focus();
  else $(`${name}-title`).focus();
}

function setTitle() {
  const here = view.name === 'dossier' && dossier.data ? $('dossier-title').textContent : w(view.name === 'dossier' ? 'list_title' : `${view.name}_title`);
  document.title = [here, office && office.office.name, 'Một Cửa'].filter(Boolean).join(' – ');
}

function refreshView() {
  if (document.hidden || isLocked()) return;
  lookForFolder();
  if (view.name === 'list' && !list.asking && list.pages <= 1) loadList(false);
  if (view.name === 'dossier' && dossier.id && !dossier.busy) loadDossier();
  if (view.name === 'register') { if (!register.procedures) loadProcedures(); loadDrafts(); }
  if (view.name === 'dossier' && !dossier.offices) loadOffices();
  if (view.name === 'cash' && isFetched('cash') && !cash.busy) { loadCash(); loadMoneyLists(); }
}

function lookAgain() {
  if (!document.hidden && !isLocked() && view.name === 'register' && !$('register-form').hidden) lookAtDraft(false);
}

// F-keys only: Telex and VNI rewrite letters and digits, so no letter is a shortcut.
function shortcut(event) {
  if (isLocked() || event.ctrlKey || event.altKey || event.shiftKey || event.metaKey || event.repeat) return;
  const onForm = view.name === 'register' && !$('register-form').hidden;
  if (event.key === 'F2') { event.preventDefault(); startAnother(); }
  if (event.key === 'F4') { event.preventDefault(); if (view.name === 'list') $('search').focus(); else location.hash = '#/'; }
  if (event.key === 'F6' && view.name === 'dossier' && !$('dossier-again').hidden) { event.preventDefault(); againShown(); }
  if (event.key === 'F6' && view.name === 'register' && !$('saved-panel').hidden) { event.preventDefault(); againSaved(); }
  if (event.key === 'F7' && onForm) { event.preventDefault(); $('card').focus(); }
  if (event.key === 'F7' && view.name === 'dossier' && !$('pay-form').hidden) { event.preventDefault(); $('pay-amount').focus(); $('pay-amount').select(); }
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
  startPasses();
  startPerson();
  startPeople();
  startStood();
  startSession();
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
