// Bundle files: work carried on a stick where no link leads. The link downloads the file that the
// node writes; the form hands it the file that came back. Words, $ and w come from app.js.
(() => {
  const say = (text, bad) => {
    const line = $('bundle-said');
    line.textContent = text;
    line.className = bad ? 'problem' : '';
    line.hidden = !text;
  };

  async function take(event) {
    event.preventDefault();
    const file = $('bundle-file').files[0];
    if (!file) { say(w('bundle_choose'), true); return; }
    say(w('bundle_working'), false);
    $('bundle-take').disabled = true;
    try {
      // No time limit: a large file on an old machine takes as long as it takes.
      const response = await fetch(`${API}/bundle`, { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' }, cache: 'no-store' });
      const answer = await response.json();
      if (answer.error) say(both(answer.error, 'message'), true);
      else { say(both(answer, 'words'), false); $('bundle-form').reset(); }
    } catch {
      say(w('bundle_broken'), true);
    } finally {
      $('bundle-take').disabled = false;
    }
  }

  $('bundle-form').addEventListener('submit', take);
})();
