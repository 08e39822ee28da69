import { useEffect } from 'react';
import type { Role } from '../shared.ts';
import type { Me } from './app.tsx';
import { Board } from './board.tsx';
import { useClient, useConnection, useStream } from './live.ts';
import { Avatar, Empty, Logo } from './parts.tsx';
import { People } from './people.tsx';
import { Link, usePath } from './router.tsx';
import { Trash } from './trash.tsx';

/** What every page of an organisation is about. */
export interface Place {
  readonly orgId: number;
  readonly me: Me;
  /** Only decides what is offered: what is allowed, the server says for each write. */
  readonly role: Role;
}

const PAGES = { '': 'Board', people: 'People', trash: 'Trash' } as const;

export function Workspace({ me }: { readonly me: Me }) {
  const organisations = useStream('organisations');
  const [, slug = '', page = ''] = usePath().split('/');
  const here = organisations.rows.find((each) => each.slug === slug);
  return (
    <div className="workspace">
      <header className="side">
        <Logo />
        <nav aria-label="Organisations">
          {organisations.rows.map((each) => (
            <Link key={each.id} className={each === here ? 'org here' : 'org'} href={`/${each.slug}`}>
              {each.name}
            </Link>
          ))}
        </nav>
        {here && (
          <nav aria-label="Pages" className="pages">
            {Object.entries(PAGES).map(([path, name]) => (
              <Link key={path} href={`/${[slug, path].filter(Boolean).join('/')}`}>
                {name}
              </Link>
            ))}
          </nav>
        )}
        <SignedIn me={me} />
      </header>
      <main>
        {here ? <Organisation orgId={here.id} name={here.name} page={page} me={me} /> : <Nowhere status={organisations.status} />}
      </main>
    </div>
  );
}

interface OrganisationProps extends Omit<Place, 'role'> {
  readonly name: string;
  readonly page: string;
}

function Organisation({ orgId, name, page, me }: OrganisationProps) {
  const people = useStream('people', { orgId });
  const role = people.rows.find(({ userId }) => userId === me.id)?.role ?? 'viewer';
  const place = { orgId, me, role };
  return (
    <>
      <div className="title">
        <h1>{page in PAGES ? PAGES[page as keyof typeof PAGES] : name}</h1>
        <span className="soft">{name}</span>
        <ul className="faces" aria-label="Members">
          {people.rows.map((each) => (
            <li key={each.id}>
              <Avatar name={each.name} />
            </li>
          ))}
        </ul>
        {role === 'viewer' && people.status === 'live' && <span className="badge">View only</span>}
      </div>
      {page === '' && <Board key={orgId} {...place} />}
      {page === 'people' && <People key={orgId} {...place} />}
      {page === 'trash' && <Trash key={orgId} {...place} />}
      {!(page in PAGES) && <Empty title="There is no such page">Choose one on the side.</Empty>}
    </>
  );
}

function Nowhere({ status }: { readonly status: string }) {
  if (status === 'idle' || status === 'syncing') return <Empty title="One moment">Your organisations are on their way.</Empty>;
  return <Empty title="Nothing here">You are no member of this organisation. Should somebody make you one, it appears by itself.</Empty>;
}

function SignedIn({ me }: { readonly me: Me }) {
  const client = useClient();
  const { status, pending } = useConnection();

  // Signed out elsewhere, or the session is over: the server has said so.
  useEffect(() => {
    if (status === 'signed-out') location.assign('/sign-in');
  }, [status]);

  async function signOut(): Promise<void> {
    await client.signOut(); // nothing of this user stays in the browser
    await fetch('/api/auth/sign-out', { method: 'POST' });
    location.assign('/sign-in');
  }

  return (
    <div className="me">
      <p className="link" data-status={status} role="status">
        {status === 'open' ? 'Live' : status === 'waiting' ? 'Offline' : 'Connecting …'}
        {status !== 'open' && pending.length > 0 && <span>{pending.length} to send</span>}
      </p>
      <Avatar name={me.name} />
      <span className="name">{me.name}</span>
      <button className="quiet" onClick={() => void signOut()}>
        Sign out
      </button>
    </div>
  );
}
