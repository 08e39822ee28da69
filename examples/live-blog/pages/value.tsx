import { useEffect, useState, type RefObject } from 'react';
import type { Refusal } from 'rowcast/client';
import { useRow, useStream } from './live.ts';
import { announce } from './page.ts';
import { Confirmed, Refused, useFlash } from './parts.tsx';

const NONE = { name: '', value: 0 };

/** Drawn again when its own row changes, and for no other. */
export function ValueCard({ id, listed }: { readonly id: number; readonly listed: RefObject<boolean> }) {
  const row = useRow('intval', id) ?? NONE;
  const { update, delete: remove } = useStream('intval');
  const [typed, type] = useState<string | null>(null);
  const [refusal, refuse] = useState<Refusal | null>(null);
  const card = useFlash<HTMLLIElement>(row, listed);
  const { name, value } = row;

  useEffect(() => {
    if (listed.current) announce(`${name} is ${value}`);
  }, [name, value, listed]);

  async function act(write: Promise<{ ok: true } | Refusal>): Promise<void> {
    const answer = await write;
    refuse(answer.ok ? null : answer);
  }

  function save(): void {
    if (typed !== null && Number(typed) !== value) void act(update(id, { value: Number(typed) }));
    type(null);
  }

  const step = (by: number, label: string, sign: string) => (
    <button type="button" className="step" aria-label={label} onClick={() => void act(update(id, { value: value + by }))}>
      {sign}
    </button>
  );

  return (
    <li className="card value" ref={card}>
      <form
        className="fields row"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <span className="name wide">{name}</span>
        <span className="stepper">
          {step(-1, 'One less', '−')}
          <input
            type="number"
            step="1"
            required
            aria-label={`Value of ${name}`}
            value={typed ?? value}
            onChange={(event) => type(event.target.value)}
            onBlur={save}
            onKeyDown={(event) => event.key === 'Escape' && type(null)}
          />
          {step(1, 'One more', '+')}
        </span>
        <Confirmed onClick={() => void act(remove(id))}>Delete</Confirmed>
        <Refused why={refusal} />
      </form>
    </li>
  );
}
