// One dossier, shown.
'use strict';

const dossier = { id: null, data: null, at: 0, drawn: '', busy: false, keys: new Map(), offices: null, offices_failed: null };

function openDossier(id) {
  if (dossier.id !== id) {
    Object.assign(dossier, { id, data: null, drawn: '', keys: new Map() });
    $('dossier-body').hidden = $('collector-box').hidden = true;
    $('dossier-status').textContent = '';
    $('scan-status').textContent = $('form-said').textContent = '';
    resetCorrections();
    for (const box of ['work-problem', 'pass-problem', 'forward-problem', 'extend-problem', 'note-problem', 'dossier-problem', 'scan-problem', 'form-problem']) problem(box, '');
    for (const field of ['happened', 'pause-model', 'collector', 'extend-until', 'extend-note', 'move-note', 'forward-office', 'forward-note', 'forward-filter', 'pass-person', 'pass-note', 'pass-answer', 'note-text']) { $(field).value = ''; fieldError(field, ''); }
    forgetViews();
    resetVoid();
    resetMoney();
    resetLinks();
    showOffices();
  }
  if (!dossier.offices) loadOffices();
  if (!passes.sections) loadSections();
  loadDossier();
}

async function loadDossier() {
  const id = dossier.id;
  try {
    const data = await api('GET', `/dossiers/${encodeURIComponent(id)}`);
    if (dossier.id !== id) return;
    Object.assign(dossier, { data, at: now() });
    problem('dossier-problem', data.away ? w('dossier_away') : '', loadDossier);
    drawDossier();
  } catch (failure) {
    if (dossier.id !== id) return;
    problem('dossier-problem', w('dossier_failed', failure.words()) + (dossier.data ? ` ${w('dossier_old', timeOf(dossier.at))}` : ''), loadDossier);
  }
}

function drawDossier() {
  const d = dossier.data;
  const print = JSON.stringify([d, Math.floor(now() / 60000)]);
  if (print === dossier.drawn) return;
  dossier.drawn = print;
  $('dossier-body').hidden = false;
  $('dossier-title').textContent = d.code || w('no_code');
  $('dossier-again').hidden = !d.applicant || !mayDo('reception', 'specialist', 'leader');
  fill('dossier-state', stateBadge(d), ' ', itemSync(d.sync));
  drawConflicts(d);
  drawCorrections(d);
  drawVoid(d);
  drawLinks(d);
  fill('dossier-twins', ...twinParts(d));
  drawFacts(d);
  drawLines('dossier-papers', d.papers, 'papers_none', (p) => [w('paper_line', p.name, p.count), ' ', el('span', { class: 'soft' }, w(`paper_${p.form}`))]);
  drawScans(d);
  drawForms(d);
  drawLines('dossier-steps', d.steps, 'steps_none', stepParts);
  drawPasses(d);
  drawStood(d);
  drawLines('dossier-audience', d.audience, 'nothing', (a) => [officeName(a.office), el('p', { class: 'soft' }, a.roles.map(roleWord).join(', '))]);
  drawLines('history', d.history, 'history_none', historyParts);
  drawMoney(d);
  drawMoves(d);
  setTitle();
}

// An office that the catalogue no longer names is still told apart by its id.
const officeName = (o) => o.name || o.id;

// Roles come as Desk or ReceivedBy, or as desk or received_by.
function roleWord(role) {
  const key = `role_${role.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()}`;
  return key in WORDS.vi ? w(key) : role;
}

function drawLines(id, items, none, parts) {
  fill(id, ...(items && items.length ? items.map((x) => el('li', {}, ...parts(x))) : [el('li', { class: 'soft' }, w(none))]));
}

function drawFacts(d) {
  const a = d.applicant || {};
  const given = (value) => (value === null || value === undefined || value === '' ? el('span', { class: 'soft' }, w('none_given')) : String(value));
  const field = (value, name) => el('div', { 'data-field': name }, given(value), correctedPart(d, name));
  facts('dossier-facts', [
    [w('fact_procedure'), `${d.procedure_name || ''} (${d.procedure})`],
    [w('fact_applicant'), field(a.name, 'applicant.name')],
    [w('fact_id'), field(a.id_number, 'applicant.id_number')],
    [w('fact_birth'), field(a.birth_date && shownBirth(a.birth_date), 'applicant.birth_date')],
    [w('fact_phone'), field(a.phone, 'applicant.phone')],
    [w('fact_address'), field(a.address, 'applicant.address')],
    [w('fact_email'), field(a.email, 'applicant.email')],
    [w('fact_request'), field(d.request, 'request.text')],
    [w('fact_received'), given(d.received && timeOf(d.received))],
    [w('fact_due'), el('div', { id: 'due-dates' }, ...dueParts(d), ...dateParts(d))],
    d.pauses && d.pauses.length ? [w('fact_pauses'), el('div', { id: 'pauses' }, ...d.pauses.map(pausePart))] : null,
    d.fee === undefined ? null : [w('fact_fee'), field(d.fee === null ? '' : w('dong', String(d.fee).replace(/\B(?=(\d{3})+$)/g, '.')), 'request.fee')],
    [w('fact_holder'), el('div', { id: 'filed' }, (d.holder && d.holder.name) || w('unknown_holder'), ...filedParts(d, true))],
  ]);
}

function stepParts(s) {
  return [
    el('p', {}, el('strong', {}, officeName(s.from)), ` ${w('step_to')} `, el('strong', {}, officeName(s.to))),
    el('p', { class: 'soft' }, w('step_given', timeOf(s.given_at), s.given_by)),
    s.taken_at === null ? el('p', { class: 'alarm' }, mark('ring'), ' ', w('step_waiting')) : el('p', { class: 'soft' }, w('step_taken', timeOf(s.taken_at), s.taken_by)),
    s.note ? el('p', {}, w('step_note', s.note)) : null,
  ];
}

function historyParts(h) {
  return [
    el('p', {}, both(h, 'text')),
    el('p', { class: 'soft' }, [timeOf(h.at), h.in_stead_of ? w('in_stead_of', h.person, h.in_stead_of) : h.person, h.office && officeName(h.office)].filter(Boolean).join(' · ')),
    ...(h.flags || []).map((flag) => el('p', { class: 'alarm' }, mark('alarm'), ' ', both(flag))),
    h.clock ? el('p', { class: 'alarm' }, mark('ring'), ' ', both(h.clock)) : null,
    el('p', {}, itemSync(h.sync)),
  ];
}
