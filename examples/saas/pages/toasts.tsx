import { createContext, useCallback, useContext, useRef, useState, type ReactNode } from 'react';

/** What a write, a batch or a call resolves to, as far as it is to be said. */
type Outcome = Promise<{ readonly ok: boolean; readonly message?: string }>;

const Context = createContext<(outcome: Outcome) => void>(() => undefined);

/** For what has no form to show it in: says why it was refused. What was shown already is taken back by the client itself. */
export const useSaid = () => useContext(Context);

export function Toasts({ children }: { readonly children: ReactNode }) {
  const [shown, show] = useState<readonly { readonly id: number; readonly text: string }[]>([]);
  const last = useRef(0);
  const said = useCallback((outcome: Outcome) => {
    const say = (text: string): void => {
      const id = ++last.current;
      show((before) => [...before, { id, text }]);
      setTimeout(() => show((before) => before.filter((each) => each.id !== id)), 6_000);
    };
    outcome.then(
      ({ ok, message }) => ok || say(message ?? 'That did not work.'),
      (error: unknown) => say(error instanceof Error ? error.message : 'That did not work.'),
    );
  }, []);
  return (
    <Context value={said}>
      {children}
      <ul className="toasts" role="status">
        {shown.map(({ id, text }) => (
          <li key={id}>{text}</li>
        ))}
      </ul>
    </Context>
  );
}
