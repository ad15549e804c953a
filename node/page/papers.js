// The lines of papers in the form for registering.
'use strict';

const PAPER_KEY = () => Date.now().toString(36) + newKey().slice(0, 6); // sorts by when it was begun
const PAPERS = 100;            // most papers the node takes in one dossier

function addPaper(paper) {
  if ($('papers').children.length >= PAPERS) return $('papers').lastElementChild.querySelector('input');
  const name = el('input', { class: 'paper-name', maxlength: '200', spellcheck: 'false', 'aria-describedby': 'papers-error' });
  const form = el('select', { class: 'paper-form' }, el('option', { value: 'original' }), el('option', { value: 'copy' }));
  const count = el('input', { class: 'paper-count', inputmode: 'numeric', maxlength: '3' });
  const remove = el('button', { type: 'button', class: 'quiet' });
  name.value = paper ? paper.name : '';
  form.value = paper ? paper.form : 'original';
  count.value = paper ? paper.count : '1';
  const field = (kind, input) => el('div', { class: `field ${kind}` }, el('label', {}), input);
  const row = el('div', { class: 'paper', role: 'group' }, field('grow', name), field('', form), field('short', count), remove);
  remove.addEventListener('click', () => {
    const at = Array.from($('papers').children).indexOf(row);
    row.remove();
    if (!$('papers').children.length) addPaper(null);
    labelPapers();
    typedSomething();
    $('register-status').textContent = w('paper_removed', at + 1);
    $('paper-add').focus();
  });
  row.dataset.key = PAPER_KEY();
  $('papers').append(row);
  labelPapers();
  return name;
}

function labelPapers() {
  Array.from($('papers').children).forEach((row, i) => {
    const inputs = row.querySelectorAll('input, select');
    const words = [w('paper_name', i + 1), w('paper_form'), w('paper_count')];
    row.querySelectorAll('label').forEach((label, k) => {
      inputs[k].id = `paper-${i}-${['name', 'form', 'count'][k]}`;
      label.htmlFor = inputs[k].id;
      label.textContent = words[k];
    });
    row.setAttribute('aria-label', w('paper_name', i + 1));
    const [original, copy] = row.querySelectorAll('option');
    original.textContent = w('paper_original');
    copy.textContent = w('paper_copy');
    const remove = row.querySelector('button');
    remove.textContent = w('paper_remove');
    remove.setAttribute('aria-label', w('paper_remove_label', i + 1));
  });
}

const paperOf = (row) => ({
  name: row.querySelector('.paper-name').value.trim(),
  form: row.querySelector('.paper-form').value,
  count: row.querySelector('.paper-count').value.trim(),
});

const readPapers = () => Array.from($('papers').children, paperOf);
