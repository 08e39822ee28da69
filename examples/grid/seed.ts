const KINDS = ['Basil', 'Tomato', 'Radish', 'Kale', 'Leek', 'Chard', 'Fennel', 'Pepper', 'Squash', 'Onion'];
const SORTS = ['Early', 'Late', 'Dwarf', 'Giant', 'Red', 'Golden', 'Striped', 'Winter', 'Summer', 'Wild'];
const PACKS = ['seeds', 'seedlings'];
const NOTES = ['', '', '', 'Reorder in March', '', 'Fragile', '', 'On offer', '', 'Ask Juno'];

/** Two hundred rows of a seed shop, the same each time. */
export const rows = Array.from({ length: KINDS.length * SORTS.length * PACKS.length }, (_, at) => ({
  sku: `S-${String(at + 1).padStart(3, '0')}`,
  name: `${SORTS[Math.floor(at / 10) % 10]} ${KINDS[at % 10]} ${PACKS[Math.floor(at / 100)]}`,
  shelf: `${'ABCDEF'[(at * 7) % 6]}${1 + ((at * 5) % 9)}`,
  stock: (at * 37) % 120,
  price: 1 + ((at * 53) % 900) / 100,
  note: NOTES[(at * 3) % 10] ?? '',
}));
