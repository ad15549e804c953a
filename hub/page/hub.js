// This hub: the line about its parent, and its figures. Old figures are never shown as current.
'use strict';

const POLL_MS = 1000;          // this hub's own state
const TIMEOUT_MS = 5000;
const STALE_MS = 2500;         // an answer older than this is no longer shown as current
const LINE_MARK = { checking: 'ring', unreachable: 'alarm', connected: 'ok', connecting: 'half', offline: 'alarm', no_parent: 'dash' };

const number = (n) => (n === null || n === undefined ? w('not_measured') : String(n).replace(/\B(?=(\d{3})+$)/g, lang === 'vi' ? '.' : ','));

const counted = (key, n) => w(n === 1 ? `${key}_one` : key, number(n));

const hub = { data: null, state: 'checking', at: null, asking: null, timer: 0, why: null };

async function pollHub() {
  clearTimeout(hub.timer);
  if (hub.asking) hub.asking.abort();
  if (document.hidden || !isLoggedIn()) return;
  const mine = hub.asking = new AbortController();
  try {
    const data = await api('GET', '/hub', { timeout: TIMEOUT_MS, signal: mine.signal });
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
  if (d.parent && d.parent.carrier === 'tcp') parts.push(w(d.parent.udp_blocked ? 'line_tcp_blocked' : 'line_tcp'));
  if (d.parent && d.unsent_to_parent > 0) parts.push(w('line_unsent', number(d.unsent_to_parent)));
  if (d.parent && d.unsent_to_parent === 0 && hub.state === 'connected') parts.push(w('line_all_sent'));
  if (d.start) parts.push(`${both(d.start, 'words')}.`); // of a state that was lost
  return parts.join(' ');
}

function showHub() {
  const words = hubWords();
  showLine('hub-line', 'hub-box', hub.state, LINE_MARK[hub.state], words);
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
  if (age > STALE_MS || age < 0) showNoAnswer();
}

// Also when the browser says that it puts the page to sleep: it may wake before that is old.
function showNoAnswer() {
  if (hub.state === 'unreachable' || hub.state === 'checking') return;
  hub.state = 'checking';
  showHub();
}

// Nothing of it is left on the screen for whoever comes next.
function forgetHub() {
  clearTimeout(hub.timer);
  if (hub.asking) hub.asking.abort();
  Object.assign(hub, { data: null, state: 'checking', at: null, asking: null, why: null });
  delete $('hub-facts').dataset.print;
  $('hub-facts').replaceChildren();
  showHub();
}
