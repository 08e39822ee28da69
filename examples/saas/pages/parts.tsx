import type { ReactNode } from 'react';

export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
        <path d="M20 3c-8 0-14 4-14 11 0 1.5.3 2.7.8 3.8L4 21" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />
        <path d="M7 17c5 .5 11-2 13-14" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />
      </svg>
      Plume
    </span>
  );
}

/** Initials, in a colour that is the same for a name on every screen. */
export function Avatar({ name, small = false }: { readonly name: string; readonly small?: boolean }) {
  const initials = name
    .split(' ')
    .map((word) => word[0])
    .slice(0, 2)
    .join('');
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);
  return (
    <span className={small ? 'avatar small' : 'avatar'} style={{ '--hue': hue } as object} title={name} aria-hidden="true">
      {initials}
    </span>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      <p className="soft">{children}</p>
    </div>
  );
}
