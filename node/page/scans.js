'use strict';

// Scans of a dossier's papers: choosing or dropping files, what became of each, opening one. Built
// on app.js, which loads first and calls drawScans() whenever a dossier is drawn.

const SCAN_BYTES = 53 * 1024 * 1024;       // the node takes no more
const SCAN_TIMEOUT_MS = 10 * 60 * 1000;    // fifty megabytes over a poor office network
const SCAN_POLL_MS = 1000;                 // while one is being fetched
const SCAN_MARK = { saved: 'box', sending: 'half', received: 'ok', damaged: 'alarm', fetching: 'ring', absent: 'dash' };

const scans = { waiting: [], sending: false, opening: new Map() };

const scanSize = (bytes) => (bytes < 1024 * 1024 ? w('kilobytes', Math.max(1, Math.round(bytes / 1024))) : w('megabytes', (bytes / 1024 / 1024).toFixed(1).replace('.', lang === 'vi' ? ',' : '.')));

function drawScans(d) {
  drawLines('dossier-scans', d.attachments, 'scans_none', (a) => scanParts(d.id, a));
}

function scanParts(id, a) {
  const open = el('button', { type: 'button', class: 'plain' }, a.state === 'absent' ? w('scan_fetch') : w('scan_open'));
  // The name tells a screen reader which of them is opened.
  open.setAttribute('aria-label', `${open.textContent}: ${a.name}`);
  open.disabled = scans.opening.has(a.id);
  open.addEventListener('click', () => openScan(id, a));
  return [
    el('p', {}, el('strong', {}, a.name), ' ', el('span', { class: 'soft' }, scanSize(a.size))),
    el('p', { class: a.state === 'damaged' ? 'alarm' : 'soft' }, mark(SCAN_MARK[a.state]), ' ', both(a, 'words')),
    a.state === 'damaged' ? null : el('p', {}, open),
  ];
}

// A scan that is not here is fetched from the hub first; the page asks until it has come.
async function openScan(id, a) {
  if (scans.opening.has(a.id)) return;
  const path = `/dossiers/${encodeURIComponent(id)}/attachments/${encodeURIComponent(a.id)}`;
  scans.opening.set(a.id, true);
  problem('scan-problem', '');
  try {
    for (;;) {
      const response = await fetch(API + path, { method: 'GET', headers: { Range: 'bytes=0-0' }, cache: 'no-store', credentials: 'same-origin' });
      if (response.status === 206 || response.status === 200) break;
      const data = await response.json();
      if (response.status !== 202) throw new Failure('refused', response.status, data.error);
      if (dossier.id !== id) return;
      $('scan-status').textContent = `${a.name}: ${both(data, 'words')}`;
      await new Promise((done) => setTimeout(done, SCAN_POLL_MS));
    }
    $('scan-status').textContent = '';
    window.open(API + path, '_blank', 'noopener');
  } catch (failure) {
    $('scan-status').textContent = '';
    problem('scan-problem', w('scan_not_opened', a.name, failure instanceof Failure ? failure.words() : new Failure('unreachable', 0).words()));
  } finally {
    scans.opening.delete(a.id);
    if (dossier.id === id) await loadDossier();
  }
}

function chooseScans(files) {
  problem('scan-problem', '');
  const id = dossier.id;
  for (const file of files) {
    if (file.size > SCAN_BYTES) { problem('scan-problem', w('scan_too_large', file.name, scanSize(SCAN_BYTES))); continue; }
    if (file.size === 0) { problem('scan-problem', w('scan_empty', file.name)); continue; }
    // The key stays with the file, so that a second try after a lost answer is the same scan.
    scans.waiting.push({ id, file, key: newKey() });
  }
  $('scan-files').value = '';
  sendScans();
}

async function sendScans() {
  if (scans.sending) return;
  scans.sending = true;
  try {
    while (scans.waiting.length) {
      const next = scans.waiting[0];
      $('scan-status').textContent = w('scan_saving', next.file.name);
      await sendScan(next);
      scans.waiting.shift();
      $('scan-status').replaceChildren(mark('ok'), ' ', w('scan_saved', next.file.name));
    }
  } catch (failure) {
    const next = scans.waiting[0];
    $('scan-status').textContent = '';
    // What was refused will be refused again; what got no answer may be tried again.
    if (!failure.doubtful) scans.waiting.shift();
    problem('scan-problem', w('scan_not_saved', next.file.name, failure.words()), scans.waiting.length ? sendScans : undefined);
  } finally {
    scans.sending = false;
    loadDossier();
  }
}

async function sendScan({ id, file, key }) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), SCAN_TIMEOUT_MS);
  const asked = new URLSearchParams({ name: file.name.normalize('NFC').slice(0, 200), clerk: clerk() });
  let response, data;
  try {
    response = await fetch(`${API}/dossiers/${encodeURIComponent(id)}/attachments?${asked}`, {
      method: 'POST', headers: { Accept: 'application/json', 'Idempotency-Key': key }, body: file, signal: stop.signal, credentials: 'same-origin',
    });
    data = await response.json();
  } catch {
    throw new Failure(stop.signal.aborted ? 'timeout' : 'unreachable', 0);
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok) throw data && data.error ? new Failure('refused', response.status, data.error) : new Failure('unreadable', response.status);
}

function startScans() {
  const zone = $('scan-drop');
  $('scan-files').addEventListener('change', () => chooseScans($('scan-files').files));
  for (const name of ['dragenter', 'dragover']) zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add('over'); });
  for (const name of ['dragleave', 'drop']) zone.addEventListener(name, () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => { event.preventDefault(); chooseScans(event.dataTransfer.files); });
}

startScans();
