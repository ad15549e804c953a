// News from the machine without a connection of each tab's own: one shared worker of the browser listens,
// and tells all tabs. Where there is none (an old browser), or it is silent, each visible tab asks by
// short questions, as poll() does; then nothing is held open either.
'use strict';

const LIVE_MS = 1500; // the machine says something every second

const live = { port: null, heard: 0 };

const isLive = () => { const age = Date.now() - live.heard; return age >= 0 && age < LIVE_MS; };

function startLive() {
  if (!('SharedWorker' in window)) return;
  try {
    live.port = new SharedWorker('/live_worker.js').port;
  } catch { return; }
  live.port.onmessage = ({ data }) => {
    // What lay waiting while this PC slept is not news.
    if (Math.abs(Date.now() - data.at) > LIVE_MS) return;
    live.heard = data.at;
    if (data.sync) takeSync(data.sync, data.at);
    if (data.draft && data.draft.id === draft.id && data.draft.revision !== draft.revision) lookAtDraft(false);
  };
  const say = (word) => live.port.postMessage(word);
  say('here');
  window.addEventListener('pagehide', () => say('gone'));
  window.addEventListener('pageshow', () => say('here'));
}
