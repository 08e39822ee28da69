// What both pages have: the bar, the list of what came in, forms that show why they were refused, and cards that come and go.

const SAYS = {
  connecting: 'Connecting…',
  open: 'Live',
  syncing: 'Loading…',
  stale: 'Catching up…',
  waiting: 'Reconnecting…',
  'signed-out': 'Signed out',
  failed: 'Not connected: reload the page',
  closed: 'Closed',
};

export const role = document.body.dataset.role;

/** Shows the connection in the bar, and every change of the stream in the list beside it. */
export function furnish(client, stream, name) {
  const pill = document.querySelector('.pill');
  const show = () => {
    const status = client.status === 'open' && stream.status in SAYS ? stream.status : client.status;
    pill.textContent = SAYS[status];
    pill.dataset.status = status;
  };
  show();
  client.on('status', show);
  stream.on('status', show);
  for (const button of document.querySelectorAll('.roles button')) button.setAttribute('aria-pressed', String(button.value === role));

  const events = document.querySelector('.events');
  let loaded = false; // the first rows are no changes
  stream.on('ready', () => (loaded = true));
  stream.on('change', ({ action, pk, data }) => {
    if (!loaded) return;
    const item = document.createElement('li');
    const time = document.createElement('time');
    time.textContent = new Date().toLocaleTimeString('en-GB');
    const what = document.createElement('b');
    what.textContent = action;
    what.dataset.action = action;
    const text = document.createElement('code');
    text.textContent = data ? JSON.stringify(data) : 'the key only';
    item.append(time, what, `${name} ${pk}`, text);
    events.prepend(item);
    while (events.children.length > 8) events.lastChild.remove();
  });
}

/** Told to those who do not see it happen. */
export function announce(text) {
  document.querySelector('.announcer').textContent = text;
}

/** Where an answer goes that says no: to the field it is about, else beneath the form. Gives whether it was a yes. */
export function showAnswer(place, answer) {
  for (const field of place.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
  for (const error of place.querySelectorAll('.field-error')) error.remove();
  const refusal = place.querySelector('.refusal');
  refusal.textContent = '';
  if (answer.ok) return true;
  let first = null;
  for (const [name, why] of Object.entries(answer.fields ?? {})) {
    const field = place.querySelector(`[name="${CSS.escape(name)}"]`);
    if (!field) continue;
    const error = document.createElement('span');
    error.className = 'field-error';
    error.id = `error-${crypto.randomUUID()}`;
    error.textContent = `${capital(name)}: ${why}.`;
    (field.closest('.stepper') ?? field).after(error);
    field.setAttribute('aria-invalid', 'true');
    field.setAttribute('aria-describedby', error.id);
    first ??= field;
  }
  if (first) first.focus();
  else refusal.textContent = `Refused: ${answer.message}.${hint(answer)}`;
  return false;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const hint = ({ code }) => (code === 'forbidden' && role === 'reader' ? ' Only editors may: you can become one at the top.' : '');

/** Keeps the button pressed until the answer is there, however long a lost connection delays it. */
export async function busy(button, work) {
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = false;
  }
}

/** A button that asks once more before it does it. */
export function confirmed(button, work) {
  const label = button.textContent;
  let timer;
  const calm = () => {
    clearTimeout(timer);
    timer = undefined;
    button.textContent = label;
  };
  button.addEventListener('click', () => {
    if (timer === undefined) {
      button.textContent = 'Sure?';
      timer = setTimeout(calm, 3_000);
      return;
    }
    calm();
    void busy(button, work);
  });
  button.addEventListener('blur', calm);
}

export function flash(card, how) {
  card.classList.remove('is-new', 'is-changed');
  void card.offsetWidth; // an animation begins anew only after the class has been seen gone
  card.classList.add(how);
}

/** Lets the card fold up, then it is gone. Who was in it is put on the list, so that the keyboard is not lost. */
export function leave(card, list) {
  if (card.contains(document.activeElement)) list.focus();
  card.inert = true;
  card.dataset.gone = '';
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const from = { opacity: 1, height: `${card.offsetHeight}px`, overflow: 'clip' };
  const to = { opacity: 0, height: 0, marginBlock: 0, paddingBlock: 0, borderWidth: 0, overflow: 'clip' };
  card.animate([from, to], { duration: still ? 0 : 260, easing: 'ease' }).onfinish = () => card.remove();
}

/** Puts a card where its key belongs among the others. */
export function place(list, card, before) {
  const next = [...list.children].find((other) => before(Number(other.dataset.pk)));
  list.insertBefore(card, next ?? null);
}
