// The office, and the line that says what is saved, sent and received. A state that could be old is
// never shown as current: the line says it is asking again, or that the machine cannot be reached.
'use strict';

const POLL_MS = 1000;          // how often a visible tab asks for the sync state
const POLL_TIMEOUT_MS = 5000;  // after this the machine counts as not reachable
const STALE_MS = 2000;         // an answer older than this is no longer shown as current
const SYNC_MARK = { checking: 'ring', unreachable: 'alarm', ok: 'ok', waiting: 'half', connecting: 'half', offline: 'ring', no_hub: 'dash' };

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
  if (s.unchecked > 0) parts.push(w('sync_unchecked', s.unchecked));
  return parts.map((p) => (/[.…!?]$/.test(p) ? p : `${p}.`)).join(' ');
}

function showSync() {
  const words = syncWords();
  showLine('sync-line', 'sync-box', sync.state, SYNC_MARK[sync.state], words);
  if ($('sync-more').open) showSyncFacts();
}

// That the network blocks UDP is said only where the node has found it out.
function linkWords(s) {
  const link = w(`link_${s.link}`);
  if (!s.carrier || s.link !== 'connected') return link;
  if (s.carrier === 'quic') return w('carrier_quic', link);
  return w(s.udp_blocked ? 'carrier_tcp_blocked' : 'carrier_tcp', link);
}

function showSyncFacts() {
  if (sync.state === 'checking' || sync.state === 'unreachable') {
    fill('sync-facts', el('div', {}, el('dt', {}, w('fact_link')), el('dd', {}, w('sync_old'))));
    return;
  }
  const s = sync.data;
  const hub = office && office.hub ? office.hub.name : null;
  facts('sync-facts', [
    [w('fact_link'), linkWords(s)],
    hub && [w('fact_hub'), hub],
    [w('fact_unsent'), String(s.unsent)],
    [w('fact_oldest_unsent'), s.oldest_unsent_at === null ? w('nothing') : span(now() - s.oldest_unsent_at)],
    [w('fact_all_at'), s.hub_received_all_at === null ? w('never') : `${timeOf(s.hub_received_all_at)} (${w('ago', span(now() - s.hub_received_all_at))})`],
    [w('fact_saved_total'), String(s.saved_total)],
    [w('fact_hub_seq'), String(s.hub_received_seq)],
    [w('fact_held'), String(s.held)],
    [w('fact_scans_unsent'), String(s.unsent_scans)],
    s.away > 0 && [w('fact_away'), String(s.away)],
    s.damaged_scans > 0 && [w('fact_scans_damaged'), String(s.damaged_scans)],
  ]);
}

async function poll() {
  clearTimeout(sync.timer);
  if (sync.polling) sync.polling.abort();
  if (document.hidden || isLocked()) return;
  if (isLive() && sync.at !== null) { sync.timer = setTimeout(poll, POLL_MS); return; }
  const mine = sync.polling = new AbortController();
  try {
    const data = await api('GET', '/sync', { timeout: POLL_TIMEOUT_MS, signal: mine.signal });
    if (sync.polling !== mine) return;
    takeSync(data, Date.now());
    if (!office) loadOffice();
  } catch (failure) {
    if (failure.kind === 'stopped' || sync.polling !== mine) return;
    sync.state = 'unreachable';
    showSync();
  }
  sync.timer = setTimeout(poll, POLL_MS);
}

// An answer, or what the shared worker told.
function takeSync(data, at) {
  const print = [data.unsent, data.saved_total, data.hub_received_seq, data.held, data.state_applying, data.unchecked, data.away].join();
  const news = sync.print !== '' && print !== sync.print;
  const back = sync.state === 'unreachable';
  Object.assign(sync, { data, print, at, state: syncStateOf(data) });
  showSync();
  if (news || back) refreshView();
}

// A sleeping PC wakes with old words on the screen: they are taken away before the first question.
function distrustOldAnswers() {
  const age = sync.at === null ? 0 : Date.now() - sync.at;
  if (age > STALE_MS || age < 0) showNoAnswer();
}

// Also when the browser says that it puts the page to sleep: it may wake before that is old.
function showNoAnswer() {
  if (sync.state === 'unreachable' || sync.state === 'checking') return;
  sync.state = 'checking';
  showSync();
}
