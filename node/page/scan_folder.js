// What lies in the folder of the office's scanner, on the form and on a dossier's page: fetched by later.js where the
// machine has such a folder. Files are chosen by a person, one by one; F10 goes there, and attaches what is chosen.
'use strict';

const FOLDER_LOOK_MS = 2000;    // as long as the list is looked at
const FOLDER_MARK = { ready: 'ok', cut: 'alarm', growing: 'half', empty: 'ring', unreadable: 'alarm' };

const folder = { data: null, chosen: new Set(), keys: new Map(), busy: false, asking: false, drawn: '', shown: '', of: '' };

const folderIsHere = () => ['register', 'dossier'].includes(view.name) && !(view.name === 'register' && $('register-form').hidden);

function makeFolder() {
  const head = el('h2', { id: 'folder-title' }, el('span', { id: 'folder-word' }), ' ', el('kbd', {}, 'F10'));
  const send = el('button', { type: 'button', id: 'folder-send' });
  send.addEventListener('click', attachChosen);
  const panel = el('section', { class: 'panel', id: 'folder-panel', 'aria-labelledby': 'folder-title' },
    head, el('p', { class: 'hint', id: 'folder-hint' }), el('p', { id: 'folder-state', role: 'status' }),
    el('ul', { id: 'folder-files', class: 'lines' }), el('p', { class: 'buttons' }, send),
    el('div', { id: 'folder-said', role: 'status' }), el('div', { id: 'folder-problem', class: 'problem', role: 'alert', hidden: true }));
  $('saved-panel').append(el('div', { id: 'saved-scans', role: 'status' }));
  return panel;
}

// The panel stands on the view that is shown.
function placeFolder() {
  const panel = $('folder-panel') || makeFolder();
  const of = view.name === 'dossier' ? `d ${dossier.id}` : `r ${draft.id}`;
  if (folder.of !== of) {
    Object.assign(folder, { of, drawn: '', shown: '', data: null });
    folder.chosen.clear();
    if ($('folder-panel')) { fill('folder-said'); fill('folder-files'); problem('folder-problem', ''); }
    const before = (view.name === 'dossier' ? $('scan-drop') : $('paper-add')).closest('section.panel, fieldset');
    if (before.nextSibling !== panel) before.after(panel);
  }
}

async function lookIntoFolder() {
  if (document.hidden || isLocked() || folder.asking || !folderIsHere()) return;
  placeFolder();
  folder.asking = true;
  const { of } = folder;
  try {
    const data = await api('GET', `/scan-folder${view.name === 'dossier' ? `?dossier=${encodeURIComponent(dossier.id)}` : ''}`);
    if (folder.of !== of) return;
    folder.data = data;
    drawFolder();
  } catch (failure) {
    if (folder.of !== of) return;
    folder.data = null;
    folder.drawn = '';
    $('folder-state').textContent = failure.words();
  } finally {
    folder.asking = false;
  }
}

const isFit = (file) => file.media !== null;
const isChosen = (file) => (view.name === 'register' ? Boolean(draft.scans.get(file.id)) : folder.chosen.has(file.id));
const chosenFiles = () => (folder.data ? folder.data.files.filter((file) => isFit(file) && isChosen(file)) : []);

function drawFolder() {
  if (!folder.data || !$('folder-panel')) return;
  const { data } = folder;
  const print = JSON.stringify([data, lang, folder.shown, Array.from(folder.chosen), Array.from(draft.scans), folder.busy, Math.floor(now() / 60000)]);
  if (print === folder.drawn) return;
  folder.drawn = print;
  const focused = document.activeElement && $('folder-panel').contains(document.activeElement) ? document.activeElement.id : '';
  $('folder-word').textContent = w('folder_title');
  $('folder-hint').textContent = w(view.name === 'dossier' ? 'folder_hint' : 'folder_hint_draft');
  const trouble = data.state !== 'ok';
  fill('folder-state', ...(trouble ? [mark('alarm'), ' ', both(data, 'words')]
    : [data.total ? w('folder_count', data.total) + (data.more ? w('folder_more', data.files.length) : '') : w('folder_none'), ...(data.can_write ? [] : [' ', mark('alarm'), ' ', w('folder_read_only')])]));
  fill('folder-files', ...data.files.map(folderLine));
  $('folder-send').hidden = view.name !== 'dossier' || !data.files.some(isFit);
  showChosen();
  if (focused && $(focused)) $(focused).focus();
}

function folderLine(file) {
  const box = el('input', { type: 'checkbox', id: `file-${file.id}`, 'aria-describedby': `about-${file.id}` });
  box.checked = isChosen(file);
  box.disabled = !isFit(file) || folder.busy;
  box.addEventListener('change', () => chooseFile(file, box.checked));
  const about = [scanSize(file.size), w('ago', span(Math.max(0, now() - file.at)))].join(' · ');
  const look = el('button', { type: 'button', class: 'plain', id: `look-${file.id}`, 'aria-label': `${w('folder_look')}: ${file.name}` }, w('folder_look'));
  const isPicture = ['image/jpeg', 'image/png'].includes(file.media);
  if (isPicture) look.setAttribute('aria-expanded', String(folder.shown === file.id));
  const src = `${API}/scan-folder/files/${file.id}`;
  look.addEventListener('click', () => {
    if (!isPicture) { window.open(src, '_blank', 'noopener'); return; }
    folder.shown = folder.shown === file.id ? '' : file.id;
    drawFolder();
  });
  return el('li', { 'data-file': file.id, 'data-state': file.state },
    el('p', {}, el('label', { for: box.id, class: 'check' }, box, ' ', el('strong', {}, file.name)), isFit(file) ? ' ' : null, isFit(file) ? look : null),
    el('p', { class: 'soft', id: `about-${file.id}` }, about),
    file.offered ? el('p', {}, mark('ok'), ' ', w(`folder_offered_${file.offered}`)) : null,
    file.state === 'ready' ? null : el('p', { class: isFit(file) || file.state === 'unreadable' ? 'alarm' : 'soft' }, mark(FOLDER_MARK[file.state] || 'dash'), ' ', both(file, 'words')),
    ...file.attached.map((one) => el('p', {}, mark('ok'), ' ', w('folder_attached'), ' ', el('a', { class: 'code', href: `#/d/${encodeURIComponent(one.id)}` }, one.code || w('no_code')))),
    folder.shown === file.id ? el('img', { src, alt: file.name, class: 'scan-look' }) : null);
}

function chooseFile(file, on) {
  if (view.name === 'register') {
    // Kept with the draft, where a colleague finds it.
    draft.scans.set(file.id, on ? file.name : '');
    typedSomething();
  } else if (on) folder.chosen.add(file.id);
  else folder.chosen.delete(file.id);
  showChosen();
}

function showChosen() {
  const count = chosenFiles().length;
  $('folder-send').textContent = w('folder_send', count);
  $('folder-send').disabled = count === 0 || folder.busy;
}

async function attachChosen() {
  const ids = chosenFiles().map((file) => file.id);
  if (view.name !== 'dossier' || folder.busy || !ids.length) return;
  folder.busy = true;
  drawFolder();
  problem('folder-problem', '');
  const { of } = folder;
  const ended = await attachFiles(dossier.id, ids, 'folder-said', 'folder-problem', () => folder.of === of);
  folder.busy = false;
  if (folder.of !== of) return;
  if (ended) folder.chosen.clear();
  folder.drawn = '';
  drawFolder();
  loadDossier();
  await lookIntoFolder();
  // The button rests now: the next one is found from the title.
  if (ended && (document.activeElement === document.body || document.activeElement === $('folder-send'))) focusFolder();
}

// Says of each file what became of it; true unless the answer is in doubt.
async function attachFiles(id, files, said, trouble, isShown = () => true) {
  const name = JSON.stringify([id, files]);
  if (!folder.keys.has(name)) folder.keys.set(name, newKey());
  try {
    const answer = await api('POST', '/scan-folder/attached', { body: { dossier: id, files, clerk: clerk() }, key: folder.keys.get(name), timeout: SCAN_TIMEOUT_MS });
    folder.keys.delete(name);
    if (isShown()) {
      fill(said, ...answer.attached.map((one) => el('p', {}, mark(one.moved ? 'ok' : 'alarm'), ' ', both(one, 'words'))),
        ...answer.refused.map((one) => el('p', { class: 'alarm' }, mark('alarm'), ' ', w('folder_not', both(one.error, 'message')))));
    }
    return true;
  } catch (failure) {
    if (!failure.doubtful) folder.keys.delete(name);
    if (isShown()) problem(trouble, failure.doubtful ? w('doubtful_action', failure.words()) : w('not_saved', failure.words()), () => attachFiles(id, files, said, trouble, isShown).then(loadDossier));
    return !failure.doubtful;
  }
}

// What was chosen for a draft, once it is a dossier.
function attachDraftScans(id, files) {
  if (!$('folder-panel')) placeFolder();
  fill('saved-scans', el('p', {}, w('folder_saving', files.length)));
  attachFiles(id, files, 'saved-scans', 'saved-problem');
}

function focusFolder() {
  const first = $('folder-files') && $('folder-files').querySelector('input:enabled');
  if (first) first.focus(); else if ($('folder-title')) { $('folder-title').tabIndex = -1; $('folder-title').focus(); }
}

function folderKey(event) {
  if (event.key !== 'F10' || isLocked() || event.ctrlKey || event.altKey || event.shiftKey || event.metaKey || event.repeat || !folderIsHere()) return;
  event.preventDefault();
  if (view.name === 'dossier' && chosenFiles().length) attachChosen(); else focusFolder();
}

function relabelFolder() {
  folder.drawn = '';
  drawFolder();
}

document.addEventListener('keydown', folderKey);
window.addEventListener('hashchange', lookIntoFolder);
setInterval(lookIntoFolder, FOLDER_LOOK_MS);
lookIntoFolder();
