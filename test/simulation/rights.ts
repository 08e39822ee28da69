import { ORIGIN, type Position } from '../../src/core/index.ts';
import { BLOGS, USERS } from './app.ts';

/** Who may ask for which blog, and since when: what the app knows by itself, and no table says. */
export class Rights {
  readonly #since = new Map<string, Position>();

  constructor() {
    for (const { id, blogs } of USERS) for (const blog of blogs) this.#since.set(`${id} ${blog}`, ORIGIN);
  }

  may(user: string, blog: number): boolean {
    return this.#since.has(`${user} ${blog}`);
  }

  /** Null: never yet. */
  since(user: string, blog: number): Position | null {
    return this.#since.get(`${user} ${blog}`) ?? null;
  }

  grant(user: string, blog: number, since: Position): void {
    if (!this.may(user, blog)) this.#since.set(`${user} ${blog}`, since);
  }

  /** Blogs that the user may not ask for. */
  lacking(user: string): readonly number[] {
    return BLOGS.filter((blog) => !this.may(user, blog));
  }
}
