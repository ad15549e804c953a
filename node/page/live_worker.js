// Runs once for all tabs of a browser: the one connection that is held open to the machine.
'use strict';

const RETRY_MS = 1000;
const tabs = new Set();
let source = null;
let newest = null; // sync state as told last
let retry = 0;

function tell(news) {
  const message = { at: Date.now(), ...news };
  for (const tab of tabs) tab.postMessage(message);
}

function listen() {
  clearTimeout(retry);
  if (source || tabs.size === 0 || typeof EventSource === 'undefined') return;
  source = new EventSource('/api/v1/events');
  source.addEventListener('sync', (event) => { newest = JSON.parse(event.data); tell({ sync: newest }); });
  // Nothing changed: what was told last is right now.
  source.addEventListener('beat', () => { if (newest) tell({ sync: newest }); });
  source.addEventListener('draft', (event) => tell({ draft: JSON.parse(event.data) }));
  source.onerror = () => {
    // The tabs hear nothing any more, say so, and ask for themselves.
    newest = null;
    source.close();
    source = null;
    retry = setTimeout(listen, RETRY_MS);
  };
}

onconnect = (event) => {
  const tab = event.ports[0];
  tab.onmessage = ({ data }) => {
    if (data === 'gone') tabs.delete(tab); else tabs.add(tab);
    if (tabs.size === 0 && source) { source.close(); source = null; newest = null; }
    listen();
  };
  tabs.add(tab);
  listen();
};
