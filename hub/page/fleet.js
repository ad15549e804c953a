// The fleet: every office below, worst first. What is not known is called "not measured", never
// zero.
'use strict';

const FLEET_MS = 3000;         // the fleet: one answer may be a megabyte with thousands of offices
const ROWS = 500;              // more lines than this are for the filter box, not for eyes and old PCs
const LINKS = ['connected', 'away', 'never'];

const fleet = { offices: null, at: null, asking: null, timer: 0, failed: null, rows: new Map() };

async function pollFleet() {
  clearTimeout(fleet.timer);
  if (fleet.asking) fleet.asking.abort();
  if (document.hidden || !isLoggedIn()) return;
  const mine = fleet.asking = new AbortController();
  try {
    const { offices } = await api('GET', '/offices', { timeout: TIMEOUT_MS, signal: mine.signal });
    if (fleet.asking !== mine) return;
    Object.assign(fleet, { offices: offices.slice().sort(byRisk), at: now(), failed: null });
  } catch (failure) {
    if (failure.kind === 'stopped' || fleet.asking !== mine) return;
    fleet.failed = failure;
  }
  showFleet();
  fleet.timer = setTimeout(pollFleet, FLEET_MS);
}

// Alarms first; then the oldest unsent work; then what waits in both directions, where "not measured" outranks a
// measured zero; then what has waited longest here; then the name, so that the order is stable.
function byRisk(a, b) {
  const since = (ms) => (ms === null || ms === undefined ? Infinity : ms);
  const order = (x, y) => (x === y ? 0 : x < y ? -1 : 1);
  const behind = (o) => (o.behind_up || 0) + (o.behind_down || 0);
  const unknown = (o) => (o.behind_up === null ? 0 : 1);
  return order(a.alarm || a.slowed ? 0 : 1, b.alarm || b.slowed ? 0 : 1)
    || order(since(a.oldest_unsent_at), since(b.oldest_unsent_at))
    || order(behind(b), behind(a))
    || order(unknown(a), unknown(b))
    || order(since(a.oldest_waiting_at), since(b.oldest_waiting_at))
    || a.name.localeCompare(b.name, 'vi')
    || order(a.code, b.code);
}

function showFleet() {
  const problem = $('fleet-problem');
  const words = fleet.failed ? w('fleet_failed', fleet.failed.words()) + (fleet.at ? ` ${w('fleet_old', timeOf(fleet.at))}` : '') : '';
  if (problem.textContent !== words) problem.textContent = words;
  problem.hidden = !words;
  $('office-list').classList.toggle('old', Boolean(words));
  if (!fleet.offices) { $('fleet-count').textContent = fleet.failed ? '' : w('count_loading'); return; }
  const [wanted, link] = [fold($('filter').value.trim()), $('link-filter').value];
  const shown = fleet.offices.filter((o) => (!link || o.link === link)
    && fold([o.name, o.code, o.parent_name || '', o.version || ''].join(' ')).includes(wanted));
  const count = (l) => fleet.offices.filter((o) => o.link === l).length;
  const said = fleet.offices.length === 0 ? w('count_none')
    : w('count', Math.min(shown.length, ROWS), fleet.offices.length, ...LINKS.map(count)) + (shown.length > ROWS ? ` ${w('count_cut', ROWS)}` : '');
  if ($('fleet-count').textContent !== said) $('fleet-count').textContent = said;
  $('office-list').hidden = shown.length === 0;
  placeRows(shown.slice(0, ROWS).map(row));
}

// Rows stay where they are unless the order changed, so that text can be read and selected.
function placeRows(rows) {
  const body = $('office-rows');
  const same = body.children.length === rows.length && rows.every((r, i) => body.children[i] === r);
  if (!same) body.replaceChildren(...rows);
}

// The row of an office, made again only when a word in it changes.
function row(o) {
  const cells = cellsOf(o);
  const print = JSON.stringify(cells);
  const known = fleet.rows.get(o.id);
  if (known && known.print === print) return known.tr;
  const tr = el('tr', { 'role': 'row', 'data-id': o.id, 'data-link': o.link }, ...cells.map(cell));
  fleet.rows.set(o.id, { print, tr });
  return tr;
}

function forgetFleet() {
  clearTimeout(fleet.timer);
  if (fleet.asking) fleet.asking.abort();
  fleet.rows.clear();
  Object.assign(fleet, { offices: null, at: null, asking: null, failed: null });
  placeRows([]);
  showFleet();
}
