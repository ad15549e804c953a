// Words of a page in two languages, and what a browser remembers. Loaded first; the page's own
// words.js gives WORDS.
'use strict';

const API = '/api/v1';

const $ = (id) => document.getElementById(id);

let lang = 'vi';

function w(key, ...values) {
  const text = WORDS[lang][key];
  return text === undefined ? key : text.replace(/\{(\d)\}/g, (_, n) => String(values[Number(n)]));
}

// The node sends sentences in both languages, as x_vi/x_en or as {vi, en}.
const both = (thing, name) => (name ? thing[`${name}_${lang}`] : thing[lang]) || '';

function remember(store, key, value) {
  try {
    if (value === null) store.removeItem(key); else store.setItem(key, value);
  } catch { /* storage may be switched off; the page works without it */ }
}

function recall(store, key) {
  try { return store.getItem(key); } catch { return null; }
}

// The words that stand in the page itself; whoever calls draws the rest.
function sayFixedWords(next) {
  lang = next;
  document.documentElement.lang = lang;
  for (const e of document.querySelectorAll('[data-w]')) e.textContent = w(e.dataset.w);
  for (const e of document.querySelectorAll('[data-w-label]')) e.setAttribute('aria-label', w(e.dataset.wLabel));
  $('lang').textContent = w('language_name');
  $('lang').lang = lang === 'vi' ? 'en' : 'vi';
}

// Vietnamese unless this browser was told otherwise; the button switches and is remembered.
function startLanguage(use) {
  use(recall(localStorage, 'motcua.lang') === 'en' ? 'en' : 'vi');
  $('lang').addEventListener('click', () => {
    use(lang === 'vi' ? 'en' : 'vi');
    remember(localStorage, 'motcua.lang', lang);
  });
}

// For finding only: marks go, and đ, which does not decompose, becomes d.
const fold = (text) => String(text).normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase().replace(/đ/g, 'd');
