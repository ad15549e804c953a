// An old list comes in: a file is read and shown row by row, proposals are accepted, and only what was shown
// is written. The preview is asked for again after every choice, so what stands there is what would happen.
'use strict';

const IMPORT_ROWS = 100;
const IMPORT_POLL_MS = 1000;
const IMPORT_TIMEOUT_MS = 10 * 60 * 1000; // a hundred thousand rows on an old machine
const IMPORT_FIELDS = ['name', 'code', 'procedure', 'procedure_name', 'received', 'due', 'state', 'id_number', 'birth_date', 'phone',
  'address', 'email', 'nationality', 'request', 'fee', 'channel', 'papers', 'note', 'id'];
const IMPORT_VERDICTS = ['open', 'taken', 'stopped', 'hidden', 'known', 'all'];
const VERDICT_MARK = { taken: 'ok', warned: 'half', stopped: 'alarm', hidden: 'dash', known: 'box' };

const imports = { file: '', preview: null, rows: [], accept: new Set(), columns: {}, verdict: 'open', asking: null, timer: 0, run: null };

// What the node is asked for: the same for a look and for a run.
function importAsked() {
  const text = (id) => $(id).value.trim();
  const mapping = { columns: imports.columns, without_code: text('import-without-code') };
  for (const part of ['sheet', 'encoding', 'separator']) if (text(`import-${part}`)) mapping[part] = text(`import-${part}`);
  if (/^[0-9]{1,6}$/.test(text('import-header'))) mapping.header = Number(text('import-header'));
  return { file: imports.file, mapping, accept: [...imports.accept], hidden: $('import-hidden').checked };
}

async function sendImport(event) {
  event.preventDefault();
  const file = $('import-file').files[0];
  problem('import-problem', '');
  if (!file) { problem('import-problem', w('import_choose')); $('import-file').focus(); return; }
  $('import-status').textContent = w('import_sending', file.name);
  $('import-send').disabled = true;
  try {
    // No time limit: a large file takes as long as the office's network takes.
    const response = await fetch(`${API}/import/files?${new URLSearchParams({ name: file.name })}`,
      { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream', ...ASKING.headers() }, cache: 'no-store', credentials: 'same-origin' });
    const answer = await response.json();
    if (answer.error) { $('import-status').textContent = ''; problem('import-problem', both(answer.error, 'message')); return; }
    Object.assign(imports, { file: answer.file, preview: null, rows: [], columns: {}, verdict: 'open' });
    imports.accept.clear();
    await lookAtImport();
  } catch {
    $('import-status').textContent = '';
    problem('import-problem', w('import_broken'));
  } finally {
    $('import-send').disabled = false;
  }
}

// With `more` the rows behind the last one that is shown; otherwise everything anew.
async function lookAtImport(more) {
  if (!imports.file) return;
  if (imports.asking) imports.asking.abort();
  const mine = imports.asking = new AbortController();
  const last = more && imports.rows.length ? imports.rows[imports.rows.length - 1].row : 0;
  $('import-begin').disabled = true;
  $('import-status').textContent = w('import_reading');
  try {
    const asked = { ...importAsked(), verdict: imports.verdict, after: last, limit: IMPORT_ROWS };
    const preview = await api('POST', '/import/preview', { body: asked, timeout: IMPORT_TIMEOUT_MS, signal: mine.signal });
    problem('import-problem', '');
    imports.preview = preview;
    imports.rows = more ? imports.rows.concat(preview.rows) : preview.rows;
    drawImport();
  } catch (failure) {
    if (failure.kind === 'stopped') return;
    $('import-status').textContent = '';
    problem('import-problem', failure.words(), () => lookAtImport(more));
  } finally {
    if (imports.asking === mine) imports.asking = null;
  }
}

function drawImport() {
  const p = imports.preview;
  $('import-seen').hidden = !p;
  if (!p) return;
  const back = importFocus();
  $('import-status').textContent = both(p, 'words');
  fill('import-remarks', ...p.remarks.map((remark) => el('li', {}, both(remark))));
  drawImportReadings(p.readings);
  drawImportSheets(p);
  drawImportColumns(p);
  drawImportKinds(p.totals.kinds);
  drawImportTabs(p.totals);
  fill('import-rows', ...imports.rows.map(importRow));
  $('import-none').hidden = imports.rows.length > 0;
  $('import-more').hidden = !p.more;
  $('import-begin').textContent = w('import_begin', p.totals.taken);
  $('import-begin').disabled = p.totals.taken === 0 || importRuns();
  back();
}

// What is drawn anew takes the focus with it. Who works without a mouse goes on where they were: at the same box or
// tab, or, where its row has left the list, at the next box, or at the tabs.
function importFocus() {
  const at = document.activeElement;
  const tab = at && at.closest('#import-tabs') ? at.dataset.verdict : undefined;
  const word = at && at.dataset.accept;
  if (!tab && !word) return () => {};
  const boxes = () => [...document.querySelectorAll('#import-kinds [data-accept], #import-rows [data-accept]')];
  const words = boxes().map((box) => box.dataset.accept);
  const onwards = words.slice(Math.max(0, words.indexOf(word)));
  return () => {
    const now = new Map(boxes().map((box) => [box.dataset.accept, box]));
    const next = word && onwards.find((one) => now.has(one));
    const tabs = document.querySelector(`#import-tabs [data-verdict="${tab || imports.verdict}"]`);
    (next ? now.get(next) : tabs).focus();
  };
}

// An old encoding is not believed without a look: the first rows as each table reads them.
function drawImportReadings(readings) {
  $('import-readings-box').hidden = readings.length === 0;
  fill('import-readings', ...readings.map((reading) => {
    const choose = el('button', { type: 'button', class: 'plain' }, w('import_reading_choose', reading.encoding));
    choose.addEventListener('click', () => { $('import-encoding').value = reading.encoding; lookAtImport(); });
    return el('div', { class: 'reading' }, el('h3', {}, `${reading.encoding}: ${reading.percent}%`),
      el('pre', { tabindex: '0' }, reading.rows.map((row) => row.join(' | ')).join('\n')), choose);
  }));
}

function drawImportSheets(p) {
  const chosen = $('import-sheet').value;
  const sheets = (p.sheets || []).map((sheet) => el('option', { value: sheet.name }, sheet.hidden ? w('import_sheet_hidden', sheet.name) : sheet.name));
  fill('import-sheet', el('option', { value: '' }, p.sheet ? w('import_sheet_first', p.sheet) : w('import_auto')), ...sheets);
  $('import-sheet').value = chosen;
}

function drawImportColumns(p) {
  const open = document.activeElement && document.activeElement.id;
  fill('import-columns', ...IMPORT_FIELDS.map((field) => {
    const id = `import-column-${field}`;
    const found = p.columns[field];
    const choice = el('select', { id }, el('option', { value: '' }, w('import_column_none')),
      ...p.headers.map((header, at) => el('option', { value: header.at }, header.name ? `${header.at}: ${header.name}` : header.at)));
    const now = p.headers.find((header) => header.field === field);
    choice.value = now ? now.at : '';
    choice.addEventListener('change', () => { imports.columns[field] = choice.value ? `@${choice.value}` : ''; lookAtImport(); });
    return el('div', { class: 'field', 'data-found': found !== undefined }, el('label', { for: id }, w(`import_field_${field}`)), choice);
  }));
  if (open && open.startsWith('import-column-') && $(open)) $(open).focus();
}

// What was found more than once is accepted once for all rows.
function drawImportKinds(kinds) {
  const lines = Object.entries(kinds).filter(([kind, count]) => count.proposed > 0 || imports.accept.has(kind)).map(([kind, count]) => {
    const box = acceptBox(kind);
    return el('li', {}, el('label', {}, box, ' ', w('import_kind', importKind(kind), count.found, count.proposed)));
  });
  $('import-kinds-box').hidden = lines.length === 0;
  fill('import-kinds', ...lines);
}

const importKind = (kind) => {
  const row = imports.rows.find((line) => line.findings.some((finding) => finding.kind === kind));
  const finding = row && row.findings.find((one) => one.kind === kind);
  return finding ? both(finding) : kind;
};

function acceptBox(word) {
  const box = el('input', { type: 'checkbox', 'data-accept': word });
  box.checked = imports.accept.has(word);
  box.addEventListener('change', () => {
    if (box.checked) imports.accept.add(word); else imports.accept.delete(word);
    lookAtImport();
  });
  return box;
}

function drawImportTabs(totals) {
  const count = { open: totals.warned + totals.stopped + totals.hidden, all: totals.read };
  fill('import-tabs', ...IMPORT_VERDICTS.map((verdict) => {
    const button = el('button', { type: 'button', class: 'quiet', 'data-verdict': verdict, 'aria-pressed': String(verdict === imports.verdict) },
      w(`import_tab_${verdict}`), ' ', el('b', {}, String(verdict in count ? count[verdict] : totals[verdict])));
    button.addEventListener('click', () => { imports.verdict = verdict; lookAtImport(); });
    return button;
  }));
}

// Dates as people here write them.
const importValue = (value) => String(value).replace(/^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}:\d{2}).*)?$/, (_, year, month, day, time) => `${day}/${month}/${year}${time ? ` ${time}` : ''}`);

function importRow(line) {
  const cell = (label, ...children) => el('td', { role: 'cell', 'data-label': w(label) }, el('div', {}, ...children));
  const values = Object.entries(line.values).filter(([, value]) => value !== '' && value !== null);
  return el('tr', { role: 'row', 'data-row': line.row, 'data-verdict': line.verdict },
    cell('import_col_row', el('strong', {}, String(line.row)), el('p', {}, mark(VERDICT_MARK[line.verdict]), ' ', w(`import_verdict_${line.verdict}`))),
    cell('import_col_values', el('dl', { class: 'values' }, ...values.flatMap(([field, value]) => [el('dt', {}, w(`import_field_${field}`)), el('dd', {}, importValue(value))]))),
    cell('import_col_findings', ...line.findings.map((finding) => importFinding(line.row, finding))));
}

function importFinding(row, finding) {
  const field = finding.field ? `${w(`import_field_${finding.field}`)}: ` : '';
  const parts = [el('p', { class: finding.level === 'stop' && !finding.accepted ? 'alarm' : '' }, field, both(finding))];
  (finding.proposals || []).forEach((proposal, at) => {
    const word = `${row}:${finding.field || 'row'}${at > 0 ? `:${at + 1}` : ''}`;
    parts.push(el('p', {}, el('label', {}, acceptBox(word), ' ', w('import_accept', importValue(proposal)))));
  });
  return el('div', { class: 'finding' }, ...parts);
}

const importRuns = () => imports.run !== null && imports.run.state === 'running';

async function beginImport() {
  const p = imports.preview;
  if (!p || !window.confirm(w('import_ask', p.totals.taken))) return;
  $('import-begin').disabled = true;
  problem('import-problem', '');
  try {
    const asked = { ...importAsked(), agreed: p.agreement, clerk: clerk() };
    showImportRun(await api('POST', '/import/run', { body: asked, timeout: IMPORT_TIMEOUT_MS }));
    pollImport();
  } catch (failure) {
    problem('import-problem', failure.words());
    $('import-begin').disabled = false;
  }
}

async function pollImport() {
  clearTimeout(imports.timer);
  if (view.name !== 'import') return;
  const ran = importRuns();
  try {
    showImportRun(await api('GET', '/import/run'));
    if (ran && !importRuns()) { lookAtImport(); $('import-run').focus(); }
  } catch { /* the line above says when the node does not answer */ }
  if (importRuns()) imports.timer = setTimeout(pollImport, IMPORT_POLL_MS);
}

function showImportRun(run) {
  imports.run = run;
  $('import-run').hidden = run.state === 'none';
  if (run.state === 'none') return;
  const bar = $('import-bar');
  bar.hidden = run.state !== 'running';
  if (run.of) { bar.max = run.of; bar.value = run.read; } else bar.removeAttribute('value');
  const words = run.state === 'failed' ? w('import_failed', both(run, 'error'))
    : run.state === 'done' ? w('import_done', run.written, run.refused) : w('import_running', run.written, run.read, run.of || '?');
  if ($('import-run-line').textContent !== words) $('import-run-line').textContent = words;
  fill('import-refusals', ...run.refusals.map((line) => el('li', {}, w('import_refused', line.row, both(line)))));
}

function openImport() {
  pollImport();
}

function startImport() {
  $('import-form').addEventListener('submit', sendImport);
  for (const id of ['import-sheet', 'import-encoding', 'import-separator', 'import-header', 'import-without-code', 'import-hidden']) $(id).addEventListener('change', () => lookAtImport());
  $('import-more').addEventListener('click', () => lookAtImport(true));
  $('import-begin').addEventListener('click', beginImport);
}

startImport();
drawImport();
