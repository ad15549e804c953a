// Asking the service this page came from.
'use strict';

const GET_TIMEOUT_MS = 15000;
const POST_TIMEOUT_MS = 30000; // a save waits for a disk, which may be slow, never for a network

// What a page with a log-in adds: headers of its own, and what to do when it is refused.
const ASKING = { headers: () => ({}), refused: () => {} };

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
    const headers = { Accept: 'application/json', ...ASKING.headers() };
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
  if (!response.ok) {
    const failure = data && data.error ? new Failure('refused', response.status, data.error) : new Failure('unreadable', response.status);
    if (response.status === 401) ASKING.refused(failure);
    throw failure;
  }
  if (data === null && response.status !== 204) throw new Failure('unreadable', response.status);
  return data;
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}
