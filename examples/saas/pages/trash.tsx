import { useStream } from './live.ts';
import { Empty } from './parts.tsx';
import { useSaid } from './toasts.tsx';
import type { Place } from './workspace.tsx';

const WHEN = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }); // the same on the server and here

export function Trash({ orgId, role }: Place) {
  const trash = useStream('trash', { orgId });
  const said = useSaid();
  const rows = trash.rows.filter(({ deletedAt }) => deletedAt !== null); // one that is being restored is gone at once
  if (rows.length === 0 && trash.status === 'live')
    return <Empty title="The trash is empty">What is deleted comes here, and can be restored.</Empty>;
  return (
    <ul className="list">
      {rows.map(({ id, title, deletedAt }) => (
        <li key={id}>
          <span className="grow">{title}</span>
          <time className="soft" dateTime={deletedAt?.toISOString()}>
            {deletedAt && WHEN.format(deletedAt)}
          </time>
          {role !== 'viewer' && <button onClick={() => said(trash.update(id, { deletedAt: null }))}>Restore</button>}
        </li>
      ))}
    </ul>
  );
}
