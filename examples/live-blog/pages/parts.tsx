import { useEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import type { Refusal } from 'rowcast/client';
import { role } from './page.ts';

type Why = Pick<Refusal, 'code' | 'message' | 'fields'>;

/** Why something was refused, where it is about no field. */
export function Refused({ why }: { readonly why: Why | null }) {
  const hint = why?.code === 'forbidden' && role === 'reader' ? ' Only editors may: you can become one at the top.' : '';
  return (
    <p className="refusal" role="alert">
      {why && !Object.keys(why.fields ?? {}).length && `Refused: ${why.message}.${hint}`}
    </p>
  );
}

/** What is wrong with a field, beneath it. */
export function FieldError({ id, name, why }: { readonly id: string; readonly name: string; readonly why: string | undefined }) {
  return (
    why && (
      <span className="field-error" id={id}>
        {name}: {why}.
      </span>
    )
  );
}

interface ConfirmedProps {
  readonly className?: string;
  readonly children: ReactNode;
  onClick(): void;
}

/** A button that asks once more before it does it. */
export function Confirmed({ className = '', onClick, children }: ConfirmedProps) {
  const [sure, ask] = useState(false);

  useEffect(() => {
    if (!sure) return;
    const timer = setTimeout(() => ask(false), 3_000);
    return () => clearTimeout(timer);
  }, [sure]);

  return (
    <button
      type="button"
      className={`delete danger ${className}`}
      onBlur={() => ask(false)}
      onClick={() => {
        ask(!sure);
        if (sure) onClick();
      }}
    >
      {sure ? 'Sure?' : children}
    </button>
  );
}

/** Lights up an element when its row is new in a list that was there before, and whenever somebody else changes the row. */
export function useFlash<E extends HTMLElement>(row: object, listed: RefObject<boolean>): RefObject<E | null> {
  const element = useRef<E>(null);
  const shown = useRef<object>(null);

  useEffect(() => {
    const { current } = element;
    if (!current || shown.current === row) return;
    const how = shown.current ? 'is-changed' : 'is-new';
    shown.current = row;
    if (!listed.current || current.contains(document.activeElement)) return; // who is at it has done it
    current.classList.remove('is-new', 'is-changed');
    void current.offsetWidth; // an animation begins anew only after the class has been seen gone
    current.classList.add(how);
  }, [row, listed]);

  return element;
}

/** Whether a list's first rows were on the screen already. */
export function useListed(status: string): RefObject<boolean> {
  const listed = useRef(false);
  useEffect(() => {
    if (status === 'live') listed.current = true;
  }, [status]);
  return listed;
}

export function Empty({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <p className="empty">
      <strong>{title}</strong>
      <span>{children}</span>
    </p>
  );
}
