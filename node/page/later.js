// Views that few open: their scripts are fetched when one is opened for the first time, so that the first page stays
// light on a poor office network. Until a script is there its view is not shown: nothing is pressed in vain.
'use strict';

const LATER = {
  hand: { src: '/hand.js', open: () => openHand(), relabel: () => relabelHand() },
  import: { src: '/import.js', open: () => openImport(), relabel: () => drawImport() },
  stead: { src: '/stead.js', open: () => openStead(), relabel: () => { if (view.name === 'stead') { openStead(); drawStead(); } } },
  setup: { src: '/setup.js', open: () => openSetup(), relabel: () => { if (view.name === 'setup') openSetup(); } },
  emergency: { src: '/emergency.js', open: () => openEmergency(), relabel: () => relabelEmergency() },
  cash: { src: '/cash.js', open: () => openCash(), relabel: () => { drawCash(); loadMoneyLists(); } },
};
const fetched = new Map(); // by view: the promise, and whether it is there

function fetchScript(src) {
  return new Promise((done, failed) => {
    const script = el('script', { src });
    script.addEventListener('load', done);
    script.addEventListener('error', () => { script.remove(); failed(); });
    document.head.append(script);
  });
}

// Their words come with the first of them.
let wordsComing = null;
function fetchWords() {
  if (!wordsComing) wordsComing = fetchScript('/words_later.js').then(() => {
    for (const language of Object.keys(WORDS)) Object.assign(WORDS[language], WORDS_LATER[language]);
    sayFixedWords(lang);
  });
  wordsComing.catch(() => { wordsComing = null; });
  return wordsComing;
}

function fetchView(name) {
  if (fetched.has(name)) return fetched.get(name).coming;
  const one = { there: false };
  one.coming = Promise.all([fetchWords(), fetchScript(LATER[name].src)]).then(() => { one.there = true; });
  one.coming.catch(() => fetched.delete(name));
  fetched.set(name, one);
  return one.coming;
}

function openLater(name) {
  const box = $(`view-${name}`);
  box.hidden = true;
  problem('view-failed', '');
  fetchView(name).then(() => {
    if (view.name !== name) return;
    box.hidden = false;
    LATER[name].open();
    $(`${name}-title`).focus();
  }, () => { if (view.name === name) problem('view-failed', w('view_failed'), () => openLater(name)); });
}

// The list of the scanner's folder, where this machine has one: asked once for each tab.
const folderPart = { asked: false, coming: null };
function fetchFolder() {
  if (!folderPart.coming) folderPart.coming = Promise.all([fetchWords(), fetchScript('/scan_folder.js')]);
  folderPart.coming.catch(() => { folderPart.coming = null; });
  return folderPart.coming;
}

async function lookForFolder() {
  if (folderPart.asked || isLocked() || !['register', 'dossier'].includes(view.name) || !mayDo('reception', 'specialist', 'leader')) return;
  folderPart.asked = true;
  try {
    if ((await api('GET', '/scan-folder')).state !== 'not_set') await fetchFolder();
  } catch { folderPart.asked = false; }
}

const isFetched = (name) => fetched.has(name) && fetched.get(name).there;

function relabelLater() {
  for (const [name, { relabel }] of Object.entries(LATER)) if (isFetched(name)) relabel();
  if (folderPart.coming && $('folder-panel')) relabelFolder();
}
