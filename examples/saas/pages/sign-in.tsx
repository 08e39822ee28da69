import { useState, type SubmitEvent } from 'react';
import { Logo } from './parts.tsx';

export function SignIn() {
  const [refusal, refuse] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function signIn(event: SubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    const body = JSON.stringify({ email: form.get('email'), password: form.get('password') });
    const response = await fetch('/api/auth/sign-in/email', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (response.ok) return location.assign('/'); // a page of their own, with a connection of their own
    setBusy(false);
    refuse(response.status === 429 ? 'Too many tries: wait a moment.' : 'That address and that password do not go together.');
  }

  return (
    <main className="sign-in">
      <form onSubmit={(event) => void signIn(event)}>
        <Logo />
        <h1>Welcome back</h1>
        <p className="soft">Sign in to see what your team is up to.</p>
        <label>
          E-mail <input name="email" type="email" required autoComplete="username" autoFocus />
        </label>
        <label>
          Password <input name="password" type="password" required autoComplete="current-password" />
        </label>
        <p className="refusal" role="alert">
          {refusal}
        </p>
        <button className="primary" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
