// An apology with a new date, once.
'use strict';

async function extend(event) {
  event.preventDefault();
  const until = parseMoment($('extend-until').value.trim());
  const note = $('extend-note').value.trim();
  const due = dossier.data && dossier.data.due;
  fieldError('extend-note', note ? '' : w('err_extend_note'));
  fieldError('extend-until', until === null ? w('err_happened')
    : until <= Math.max(due || 0, now()) ? w('err_extend_until') : '');
  if (!note || until === null || until <= Math.max(due || 0, now())) return;
  if (await act('extensions', { until, note }, 'extend-problem', w('done_extend', timeOf(until)))) {
    for (const field of ['extend-until', 'extend-note']) $(field).value = '';
  }
}
