import { useId, useState, type SubmitEvent } from 'react';
import type { Refusal } from 'rowcast/client';
import { show } from './frame.tsx';
import { useStream } from './live.ts';
import { shell } from './page.ts';
import { Empty, FieldError, Refused, useListed } from './parts.tsx';
import { ValueCard } from './value.tsx';

function NewValue() {
  const { create } = useStream('intval');
  const [refusal, refuse] = useState<Refusal | null>(null);
  const id = useId();
  const wrong = refusal?.fields?.['name'];

  async function add(event: SubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const answer = await create({ name: String(given.get('name')), value: Number(given.get('value')) });
    refuse(answer.ok ? null : answer);
    if (answer.ok) form.reset();
    form.querySelector('input')?.focus();
  }

  return (
    <form className="card fields row create" aria-label="New value" onSubmit={(event) => void add(event)}>
      <label className="wide">
        Name
        <input name="name" required maxLength={100} autoComplete="off" aria-invalid={!!wrong || undefined} aria-describedby={id} />
        <FieldError id={id} name="Name" why={wrong} />
      </label>
      <label>
        Value <input name="value" type="number" step="1" defaultValue="0" required />
      </label>
      <button className="primary">Add</button>
      <Refused why={refusal} />
    </form>
  );
}

function Values() {
  const { rows, status, pk } = useStream('intval');
  const listed = useListed(status);
  const waiting = status === 'idle' || status === 'syncing';
  return (
    <>
      <ul className="values" aria-label="Values" aria-busy={waiting || undefined} tabIndex={-1}>
        {rows.map((row) => (
          <ValueCard key={String(pk(row))} id={row.id} listed={listed} />
        ))}
      </ul>
      {rows.length === 0 && !waiting && <Empty title="No values yet.">Add one above, or from any other window.</Empty>}
    </>
  );
}

show({
  url: '/binding/',
  stream: 'intval',
  hints: (
    <ol>
      <li>Open this page in a second window, side by side.</li>
      <li>Step a value here and watch it there.</li>
      <li>Give a name that is taken: the database says no, and the answer names the field.</li>
      <li>
        Change them all at once:
        <pre tabIndex={0}>
          <code>{`${shell} "UPDATE integer_value SET value = value + 1"`}</code>
        </pre>
      </li>
    </ol>
  ),
  children: (
    <>
      <h1>Integer values</h1>
      <p className="lead">A name, a number, and everybody may change them.</p>
      <NewValue />
      <Values />
    </>
  ),
});
