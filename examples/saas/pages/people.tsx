import { useState, type SubmitEvent } from 'react';
import { ROLES, type Role } from '../shared.ts';
import { useClient, useStream } from './live.ts';
import { Avatar } from './parts.tsx';
import { useSaid } from './toasts.tsx';
import type { Place } from './workspace.tsx';

export function People({ orgId, me, role }: Place) {
  const people = useStream('people', { orgId });
  const said = useSaid();
  return (
    <>
      <ul className="list">
        {people.rows.map(({ id, userId, name, role: as }) => (
          <li key={id}>
            <Avatar name={name} />
            <span className="grow">
              {name} {userId === me.id && <span className="soft">(you)</span>}
            </span>
            {role === 'owner' ? (
              <>
                <RoleChoice label={`Role of ${name}`} value={as} onChange={(to) => said(people.update(id, { role: to }))} />
                <button className="danger" aria-label={`Remove ${name}`} onClick={() => said(people.delete(id))}>
                  Remove
                </button>
              </>
            ) : (
              <span className="badge">{as}</span>
            )}
          </li>
        ))}
      </ul>
      {role === 'owner' && <Invite orgId={orgId} />}
    </>
  );
}

function Invite({ orgId }: Pick<Place, 'orgId'>) {
  const client = useClient();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('editor');
  const [refusal, refuse] = useState<string | null>(null);

  async function invite(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const answer = await client.call('invite', { orgId, email, role });
    refuse(answer.ok ? null : (answer.fields?.['email'] ?? answer.message));
    if (answer.ok) setEmail('');
  }

  return (
    <form className="invite" onSubmit={(event) => void invite(event)}>
      <h2>Add somebody</h2>
      <p className="soft">They need an account. The organisation appears on their screen by itself.</p>
      <p className="actions">
        <input
          type="email"
          required
          placeholder="name@example.com"
          aria-label="Their e-mail"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <RoleChoice label="Their role" value={role} onChange={setRole} />
        <button className="primary">Add</button>
      </p>
      {refusal && (
        <p className="refusal" role="alert">
          {refusal}
        </p>
      )}
    </form>
  );
}

interface RoleChoiceProps {
  readonly label: string;
  readonly value: Role;
  onChange(role: Role): void;
}

function RoleChoice({ label, value, onChange }: RoleChoiceProps) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value as Role)}>
      {ROLES.map((role) => (
        <option key={role}>{role}</option>
      ))}
    </select>
  );
}
