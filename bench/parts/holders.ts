import type { Binding, ColumnGroup, Live } from 'rowcast';

export interface Holders {
  readonly groups: number;
  readonly sockets: number;
}

/** Each connection that comes holds its share of the groups. */
export function shared(
  live: Live,
  binding: Binding & { group(params: { team: number }): ColumnGroup },
  { groups, sockets }: Holders,
): void {
  const all = Array.from({ length: groups }, (_, team) => binding.group({ team }));
  let came = 0;
  live.endpoint('/', {
    connectionGroups: () => {
      const mine = came++;
      return all.filter((_, team) => team % sockets === mine);
    },
  });
}
