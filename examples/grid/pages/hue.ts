/** A colour for each seat, the same on every screen. */
export function hueOf(seat: string): number {
  return [...seat].reduce((sum, letter) => (sum * 137 + letter.charCodeAt(0)) % 360, 40);
}
