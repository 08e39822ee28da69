import { useEffect, useState } from 'react';
import type { Change } from 'rowcast/client';
import { useClient } from './live.ts';

interface Told {
  readonly at: string;
  readonly change: Change;
}

/** What changes a stream's rows from outside, as it comes. The first rows are no change. */
export function Feed({ stream, name }: { readonly stream: 'posts' | 'intval'; readonly name: string }) {
  const client = useClient();
  const [told, tell] = useState<readonly Told[]>([]);

  useEffect(() => {
    const handle = client.stream(stream);
    let loaded = false;
    handle.on('ready', () => (loaded = true));
    handle.on('commit', ({ changes, local }) => {
      if (!loaded || local) return; // what this window does itself is shown before it has gone anywhere
      const at = new Date().toLocaleTimeString('en-GB');
      tell((before) => [...changes.map((change) => ({ at, change })), ...before].slice(0, 8));
    });
    return () => handle.close();
  }, [client, stream]);

  return (
    <section className="card feed">
      <h2>On the socket</h2>
      <ol className="events">
        {told.map(({ at, change: { action, pk, data } }, place) => (
          <li key={told.length - place}>
            <time>{at}</time>
            <b data-action={action}>{action}</b>
            {`${name} ${String(pk)}`}
            <code>{data ? JSON.stringify(data) : 'the key only'}</code>
          </li>
        ))}
      </ol>
      <p className="quiet">What others change is listed here, as it reaches this window.</p>
    </section>
  );
}
