// Working lists: a tab for each with how much is in it, and what a row says of owner, place and age.
'use strict';

const LISTS = ['to_accept', 'overdue', 'due_today', 'in_work', 'citizen', 'other_office', 'result', 'closed'];
const WORK = ['overdue', 'due_today', 'in_work'];  // lists in which a clerk looks for what is his own
const tabs = { counts: null, paper: 0, drawn: '' };

// A search or a state looks through everything, whichever list it began in.
const isSearch = () => Boolean($('search').value.trim() || $('state-filter').value);
const openTab = () => (isSearch() ? '' : list.tab);

// A list that is opened is asked for what it holds, whatever was searched before.
function openList(name) {
  if (list.tab !== name) {
    Object.assign(list, { tab: name, data: null, next: null, drawn: '' });
    $('search').value = $('state-filter').value = '';
    fill('dossier-rows');
  }
  loadList(false);
}

async function loadTabs() {
  try {
    const told = await api('GET', '/lists');
    tabs.counts = told.lists;
    tabs.paper = told.paper_open;
  } catch {
    // Counters that may be old are not shown; the list itself says what is wrong.
    tabs.counts = null;
  }
  drawTabs();
  drawPaper();
  lookForLeft();
}

// Slips of days that are over of which nobody has said what became of them: a task until there is none.
function drawPaper() {
  $('paper-banner').hidden = !tabs.paper;
  if (tabs.paper) fill('paper-banner', mark('alarm'), ' ', w('paper_banner', thousands(tabs.paper)), ' ', el('a', { href: '#/emergency', id: 'paper-open' }, w('paper_open')));
}

function drawTabs() {
  const here = openTab();
  const print = JSON.stringify([tabs.counts, here, lang]);
  $('mine-box').hidden = !WORK.includes(here) || !clerk();
  if (print === tabs.drawn) return;
  tabs.drawn = print;
  const focused = document.activeElement && document.activeElement.closest('#tabs a');
  const tab = (name, count) => el('a', {
    href: name ? `#/l/${name}` : '#/', id: `tab-${name || 'all'}`,
    class: !count ? '' : name === 'overdue' && count.count ? 'late' : count.count ? '' : 'none',
    ...(name === here ? { 'aria-current': 'page' } : {}),
  }, w(name ? `list_${name}` : 'list_all'), count ? el('b', {}, counted(count)) : null);
  const count = (name) => (tabs.counts || []).find((one) => one.list === name);
  fill('tabs', ...LISTS.map((name) => tab(name, count(name))), tab('', null));
  if (focused && $(focused.id)) $(focused.id).focus({ preventScroll: true });
}

// Thousands are parted by a point in Vietnamese.
const counted = (c) => (c.more ? w('count_more', thousands(c.count)) : thousands(c.count));
const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, lang === 'vi' ? '.' : ',');

// What is asked for when a list is open.
function tabQuery(query) {
  if (WORK.includes(list.tab) && $('mine').checked && clerk()) query.set('owner', clerk());
  return `/lists/${list.tab}?${query}`;
}

// Who has it, and since when; in which list, where it stands alone or among those of others.
function filedParts(d, alone) {
  const f = d.filed;
  if (!f) return [];
  const late = f.accept_by !== null && f.accept_by < now();
  return [
    f.owner ? el('p', {}, f.owner) : null,
    f.in_stead_of ? el('p', { class: 'alarm' }, mark('half'), ' ', w('stood_short', f.in_stead_of)) : null,
    ...insideParts(f),
    el('p', { class: 'soft' }, alone ? `${both(f, 'list')}, ` : '', w('filed_since', span(now() - f.since))),
    f.accept_by === null ? null : el('p', { class: late ? 'alarm' : 'soft' }, late ? mark('alarm') : null, late ? ' ' : '', w(late ? 'accept_late' : 'accept_by', timeOf(f.accept_by))),
  ].filter(Boolean);
}
