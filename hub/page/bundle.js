// Bundle files for offices without a link: the answer to one that was taken in, and one made first.
'use strict';

function bundleTaken(answer) {
  const reply = answer.reply ? [' ', el('a', { href: answer.reply, download: '' }, w('bundle_reply'))] : [];
  tell('bundle-said', false, both(answer, 'words'), ...reply);
}

async function makeBundle(event) {
  event.preventDefault();
  const office = $('bundle-office').value.trim();
  if (!office) { tell('bundle-said', true, w('bundle_which')); return; }
  tell('bundle-said', false, w('bundle_working'));
  try {
    const response = await fetch(`${API}/bundle?office=${encodeURIComponent(office)}`, { cache: 'no-store' });
    if (!response.ok) { tell('bundle-said', true, both((await response.json()).error, 'message')); return; }
    const about = JSON.parse(response.headers.get('x-motcua-bundle') || '{}');
    const file = URL.createObjectURL(await response.blob());
    const link = el('a', { href: file, download: `motcua-${Math.round(Date.now() / 1000)}.mcb` });
    link.click();
    URL.revokeObjectURL(file);
    tell('bundle-said', false, both(about, 'words'));
  } catch {
    tell('bundle-said', true, w('bundle_broken'));
  }
}
