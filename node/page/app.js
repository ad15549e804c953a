// The clerk's page: plain script, no build, no outside resource, nothing inline. It is one file
// because it is one request to an old PC and one place to read; its parts stand under headings:
// words, building blocks, times, API, sync line, list, registering, one dossier, routes.
//
// Element ids that other programs (browser tests) may rely on:
//   #sync-line       the sentence about what is saved, sent and received; its box #sync-box has
//                    data-state = checking|unreachable|ok|waiting|connecting|offline|no_hub
//   #lang            switches Vietnamese and English
//   #clerk           the clerk's name, written into what is done; remembered on this PC
//   #dossier-list    the table of dossiers (rows: #dossier-rows tr, each with data-id)
//   #register-form   with #procedure, #applicant-name, #applicant-id, #applicant-phone,
//                    #applicant-address, #request, #save; errors in #register-errors
//   #code            the dossier code; filled and shown only after the node has said "saved"
//   #move-<n>        on #/d/<id>: moves the dossier to state n (3, 5 and 8 need #move-note)
//   #take            confirms a hand-over (shown only when there is one to confirm)
//   #forward-office, #forward-send   forward to another office
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
//   more tabs than that. A visible tab asks once a second, a hidden one not at all.
'use strict';

const API = '/api/v1';
const POLL_MS = 1000;          // how often a visible tab asks for the sync state
const POLL_TIMEOUT_MS = 5000;  // after this the machine counts as not reachable
const STALE_MS = 2000;         // an answer older than this is no longer shown as current
const GET_TIMEOUT_MS = 15000;
const POST_TIMEOUT_MS = 30000; // a save waits for a disk, which may be slow, never for a network
const VIEW_REFRESH_MS = 10000; // what other offices sent shows up at the latest after this
const REST_MS = 800;           // a second press of a double click must not meet the next button
const PAGE_SIZE = 50;
const EMPTY_PAGES = 40;        // pages looked through for a rare state before the clerk is asked
const PAPERS = 100;            // most papers the node takes in one dossier
const OFFICE_HOURS_OFFSET_MS = 7 * 3600 * 1000; // Asia/Ho_Chi_Minh, no summer time
const NEEDS_REASON = [3, 5, 8]; // refusal, supplement and stopping each have a form with a reason
const DRAFT = 'motcua.draft';
const CLERK = 'motcua.clerk';

const $ = (id) => document.getElementById(id);

// ---- words -----------------------------------------------------------------------------------

let lang = 'vi';

function w(key, ...values) {
  const text = WORDS[lang][key];
  return text === undefined ? key : text.replace(/\{(\d)\}/g, (_, n) => String(values[Number(n)]));
}

// The node sends sentences in both languages, as x_vi/x_en or as {vi, en}.
const both = (thing, name) => (name ? thing[`${name}_${lang}`] : thing[lang]) || '';

function remember(store, key, value) {
  try {
    if (value === null) store.removeItem(key); else store.setItem(key, value);
  } catch { /* storage may be switched off; the page works without it */ }
}

function recall(store, key) {
  try { return store.getItem(key); } catch { return null; }
}

function useLanguage(next) {
  lang = next;
  document.documentElement.lang = lang;
  for (const e of document.querySelectorAll('[data-w]')) e.textContent = w(e.dataset.w);
  for (const e of document.querySelectorAll('[data-w-label]')) e.setAttribute('aria-label', w(e.dataset.wLabel));
  $('lang').textContent = w('language_name');
  $('lang').lang = lang === 'vi' ? 'en' : 'vi';
  showOffice();
  showStateFilter();
  showSync();
  list.drawn = dossier.drawn = '';
  relabelRegister();
  showOffices();
  if (list.data) drawList();
  if (dossier.data) drawDossier();
  setTitle();
}

// ---- building blocks -------------------------------------------------------------------------

function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

// Marks differ in shape as well as colour.
const MARKS = {
  ok: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM7 11.4 3.8 8.2l1.2-1.2L7 9l4-4 1.2 1.2z',
  half: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2v10A5 5 0 0 1 8 3z',
  ring: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3z',
  box: 'M2 2h12v12H2zm2 2v8h8V4z',
  pause: 'M2 2h12v12H2zm3 3v6h2V5zm4 0v6h2V5z',
  alarm: 'M8 1 .5 15h15zM7.1 5.5h1.8v5H7.1zm0 6h1.8v1.7H7.1z',
  dash: 'M1 6.5h14v3H1z',
};
const SYNC_MARK = { checking: 'ring', unreachable: 'alarm', ok: 'ok', waiting: 'half', connecting: 'half', offline: 'ring', no_hub: 'dash' };
const ITEM_MARK = { saved: 'box', received: 'half', accepted: 'ok', held: 'pause' };

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

const itemSync = (sync) => el('span', { class: `item ${sync in ITEM_MARK ? sync : 'saved'}` }, mark(ITEM_MARK[sync]), ' ', w(`item_${sync}`));

const TONE = { 1: 'open', 2: 'open', 4: 'open', 5: 'paused', 6: 'paused', 8: 'paused', 9: 'done', 10: 'done' };
const stateBadge = (d) => el('span', { class: `state ${TONE[d.state] || 'ended'}` }, both(d, 'state') || w(`state_${d.state}`));

function fill(id, ...children) {
  $(id).replaceChildren(...children);
}

function facts(id, rows) {
  fill(id, ...rows.filter((row) => row).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}

function problem(id, text, retry) {
  const box = $(id);
  box.hidden = !text;
  box.replaceChildren();
  if (!text) return;
  box.append(el('p', {}, text));
  if (retry) {
    const again = el('button', { type: 'button', class: 'plain' }, w('retry'));
    again.addEventListener('click', retry);
    box.append(again);
  }
}

// ---- times -----------------------------------------------------------------------------------

let skew = 0; // the node's clock minus this PC's; an old PC's clock is often wrong

const now = () => Date.now() + skew;
const two = (n) => String(n).padStart(2, '0');
const local = (ms) => new Date(ms + OFFICE_HOURS_OFFSET_MS); // to be read with getUTC*
const dayOf = (ms) => { const t = local(ms); return `${two(t.getUTCDate())}/${two(t.getUTCMonth() + 1)}/${t.getUTCFullYear()}`; };
const hourOf = (ms) => { const t = local(ms); return `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`; };
const timeOf = (ms) => (dayOf(ms) === dayOf(now()) ? w('today_at', hourOf(ms)) : `${hourOf(ms)} ${dayOf(ms)}`);

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return w('seconds', s);
  if (s < 3600) return w('minutes', Math.floor(s / 60));
  if (s < 48 * 3600) return w('hours', Math.floor(s / 3600));
  return w('days', Math.floor(s / 86400));
}

// Day first, four digits of the year; nothing is guessed. Returns [year, month, day] or null.
function parseDay(text) {
  const parts = /^(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})$/.exec(text) || /^(\d{2})(\d{2})(\d{4})$/.exec(text);
  if (!parts) return null;
  const [day, month, year] = parts.slice(1).map(Number);
  const t = new Date(Date.UTC(year, month - 1, day));
  const real = year >= 1850 && t.getUTCFullYear() === year && t.getUTCMonth() === month - 1 && t.getUTCDate() === day;
  return real ? [year, month, day] : null;
}

// Some papers give only the year, or month and year, of a birth: kept as they are given.
// Returns YYYY, YYYY-MM or YYYY-MM-DD, or null.
function parseBirth(text) {
  const parts = /^(?:(\d{1,2})[/.\- ])?(\d{4})$/.exec(text);
  if (parts && Number(parts[2]) >= 1850) {
    if (!parts[1]) return parts[2];
    return Number(parts[1]) >= 1 && Number(parts[1]) <= 12 ? `${parts[2]}-${two(parts[1])}` : null;
  }
  const day = parseDay(text);
  return day && `${day[0]}-${two(day[1])}-${two(day[2])}`;
}

const shownBirth = (iso) => String(iso).split('-').reverse().join('/');

function parseMoment(text) {
  const parts = /^(\S+)\s+(\d{1,2})(?::|h|g)(\d{2})$/.exec(text);
  const day = parts && parseDay(parts[1]);
  if (!day || Number(parts[2]) > 23 || Number(parts[3]) > 59) return null;
  return Date.UTC(day[0], day[1] - 1, day[2], Number(parts[2]), Number(parts[3])) - OFFICE_HOURS_OFFSET_MS;
}

// ---- the node's API --------------------------------------------------------------------------

// Why a request failed. `doubtful` is true when the node may have done it all the same.
class Failure extends Error {
  constructor(kind, status, body) {
    super(kind);
    this.kind = kind; // stopped | unreachable | timeout | unreadable | refused
    this.status = status;
    this.body = body || {};
    // A refusal says that nothing was changed; a failure after the save is told apart by its code.
    const refused = (kind === 'refused' && this.body.code === 'not_saved') || (status >= 400 && status < 500);
    this.doubtful = !refused;
  }

  words() {
    if (this.kind === 'refused') return both(this.body, 'message') || this.body.code || w('why_unreadable', this.status);
    return w(`why_${this.kind}`, this.status);
  }
}

async function api(method, path, { body, key, timeout, signal } = {}) {
  const stop = new AbortController();
  let late = false;
  const timer = setTimeout(() => { late = true; stop.abort(); }, timeout || (method === 'GET' ? GET_TIMEOUT_MS : POST_TIMEOUT_MS));
  if (signal) signal.addEventListener('abort', () => stop.abort());
  let response, text;
  try {
    const headers = { Accept: 'application/json' };
    if (body) headers['Content-Type'] = 'application/json';
    if (key) headers['Idempotency-Key'] = key;
    response = await fetch(API + path, { method, headers, body: body && JSON.stringify(body), signal: stop.signal, cache: 'no-store', credentials: 'same-origin' });
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
  if (!response.ok) throw data && data.error ? new Failure('refused', response.status, data.error) : new Failure('unreadable', response.status);
  if (data === null && response.status !== 204) throw new Failure('unreadable', response.status);
  return data;
}

const clerk = () => $('clerk').value.trim().normalize('NFC');

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

// ---- the office and the sync line --------------------------------------------------------------

let office = null;
const sync = { state: 'checking', data: null, at: null, print: '', polling: null, timer: 0 };

async function loadOffice() {
  try {
    office = await api('GET', '/office');
    showOffice();
    setTitle();
  } catch { /* asked again after the next answer about sync */ }
}

function showOffice() {
  if (!office) return;
  $('office-name').textContent = office.office.name || '';
  $('foot').textContent = w('foot', office.version, office.office.code || '–', String(office.node.id).slice(0, 12));
}

function syncStateOf(s) {
  if (s.link === 'no_hub' || s.link === 'offline' || s.link === 'connecting') return s.link;
  return s.unsent > 0 ? 'waiting' : 'ok';
}

function syncWords() {
  if (sync.state === 'checking') return w('sync_checking');
  if (sync.state === 'unreachable') return sync.at ? w('sync_unreachable_since', timeOf(sync.at + skew)) : w('sync_unreachable');
  const s = sync.data;
  const parts = [both(s, 'words')];
  if (s.held > 0) parts.push(w('sync_held', s.held));
  if (s.state_applying) parts.push(w('sync_applying'));
  return parts.map((p) => (/[.…!?]$/.test(p) ? p : `${p}.`)).join(' ');
}

function showSync() {
  const words = syncWords();
  const line = $('sync-line');
  // Unchanged words are left alone, or a screen reader would say them every second.
  if (line.textContent.trim() !== words || $('sync-box').dataset.state !== sync.state) {
    $('sync-box').dataset.state = sync.state;
    line.replaceChildren(mark(SYNC_MARK[sync.state]), ' ', words);
  }
  if ($('sync-more').open) showSyncFacts();
}

function showSyncFacts() {
  if (sync.state === 'checking' || sync.state === 'unreachable') {
    fill('sync-facts', el('div', {}, el('dt', {}, w('fact_link')), el('dd', {}, w('sync_old'))));
    return;
  }
  const s = sync.data;
  const hub = office && office.hub ? office.hub.name : null;
  facts('sync-facts', [
    [w('fact_link'), s.carrier && s.link === 'connected' ? w(`carrier_${s.carrier}`, w(`link_${s.link}`)) : w(`link_${s.link}`)],
    hub && [w('fact_hub'), hub],
    [w('fact_unsent'), String(s.unsent)],
    [w('fact_oldest_unsent'), s.oldest_unsent_at === null ? w('nothing') : span(now() - s.oldest_unsent_at)],
    [w('fact_all_at'), s.hub_received_all_at === null ? w('never') : `${timeOf(s.hub_received_all_at)} (${w('ago', span(now() - s.hub_received_all_at))})`],
    [w('fact_saved_total'), String(s.saved_total)],
    [w('fact_hub_seq'), String(s.hub_received_seq)],
    [w('fact_held'), String(s.held)],
    [w('fact_scans_unsent'), String(s.unsent_scans)],
    s.damaged_scans > 0 && [w('fact_scans_damaged'), String(s.damaged_scans)],
  ]);
}

async function poll() {
  clearTimeout(sync.timer);
  if (sync.polling) sync.polling.abort();
  if (document.hidden) return;
  const mine = sync.polling = new AbortController();
  try {
    const data = await api('GET', '/sync', { timeout: POLL_TIMEOUT_MS, signal: mine.signal });
    if (sync.polling !== mine) return;
    const print = [data.unsent, data.saved_total, data.hub_received_seq, data.held, data.state_applying].join();
    const news = sync.print !== '' && print !== sync.print;
    const back = sync.state === 'unreachable';
    Object.assign(sync, { data, print, at: Date.now(), state: syncStateOf(data) });
    showSync();
    if (!office) loadOffice();
    if (news || back) refreshView();
  } catch (failure) {
    if (failure.kind === 'stopped' || sync.polling !== mine) return;
    sync.state = 'unreachable';
    showSync();
  }
  sync.timer = setTimeout(poll, POLL_MS);
}

// A sleeping PC wakes with old words on the screen: they are taken away before the first question.
function distrustOldAnswers() {
  const age = sync.at === null ? 0 : Date.now() - sync.at;
  if (sync.state !== 'unreachable' && sync.state !== 'checking' && (age > STALE_MS || age < 0)) {
    sync.state = 'checking';
    showSync();
  }
}

// ---- the list --------------------------------------------------------------------------------

const list = { data: null, pages: 0, next: null, at: 0, drawn: '', asking: null, wait: 0 };

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
  if (!list.data) $('list-count').textContent = w('list_loading');
  try {
    let answer = await api('GET', `/dossiers?${query}`, { signal: mine.signal });
    // A page of the newest may hold none of the state asked for; the next one may.
    for (let i = 0; i < EMPTY_PAGES && answer.next && !answer.dossiers.length; i += 1) {
      query.set('after', answer.next);
      answer = await api('GET', `/dossiers?${query}`, { signal: mine.signal });
    }
    list.data = more ? list.data.concat(answer.dossiers) : answer.dossiers;
    list.pages = more ? list.pages + 1 : 1;
    list.next = answer.next || null;
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
  const print = JSON.stringify([list.data, list.next, Math.floor(now() / 60000)]);
  if (print === list.drawn) return;
  list.drawn = print;
  const focused = document.activeElement && document.activeElement.closest('#dossier-rows tr');
  const kept = focused ? focused.dataset.id : null;
  fill('dossier-rows', ...list.data.map(listRow));
  if (kept) {
    const again = list.data.findIndex((d) => d.id === kept);
    if (again >= 0) $('dossier-rows').children[again].querySelector('a').focus({ preventScroll: true });
  }
  const searched = $('search').value.trim() || $('state-filter').value;
  $('dossier-list').hidden = list.data.length === 0;
  $('list-count').textContent = list.data.length === 0
    ? w(searched ? 'list_none_found' : 'list_none')
    : w(list.next ? 'list_shown_more' : 'list_shown', list.data.length);
  $('list-more').hidden = !list.next;
}

function listRow(d) {
  const cell = (label, ...children) => el('td', { role: 'cell', 'data-label': w(label) }, el('div', {}, ...children));
  return el('tr', { role: 'row', 'data-id': d.id },
    cell('col_dossier', el('a', { class: 'code', href: `#/d/${encodeURIComponent(d.id)}` }, d.code || w('no_code')), el('p', {}, d.procedure_name || d.procedure)),
    cell('col_applicant', d.applicant),
    cell('col_state', stateBadge(d), d.conflict ? el('p', { class: 'alarm' }, mark('alarm'), ' ', w('conflict')) : null),
    cell('col_due', ...dueParts(d), d.received ? el('p', { class: 'soft' }, w('received_at', timeOf(d.received))) : null),
    cell('col_holder', (d.holder && d.holder.name) || w('unknown_holder')),
    cell('col_sync', itemSync(d.sync)));
}

function dueParts(d) {
  if (d.due === null || d.due === undefined) return [w('no_due')];
  const left = d.due - now();
  const running = [1, 2, 4].includes(d.state);
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

// ---- registering -------------------------------------------------------------------------------

const FIELDS = ['procedure', 'request', 'applicant-name', 'applicant-id', 'applicant-birth', 'applicant-phone', 'applicant-address', 'applicant-email', 'due', 'fee'];
const FIELD_OF = {
  'procedure': 'procedure', 'request': 'request', 'due': 'due', 'fee': 'fee', 'applicant': 'applicant-name',
  'applicant.name': 'applicant-name', 'applicant.id_number': 'applicant-id', 'applicant.birth_date': 'applicant-birth',
  'applicant.phone': 'applicant-phone', 'applicant.address': 'applicant-address', 'applicant.email': 'applicant-email',
};
const register = { key: null, sending: false, procedures: null, errors: [] };

function openRegister() {
  if (!register.procedures) loadProcedures();
  if (register.key || !$('saved-panel').hidden) return;
  newForm(readDraft());
}

// An empty form, or the draft of this tab with the key it was opened with.
function newForm(draft) {
  $('saved-panel').hidden = true;
  $('code').textContent = '';
  $('register-form').hidden = false;
  $('register-form').reset();
  $('papers').replaceChildren();
  showErrors([]);
  register.key = (draft && draft.key) || newKey();
  for (const id of FIELDS) $(id).value = (draft && draft.fields[id]) || '';
  for (const paper of (draft && draft.papers.length ? draft.papers : [null])) addPaper(paper);
  if (draft) register.wanted = draft.fields.procedure;
  showProcedures();
  $('register-status').textContent = draft ? w('draft_back') : '';
}

// The draft stays in this tab only (sessionStorage): two tabs never write over each other, and a
// duplicated tab shares the key, so it cannot make a second dossier from the same form.
function readDraft() {
  try {
    const draft = JSON.parse(recall(sessionStorage, DRAFT));
    return draft && typeof draft.key === 'string' && draft.fields && Array.isArray(draft.papers) ? draft : null;
  } catch { return null; }
}

function saveDraft() {
  const fields = {};
  for (const id of FIELDS) fields[id] = $(id).value;
  remember(sessionStorage, DRAFT, JSON.stringify({ key: register.key, fields, papers: readPapers() }));
}

async function loadProcedures() {
  try {
    register.procedures = (await api('GET', '/procedures')).procedures;
    register.procedures_failed = null;
  } catch (failure) {
    register.procedures_failed = failure;
  }
  showProcedures();
}

function showProcedures() {
  const select = $('procedure');
  const chosen = select.value || register.wanted || '';
  const sectors = new Map();
  for (const p of register.procedures || []) {
    if (!sectors.has(p.sector)) sectors.set(p.sector, []);
    sectors.get(p.sector).push(el('option', { value: p.code }, `${p.name} (${p.code})`));
  }
  select.replaceChildren(el('option', { value: '' }, w('procedure_choose')),
    ...Array.from(sectors, ([sector, options]) => el('optgroup', { label: sector }, ...options)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
  if (register.procedures) register.wanted = '';
  showTerm();
}

function showTerm() {
  const p = (register.procedures || []).find((x) => x.code === $('procedure').value);
  $('procedure-hint').textContent = p ? w(`term_${p.term_unit}`, p.term)
    : register.procedures_failed ? w('procedures_failed', register.procedures_failed.words()) : '';
}

function addPaper(paper) {
  if ($('papers').children.length >= PAPERS) return $('papers').lastElementChild.querySelector('input');
  const name = el('input', { class: 'paper-name', maxlength: '200', spellcheck: 'false', 'aria-describedby': 'papers-error' });
  const form = el('select', { class: 'paper-form' }, el('option', { value: 'original' }), el('option', { value: 'copy' }));
  const count = el('input', { class: 'paper-count', inputmode: 'numeric', maxlength: '3' });
  const remove = el('button', { type: 'button', class: 'quiet' });
  name.value = paper ? paper.name : '';
  form.value = paper ? paper.form : 'original';
  count.value = paper ? paper.count : '1';
  const field = (kind, input) => el('div', { class: `field ${kind}` }, el('label', {}), input);
  const row = el('div', { class: 'paper', role: 'group' }, field('grow', name), field('', form), field('short', count), remove);
  remove.addEventListener('click', () => {
    const at = Array.from($('papers').children).indexOf(row);
    row.remove();
    if (!$('papers').children.length) addPaper(null);
    labelPapers();
    saveDraft();
    $('register-status').textContent = w('paper_removed', at + 1);
    $('paper-add').focus();
  });
  $('papers').append(row);
  labelPapers();
  return name;
}

function labelPapers() {
  Array.from($('papers').children).forEach((row, i) => {
    const inputs = row.querySelectorAll('input, select');
    const words = [w('paper_name', i + 1), w('paper_form'), w('paper_count')];
    row.querySelectorAll('label').forEach((label, k) => {
      inputs[k].id = `paper-${i}-${['name', 'form', 'count'][k]}`;
      label.htmlFor = inputs[k].id;
      label.textContent = words[k];
    });
    row.setAttribute('aria-label', w('paper_name', i + 1));
    const [original, copy] = row.querySelectorAll('option');
    original.textContent = w('paper_original');
    copy.textContent = w('paper_copy');
    const remove = row.querySelector('button');
    remove.textContent = w('paper_remove');
    remove.setAttribute('aria-label', w('paper_remove_label', i + 1));
  });
}

function relabelRegister() {
  labelPapers();
  showProcedures();
  if (!$('saved-panel').hidden) $('saved-title').replaceChildren(mark('ok'), ' ', w('saved_title'));
  showErrors([]);
  $('register-status').textContent = '';
}

function readPapers() {
  return Array.from($('papers').children, (row) => ({
    name: row.querySelector('.paper-name').value.trim(),
    form: row.querySelector('.paper-form').value,
    count: row.querySelector('.paper-count').value.trim(),
  }));
}

// Reads the form into the body of POST /dossiers; errors are [element id, words]. The node
// judges again and has the last word; this is for the quick answer beside the field.
function readForm() {
  const errors = [];
  const text = (id) => $(id).value.trim().normalize('NFC');
  const procedure = $('procedure').value;
  if (!procedure) errors.push(['procedure', w('err_procedure')]);
  const name = text('applicant-name');
  if (!name) errors.push(['applicant-name', w('err_name')]);
  const id = text('applicant-id').replace(/\s/g, '');
  const odd = /[^0-9]/.exec(id);
  if (odd) errors.push(['applicant-id', w('err_id_letter', odd.index + 1, odd[0])]);
  else if (id && id.length !== 12 && id.length !== 9) errors.push(['applicant-id', w('err_id', id.length)]);
  const birth = text('applicant-birth') ? parseBirth(text('applicant-birth')) : undefined;
  if (birth === null) errors.push(['applicant-birth', w('err_birth')]);
  else if (birth && birth > local(now()).toISOString().slice(0, birth.length)) errors.push(['applicant-birth', w('err_birth_ahead')]);
  const email = text('applicant-email');
  if (email && !/^[^@\s]+@[^@\s]+$/.test(email)) errors.push(['applicant-email', w('err_email')]);
  const papers = [];
  readPapers().forEach((p, i) => {
    if (!p.name && p.count === '1') return; // an untouched line
    if (!p.name) errors.push([`paper-${i}-name`, w('err_paper_name', i + 1)]);
    if (!/^[1-9]\d{0,2}$/.test(p.count)) errors.push([`paper-${i}-count`, w('err_paper_count', i + 1)]);
    papers.push({ name: p.name.normalize('NFC'), form: p.form, count: Number(p.count) });
  });
  const due = text('due') ? parseMoment(text('due')) : undefined;
  if (due === null) errors.push(['due', w('err_due')]);
  const fee = text('fee').replace(/[.\s]/g, '');
  if (fee && !/^\d{1,12}$/.test(fee)) errors.push(['fee', w('err_fee')]);
  const body = {
    procedure,
    applicant: {
      name, id_number: id, birth_date: birth || null,
      phone: text('applicant-phone'), address: text('applicant-address'), email,
    },
    request: text('request'), papers, due: due === undefined ? null : due, fee: fee ? Number(fee) : null, clerk: clerk(),
  };
  return { body, errors };
}

// Shows errors in one summary and beside each field. An error without a field has id null.
function showErrors(errors, extra) {
  register.errors.forEach((id) => { if ($(id)) $(id).removeAttribute('aria-invalid'); });
  for (const e of $('register-form').querySelectorAll('.error')) { e.hidden = true; e.textContent = ''; }
  register.errors = [];
  const box = $('register-errors');
  box.hidden = errors.length === 0;
  box.replaceChildren();
  if (!errors.length) return;
  const placed = errors.filter(([id]) => id && $(id));
  for (const [id, words] of placed) {
    const beside = $(`${id}-error`) || $('papers-error');
    beside.textContent = beside.textContent ? `${beside.textContent} ${words}` : words;
    beside.hidden = false;
    $(id).setAttribute('aria-invalid', 'true');
    register.errors.push(id);
  }
  if (placed.length) box.append(el('h2', {}, placed.length === 1 ? w('errors_title_one') : w('errors_title', placed.length)));
  box.append(el('ul', {}, ...errors.map(([id, words]) => {
    if (!id || !$(id)) return el('li', {}, words);
    const link = el('a', { href: '#/register' }, words);
    link.addEventListener('click', (event) => { event.preventDefault(); $(id).focus(); });
    return el('li', {}, link);
  })));
  if (extra) box.append(extra);
  box.focus();
}

function fieldFromNode(field) {
  const paper = /^papers[.[](\d+)\]?(?:\.(name|form|count))?/.exec(field || '');
  if (paper) return `paper-${paper[1]}-${paper[2] || 'name'}`;
  if (/^papers/.test(field || '')) return /count$/.test(field) ? 'paper-0-count' : 'paper-0-name';
  return FIELD_OF[field] || null;
}

async function submitRegister(event) {
  event.preventDefault();
  if (register.sending || $('register-form').hidden) return;
  const { body, errors } = readForm();
  showErrors(errors);
  if (errors.length) return;
  setSending(true);
  try {
    const answer = await api('POST', '/dossiers', { body, key: register.key });
    // Only the node's own word makes it saved.
    if (!answer || answer.saved !== true || !answer.code) throw new Failure('unreadable', 200);
    setSending(false);
    showSaved(answer);
  } catch (failure) {
    setSending(false);
    registerFailed(failure);
  }
}

function setSending(sending) {
  register.sending = sending;
  $('save').disabled = sending;
  $('register-clear').disabled = sending;
  for (const part of $('register-form').querySelectorAll('fieldset')) part.disabled = sending;
  $('save-word').textContent = w(sending ? 'saving' : 'save');
  $('register-status').textContent = sending ? w('saving') : '';
}

function registerFailed(failure) {
  if (failure.kind === 'refused' && failure.body.code === 'idempotency_mismatch') {
    const fresh = el('button', { type: 'button', class: 'plain', id: 'register-new-key' }, w('mismatch_new'));
    fresh.addEventListener('click', () => {
      register.key = newKey();
      saveDraft();
      showErrors([]);
      $('register-status').textContent = w('mismatch_ready');
      $('save').focus();
    });
    showErrors([[null, w('not_saved', failure.words())]], el('div', {}, el('p', {}, w('mismatch_help')), fresh));
    return;
  }
  if (failure.doubtful) showErrors([[null, w('doubtful', failure.words())]]);
  else {
    const id = fieldFromNode(failure.body.field);
    showErrors([[id, id ? failure.words() : w('not_saved', failure.words())]]);
  }
}

function showSaved(answer) {
  register.key = null;
  remember(sessionStorage, DRAFT, null);
  $('register-form').hidden = true;
  $('saved-panel').hidden = false;
  $('saved-title').replaceChildren(mark('ok'), ' ', w('saved_title'));
  $('code').textContent = answer.code;
  $('saved-open').href = `#/d/${encodeURIComponent(answer.id)}`;
  // The heading, not a button: an Enter still held down must not open the next form.
  $('saved-title').focus();
  window.scrollTo(0, 0);
}

function startAnother() {
  location.hash = '#/register';
  if (register.sending || $('saved-panel').hidden) return;
  newForm(null);
  $('procedure').focus();
}

// ---- one dossier -------------------------------------------------------------------------------

const dossier = { id: null, data: null, at: 0, drawn: '', busy: false, keys: new Map(), offices: null, offices_failed: null };

function openDossier(id) {
  if (dossier.id !== id) {
    Object.assign(dossier, { id, data: null, drawn: '', keys: new Map() });
    $('dossier-body').hidden = true;
    $('dossier-status').textContent = '';
    $('scan-status').textContent = '';
    for (const box of ['work-problem', 'forward-problem', 'note-problem', 'dossier-problem', 'scan-problem']) problem(box, '');
    for (const field of ['move-note', 'forward-office', 'forward-note', 'forward-filter', 'note-text']) { $(field).value = ''; fieldError(field, ''); }
    showOffices();
  }
  if (!dossier.offices) loadOffices();
  loadDossier();
}

async function loadDossier() {
  const id = dossier.id;
  try {
    const data = await api('GET', `/dossiers/${encodeURIComponent(id)}`);
    if (dossier.id !== id) return;
    Object.assign(dossier, { data, at: now() });
    problem('dossier-problem', '');
    drawDossier();
  } catch (failure) {
    if (dossier.id !== id) return;
    problem('dossier-problem', w('dossier_failed', failure.words()) + (dossier.data ? ` ${w('dossier_old', timeOf(dossier.at))}` : ''), loadDossier);
  }
}

function drawDossier() {
  const d = dossier.data;
  const print = JSON.stringify([d, Math.floor(now() / 60000)]);
  if (print === dossier.drawn) return;
  dossier.drawn = print;
  $('dossier-body').hidden = false;
  $('dossier-title').textContent = d.code || w('no_code');
  fill('dossier-state', stateBadge(d), ' ', itemSync(d.sync));
  drawConflicts(d.conflicts || []);
  drawFacts(d);
  drawLines('dossier-papers', d.papers, 'papers_none', (p) => [w('paper_line', p.name, p.count), ' ', el('span', { class: 'soft' }, w(`paper_${p.form}`))]);
  drawScans(d);
  drawLines('dossier-steps', d.steps, 'steps_none', stepParts);
  drawLines('dossier-audience', d.audience, 'nothing', (a) => [officeName(a.office), el('p', { class: 'soft' }, a.roles.map(roleWord).join(', '))]);
  drawLines('history', d.history, 'history_none', historyParts);
  drawMoves(d);
  setTitle();
}

// An office that the catalogue no longer names is still told apart by its id.
const officeName = (o) => o.name || o.id;

// Roles come as Desk or ReceivedBy, or as desk or received_by.
function roleWord(role) {
  const key = `role_${role.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()}`;
  return key in WORDS.vi ? w(key) : role;
}

function drawLines(id, items, none, parts) {
  fill(id, ...(items && items.length ? items.map((x) => el('li', {}, ...parts(x))) : [el('li', { class: 'soft' }, w(none))]));
}

function drawConflicts(conflicts) {
  $('dossier-conflicts').hidden = conflicts.length === 0;
  fill('dossier-conflicts', el('h2', {}, mark('alarm'), ' ', w('conflicts_title')), el('ul', {}, ...conflicts.map((c) => el('li', {}, both(c, 'text')))));
}

function drawFacts(d) {
  const a = d.applicant || {};
  const given = (value) => (value === null || value === undefined || value === '' ? el('span', { class: 'soft' }, w('none_given')) : String(value));
  facts('dossier-facts', [
    [w('fact_procedure'), `${d.procedure_name || ''} (${d.procedure})`],
    [w('fact_applicant'), given(a.name)],
    [w('fact_id'), given(a.id_number)],
    [w('fact_birth'), given(a.birth_date && shownBirth(a.birth_date))],
    [w('fact_phone'), given(a.phone)],
    [w('fact_address'), given(a.address)],
    [w('fact_email'), given(a.email)],
    [w('fact_request'), given(d.request)],
    [w('fact_received'), given(d.received && timeOf(d.received))],
    [w('fact_due'), el('div', {}, ...dueParts(d), d.due_dates && d.due_dates.length > 1 ? el('p', { class: 'soft' }, w('first_due', timeOf(d.due_dates[0].at))) : null)],
    d.fee === undefined ? null : [w('fact_fee'), d.fee === null ? given('') : w('dong', String(d.fee).replace(/\B(?=(\d{3})+$)/g, '.'))],
    [w('fact_holder'), (d.holder && d.holder.name) || w('unknown_holder')],
  ]);
}

function stepParts(s) {
  return [
    el('p', {}, el('strong', {}, officeName(s.from)), ` ${w('step_to')} `, el('strong', {}, officeName(s.to))),
    el('p', { class: 'soft' }, w('step_given', timeOf(s.given_at), s.given_by)),
    s.taken_at === null ? el('p', { class: 'alarm' }, mark('ring'), ' ', w('step_waiting')) : el('p', { class: 'soft' }, w('step_taken', timeOf(s.taken_at), s.taken_by)),
    s.note ? el('p', {}, w('step_note', s.note)) : null,
  ];
}

function historyParts(h) {
  return [
    el('p', {}, both(h, 'text')),
    el('p', { class: 'soft' }, [timeOf(h.at), h.person, h.office && officeName(h.office)].filter(Boolean).join(' · ')),
    el('p', {}, itemSync(h.sync)),
  ];
}

function drawMoves(d) {
  const print = JSON.stringify([d.allowed, lang]);
  $('take-box').hidden = !d.can_take;
  $('no-moves').hidden = d.allowed.length > 0;
  if ($('moves').dataset.print === print) return;
  $('moves').dataset.print = print;
  fill('moves', ...d.allowed.map((m) => {
    const button = el('button', { type: 'button', class: 'plain', id: `move-${m.state}` }, both(m));
    button.disabled = dossier.busy;
    button.addEventListener('click', () => move(m));
    return button;
  }));
}

function fieldError(id, words) {
  const beside = $(`${id}-error`);
  if (!beside) return;
  beside.textContent = words;
  beside.hidden = !words;
  if (words) { $(id).setAttribute('aria-invalid', 'true'); $(id).focus(); } else $(id).removeAttribute('aria-invalid');
}

function setBusy(busy) {
  dossier.busy = busy;
  for (const b of $('dossier-body').querySelectorAll('.actions button')) b.disabled = busy;
}

// One act on the open dossier. Its key belongs to exactly this act with this content, so that
// pressing again after a lost answer repeats it and pressing something else does not.
async function act(path, body, box, done) {
  if (dossier.busy) return false;
  const id = dossier.id;
  body.clerk = clerk();
  const name = path + JSON.stringify(body);
  if (!dossier.keys.has(name)) dossier.keys.set(name, newKey());
  const keys = dossier.keys;
  problem(box, '');
  setBusy(true);
  $('dossier-status').textContent = w('sending');
  try {
    await api('POST', `/dossiers/${encodeURIComponent(id)}/${path}`, { body, key: keys.get(name) });
    keys.delete(name);
    if (dossier.id !== id) return false;
    $('dossier-status').replaceChildren(mark('ok'), ' ', done);
    $('dossier-title').focus();
    return true;
  } catch (failure) {
    if (dossier.id !== id) return false;
    $('dossier-status').textContent = '';
    problem(box, failure.doubtful ? w('doubtful_action', failure.words()) : w('not_saved', failure.words()));
    return false;
  } finally {
    await loadDossier();
    setTimeout(() => setBusy(false), REST_MS);
  }
}

async function move(m) {
  const note = $('move-note').value.trim();
  const reasonless = NEEDS_REASON.includes(m.state) && !note;
  fieldError('move-note', reasonless ? w('err_reason', both(m)) : '');
  if (!reasonless && await act('moves', { to: m.state, note }, 'work-problem', w('done_move', both(m)))) $('move-note').value = '';
}

async function take() {
  fieldError('move-note', '');
  if (await act('taken', { note: $('move-note').value.trim() }, 'work-problem', w('done_take'))) $('move-note').value = '';
}

async function forward(event) {
  event.preventDefault();
  const select = $('forward-office');
  fieldError('forward-office', select.value ? '' : w('err_office'));
  if (!select.value) return;
  const name = select.selectedOptions[0].textContent;
  if (await act('forwards', { office: select.value, note: $('forward-note').value.trim() }, 'forward-problem', w('done_forward', name))) {
    select.value = '';
    $('forward-note').value = '';
  }
}

async function addNote(event) {
  event.preventDefault();
  const text = $('note-text').value.trim();
  fieldError('note-text', text ? '' : w('err_note'));
  if (text && await act('notes', { text }, 'note-problem', w('done_note'))) $('note-text').value = '';
}

async function loadOffices() {
  try {
    dossier.offices = (await api('GET', '/offices')).offices;
    dossier.offices_failed = null;
  } catch (failure) {
    dossier.offices_failed = failure;
  }
  showOffices();
}

// For finding only: marks go, and đ, which does not decompose, becomes d.
const fold = (text) => String(text).normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase().replace(/đ/g, 'd');

function showOffices() {
  const select = $('forward-office');
  const chosen = select.value;
  const wanted = fold($('forward-filter').value.trim());
  // Names repeat all over the country: the parent and the code tell them apart.
  const title = (o) => [o.name, o.parent_name].filter(Boolean).join(', ') + ` (${o.code})`;
  const fit = (dossier.offices || []).filter((o) => o.id === chosen || fold(title(o)).includes(wanted));
  select.replaceChildren(el('option', { value: '' }, w('forward_choose')), ...fit.map((o) => el('option', { value: o.id }, title(o))));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
  $('forward-office-hint').textContent = dossier.offices_failed && !dossier.offices
    ? w('offices_failed', dossier.offices_failed.words())
    : wanted ? w('forward_count', fit.length) : '';
}

// ---- routes, keys, start -----------------------------------------------------------------------

const view = { name: '' };

function route(first) {
  const at = /^#\/d\/(.+)$/.exec(location.hash);
  const name = at ? 'dossier' : location.hash === '#/register' ? 'register' : 'list';
  view.name = name;
  for (const other of ['list', 'register', 'dossier']) $(`view-${other}`).hidden = other !== name;
  for (const [link, on] of [['nav-list', name === 'list'], ['nav-register', name === 'register']]) {
    if (on) $(link).setAttribute('aria-current', 'page'); else $(link).removeAttribute('aria-current');
  }
  if (name === 'list') loadList(false);
  if (name === 'register') openRegister();
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
  if (view.name === 'register' && !register.procedures) loadProcedures();
  if (view.name === 'dossier' && !dossier.offices) loadOffices();
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
  for (const id of FIELDS.concat(['forward-office', 'note-text', 'move-note'])) {
    const by = [`${id}-hint`, `${id}-error`].filter((x) => $(x)).join(' ');
    if (by) $(id).setAttribute('aria-describedby', by);
  }
  useLanguage(recall(localStorage, 'motcua.lang') === 'en' ? 'en' : 'vi');
  $('lang').addEventListener('click', () => {
    useLanguage(lang === 'vi' ? 'en' : 'vi');
    remember(localStorage, 'motcua.lang', lang);
  });
  $('clerk').value = recall(localStorage, CLERK) || '';
  $('clerk').addEventListener('change', () => remember(localStorage, CLERK, $('clerk').value.trim()));
  $('skip').addEventListener('click', (event) => { event.preventDefault(); $('main').focus(); });
  $('sync-more').addEventListener('toggle', showSync);
  $('search-form').addEventListener('submit', searchNow);
  $('search').addEventListener('input', () => { clearTimeout(list.wait); list.wait = setTimeout(() => loadList(false), 250); });
  $('state-filter').addEventListener('change', () => loadList(false));
  $('list-more').addEventListener('click', () => { if (list.next) loadList(true); });
  $('register-form').addEventListener('submit', submitRegister);
  $('register-form').addEventListener('input', () => { if (register.key) saveDraft(); });
  $('procedure').addEventListener('change', showTerm);
  $('paper-add').addEventListener('click', () => addPaper(null).focus());
  $('register-clear').addEventListener('click', () => {
    remember(sessionStorage, DRAFT, null);
    newForm(null);
    $('register-status').textContent = w('cleared');
    $('procedure').focus();
  });
  $('saved-next').addEventListener('click', startAnother);
  $('nav-register').addEventListener('click', (event) => { if (view.name === 'register') { event.preventDefault(); startAnother(); } });
  $('take').addEventListener('click', take);
  $('forward-form').addEventListener('submit', forward);
  $('forward-filter').addEventListener('input', showOffices);
  $('note-form').addEventListener('submit', addNote);
  document.addEventListener('keydown', shortcut);
  window.addEventListener('hashchange', route);
  document.addEventListener('visibilitychange', () => { distrustOldAnswers(); poll(); refreshView(); });
  window.addEventListener('pageshow', (event) => { if (event.persisted) { distrustOldAnswers(); poll(); } });
  setInterval(distrustOldAnswers, 250);
  setInterval(refreshView, VIEW_REFRESH_MS);
  route(true);
  loadOffice();
  poll();
}

start();
