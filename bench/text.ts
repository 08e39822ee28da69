const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, minimumSignificantDigits: 3 });

/** Three figures of a number, never an exponent: `0.708`, `7.69`, `113,245`. */
export const round = (value: number): string => (value === 0 ? '0' : Math.abs(value) >= 100 ? whole.format(value) : small.format(value));

const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text, as SVG may hold it. */
export const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => NAMED[character] as string);

/** Lines of at most so many letters, broken between words. */
export function wrap(text: string, letters: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
