// Bundle files: work carried on a stick where no link leads. The form hands the service the file that
// was brought; `taken` shows the answer.
'use strict';

function startBundles(taken) {
  $('bundle-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const file = $('bundle-file').files[0];
    if (!file) { tell('bundle-said', true, w('bundle_choose')); return; }
    tell('bundle-said', false, w('bundle_working'));
    $('bundle-take').disabled = true;
    try {
      // No time limit: a large file on an old machine takes as long as it takes.
      const response = await fetch(`${API}/bundle`, { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' }, cache: 'no-store' });
      const answer = await response.json();
      if (answer.error) tell('bundle-said', true, both(answer.error, 'message'));
      else { taken(answer); $('bundle-form').reset(); }
    } catch {
      tell('bundle-said', true, w('bundle_broken'));
    } finally {
      $('bundle-take').disabled = false;
    }
  });
}
