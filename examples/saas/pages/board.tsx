import { useState, type DragEvent, type SubmitEvent } from 'react';
import type { TaskStatus } from '../shared.ts';
import { Card } from './card.tsx';
import { useStream } from './live.ts';
import { TaskSheet } from './task.tsx';
import { useSaid } from './toasts.tsx';
import type { Place } from './workspace.tsx';

export const COLUMNS: readonly (readonly [status: TaskStatus, name: string])[] = [
  ['todo', 'To do'],
  ['doing', 'In progress'],
  ['done', 'Done'],
];

export function Board(place: Place) {
  const { orgId, role } = place;
  const tasks = useStream('tasks', { orgId });
  const [open, setOpen] = useState<number | null>(null);
  const said = useSaid();

  function drop(event: DragEvent, status: TaskStatus): void {
    event.preventDefault();
    const id = Number(event.dataTransfer.getData('text/plain'));
    if (tasks.row(id)) said(tasks.update(id, { status }));
  }

  return (
    <>
      <div className="board" aria-busy={tasks.status === 'syncing' || undefined}>
        {COLUMNS.map(([status, name]) => {
          const rows = tasks.rows.filter((each) => each.status === status);
          return (
            <section key={status} aria-label={name} onDragOver={(event) => event.preventDefault()} onDrop={(event) => drop(event, status)}>
              <h2>
                {name} <span className="count">{rows.length}</span>
              </h2>
              <ul>
                {rows.map((row) => (
                  <Card key={String(tasks.pk(row))} task={row} place={place} onOpen={() => setOpen(row.id)} />
                ))}
              </ul>
              {status === 'todo' && role !== 'viewer' && <NewTask orgId={orgId} />}
            </section>
          );
        })}
      </div>
      {open !== null && <TaskSheet key={open} id={open} place={place} onClose={() => setOpen(null)} />}
    </>
  );
}

function NewTask({ orgId }: Pick<Place, 'orgId'>) {
  const tasks = useStream('tasks', { orgId });
  const said = useSaid();

  function add(event: SubmitEvent<HTMLFormElement>): void {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget).get('title')).trim();
    event.currentTarget.reset();
    if (title) said(tasks.create({ title, status: 'todo', notes: '' }));
  }

  return (
    <form className="new" onSubmit={add}>
      <input name="title" placeholder="Add a task" aria-label="Add a task" maxLength={120} autoComplete="off" />
    </form>
  );
}
