// This counter: its printer, its scanner, and how the office's machine is. Fetched by later.js. What is chosen is kept
// in this browser; nothing here changes a dossier.
'use strict';

const MEASURED = 'motcua.measured';  // by paper: who measured the test sheet on this PC, and when
const SHEETS = ['a4', 'a5', '80'];
const BURST_MS = 1500;               // behind the last key of a scanner
const SHIFTED = ')!@#$%^&*(';         // what stands above the digits of a US keyboard, which some scanners type without saying Shift
const SLOW_MS = 50;                  // a scanner is faster, a person slower

const setup = { made: false, expected: null, keys: [], timer: 0, composed: false, lang: '' };

const readKept = (name) => { try { return JSON.parse(recall(localStorage, name)) || {}; } catch { return {}; } };

function openSetup() {
  if (!setup.made || setup.lang !== lang) makeSetup();
  loadExpected();
  loadMachine();
  loadStart();
}

function panelOf(name, title, ...parts) {
  return el('section', { class: 'panel', 'aria-labelledby': `${name}-heading` }, el('h2', { id: `${name}-heading` }, w(title)), ...parts);
}

function button(id, word, press) {
  const made = el('button', { type: 'button', id, class: 'plain' }, word);
  made.addEventListener('click', press);
  return made;
}

function makeSetup() {
  const focused = setup.made && document.activeElement ? document.activeElement.id : '';
  Object.assign(setup, { made: true, lang });
  const paper = el('select', { id: 'trial-paper', 'aria-describedby': 'trial-hint' }, ...SHEETS.map((sheet) => el('option', { value: sheet }, paperWord(sheet))));
  const usual = recall(localStorage, `${PAPER}.receipt`);
  paper.value = SHEETS.includes(usual) ? usual : 'a5';
  paper.addEventListener('change', () => {
    remember(localStorage, `${PAPER}.receipt`, paper.value);
    if (paper.value !== 'a4') remember(localStorage, `${PAPER}.payment`, paper.value); // which has no A4
    showMeasured();
  });
  const field = el('input', { id: 'trial-field', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'trial-field-hint' });
  watchField(field);
  const start = el('form', { id: 'start-form', class: 'tools', novalidate: true },
    el('div', { class: 'field' }, el('label', { for: 'start-number' }, w('start_number')), el('input', { id: 'start-number', inputmode: 'numeric', maxlength: '4', autocomplete: 'off' })),
    el('button', { type: 'submit', id: 'start-send', class: 'plain' }, w('start_send')));
  start.addEventListener('submit', sendStart);
  fill('setup-body', el('p', { class: 'hint' }, w('setup_hint')),
    panelOf('printer', 'printer_title',
      el('div', { class: 'field' }, el('label', { for: 'trial-paper' }, w('printer_paper')), paper, el('p', { class: 'hint', id: 'trial-hint' }, w('printer_hint'))),
      el('p', { class: 'buttons' }, button('trial-show', w('printer_show'), () => window.open(`${API}/test-sheet?paper=${$('trial-paper').value}`, '_blank', 'noopener'))),
      el('p', { id: 'trial-measure' }),
      el('p', { class: 'buttons' }, button('trial-right', '', () => measured(true)), ' ', button('trial-wrong', w('printer_wrong'), () => measured(false))),
      el('div', { id: 'trial-measured', role: 'status' })),
    panelOf('scanner', 'scanner_title',
      el('div', { class: 'field' }, el('label', { for: 'trial-field' }, w('scanner_field')), field, el('p', { class: 'hint', id: 'trial-field-hint' }, w('scanner_hint'))),
      el('div', { id: 'trial-said', role: 'status' })),
    panelOf('machine', 'machine_title', el('dl', { id: 'machine-facts', class: 'facts' }), el('div', { id: 'machine-problem', class: 'problem', role: 'alert', hidden: true })),
    panelOf('start', 'start_title', el('p', { id: 'start-said', role: 'status' }), start, el('p', { id: 'start-problem', class: 'error', role: 'alert', hidden: true })));
  showMeasured();
  if (focused && $(focused)) $(focused).focus();
}

// ---- the printer ----

async function loadExpected() {
  if (setup.expected) return;
  try {
    setup.expected = await api('GET', '/test-sheet/expected');
    if (setup.made) showMeasured();
  } catch { /* the line at the top says when the machine does not answer */ }
}

function showMeasured() {
  const sheet = $('trial-paper').value;
  const { ruler, short_ruler } = setup.expected || { ruler: 100, short_ruler: 60 };
  $('trial-measure').textContent = w('printer_measure', ruler, sheet === '80' ? short_ruler : ruler);
  $('trial-right').textContent = w('printer_right', ruler);
  const kept = readKept(MEASURED)[sheet];
  fill('trial-measured', el('p', {}, mark(kept ? 'ok' : 'ring'), ' ', kept ? w('printer_confirmed', kept.by || w('printer_somebody'), paperWord(sheet), timeOf(kept.at)) : w('printer_unconfirmed', paperWord(sheet))));
}

function measured(right) {
  const sheet = $('trial-paper').value;
  const all = readKept(MEASURED);
  if (right) all[sheet] = { by: clerk(), at: now() }; else delete all[sheet];
  remember(localStorage, MEASURED, JSON.stringify(all));
  showMeasured();
  if (!right) $('trial-measured').append(el('p', { class: 'alarm' }, mark('alarm'), ' ', w('printer_fix')));
}

// ---- the scanner ----

function watchField(field) {
  const over = () => {
    clearTimeout(setup.timer);
    if (!setup.keys.length && !field.value) return;
    showScan(diagnose({ keys: setup.keys, text: field.value, composed: setup.composed, expected: setup.expected }), field.value);
    Object.assign(setup, { keys: [], composed: false });
    field.value = '';
  };
  field.addEventListener('keydown', (event) => {
    // A person who goes on with Tab has scanned nothing.
    if (event.key === 'Tab' && (event.shiftKey || !setup.keys.length)) return;
    if (event.key === 'Enter' || event.key === 'Tab') event.preventDefault();
    setup.keys.push({ key: event.key, code: event.code, shift: event.shiftKey, at: event.timeStamp, ime: event.isComposing || event.keyCode === 229 });
    clearTimeout(setup.timer);
    if (event.key === 'Enter' || event.key === 'Tab') over(); else setup.timer = setTimeout(over, BURST_MS);
  });
  field.addEventListener('compositionstart', () => { setup.composed = true; });
  field.addEventListener('input', () => { clearTimeout(setup.timer); setup.timer = setTimeout(over, BURST_MS); });
}

const bare = (text) => text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/đ/g, 'd').replace(/Đ/g, 'D');

// How many letters of one text stand in the other in their order.
function common(one, other) {
  let row = new Array(other.length + 1).fill(0);
  for (const letter of one) {
    const next = [0];
    for (let at = 0; at < other.length; at += 1) next.push(letter === other[at] ? row[at] + 1 : Math.max(next[at], row[at + 1]));
    row = next;
  }
  return row[other.length];
}

// What came, against what is printed: which of the two codes it was, and what is to be changed, the likeliest first.
// `keys` as they came, `text` what stands in the field. Pure.
function diagnose({ keys, text, composed, expected }) {
  const last = keys.length ? keys[keys.length - 1].key : '';
  const end = last === 'Enter' || last === 'Tab' ? last : '';
  const typed = keys.filter((one) => one.key !== 'Enter' && one.key !== 'Tab' && one.key !== 'Shift');
  const gaps = typed.slice(1).map((one, at) => one.at - typed[at].at).sort((a, b) => a - b);
  const pace = gaps.length ? gaps[Math.floor(gaps.length / 2)] : 0;
  const took = keys.length ? Math.round(keys[keys.length - 1].at - keys[0].at) : 0;
  const told = { code: 'other', found: [], end, took, count: Array.from(text).length };
  const find = (word, ...more) => told.found.push([word, ...more]);
  const codes = expected ? [['digits', expected.digits], ['card', expected.card]] : [];
  // The likest; one that shares less than half is none of them.
  const likely = codes.map(([code, said]) => [code, said, common(bare(text).toLowerCase(), bare(said).toLowerCase()) / Math.max(said.length, text.length, 1)])
    .concat(codes.map(([code, said]) => [code, said, typed.length >= said.length * 0.8 && typed.length <= said.length * 1.6 && text !== said ? 0.5 : 0]))
    .sort((a, b) => b[2] - a[2])[0];
  const ime = composed || typed.some((one) => one.ime || one.key === 'Process' || one.key === 'Backspace');
  const odd = typed.some((one) => /^Digit[0-9]$/.test(one.code) && !one.shift && one.key.length === 1 && one.key !== one.code.slice(5) && one.key !== SHIFTED[Number(one.code.slice(5))]);
  if (likely && likely[2] >= 0.5) {
    const [code, said] = likely;
    told.code = code;
    if (text !== said) {
      const at = text.indexOf(said);
      const swap = (c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase());
      if (at >= 0) find('scan_extra', text.slice(0, at) + text.slice(at + said.length));
      else if (odd) find('scan_layout');
      else if (ime) find('scan_ime');
      else if (Array.from(text).map(swap).join('') === said) find('scan_caps');
      else if (text.normalize('NFC') === said || bare(text) === bare(said) || (/[^\x20-\x7e]/.test(said) && text.replace(/[^\x20-\x7e]|\?/g, '').length >= said.replace(/[^\x20-\x7e]/g, '').length * 0.9 && common(text, said) >= said.replace(/[^\x20-\x7e]/g, '').length * 0.9)) find('scan_marks');
      else if (/[0-9]/.test(said) && code === 'digits' && /[^0-9]/.test(text)) find('scan_ime');
      else if (text.length < said.length && common(text, said) === text.length) find('scan_lost', said.length - text.length);
      else find('scan_other');
    }
  } else if (ime) find('scan_ime');
  else if (odd) find('scan_layout');
  if (!end) find('scan_no_end');
  if (end === 'Tab') find('scan_tab');
  if (pace > SLOW_MS) find('scan_slow', Math.round(pace));
  return told;
}

function showScan(told, text) {
  const bad = told.found.filter(([word]) => word !== 'scan_tab');
  fill('trial-said',
    el('p', {}, mark(told.code === 'other' ? 'ring' : 'ok'), ' ', w(`scanner_is_${told.code}`)),
    !bad.length && told.code !== 'other' ? el('p', {}, mark('ok'), ' ', w('scanner_good', told.count, told.took, told.end)) : null,
    ...told.found.map(([word, ...more]) => el('p', { class: 'alarm', 'data-found': word }, mark('alarm'), ' ', w(word, ...more))),
    el('p', { class: 'soft keys' }, w('scanner_keys', Array.from(text).concat(told.end ? [told.end] : []).join(' '))));
}

// ---- the machine ----

async function loadMachine() {
  try {
    const [about, state] = await Promise.all([api('GET', '/office'), api('GET', '/sync')]);
    let folderNow = null;
    try { folderNow = await api('GET', '/scan-folder'); } catch { /* a role that does not attach */ }
    if (!setup.made) return;
    problem('machine-problem', '');
    const places = state.places.map((place) => w(place.complete ? 'machine_place_full' : 'machine_place_part', w(`machine_place_${place.kind}`)) + (place.trouble_vi ? ` (${both(place, 'trouble')})` : ''));
    const off = state.clock_ahead;
    facts('machine-facts', [
      [w('machine_office'), `${about.office.name || ''} (${about.office.code || ''})`],
      [w('machine_node'), `${about.node.id.slice(0, 12)}, Một Cửa ${about.version}`],
      [w('machine_hub'), about.hub ? about.hub.name : w('machine_no_hub')],
      [w('machine_sync'), both(state, 'words')],
      [w('machine_clock'), off ? w('machine_clock_hub', span(Math.abs(off))) : w('machine_clock_good')],
      [w('machine_copies'), `${w('machine_copies_line', state.copies, state.copies_wanted)} ${places.join('; ')}.${state.only_here_alarm ? ` ${w('machine_alone')}` : ''}`],
      [w('machine_folder'), folderWords(folderNow)],
    ]);
  } catch (failure) {
    problem('machine-problem', failure.words(), loadMachine);
  }
}

function folderWords(now) {
  if (!now) return w('machine_folder_no_right');
  if (now.state === 'not_set') return w('machine_folder_none');
  const parts = [now.path, `${both(now, 'words')}${/[.!]$/.test(both(now, 'words')) ? '' : '.'}`];
  if (now.state === 'ok') parts.push(w('machine_folder_waits', now.total), now.can_write ? '' : w('folder_read_only'));
  return parts.filter(Boolean).join(' ');
}

// ---- where today's numbers go on ----

async function loadStart() {
  try {
    const { start } = await api('GET', '/numbers');
    showStart(start);
  } catch (failure) { $('start-said').textContent = failure.words(); }
}

function showStart(start) {
  $('start-form').hidden = start !== null;
  $('start-said').textContent = start ? w('numbers_set', start.number, start.by, timeOf(start.at)) : w('start_none');
}

async function sendStart(event) {
  event.preventDefault();
  const text = $('start-number').value.trim();
  const bad = /^[0-9]{1,4}$/.test(text) ? '' : w('numbers_bad');
  const say = (words) => { $('start-problem').textContent = words; $('start-problem').hidden = !words; if (words) $('start-number').focus(); };
  say(bad);
  if (bad) return;
  try {
    showStart(await api('POST', '/numbers', { body: { number: Number(text), clerk: clerk() } }));
  } catch (failure) { say(failure.words()); }
}
