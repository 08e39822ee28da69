/** The `casing` an app gives to Drizzle's own `drizzle({ casing })`. */
export type Casing = 'snake_case' | 'camelCase';

/** The database name of a column declared without one, as Drizzle makes it: ASCII words only, so that it is the same name in every version. */
export function cased(name: string, casing: Casing): string {
  const words = name.replace(/['’]/g, '').match(/[A-Z]+(?![a-z])|[A-Z]?[a-z\d]+/g) ?? [];
  if (casing === 'snake_case') return words.join('_').toLowerCase();
  return words.map((word, index) => (index === 0 ? word.toLowerCase() : word.charAt(0).toUpperCase() + word.slice(1))).join('');
}
