// What a clerk types, read: days, births, moments, and the whole form. The node judges again and has
// the last word; this is for the quick answer beside the field.
'use strict';

const FIELDS = ['procedure', 'request', 'applicant-name', 'applicant-id', 'applicant-birth', 'applicant-phone', 'applicant-address', 'applicant-email', 'due', 'fee'];
const FIELD_OF = {
  'procedure': 'procedure', 'request': 'request', 'due': 'due', 'fee': 'fee', 'applicant': 'applicant-name',
  'applicant.name': 'applicant-name', 'applicant.id_number': 'applicant-id', 'applicant.birth_date': 'applicant-birth',
  'applicant.phone': 'applicant-phone', 'applicant.address': 'applicant-address', 'applicant.email': 'applicant-email',
};

// Day first, four digits of the year; nothing is guessed. Returns [year, month, day] or null.
function parseDay(text) {
  const parts = /^(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})$/.exec(text) || /^(\d{2})(\d{2})(\d{4})$/.exec(text);
  if (!parts) return null;
  const [day, month, year] = parts.slice(1).map(Number);
  const t = new Date(Date.UTC(year, month - 1, day));
  const real = year >= 1850 && t.getUTCFullYear() === year && t.getUTCMonth() === month - 1 && t.getUTCDate() === day;
  return real ? [year, month, day] : null;
}

// The same as the node writes days, YYYY-MM-DD.
function isoDay(text) {
  const day = parseDay(text.trim());
  return day && `${day[0]}-${two(day[1])}-${two(day[2])}`;
}

// Some papers give only the year, or month and year, of a birth: kept as they are given.
// Returns YYYY, YYYY-MM or YYYY-MM-DD, or null.
function parseBirth(text) {
  const parts = /^(?:(\d{1,2})[/.\- ])?(\d{4})$/.exec(text);
  if (parts && Number(parts[2]) >= 1850) {
    if (!parts[1]) return parts[2];
    return Number(parts[1]) >= 1 && Number(parts[1]) <= 12 ? `${parts[2]}-${two(parts[1])}` : null;
  }
  return isoDay(text);
}

const shownBirth = (iso) => String(iso).split('-').reverse().join('/');

function parseMoment(text) {
  const parts = /^(\S+)\s+(\d{1,2})(?::|h|g)(\d{2})$/.exec(text);
  const day = parts && parseDay(parts[1]);
  if (!day || Number(parts[2]) > 23 || Number(parts[3]) > 59) return null;
  return Date.UTC(day[0], day[1] - 1, day[2], Number(parts[2]), Number(parts[3])) - OFFICE_HOURS_OFFSET_MS;
}

// Reads the form into the body of POST /dossiers; errors are [element id, words]. The node
// judges again and has the last word; this is for the quick answer beside the field.
function readForm() {
  const errors = [];
  const text = (id) => $(id).value.trim().normalize('NFC');
  const procedure = $('procedure').value;
  if (!procedure) errors.push(['procedure', w('err_procedure')]);
  const name = text('applicant-name');
  if (!name) errors.push(['applicant-name', w('err_name')]);
  const id = text('applicant-id').replace(/\s/g, '');
  const odd = /[^0-9]/.exec(id);
  if (odd) errors.push(['applicant-id', w('err_id_letter', odd.index + 1, odd[0])]);
  else if (id && id.length !== 12 && id.length !== 9) errors.push(['applicant-id', w('err_id', id.length)]);
  const birth = text('applicant-birth') ? parseBirth(text('applicant-birth')) : undefined;
  if (birth === null) errors.push(['applicant-birth', w('err_birth')]);
  else if (birth && birth > local(now()).toISOString().slice(0, birth.length)) errors.push(['applicant-birth', w('err_birth_ahead')]);
  const email = text('applicant-email');
  if (email && !/^[^@\s]+@[^@\s]+$/.test(email)) errors.push(['applicant-email', w('err_email')]);
  const papers = [];
  readPapers().forEach((p, i) => {
    if (!p.name && p.count === '1') return; // an untouched line
    if (!p.name) errors.push([`paper-${i}-name`, w('err_paper_name', i + 1)]);
    if (!/^[1-9]\d{0,2}$/.test(p.count)) errors.push([`paper-${i}-count`, w('err_paper_count', i + 1)]);
    papers.push({ name: p.name.normalize('NFC'), form: p.form, count: Number(p.count) });
  });
  const due = text('due') ? parseMoment(text('due')) : undefined;
  if (due === null) errors.push(['due', w('err_due')]);
  const fee = text('fee').replace(/[.\s]/g, '');
  if (fee && !/^\d{1,12}$/.test(fee)) errors.push(['fee', w('err_fee')]);
  const body = {
    procedure,
    applicant: {
      name, id_number: id, birth_date: birth || null,
      phone: text('applicant-phone'), address: text('applicant-address'), email,
    },
    request: text('request'), papers, due: due === undefined ? null : due, fee: fee ? Number(fee) : null, clerk: clerk(),
  };
  return { body, errors };
}

function fieldFromNode(field) {
  const paper = /^papers[.[](\d+)\]?(?:\.(name|form|count))?/.exec(field || '');
  if (paper) return `paper-${paper[1]}-${paper[2] || 'name'}`;
  if (/^papers/.test(field || '')) return /count$/.test(field) ? 'paper-0-count' : 'paper-0-name';
  return FIELD_OF[field] || null;
}
