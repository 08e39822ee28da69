import type { User } from '../bindings.ts';

// What the server wrote into the page.

export const role = document.body.dataset['role'] as User['role'];
export const shell = document.body.dataset['shell'] ?? '';

/** Told to those who do not see it happen. */
export function announce(text: string): void {
  const announcer = document.querySelector('.announcer');
  if (announcer) announcer.textContent = text;
}
