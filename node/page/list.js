// The list of dossiers, and what is said of each in one line.
'use strict';

const PAGE_SIZE = 50;
const EMPTY_PAGES = 40;        // pages looked through for a rare state before the clerk is asked
const ITEM_MARK = { saved: 'box', received: 'half', accepted: 'ok', held: 'pause', unchecked: 'half', away: 'ok' };

const itemSync = (sync) => el('span', { class: `item ${sync in ITEM_MARK ? sync : 'saved'}` }, mark(ITEM_MARK[sync]), ' ', w(`item_${sync}`));

const TONE = { 1: 'open', 2: 'open', 4: 'open', 5: 'paused', 6: 'paused', 8: 'paused', 9: 'done', 10: 'done' };
const stateBadge = (d) => (d.void ? el('span', { class: 'state ended' }, w('void_short')) : el('span', { class: `state ${TONE[d.state] || 'ended'}` }, both(d, 'state') || w(`state_${d.state}`)));

const list = { tab: '', data: null, pages: 0, next: null, more: false, at: 0, drawn: '', asking: null, wait: 0 };

function showStateFilter() {
  const chosen = $('state-filter').value;
  fill('state-filter', el('option', { value: '' }, w('state_any')),
    ...Array.from({ length: 10 }, (_, i) => el('option', { value: String(i + 1) }, `${i + 1}. ${w(`state_${i + 1}`)}`)));
  $('state-filter').value = chosen;
}

async function loadList(more) {
  if (list.asking) list.asking.abort();
  const mine = list.asking = new AbortController();
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  if ($('search').value.trim()) query.set('q', $('search').value.trim());
  if ($('state-filter').value) query.set('state', $('state-filter').value);
  if (more) query.set('after', list.next);
  if (!more) loadTabs();
  if (!list.data) $('list-count').textContent = w('list_loading');
  try {
    const asked = () => (openTab() ? tabQuery(query) : `/dossiers?${query}`);
    let answer = await api('GET', asked(), { signal: mine.signal });
    // A page of the newest may hold none of the state asked for; the next one may.
    for (let i = 0; i < EMPTY_PAGES && answer.next && !answer.dossiers.length; i += 1) {
      query.set('after', answer.next);
      answer = await api('GET', asked(), { signal: mine.signal });
    }
    list.data = more ? list.data.concat(answer.dossiers) : answer.dossiers;
    list.pages = more ? list.pages + 1 : 1;
    list.next = answer.next || null;
    list.more = answer.more;
    list.at = now();
    problem('list-problem', '');
    drawList();
  } catch (failure) {
    if (failure.kind === 'stopped') return;
    if (!list.data) $('list-count').textContent = '';
    problem('list-problem', w('list_failed', failure.words()) + (list.data ? ` ${w('list_old', timeOf(list.at))}` : ''), () => loadList(false));
  } finally {
    if (list.asking === mine) list.asking = null;
  }
}

function drawList() {
  const print = JSON.stringify([openTab(), list.data, list.next, list.more, Math.floor(now() / 60000)]);
  if (print === list.drawn) return;
  list.drawn = print;
  const focused = document.activeElement && document.activeElement.closest('#dossier-rows tr');
  const kept = focused ? focused.dataset.id : null;
  fill('dossier-rows', ...list.data.map(listRow));
  if (kept) {
    const again = list.data.findIndex((d) => d.id === kept);
    if (again >= 0) $('dossier-rows').children[again].querySelector('a').focus({ preventScroll: true });
  }
  $('dossier-list').hidden = list.data.length === 0;
  $('list-count').textContent = list.data.length === 0
    ? w(isSearch() ? 'list_none_found' : list.tab ? `none_${list.tab}` : 'list_none')
    : w(list.more ? 'list_type_more' : list.next ? 'list_shown_more' : 'list_shown', list.data.length);
  $('list-more').hidden = !list.next;
}

function listRow(d) {
  const cell = (label, ...children) => el('td', { role: 'cell', 'data-label': w(label) }, el('div', {}, ...children));
  return el('tr', { role: 'row', 'data-id': d.id },
    cell('col_dossier', el('a', { class: 'code', href: `#/d/${encodeURIComponent(d.id)}` }, d.code || w('no_code')), el('p', {}, d.procedure_name || d.procedure)),
    cell('col_applicant', d.applicant),
    cell('col_state', stateBadge(d), d.conflict ? el('p', { class: 'alarm' }, mark('alarm'), ' ', w('conflict')) : null, ...twinParts(d)),
    cell('col_due', ...dueParts(d), d.received ? el('p', { class: 'soft' }, w('received_at', timeOf(d.received))) : null),
    cell('col_holder', (d.holder && d.holder.name) || w('unknown_holder'), ...filedParts(d, !openTab())),
    cell('col_sync', itemSync(d.sync)));
}

// What may be the same dossier registered twice: named on both, nothing else is done.
function twinParts(d) {
  return (d.possible_duplicates || []).map((t) => el('p', { class: 'alarm twin' }, mark('half'), ' ', w('twin_of'), ' ',
    el('a', { class: 'code', href: `#/d/${encodeURIComponent(t.id)}` }, t.code || w('no_code'))));
}

function dueParts(d) {
  if (d.due === null || d.due === undefined) return [w('no_due')];
  const left = d.due - now();
  if (d.paused) return [timeOf(d.due), el('p', { class: 'soft' }, mark('pause'), ' ', w('paused_since', timeOf(d.paused)))];
  const running = [1, 2, 4].includes(d.state) && !d.void;
  if (!running) return [timeOf(d.due)];
  return left < 0
    ? [timeOf(d.due), el('p', { class: 'alarm' }, mark('alarm'), ' ', w('late_by', span(-left)))]
    : [timeOf(d.due), el('p', { class: 'soft' }, w('due_in', span(left)))];
}

// A scanner types a code and Enter: the one dossier with exactly that code is opened.
async function searchNow(event) {
  event.preventDefault();
  clearTimeout(list.wait);
  await loadList(false);
  const typed = $('search').value.trim().toUpperCase();
  const exact = (list.data || []).filter((d) => d.code.toUpperCase() === typed);
  if (exact.length === 1) location.hash = `#/d/${encodeURIComponent(exact[0].id)}`;
}
