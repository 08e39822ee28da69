import { useEffect, useState, type ReactNode, type SubmitEvent } from 'react';
import { COLUMNS } from './board.tsx';
import { useClient, useDraft, useRow, useStream } from './live.ts';
import { useSaid } from './toasts.tsx';
import type { Place } from './workspace.tsx';

interface SheetProps {
  readonly id: number;
  readonly place: Place;
  onClose(): void;
}

/** A task in a form. Fields that nobody touches stay live; what is typed survives refusals, reconnects, and others who write to the same task. */
export function TaskSheet({ id, place: { orgId, role }, onClose }: SheetProps) {
  const draft = useDraft('tasks', id, { orgId });
  const tasks = useStream('tasks', { orgId });
  const said = useSaid();
  const readOnly = role === 'viewer';
  const { values, errors, refusal, status, dirty } = draft;

  useEffect(() => {
    const escape = (event: KeyboardEvent): void => void (event.key === 'Escape' && onClose());
    addEventListener('keydown', escape);
    return () => removeEventListener('keydown', escape);
  }, [onClose]);

  async function save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if ((await draft.save({ ifMatch: true })).ok) onClose();
  }

  function moveToTrash(): void {
    said(tasks.delete(id));
    onClose();
  }

  return (
    <aside className="sheet" role="dialog" aria-label="Task" tabIndex={-1} ref={focus}>
      <form onSubmit={(event) => void save(event)}>
        <header>
          <h2>Task</h2>
          <button type="button" className="quiet close" aria-label="Close" onClick={onClose}>
            ×
          </button>
        </header>
        {status === 'gone' && <p className="notice">This task is in the trash now. What you typed is still here.</p>}
        <fieldset disabled={readOnly}>
          <Field label="Title" error={errors.title} draft={draft} field="title">
            <input value={values.title ?? ''} onChange={(event) => draft.set('title', event.target.value)} aria-invalid={!!errors.title} />
          </Field>
          <Field label="Notes" error={errors.notes} draft={draft} field="notes">
            <textarea rows={7} value={values.notes ?? ''} onChange={(event) => draft.set('notes', event.target.value)} />
          </Field>
          <Field label="Status" error={errors.status} draft={draft} field="status">
            <select value={values.status ?? 'todo'} onChange={(event) => draft.set('status', event.target.value as 'todo')}>
              {COLUMNS.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
          <Assignee id={id} orgId={orgId} />
        </fieldset>
        {refusal && !refusal.fields && (
          <p className="refusal" role="alert">
            {refusal.code === 'conflict'
              ? 'Somebody else changed this meanwhile: choose whose it is to be, and save again.'
              : refusal.message}
          </p>
        )}
        {!readOnly && (
          <p className="actions">
            <button className="primary" disabled={!dirty || status === 'saving' || status === 'gone'}>
              {status === 'saving' ? 'Saving …' : 'Save'}
            </button>
            <button type="button" disabled={!dirty} onClick={() => draft.reset()}>
              Revert
            </button>
            <button type="button" className="danger" disabled={status === 'gone'} onClick={moveToTrash}>
              Move to trash
            </button>
          </p>
        )}
      </form>
    </aside>
  );
}

const focus = (sheet: HTMLElement | null): void => sheet?.focus();

type TaskDraft = ReturnType<typeof useDraft<'tasks'>>;

interface FieldProps {
  readonly label: string;
  readonly field: 'title' | 'notes' | 'status';
  readonly error: string | undefined;
  readonly draft: TaskDraft;
  readonly children: ReactNode;
}

/** A field, what the server says is wrong with it, and what it has become by somebody else while it was being typed. */
function Field({ label, field, error, draft, children }: FieldProps) {
  const theirs = draft.theirs[field];
  return (
    <div className="field">
      <label>
        {label} {children}
      </label>
      {error && (
        <p className="refusal" role="alert">
          {error}
        </p>
      )}
      {theirs !== undefined && (
        <p className="theirs" role="status">
          <span>
            Somebody made this <q>{theirs}</q>
          </span>
          <button type="button" onClick={() => draft.take(field)}>
            Take theirs
          </button>
          <button type="button" onClick={() => draft.keep(field)}>
            Keep mine
          </button>
        </p>
      )}
    </div>
  );
}

/** Not a field of the form: giving a task to somebody is a command, with rules and a message of its own. */
function Assignee({ id, orgId }: { readonly id: number; readonly orgId: number }) {
  const client = useClient();
  const task = useRow('tasks', id, { orgId });
  const people = useStream('people', { orgId });
  const [busy, setBusy] = useState(false);
  const said = useSaid();

  function give(to: string | null): void {
    setBusy(true);
    const answer = client.call('assign', { id, to });
    said(answer);
    void answer.then(() => setBusy(false));
  }

  return (
    <label className="field">
      Assigned to
      <select value={task?.assigneeId ?? ''} disabled={busy || !task} onChange={(event) => give(event.target.value || null)}>
        <option value="">Nobody</option>
        {people.rows.map(({ userId, name }) => (
          <option key={userId} value={userId}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
