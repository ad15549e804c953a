// The hub operator's page: plain script, no build, no outside resource, nothing inline.
//
// Element ids that other programs (browser tests) may rely on:
//   #hub-line       the sentence about this hub and its parent; its box #hub-box has
//                   data-state = checking|unreachable|connected|connecting|offline|no_parent
//   #hub-facts      figures of this hub
//   #office-list    the fleet, worst first (rows: #office-rows tr, each with data-id and data-link)
//   #filter, #link-filter   what is shown of it;  #fleet-count says how many
//   #lang           switches Vietnamese and English;  #json-link the same data for programs
//
// Rules this file keeps: data reach the page through textContent and setAttribute only; what is
// not known is called "not measured", never zero; old figures are never shown as current; a
// visible tab asks, a hidden one is silent, and no tab holds a connection open.
'use strict';

const API = '/api/v1';
const POLL_MS = 1000;          // this hub's own state
const FLEET_MS = 3000;         // the fleet: one answer may be a megabyte with thousands of offices
const TIMEOUT_MS = 5000;
const STALE_MS = 2500;         // an answer older than this is no longer shown as current
const ROWS = 500;              // more lines than this are for the filter box, not for eyes and old PCs
const UNSENT_ALARM_MS = 600000; // work not sent for this long is shown in red
const CLOCK_ALARM_MS = 60000;  // clocks further apart than this are worth a word
const LOCAL_OFFSET_MS = 7 * 3600 * 1000; // Asia/Ho_Chi_Minh, no summer time
const LINKS = ['connected', 'away', 'never'];

const $ = (id) => document.getElementById(id);

// ---- words -----------------------------------------------------------------------------------

let lang = 'vi';

function w(key, ...values) {
  const text = WORDS[lang][key];
  return text === undefined ? key : text.replace(/\{(\d)\}/g, (_, n) => String(values[Number(n)]));
}

function remember(key, value) {
  try { localStorage.setItem(key, value); } catch { /* storage may be switched off */ }
}

function recall(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}

function useLanguage(next) {
  lang = next;
  document.documentElement.lang = lang;
  for (const e of document.querySelectorAll('[data-w]')) e.textContent = w(e.dataset.w);
  for (const e of document.querySelectorAll('[data-w-label]')) e.setAttribute('aria-label', w(e.dataset.wLabel));
  $('lang').textContent = w('language_name');
  $('lang').lang = lang === 'vi' ? 'en' : 'vi';
  const chosen = $('link-filter').value;
  $('link-filter').replaceChildren(el('option', { value: '' }, w('link_any')), ...LINKS.map((l) => el('option', { value: l }, w(`link_${l}`))));
  $('link-filter').value = chosen;
  fleet.rows.clear();
  showHub();
  showFleet();
}

const number = (n) => (n === null || n === undefined ? w('not_measured') : String(n).replace(/\B(?=(\d{3})+$)/g, lang === 'vi' ? '.' : ','));

const counted = (key, n) => w(n === 1 ? `${key}_one` : key, number(n));

// ---- building blocks ---------------------------------------------------------------------------

function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// Marks differ in shape as well as colour.
const MARKS = {
  ok: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM7 11.4 3.8 8.2l1.2-1.2L7 9l4-4 1.2 1.2z',
  half: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2v10A5 5 0 0 1 8 3z',
  ring: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3z',
  alarm: 'M8 1 .5 15h15zM7.1 5.5h1.8v5H7.1zm0 6h1.8v1.7H7.1z',
  dash: 'M1 6.5h14v3H1z',
};
const LINE_MARK = { checking: 'ring', unreachable: 'alarm', connected: 'ok', connecting: 'half', offline: 'alarm', no_parent: 'dash' };
const LINK_MARK = { connected: 'ok', away: 'ring', never: 'dash' };

function mark(kind) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', 'mark');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('fill-rule', 'evenodd');
  path.setAttribute('d', MARKS[kind] || MARKS.ring);
  svg.append(path);
  return svg;
}

// ---- times -------------------------------------------------------------------------------------

let skew = 0; // the hub's clock minus this PC's

const now = () => Date.now() + skew;
const two = (n) => String(n).padStart(2, '0');

function timeOf(ms) {
  const [t, today] = [new Date(ms + LOCAL_OFFSET_MS), new Date(now() + LOCAL_OFFSET_MS)];
  const hour = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
  if (t.toISOString().slice(0, 10) === today.toISOString().slice(0, 10)) return w('today_at', hour);
  return `${hour} ${two(t.getUTCDate())}/${two(t.getUTCMonth() + 1)}/${t.getUTCFullYear()}`;
}

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return w('seconds', s);
  if (s < 3600) return w('minutes', Math.floor(s / 60));
  if (s < 48 * 3600) return w('hours', Math.floor(s / 3600));
  return w('days', Math.floor(s / 86400));
}

// ---- the hub's API -----------------------------------------------------------------------------

class Failure extends Error {
  constructor(kind, status, body) {
    super(kind);
    this.kind = kind; // stopped | unreachable | timeout | unreadable | refused
    this.status = status;
    this.body = body;
  }

  words() {
    return this.kind === 'refused' ? this.body[`message_${lang}`] || this.body.code : w(`why_${this.kind}`, this.status);
  }
}

async function ask(path, signal) {
  const stop = new AbortController();
  let late = false;
  const timer = setTimeout(() => { late = true; stop.abort(); }, TIMEOUT_MS);
  signal.addEventListener('abort', () => stop.abort());
  let response, text;
  try {
    response = await fetch(API + path, { headers: { Accept: 'application/json' }, signal: stop.signal, cache: 'no-store' });
    text = await response.text();
  } catch {
    throw new Failure(late ? 'timeout' : stop.signal.aborted ? 'stopped' : 'unreachable', 0);
  } finally {
    clearTimeout(timer);
  }
  const clock = Date.parse(response.headers.get('Date') || '');
  if (!Number.isNaN(clock) && Math.abs(clock - Date.now()) > 2000) skew = clock - Date.now();
  let data = null;
  try { data = JSON.parse(text); } catch { /* judged below */ }
  if (!response.ok && data && data.error) throw new Failure('refused', response.status, data.error);
  if (!response.ok || data === null) throw new Failure('unreadable', response.status);
  return data;
}

// ---- this hub ----------------------------------------------------------------------------------

const hub = { data: null, state: 'checking', at: null, asking: null, timer: 0, why: null };

async function pollHub() {
  clearTimeout(hub.timer);
  if (hub.asking) hub.asking.abort();
  if (document.hidden) return;
  const mine = hub.asking = new AbortController();
  try {
    const data = await ask('/hub', mine.signal);
    if (hub.asking !== mine) return;
    const back = hub.state === 'unreachable';
    Object.assign(hub, { data, at: Date.now(), why: null, state: data.parent ? data.parent.link : 'no_parent' });
    if (back) pollFleet();
  } catch (failure) {
    if (failure.kind === 'stopped' || hub.asking !== mine) return;
    Object.assign(hub, { state: 'unreachable', why: failure });
  }
  showHub();
  hub.timer = setTimeout(pollHub, POLL_MS);
}

function hubWords() {
  if (hub.state === 'checking') return w('line_checking');
  if (hub.state === 'unreachable') {
    if (hub.why.kind === 'refused') return hub.why.words();
    return hub.at ? w('line_unreachable_since', timeOf(hub.at + skew)) : w('line_unreachable');
  }
  const d = hub.data;
  const parts = [d.parent ? w(`line_${hub.state}`, d.parent.name || w('parent_unnamed')) : w('line_no_parent')];
  if (d.parent && d.parent.carrier === 'tcp') parts.push(w('line_tcp'));
  if (d.parent && d.unsent_to_parent > 0) parts.push(w('line_unsent', number(d.unsent_to_parent)));
  if (d.parent && d.unsent_to_parent === 0 && hub.state === 'connected') parts.push(w('line_all_sent'));
  return parts.join(' ');
}

function showHub() {
  const words = hubWords();
  const line = $('hub-line');
  // Unchanged words are left alone, or a screen reader would say them every second.
  if (line.textContent.trim() !== words || $('hub-box').dataset.state !== hub.state) {
    $('hub-box').dataset.state = hub.state;
    line.replaceChildren(mark(LINE_MARK[hub.state]), ' ', words);
  }
  const d = hub.data;
  if (!d) return;
  const current = hub.state !== 'unreachable' && hub.state !== 'checking';
  $('hub-facts').classList.toggle('old', !current);
  $('hub-name').textContent = d.office.name || '';
  $('foot').textContent = w('foot', d.version, d.office.code || '–', String(d.node).slice(0, 12), String(d.epoch).slice(0, 12));
  document.title = [d.office.name, 'Một Cửa – hub'].filter(Boolean).join(' – ');
  const shown = [['fact_dossiers', d.dossiers], ['fact_entries', d.entries], ['fact_lag', d.applied_lag_entries],
    ['fact_unsent', d.parent ? d.unsent_to_parent : undefined], ['fact_held', d.held], ['fact_parked', d.waiting_for_cause]]
    .filter(([, value]) => value !== undefined);
  const print = JSON.stringify([shown, lang]);
  if ($('hub-facts').dataset.print === print) return;
  $('hub-facts').dataset.print = print;
  $('hub-facts').replaceChildren(...shown.map(([key, value]) => el('div', {}, el('dt', {}, w(key)), el('dd', {}, number(value)))));
}

// A sleeping PC wakes with old words on the screen: they are taken away before the first question.
function distrustOldAnswers() {
  const age = hub.at === null ? 0 : Date.now() - hub.at;
  if (hub.state !== 'unreachable' && hub.state !== 'checking' && (age > STALE_MS || age < 0)) {
    hub.state = 'checking';
    showHub();
  }
}

// ---- the fleet ---------------------------------------------------------------------------------

const fleet = { offices: null, at: null, asking: null, timer: 0, failed: null, rows: new Map() };

async function pollFleet() {
  clearTimeout(fleet.timer);
  if (fleet.asking) fleet.asking.abort();
  if (document.hidden) return;
  const mine = fleet.asking = new AbortController();
  try {
    const { offices } = await ask('/offices', mine.signal);
    if (fleet.asking !== mine) return;
    Object.assign(fleet, { offices: offices.slice().sort(byRisk), at: now(), failed: null });
  } catch (failure) {
    if (failure.kind === 'stopped' || fleet.asking !== mine) return;
    fleet.failed = failure;
  }
  showFleet();
  fleet.timer = setTimeout(pollFleet, FLEET_MS);
}

// Oldest unsent work first; then what waits in both directions, where "not measured" outranks a
// measured zero; then what has waited longest here; then the name, so that the order is stable.
function byRisk(a, b) {
  const oldest = (ms) => (now() - ms > UNSENT_ALARM_MS ? ['bad', w('oldest_unsent', ago(ms)), 'alarm'] : ['soft', w('oldest_unsent', ago(ms))]);
  const since = (ms) => (ms === null || ms === undefined ? Infinity : ms);
  const order = (x, y) => (x === y ? 0 : x < y ? -1 : 1);
  const behind = (o) => (o.behind_up || 0) + (o.behind_down || 0);
  const unknown = (o) => (o.behind_up === null ? 0 : 1);
  return order(since(a.oldest_unsent_at), since(b.oldest_unsent_at))
    || order(behind(b), behind(a))
    || order(unknown(a), unknown(b))
    || order(since(a.oldest_waiting_at), since(b.oldest_waiting_at))
    || a.name.localeCompare(b.name, 'vi')
    || order(a.code, b.code);
}

// For finding only: marks go, and đ, which does not decompose, becomes d.
const fold = (text) => String(text).normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase().replace(/đ/g, 'd');

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

function cell([label, ...lines]) {
  const parts = lines.filter((line) => line).map(([tone, words, shape]) => {
    const p = el('p', { class: tone });
    if (shape) p.append(mark(shape), ' ');
    p.append(words);
    return p;
  });
  return el('td', { 'role': 'cell', 'data-label': w(label) }, el('div', {}, ...parts));
}

// What is said of an office: per column a label and lines of [tone, words, mark].
function cellsOf(o) {
  const tier = `tier_${o.tier}` in WORDS.vi ? w(`tier_${o.tier}`) : o.tier;
  const since = (ms) => ms !== null && ms !== undefined;
  const ago = (ms) => span(now() - ms);
  const waiting = (n) => (n === null || n === undefined ? ['soft', w('not_measured')]
    : n === 0 ? ['soft', w('nothing_waiting')] : ['strong', counted('items', n)]);
  // Seconds would change every line of a healthy fleet every second and tell nobody anything.
  const contact = !since(o.last_contact) ? w('no_contact')
    : now() - o.last_contact < 60000 ? w('contact_now') : w('last_contact', w('ago', ago(o.last_contact)));
  const clock = Math.abs(o.clock_offset || 0) > CLOCK_ALARM_MS
    ? ['bad', w(o.clock_offset > 0 ? 'clock_ahead' : 'clock_behind', span(Math.abs(o.clock_offset))), 'alarm'] : null;
  const oldest = (ms) => (now() - ms > UNSENT_ALARM_MS ? ['bad', w('oldest_unsent', ago(ms)), 'alarm'] : ['soft', w('oldest_unsent', ago(ms))]);
  return [
    ['col_office', ['strong', o.name], ['soft', [tier, o.code, o.parent_name].filter(Boolean).join(' · ')]],
    ['col_link', [`link ${o.link}`, w(`link_${o.link}`), LINK_MARK[o.link]],
      o.carrier ? ['soft', w(`carrier_${o.carrier}`)] : null,
      ['soft', contact]],
    ['col_up', waiting(o.behind_up), since(o.oldest_unsent_at) ? oldest(o.oldest_unsent_at) : null],
    ['col_down', waiting(o.behind_down), since(o.oldest_waiting_at) ? ['soft', w('oldest_waiting', ago(o.oldest_waiting_at))] : null],
    ['col_received', ['number', number(o.received_entries)]],
    ['col_machine', ['', counted('machines', o.nodes)], o.version ? ['soft', w('version', o.version)] : null, clock,
      o.two_alive > 0 ? ['bad', w('two_alive'), 'alarm'] : null],
  ];
}

// ---- start -------------------------------------------------------------------------------------

function wake() {
  distrustOldAnswers();
  pollHub();
  pollFleet();
}

function start() {
  useLanguage(recall('motcua.lang') === 'en' ? 'en' : 'vi');
  $('lang').addEventListener('click', () => {
    useLanguage(lang === 'vi' ? 'en' : 'vi');
    remember('motcua.lang', lang);
  });
  $('skip').addEventListener('click', (event) => { event.preventDefault(); $('main').focus(); });
  $('filter-form').addEventListener('submit', (event) => event.preventDefault());
  $('filter').addEventListener('input', showFleet);
  $('link-filter').addEventListener('change', showFleet);
  document.addEventListener('visibilitychange', wake);
  window.addEventListener('pageshow', (event) => { if (event.persisted) wake(); });
  setInterval(distrustOldAnswers, 250);
  setInterval(() => { if (!document.hidden && fleet.offices) showFleet(); }, 1000); // ages grow
  wake();
}

start();
