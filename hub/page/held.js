// Entries that are not plainly accepted, with what an operator can do about each, and offices that
// have not said yet that they forgot. Words, $, el, w, API and timeOf come from app.js.
(() => {
  const EVERY_MS = 5000;
  let shown = '';
  let timer = 0;

  const say = (text, bad) => {
    const line = $('held-said');
    line.textContent = text;
    line.className = bad ? 'problem' : '';
    line.hidden = !text;
  };
  const words = (thing, name) => thing[`${name}_${lang}`] || thing[`${name}_vi`] || '';

  async function get(path) {
    const response = await fetch(API + path, { headers: { Accept: 'application/json' }, cache: 'no-store' });
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  }

  async function decide(dossier, change, verdict, withCauses) {
    const reason = window.prompt(w('held_why'));
    if (!reason || !reason.trim()) return;
    const body = { dossier, change, verdict, reason, operator: $('held-operator').value.trim(), with_causes: withCauses };
    try {
      const response = await fetch(`${API}/decisions`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), cache: 'no-store' });
      const answer = await response.json();
      if (answer.error && answer.error.code === 'causes' && window.confirm(words(answer.error, 'message'))) {
        body.with_causes = true;
        const again = await fetch(`${API}/decisions`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), cache: 'no-store' });
        const second = await again.json();
        say(second.error ? words(second.error, 'message') : w('held_decided'), Boolean(second.error));
      } else {
        say(answer.error ? words(answer.error, 'message') : w('held_decided'), Boolean(answer.error));
      }
      shown = '';
      poll();
    } catch {
      say(w('held_broken'), true);
    }
  }

  function buttons(dossier, entry) {
    const make = (key, verdict) => {
      const button = el('button', { type: 'button' }, w(key));
      button.addEventListener('click', () => decide(dossier, entry.change, verdict, false));
      return button;
    };
    const release = ['banned', 'suspended', 'decided', 'builds-on-held', 'revoked-meanwhile'].includes(entry.reason);
    const keep = entry.verdict !== 'quarantined';
    return [release && make('held_release', 'release'), keep && make('held_quarantine', 'quarantine')].filter(Boolean);
  }

  function row(line) {
    const entries = line.entries.map((entry) => el('li', { 'data-change': entry.change },
      `${w(`held_${entry.verdict}`)}: ${words(entry, 'reason')} – ${entry.office && entry.office.name ? entry.office.name : '–'}, ${timeOf(entry.written_at)} `,
      ...buttons(line.dossier, entry)));
    return el('li', { 'data-dossier': line.dossier }, line.code || line.dossier, el('ul', {}, ...entries));
  }

  async function poll() {
    clearTimeout(timer);
    timer = setTimeout(poll, EVERY_MS);
    if (document.hidden) return;
    try {
      const [{ dossiers }, { purges }] = await Promise.all([get('/held'), get('/purges')]);
      const open = purges.filter((purge) => purge.confirmed.length === 0);
      const print = JSON.stringify([dossiers, open, lang]);
      if (print === shown) return;
      shown = print;
      $('held-none').hidden = dossiers.length > 0;
      $('held-list').replaceChildren(...dossiers.map(row));
      $('purge-none').hidden = open.length > 0;
      $('purge-list').replaceChildren(...open.map((purge) => el('li', {},
        w('purge_line', purge.name || purge.office, purge.dossier.slice(0, 12), timeOf(purge.revoked_at)))));
    } catch { /* the line above says when the hub does not answer */ }
  }

  document.addEventListener('visibilitychange', poll);
  poll();
})();
