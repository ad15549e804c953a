// One line of the fleet.
'use strict';

const UNSENT_ALARM_MS = 600000; // work not sent for this long is shown in red
const CLOCK_ALARM_MS = 60000;  // clocks further apart than this are worth a word
const LINK_MARK = { connected: 'ok', away: 'ring', never: 'dash' };

function cell([label, ...lines]) {
  const parts = lines.filter((line) => line).map(([tone, words, shape]) => {
    const p = el('p', { class: tone });
    if (shape) p.append(mark(shape), ' ');
    p.append(words);
    return p;
  });
  return el('td', { 'role': 'cell', 'data-label': w(label) }, el('div', {}, ...parts));
}

// What is said of an office: per column a label and lines of [tone, words, mark].
function cellsOf(o) {
  const tier = `tier_${o.tier}` in WORDS.vi ? w(`tier_${o.tier}`) : o.tier;
  const since = (ms) => ms !== null && ms !== undefined;
  const ago = (ms) => span(now() - ms);
  const waiting = (n) => (n === null || n === undefined ? ['soft', w('not_measured')]
    : n === 0 ? ['soft', w('nothing_waiting')] : ['strong', counted('items', n)]);
  // Seconds would change every line of a healthy fleet every second and tell nobody anything.
  const contact = !since(o.last_contact) ? w('no_contact')
    : now() - o.last_contact < 60000 ? w('contact_now') : w('last_contact', w('ago', ago(o.last_contact)));
  const clock = Math.abs(o.clock_offset || 0) > CLOCK_ALARM_MS
    ? ['bad', w(o.clock_offset > 0 ? 'clock_ahead' : 'clock_behind', span(Math.abs(o.clock_offset))), 'alarm'] : null;
  const was = !clock && o.clock_worst_at
    ? ['soft', w('clock_was_off', span(Math.abs(o.clock_worst_offset)), w('ago', ago(o.clock_worst_at)))] : null;
  const oldest = (ms) => (now() - ms > UNSENT_ALARM_MS ? ['bad', w('oldest_unsent', ago(ms)), 'alarm'] : ['soft', w('oldest_unsent', ago(ms))]);
  return [
    ['col_office', ['strong', o.name], ['soft', [tier, o.code, o.parent_name].filter(Boolean).join(' · ')]],
    ['col_link', [`link ${o.link}`, w(`link_${o.link}`), LINK_MARK[o.link]],
      o.carrier ? ['soft', w(`carrier_${o.carrier}`)] : null,
      ['soft', contact]],
    ['col_up', waiting(o.behind_up), since(o.oldest_unsent_at) ? oldest(o.oldest_unsent_at) : null,
      o.slowed ? ['bad', both(o.slowed), 'alarm'] : null],
    ['col_down', waiting(o.behind_down), since(o.oldest_waiting_at) ? ['soft', w('oldest_waiting', ago(o.oldest_waiting_at))] : null,
      o.alarm ? ['bad', both(o.alarm), 'alarm'] : null,
      since(o.cut_at) ? ['bad', w('inbox_cut', ago(o.cut_at)), 'alarm'] : null],
    ['col_received', ['number', number(o.received_entries)]],
    ['col_machine', ['', counted('machines', o.nodes)], o.version ? ['soft', w('version', o.version)] : null, clock, was,
      since(o.state_rebuilt_at) ? ['soft', w('state_rebuilt', ago(o.state_rebuilt_at)), 'half'] : null,
      o.two_alive > 0 ? ['bad', w('two_alive'), 'alarm'] : null],
  ];
}
