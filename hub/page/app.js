// The hub operator's page: plain scripts, no build, no outside resource, nothing inline. Scripts
// share one scope and load in the order of index.html: /parts, which the clerk's page has too, then
// hub, office, fleet, held, bundle, login, and this one, which starts them.
//
// Element ids that other programs (browser tests) may rely on:
//   #hub-line       the sentence about this hub and its parent; its box #hub-box has
//                   data-state = checking|unreachable|connected|connecting|offline|no_parent
//   #hub-facts      figures of this hub
//   #office-list    the fleet, worst first (rows: #office-rows tr, each with data-id and data-link)
//   #login          shown while nobody is logged in: #login-name, #login-password, #login-send,
//                   #login-said; else #console, with #operator-name and #logout
//   #filter, #link-filter   what is shown of it;  #fleet-count says how many
//   #lang           switches Vietnamese and English;  #json-link the same data for programs
//
// Rules this file keeps: data reach the page through textContent and setAttribute only; what is
// not known is called "not measured", never zero; old figures are never shown as current; a
// visible tab asks, a hidden one is silent, and no tab holds a connection open.
'use strict';

function useLanguage(next) {
  sayFixedWords(next);
  const chosen = $('link-filter').value;
  $('link-filter').replaceChildren(el('option', { value: '' }, w('link_any')), ...LINKS.map((l) => el('option', { value: l }, w(`link_${l}`))));
  $('link-filter').value = chosen;
  fleet.rows.clear();
  showHub();
  showFleet();
}

function wake() {
  resume();
  distrustOldAnswers();
  pollHub();
  pollFleet();
  pollHeld();
}

function start() {
  startLanguage(useLanguage);
  $('skip').addEventListener('click', (event) => { event.preventDefault(); $('main').focus(); });
  $('filter-form').addEventListener('submit', (event) => event.preventDefault());
  $('filter').addEventListener('input', showFleet);
  $('link-filter').addEventListener('change', showFleet);
  startBundles(bundleTaken);
  $('bundle-make-form').addEventListener('submit', makeBundle);
  startHeld();
  document.addEventListener('freeze', showNoAnswer);
  document.addEventListener('resume', wake);
  document.addEventListener('visibilitychange', wake);
  window.addEventListener('pageshow', (event) => { if (event.persisted) wake(); });
  setInterval(distrustOldAnswers, 250);
  setInterval(() => { if (!document.hidden && isLoggedIn() && fleet.offices) showFleet(); }, 1000); // ages grow
  startSession();
}

start();
