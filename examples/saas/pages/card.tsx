import { memo } from 'react';
import { useStream } from './live.ts';
import { Avatar } from './parts.tsx';
import { useSaid } from './toasts.tsx';
import type { Place } from './workspace.tsx';

export type Task = ReturnType<typeof useStream<'tasks'>>['rows'][number];

interface CardProps {
  readonly task: Task;
  readonly place: Place;
  onOpen(): void;
}

export const Card = memo(function Card({ task, place: { orgId, role }, onOpen }: CardProps) {
  const tasks = useStream('tasks', { orgId });
  const people = useStream('people', { orgId });
  const assignee = people.rows.find(({ userId }) => userId === task.assigneeId);
  const said = useSaid();
  const done = task.status === 'done';

  /** By the endpoint that the app had before, shown at once: the receipt tells this client which commit was its own. */
  const finish = () =>
    tasks.optimistic(task.id, { status: 'done' }, async (receipt) => {
      const response = await fetch(`/api/tasks/${task.id}/done`, { method: 'POST', headers: { 'rowcast-receipt': receipt } });
      if (!response.ok) throw new Error(((await response.json()) as { message: string }).message);
      return { ok: true };
    });

  return (
    <li
      className="card"
      data-done={done}
      draggable={role !== 'viewer'}
      onDragStart={(event) => event.dataTransfer.setData('text/plain', String(task.id))}
    >
      <button
        className="tick"
        aria-label={done ? `Take up ${task.title} again` : `Finish ${task.title}`}
        aria-pressed={done}
        disabled={role === 'viewer'}
        onClick={() => said(done ? tasks.update(task.id, { status: 'todo' }) : finish())}
      />
      <button className="open" onClick={onOpen}>
        {task.title}
      </button>
      {assignee && <Avatar name={assignee.name} small />}
    </li>
  );
});
