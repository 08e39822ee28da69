import { LiveProvider, type LiveClient } from './live.ts';
import { Router } from './router.tsx';
import { SignIn } from './sign-in.tsx';
import { Toasts } from './toasts.tsx';
import { Workspace } from './workspace.tsx';

export interface Me {
  readonly id: string;
  readonly name: string;
}

export interface AppProps {
  readonly path: string;
  readonly me: Me | null;
  readonly client: LiveClient;
}

export function App({ path, me, client }: AppProps) {
  return (
    <LiveProvider client={client}>
      <Router path={path}>
        <Toasts>{me ? <Workspace me={me} /> : <SignIn />}</Toasts>
      </Router>
    </LiveProvider>
  );
}
