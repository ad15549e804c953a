// Printed forms of the open dossier: looking at one, printing it, and what was printed when. Looking is
// not counted and says so on the sheet; each printing is, and the second one says that on the sheet.
'use strict';

const PAPER = 'motcua.paper';  // the paper of each form, remembered on this PC
const SHEET_LOOK_MS = 100;
const SHEET_WAIT_MS = 15000;

const forms = { busy: false, drawn: '', keys: new Map() };

const formAddress = (id, form) => `${API}/dossiers/${encodeURIComponent(id)}/forms/${form}`;
const formWord = (form) => (`form_${form}` in WORDS.vi ? w(`form_${form}`) : form);
const paperWord = (paper) => (`sheet_${paper}` in WORDS.vi ? w(`sheet_${paper}`) : paper);

function drawForms(d) {
  const print = JSON.stringify([d.id, d.forms, lang]);
  $('forms-none').hidden = d.forms.length > 0;
  $('forms-box').hidden = d.forms.length === 0;
  if (forms.drawn !== print) {
    forms.drawn = print;
    const select = $('form-choice');
    const chosen = select.value;
    select.replaceChildren(...d.forms.map((f) => el('option', { value: f.form }, w('form_title', f.number, formWord(f.form)))));
    if (d.forms.some((f) => f.form === chosen)) select.value = chosen;
    drawSheets();
  }
  drawLines('printings', d.printings, 'printings_none', printingParts);
}

function drawSheets() {
  const form = dossier.data && dossier.data.forms.find((f) => f.form === $('form-choice').value);
  if (!form) return;
  $('form-sheet').replaceChildren(...form.papers.map((p) => el('option', { value: p }, paperWord(p))));
  const usual = recall(localStorage, `${PAPER}.${form.form}`);
  if (form.papers.includes(usual)) $('form-sheet').value = usual;
}

function printingParts(p) {
  const times = p.number > 1 ? w('form_again', p.number - 1) : w('form_first');
  const link = (kind) => el('a', { href: p[kind], target: '_blank', rel: 'noopener', 'aria-label': `${kind.toUpperCase()}: ${formWord(p.form)}, ${times}, ${timeOf(p.at)}` }, kind.toUpperCase());
  return [
    el('p', {}, `${formWord(p.form)}, ${paperWord(p.paper)}: ${times}`),
    el('p', { class: 'soft' }, `${timeOf(p.at)} · ${p.by} · `, link('html'), ' · ', link('pdf')),
    dossier.data && dossier.data.void ? el('p', { class: 'alarm' }, mark('alarm'), ' ', w('printing_void')) : null,
    p.outdated && p.outdated.length ? el('p', { class: 'alarm' }, mark('ring'), ' ', w('printing_outdated', p.outdated.map((f) => both(f)).join(', '))) : null,
  ];
}

function lookAtForm(kind) {
  const asked = new URLSearchParams({ paper: $('form-sheet').value, as: kind, clerk: clerk() });
  window.open(`${formAddress(dossier.id, $('form-choice').value)}?${asked}`, '_blank', 'noopener');
}

// Counts a printing, then opens its sheet and the browser's print dialog. The tab is opened at once:
// browsers allow that only while the button is being pressed.
async function printForm(id, form, paper, said, trouble, more = {}) {
  if (forms.busy) return;
  forms.busy = true;
  problem(trouble, '');
  $(said).textContent = w('form_printing');
  const sheet = window.open('about:blank', '_blank');
  const name = [id, form, paper, ...Object.values(more)].join('/');
  if (!forms.keys.has(name)) forms.keys.set(name, newKey());
  try {
    const answer = await api('POST', `/dossiers/${encodeURIComponent(id)}/forms/${form}/printings`, { body: { paper, ...more, clerk: clerk() }, key: forms.keys.get(name) });
    forms.keys.delete(name);
    const { number, html } = answer.printing;
    $(said).replaceChildren(mark('ok'), ' ', number > 1 ? w('form_printed_again', number - 1) : w('form_printed'), ' ',
      el('a', { href: html, target: '_blank', rel: 'noopener' }, w('form_open')));
    if (sheet) showSheet(sheet, html);
  } catch (failure) {
    if (sheet) sheet.close();
    $(said).textContent = '';
    problem(trouble, failure.doubtful ? w('doubtful_action', failure.words()) : w('not_saved', failure.words()));
  } finally {
    forms.busy = false;
    if (dossier.id === id && view.name === 'dossier') loadDossier();
  }
}

function showSheet(sheet, address) {
  sheet.location.replace(address);
  const since = Date.now();
  const timer = setInterval(() => {
    let there = false;
    try {
      there = !sheet.closed && sheet.location.href.endsWith(address) && sheet.document.readyState === 'complete';
    } catch { /* not ours any more: somebody went elsewhere in that tab */ }
    if (!there && !sheet.closed && Date.now() - since < SHEET_WAIT_MS) return;
    clearInterval(timer);
    if (there) Promise.resolve(sheet.document.fonts && sheet.document.fonts.ready).then(() => sheet.print());
  }, SHEET_LOOK_MS);
}

// The register of some days; both days are asked for, today unless somebody says otherwise.
function lookAtBook(kind) {
  const [from, to] = ['book-from', 'book-to'].map((box) => isoDay($(box).value));
  const whole = from && to && from <= to;
  $('book-said').textContent = whole ? '' : w('book_days');
  if (whole) window.open(`${API}/register?${new URLSearchParams({ from, to, as: kind, clerk: clerk() })}`, '_blank', 'noopener');
}

function startForms() {
  $('book-from').value = $('book-to').value = dayOf(now());
  $('book-html').addEventListener('click', () => lookAtBook('html'));
  $('book-pdf').addEventListener('click', () => lookAtBook('pdf'));
  $('form-choice').addEventListener('change', drawSheets);
  $('form-sheet').addEventListener('change', () => remember(localStorage, `${PAPER}.${$('form-choice').value}`, $('form-sheet').value));
  $('form-look').addEventListener('click', () => lookAtForm('html'));
  $('form-look-pdf').addEventListener('click', () => lookAtForm('pdf'));
  $('form-print').addEventListener('click', () => printForm(dossier.id, $('form-choice').value, $('form-sheet').value, 'form-said', 'form-problem'));
  $('saved-print').addEventListener('click', () => {
    const id = decodeURIComponent($('saved-open').getAttribute('href').replace('#/d/', ''));
    printForm(id, 'receipt', recall(localStorage, `${PAPER}.receipt`) || 'a5', 'saved-said', 'saved-problem');
  });
}

startForms();
