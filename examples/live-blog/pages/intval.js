import { createClient } from 'rowcast/client';
import { announce, busy, confirmed, flash, furnish, leave, place, showAnswer } from './page.js';

const client = createClient('/binding/');
const values = client.stream('intval');
const list = document.querySelector('.values');
const empty = document.querySelector('.empty');
const cards = new Map();
furnish(client, values, 'value');

let loaded = false;
values.on('create', ({ pk, data }) => cards.set(pk, newCard(pk, data)));
values.on('update', ({ pk, data }) => cards.get(pk).show(data));
values.on('delete', ({ pk }) => {
  cards.get(pk).gone();
  cards.delete(pk);
});
values.on('commit', () => (empty.hidden = cards.size > 0));
values.on('ready', () => {
  loaded = true;
  list.removeAttribute('aria-busy');
  empty.hidden = cards.size > 0;
});

function newCard(pk, data) {
  const card = document.querySelector('#value').content.cloneNode(true).firstElementChild;
  const form = card.querySelector('form');
  const input = form.elements.value;
  let shown = {};
  card.dataset.pk = pk;

  const show = (next) => {
    if (next.name === shown.name && next.value === shown.value) return;
    const first = shown.name === undefined;
    const typing = document.activeElement === input && Number(input.value) !== shown.value;
    shown = next;
    card.querySelector('.name').textContent = next.name;
    input.setAttribute('aria-label', `Value of ${next.name}`);
    if (!typing) input.value = String(next.value);
    if (first && !loaded) return;
    flash(card, first ? 'is-new' : 'is-changed');
    announce(`${next.name} is ${next.value}`);
  };
  const save = async (value) => {
    showAnswer(form, await values.update(pk, { value }));
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (Number(input.value) !== shown.value) void save(Number(input.value));
  });
  input.addEventListener('change', () => form.requestSubmit());
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    input.value = String(shown.value);
    showAnswer(form, { ok: true });
  });
  for (const step of form.querySelectorAll('.step')) {
    step.addEventListener('click', () => busy(step, () => save(shown.value + Number(step.dataset.step))));
  }
  confirmed(form.querySelector('.delete'), async () => showAnswer(form, await values.delete(pk)));

  show(data);
  place(list, card, (other) => other > pk);
  return {
    show,
    gone: () => {
      announce(`${shown.name} is gone`);
      leave(card, list);
    },
  };
}

const create = document.querySelector('.create');
create.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { name, value } = create.elements;
  const answer = await busy(create.querySelector('.primary'), () => values.create({ name: name.value, value: Number(value.value) }));
  if (!showAnswer(create, answer)) return;
  create.reset();
  name.focus();
});
