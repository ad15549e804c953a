// Promised dates with what became of them, pauses, and what is said of a move beside where it goes.
'use strict';

// 1.5 hours are written 1,5 in Vietnamese.
const hours = (minutes) => String(Math.round(minutes / 6) / 10).replace('.', lang === 'vi' ? ',' : '.');

// Behind the date in force: the printed one, which stands for ever, and why it is not the last.
function dateParts(d) {
  const dates = d.due_dates || [];
  const last = dates[dates.length - 1];
  const tentative = last && last.provisional && dates.length > 1 ? ` (${w('date_provisional')})` : '';
  return dates.length < 2 ? [] : [
    el('p', { class: 'soft' }, both(last, 'reason') + tentative),
    ...dates.slice(1, -1).reverse().map((one) => el('p', { class: 'soft' }, w('date_then', timeOf(one.at), both(one, 'reason')))),
    el('p', { class: 'soft' }, w('date_printed', timeOf(dates[0].at))),
  ];
}

function pausePart(p) {
  const state = both(p, 'state');
  const who = [p.by, officeName(p.office)].filter(Boolean).join(', ');
  return el('div', {},
    el('p', {}, p.to === null
      ? w('pause_open', state, timeOf(p.from), hours(p.worked_minutes))
      : w('pause_line', state, timeOf(p.from), timeOf(p.to), hours(p.worked_minutes))),
    el('p', { class: 'soft' }, w(`pause_${p.model}`)),
    el('p', { class: 'soft' }, p.note ? w('pause_by', p.note, who) : who));
}

const PAUSES = [5, 6, 8];

// Nothing where a field is wrong; the fault stands beside it then.
function moveMore(m) {
  const more = {};
  const text = $('happened').value.trim();
  if (text) {
    const at = parseMoment(text);
    const wrong = at === null ? w('err_happened') : at > now() ? w('err_happened_ahead') : '';
    if (wrong) $('move-more').open = true;
    fieldError('happened', wrong);
    if (wrong) return null;
    more.happened = at;
  } else fieldError('happened', '');
  if (m.state === RETURNED) more.collector = $('collector').value.trim();
  if ($('pause-model').value && PAUSES.includes(m.state)) more.pause = $('pause-model').value;
  return more;
}
