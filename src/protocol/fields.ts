import type { Params } from './frames.ts';
import { FrameError } from './scan.ts';
import type { Json } from './values.ts';

/** What a frame that was refused still told: enough to answer it. */
export class BadFrame extends FrameError {
  readonly id: number | undefined;
  /** It is answered by a `result`: a write, a batch or a call. */
  readonly write: boolean;
  /** In whose name it was asked, where it said so. */
  readonly client: string | undefined;
  constructor(
    message: string,
    about: { readonly id?: Json | undefined; readonly write?: boolean; readonly client?: Json | undefined } = {},
    code: FrameError['code'] = 'bad_frame',
  ) {
    super(code, message);
    this.id = isId(about.id) ? about.id : undefined;
    this.write = about.write === true && this.id !== undefined;
    this.client = this.write && isClientName(about.client) ? about.client : undefined;
  }
}

export type Fields = { readonly [key: string]: Json };

const CLIENT = /^[A-Za-z0-9_-]{8,64}$/;
export const isClientName = (value: unknown): value is string => typeof value === 'string' && CLIENT.test(value);
export const isId = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
export const isRecord = (value: Json | undefined): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const RESULTS: readonly Json[] = ['write', 'batch', 'call'];

export const isAsked = (type: Json | undefined): boolean => type !== undefined && RESULTS.includes(type);

/** What can be told of a frame, whatever else is wrong with it. */
export const about = ({ id, type, client }: Fields): { id: Json | undefined; write: boolean; client: Json | undefined } => ({
  id,
  write: isAsked(type),
  client,
});

/** What is wrong, about which frame. */
export const wrong = (value: Fields, why: string): BadFrame => new BadFrame(`${String(value.type)}: ${why}`, about(value));

export function only(value: Fields, keys: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw wrong(value, `"${key.slice(0, 40)}" is not a key of this frame`);
  }
}

export function idOf(value: Fields): number {
  if (!isId(value.id)) throw new BadFrame(`${String(value.type)}: "id" is a positive integer`);
  return value.id;
}

export function streamOf(value: Fields): string {
  if (typeof value.stream !== 'string') throw wrong(value, '"stream" is a string');
  return value.stream;
}

export function paramsOf(value: Fields): Params | undefined {
  if (value.params === undefined) return undefined;
  if (!isRecord(value.params)) throw wrong(value, '"params" is an object');
  return value.params;
}
