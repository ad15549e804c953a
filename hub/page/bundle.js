// Bundle files: offices without a link send theirs on a stick. The form hands the file to the hub;
// the link then downloads the answer to be carried back. Words, $ and w come from app.js.
(() => {
  const say = (text, bad, reply) => {
    const line = $('bundle-said');
    line.replaceChildren(text);
    line.className = bad ? 'problem' : '';
    line.hidden = !text;
    if (reply) line.append(' ', el('a', { href: reply, download: '' }, w('bundle_reply')));
  };
  const words = (answer, name) => answer[`${name}_${lang}`] || answer[`${name}_vi`] || '';

  async function take(event) {
    event.preventDefault();
    const file = $('bundle-file').files[0];
    if (!file) { say(w('bundle_choose'), true); return; }
    say(w('bundle_working'), false);
    $('bundle-take').disabled = true;
    try {
      // No time limit: a large file takes as long as it takes.
      const response = await fetch(`${API}/bundle`, { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' }, cache: 'no-store' });
      const answer = await response.json();
      if (answer.error) say(words(answer.error, 'message'), true);
      else { say(words(answer, 'words'), false, answer.reply); $('bundle-form').reset(); }
    } catch {
      say(w('bundle_broken'), true);
    } finally {
      $('bundle-take').disabled = false;
    }
  }

  async function make(event) {
    event.preventDefault();
    const office = $('bundle-office').value.trim();
    if (!office) { say(w('bundle_which'), true); return; }
    say(w('bundle_working'), false);
    try {
      const response = await fetch(`${API}/bundle?office=${encodeURIComponent(office)}`, { cache: 'no-store' });
      if (!response.ok) { say(words((await response.json()).error, 'message'), true); return; }
      const about = JSON.parse(response.headers.get('x-motcua-bundle') || '{}');
      const file = URL.createObjectURL(await response.blob());
      const link = el('a', { href: file, download: `motcua-${Math.round(Date.now() / 1000)}.mcb` });
      link.click();
      URL.revokeObjectURL(file);
      say(words(about, 'words'), false);
    } catch {
      say(w('bundle_broken'), true);
    }
  }

  $('bundle-form').addEventListener('submit', take);
  $('bundle-make-form').addEventListener('submit', make);
})();
