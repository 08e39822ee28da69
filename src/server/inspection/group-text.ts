/** A group as people read it: those by columns as `blogId=7`, others by their names. */
export function groupText(group: string): string {
  if (!group.startsWith('\u0000')) return group;
  // The tuple that a group by columns is kept by: its audience, then columns and values in turn.
  const [, ...named] = JSON.parse(group.slice(1)) as readonly string[];
  const pairs: string[] = [];
  for (let at = 0; at + 1 < named.length; at += 2) pairs.push(`${named[at]}=${named[at + 1]}`);
  return pairs.join(', ');
}
