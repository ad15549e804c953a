// Inside the office: who had the dossier how long, giving it to a section or person, taking it or not.
'use strict';

const passes = { sections: null, failed: null };
const OUTCOME_CLASS = { early: 'soft', on_time: 'soft', late: 'alarm' };

// Person and section in one line; whichever is known.
const placeWords = (person, section) => [person, section].filter(Boolean).join(', ');

function drawPasses(d) {
  const process = d.process || { stages: [], turns: [] };
  const inside = process.turns.filter((t) => !t.reception || process.turns.length > 1 || t.minutes !== null);
  drawLines('turns', inside, 'turns_none', (t) => turnParts(t, process));
  $('pass-panel').hidden = !d.can_pass && !d.can_take_pass;
  $('pass-form').hidden = !d.can_pass;
  $('pass-take-box').hidden = !d.can_take_pass;
  showSections();
}

function turnParts(t, process) {
  const stage = process.stages.find((s) => s.number === t.step);
  const to = placeWords(t.person, t.section_name) || officeName(t.office);
  return [
    el('p', {}, el('strong', {}, t.reception ? w('turn_reception', to) : to), stage ? ` · ${w('turn_step', stage.number, process.stages.length)}` : ''),
    el('p', { class: 'soft' }, w(t.reception ? 'turn_received' : 'step_given', timeOf(t.given_at), t.given_by), t.list ? ` · ${w('turn_list', t.list)}` : ''),
    ...answerParts(t),
    t.due === null ? null : el('p', { class: 'soft' }, w('turn_due', w('turn_hours', hours(t.minutes)), timeOf(t.due))),
    ...endParts(t),
    t.note ? el('p', {}, w('step_note', t.note)) : null,
  ].filter(Boolean);
}

function answerParts(t) {
  if (t.reception) return [];
  if (t.taken_at !== null) return [el('p', { class: 'soft' }, w('step_taken', timeOf(t.taken_at), t.taken_by))];
  if (t.refused_at !== null) return [el('p', { class: 'alarm' }, mark('ring'), ' ', w('turn_refused', timeOf(t.refused_at), t.refused_by, t.refused_why))];
  if (t.ended !== null) return [el('p', { class: 'soft' }, w('turn_never_taken'))];
  return [el('p', { class: 'alarm' }, mark('ring'), ' ', w('turn_untaken', span(now() - t.given_at)))];
}

function endParts(t) {
  if (t.outcome) return [el('p', { class: OUTCOME_CLASS[t.outcome] }, t.outcome === 'late' ? mark('alarm') : null, t.outcome === 'late' ? ' ' : '', w(`outcome_${t.outcome}`, timeOf(t.ended)))];
  if (t.ended === null && t.due !== null && t.due < now()) return [el('p', { class: 'alarm' }, mark('alarm'), ' ', w('turn_late', span(now() - t.due)))];
  return [];
}

async function loadSections() {
  try {
    passes.sections = (await api('GET', '/sections')).sections;
    passes.failed = null;
  } catch (failure) {
    passes.failed = failure;
  }
  showSections();
}

// The section of the next step is chosen before anybody chooses another.
function showSections() {
  const select = $('pass-section');
  const process = dossier.data && dossier.data.process;
  const next = process && process.stages.find((s) => s.number === process.next);
  const print = JSON.stringify([passes.sections, dossier.id, process && [process.version, process.now], lang]);
  if (select.dataset.print === print) return;
  const chosen = select.dataset.of === dossier.id && select.value ? select.value : next ? next.section : '';
  Object.assign(select.dataset, { print, of: dossier.id });
  const title = (s) => {
    const steps = process ? process.stages.filter((one) => one.section === s.id).map((one) => one.number) : [];
    return s.name + (steps.length ? ` (${w('turn_steps', steps.join(', '))})` : '') + (s.phone ? ` · ${s.phone}` : '');
  };
  select.replaceChildren(el('option', { value: '' }, w('pass_nobody')), ...(passes.sections || []).map((s) => el('option', { value: s.id }, title(s))));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
  $('pass-section-hint').textContent = passes.failed && !passes.sections ? w('sections_failed', passes.failed.words()) : next ? w('pass_next', next.number, next.section_name) : '';
}

async function givePass(event) {
  event.preventDefault();
  const [section, person] = [$('pass-section').value, $('pass-person').value.trim()];
  fieldError('pass-section', section || person ? '' : w('err_pass'));
  if (!section && !person) return;
  const name = placeWords(person, section && $('pass-section').selectedOptions[0].textContent);
  if (await act('passes', { section, person, note: $('pass-note').value.trim() }, 'pass-problem', w('done_pass', name))) {
    for (const field of ['pass-person', 'pass-note']) $(field).value = '';
  }
}

async function takePass() {
  fieldError('pass-answer', '');
  if (await act('passes/taken', { note: $('pass-answer').value.trim() }, 'pass-problem', w('done_pass_taken'))) $('pass-answer').value = '';
}

async function refusePass() {
  const note = $('pass-answer').value.trim();
  fieldError('pass-answer', note ? '' : w('err_pass_refused'));
  if (note && await act('passes/refused', { note }, 'pass-problem', w('done_pass_refused'))) $('pass-answer').value = '';
}

// Who has it inside where it is, for lists and the dossier's page: the section, others at once, whether
// anybody took it, and whom to phone.
function insideParts(f) {
  return [
    f.section ? el('p', {}, f.section) : null,
    ...f.also.map((other) => el('p', { class: 'alarm' }, mark('alarm'), ' ', w('inside_also', placeWords(other.person, other.section)))),
    f.untaken === null ? null : el('p', { class: 'alarm' }, mark('ring'), ' ', w('turn_untaken', span(now() - f.untaken))),
    f.phone ? el('p', { class: 'soft' }, w('inside_phone', f.phone)) : null,
  ].filter(Boolean);
}

function startPasses() {
  $('pass-form').addEventListener('submit', givePass);
  $('pass-take').addEventListener('click', takePass);
  $('pass-refuse').addEventListener('click', refusePass);
}
