// What is typed before there is a dossier, field by field: see design/drafts.md. A tab sends the fields
// in which somebody typed, with the numbers of the values it had shown when the typing began, and
// never a whole form. What could not be sent yet stays in the tab's own storage, which a reload survives.
'use strict';

const DRAFT = 'motcua.draft';
const PC = 'motcua.pc';
const DRAFT_WAIT_MS = 300;      // after the last key; a save costs the machine one sync of its disk
const DRAFT_LOOK_MS = 2000;     // how often a form that is looked at asks what others typed

const draft = {
  id: null, revision: 0, phase: 'open', dossier: null,
  base: new Map(),    // field -> what this tab showed last, from the node or sent to it
  seen: new Map(),    // field -> numbers of those values
  choices: new Map(), // field -> values that wait for a person
  scans: new Map(),   // files of the scanner's folder that are to be attached -> their names
  late: [],           // typed after it had become a dossier
  news: [],           // what others changed meanwhile
  tab: newKey(), state: 'new', at: 0, saving: false, running: null, again: false, wait: 0,
};

// A name of this browser, so that two values can be told apart before there are accounts.
function pcName() {
  let name = recall(localStorage, PC);
  if (!name) { name = newKey().slice(0, 4).toUpperCase(); remember(localStorage, PC, name); }
  return name;
}

const draftKey = () => `draft-${draft.id}`;

// ---- what stands in the form ----

function formValues() {
  const values = new Map(FIELDS.map((id) => [id, $(id).value]));
  // Until the procedures have come the list cannot show what is chosen: that is not an emptied field.
  if (!values.get('procedure')) values.set('procedure', register.wanted || '');
  for (const row of $('papers').children) {
    const { name, form, count } = paperOf(row);
    const untouched = !name && form === 'original' && count === '1';
    const field = `paper.${row.dataset.key}`;
    if (!untouched || draft.base.has(field)) values.set(field, untouched ? '' : JSON.stringify([name, form, count]));
  }
  for (const [file, name] of draft.scans) values.set(`scan.${file}`, name);
  for (const field of draft.base.keys()) if (!values.has(field)) values.set(field, ''); // a line that was removed
  return values;
}

function typedFields() {
  return Array.from(formValues()).filter(([field, value]) => value !== (draft.base.get(field) || ''));
}

function showValue(field, value) {
  if (field.startsWith('scan.')) { draft.scans.set(field.slice(5), value); return; }
  if (!field.startsWith('paper.')) {
    if (field === 'procedure') { register.wanted = value; $('procedure').value = value; showProcedures(); }
    else if ($(field)) $(field).value = value;
    return;
  }
  const key = field.slice(6);
  let row = Array.from($('papers').children).find((one) => one.dataset.key === key);
  if (!value) { if (row && $('papers').children.length > 1) row.remove(); labelPapers(); return; }
  let parts;
  try { parts = JSON.parse(value); } catch { return; }
  if (!Array.isArray(parts)) return;
  const [name, form, count] = parts;
  if (!row) {
    // A line that nobody typed into makes room.
    const first = $('papers').children[0];
    const empty = first && $('papers').children.length === 1 && !first.querySelector('.paper-name').value && !draft.base.has(`paper.${first.dataset.key}`);
    if (empty) { row = first; row.dataset.key = key; } else { addPaper(null); row = $('papers').lastElementChild; row.dataset.key = key; }
  }
  row.querySelector('.paper-name').value = name;
  row.querySelector('.paper-form').value = form;
  row.querySelector('.paper-count').value = count;
}

// ---- one draft in this tab ----

function forgetDraft() {
  clearTimeout(draft.wait);
  Object.assign(draft, {
    id: newKey(), revision: 0, phase: 'open', dossier: null, base: new Map(), seen: new Map(), choices: new Map(),
    scans: new Map(), late: [], news: [], state: 'new', at: 0, again: false,
  });
  remember(sessionStorage, DRAFT, null);
}

// So that a reload, also of a tab that cannot reach the machine, loses nothing.
function keepInTab() {
  remember(sessionStorage, DRAFT, JSON.stringify({
    id: draft.id, tab: draft.tab, revision: draft.revision, values: Array.from(formValues()), base: Array.from(draft.base), seen: Array.from(draft.seen),
  }));
}

function keptInTab() {
  try {
    const kept = JSON.parse(recall(sessionStorage, DRAFT));
    return kept && /^[0-9a-f]{32}$/.test(kept.id) && Array.isArray(kept.values) ? kept : null;
  } catch { return null; }
}

// Opens the draft that the address names, or the one this tab was in, or a new one.
function openDraft(id) {
  const kept = keptInTab();
  const same = kept && (!id || kept.id === id);
  forgetDraft();
  if (same) {
    Object.assign(draft, { id: kept.id, tab: kept.tab, revision: kept.revision, base: new Map(kept.base), seen: new Map(kept.seen) });
    for (const [field, value] of kept.values) showValue(field, value);
    keepInTab();
    askWhoHasThisTab();
    if (typedFields().length) saveSoon();
  } else if (id) draft.id = id;
  showDraft();
  if (id || same) lookAtDraft(Boolean(id) && !same);
}

// A duplicated tab brings its storage along: the copy takes another name, or its saves would replace
// what the first one typed.
const otherTabs = 'BroadcastChannel' in window ? new BroadcastChannel('motcua.draft') : null;
const birth = newKey();
if (otherTabs) {
  otherTabs.onmessage = ({ data }) => {
    if (data.ask === draft.tab && data.birth !== birth) otherTabs.postMessage({ taken: draft.tab, to: data.birth });
    if (data.taken === draft.tab && data.to === birth) draft.tab = newKey();
    if (data.changed === draft.id && data.birth !== birth) lookAtDraft(false);
  };
}
function askWhoHasThisTab() {
  if (otherTabs) otherTabs.postMessage({ ask: draft.tab, birth });
}

// Takes in what the node has. What somebody is typing here is left alone.
function takeIn(answer, sent) {
  const others = [];
  const late = new Set(Object.entries(answer.late).filter(([, all]) => all.some((one) => one.tab === draft.tab)).map(([field]) => field));
  for (const [field, values] of Object.entries(answer.fields)) {
    const mine = formValues().get(field) || '';
    const typing = mine !== (draft.base.get(field) || '') && !(sent && sent.get(field) === mine);
    const own = values.find((one) => one.tab === draft.tab);
    if (values.length > 1) draft.choices.set(field, values); else draft.choices.delete(field);
    if (sent && sent.has(field) && own) draft.base.set(field, own.value);
    if (typing || late.has(field)) continue;
    const shown = own || values.find((one) => one.value === mine) || values[0];
    if (shown.value !== mine) { showValue(field, shown.value); }
    if (shown.value !== (draft.base.get(field) || '') && !own && draft.revision > 0) others.push({ field, ...shown });
    draft.base.set(field, shown.value);
    draft.seen.set(field, values.length > 1 ? [shown.n] : values.map((one) => one.n));
  }
  draft.late = Object.entries(answer.late).flatMap(([field, all]) => all.map((one) => ({ field, ...one })));
  // What was typed too late stands with the node now, and is not sent again.
  for (const one of draft.late) if (one.tab === draft.tab) draft.base.set(one.field, one.value);
  // Nobody may have looked between two of them: the last word on each field stays said.
  if (others.length) draft.news = draft.news.filter((one) => !others.some((other) => other.field === one.field)).concat(others);
  Object.assign(draft, { revision: answer.revision, phase: answer.phase, dossier: answer.dossier || null, discarded: answer.discarded || null });
  keepInTab();
  showDraft();
}

// Asks what others typed. `fresh`: the tab has nothing of it yet.
async function lookAtDraft(fresh) {
  if (!draft.id || draft.saving || (!fresh && draft.revision === 0)) return;
  const id = draft.id;
  try {
    const answer = await api('GET', `/drafts/${id}`, { timeout: POLL_TIMEOUT_MS });
    if (draft.id !== id || draft.saving) return;
    if (draft.state === 'unreachable' || draft.state === 'new') Object.assign(draft, { state: 'saved', at: now() });
    if (answer.revision !== draft.revision) takeIn(answer);
    if (typedFields().length) saveSoon(); else showDraft();
  } catch (failure) {
    if (draft.id !== id) return;
    if (failure.kind === 'refused' && failure.body.code === 'no_draft') { if (fresh) draft.state = 'gone'; } else if (failure.doubtful) draft.state = 'unreachable';
    showDraft();
  }
}

function typedSomething() {
  keepInTab();
  if (draft.state !== 'unreachable') draft.state = 'typing';
  saveSoon();
}

function saveSoon() {
  clearTimeout(draft.wait);
  draft.wait = setTimeout(saveDraft, DRAFT_WAIT_MS);
}

// `last`: before it is registered, when nothing more is typed; waits for a save that is under way.
async function saveDraft(last) {
  clearTimeout(draft.wait);
  if (!draft.id || (register.sending && last !== true)) return;
  if (draft.saving && last !== true) { draft.again = true; return; }
  await draft.running;
  draft.running = saveOnce(draft.id);
  await draft.running;
}

async function saveOnce(id) {
  draft.saving = true;
  try {
    // Whoever is behind learns it before anything is saved.
    if (draft.revision > 0) {
      const answer = await api('GET', `/drafts/${id}`, { timeout: POLL_TIMEOUT_MS });
      if (draft.id !== id) return;
      if (answer.revision !== draft.revision) takeIn(answer);
    }
    const sent = new Map(typedFields());
    if (sent.size) {
      const changes = Array.from(sent, ([field, value]) => ({ field, value, seen: draft.seen.get(field) || [] }));
      const answer = await api('POST', `/drafts/${id}`, { body: { changes, clerk: clerk(), pc: pcName(), tab: draft.tab } });
      if (draft.id !== id) return;
      takeIn(answer, sent);
      if (otherTabs) otherTabs.postMessage({ changed: id, birth });
    }
    Object.assign(draft, { state: 'saved', at: now() });
    if (location.hash === '#/register') history.replaceState(null, '', `#/register/${id}`);
  } catch (failure) {
    if (draft.id !== id) return;
    draft.state = failure.doubtful ? 'unreachable' : 'refused';
    draft.why = failure;
    clearTimeout(draft.wait);
    if (failure.doubtful) draft.wait = setTimeout(saveDraft, DRAFT_LOOK_MS);
  } finally {
    draft.saving = false;
    if (draft.again) { draft.again = false; saveSoon(); }
    if (draft.id === id) showDraft();
  }
}

// A person has chosen: a save that has seen all of them.
async function chooseValue(field, value) {
  const seen = (draft.choices.get(field) || []).map((one) => one.n);
  try {
    const answer = await api('POST', `/drafts/${draft.id}`, { body: { changes: [{ field, value, seen }], clerk: clerk(), pc: pcName(), tab: draft.tab } });
    showValue(field, value);
    draft.base.set(field, value);
    takeIn(answer);
    if (otherTabs) otherTabs.postMessage({ changed: draft.id, birth });
    if ($(field)) $(field).focus();
  } catch (failure) {
    Object.assign(draft, { state: failure.doubtful ? 'unreachable' : 'refused', why: failure });
    showDraft();
  }
}

async function discardDraft(id) {
  await api('DELETE', `/drafts/${id}`, { body: { clerk: clerk() || pcName() } });
}

// What was typed too late becomes a note on the dossier that asks for the correction.
async function offerLate() {
  const { id, dossier, late } = draft;
  const numbers = late.map((one) => one.n);
  const text = w('late_note', late.map((one) => `${fieldWords(one.field)}: ${valueWords(one)}`).join('; '));
  try {
    await api('POST', `/dossiers/${dossier.id}/notes`, { body: { text, clerk: clerk() }, key: `${draftKey()}-late-${numbers.join('-')}` });
    const answer = await api('POST', `/drafts/${id}/settled`, { body: { numbers } });
    if (draft.id !== id) return;
    takeIn(answer);
    location.hash = `#/d/${encodeURIComponent(dossier.id)}`;
  } catch (failure) {
    Object.assign(draft, { state: failure.doubtful ? 'unreachable' : 'refused', why: failure });
    showDraft();
  }
}
