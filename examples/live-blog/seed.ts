/** What a new database begins with. The two blogs are put back whenever they are missing. */
export const blogs = [
  { id: 1, title: 'Launch day' },
  { id: 2, title: 'Harbour regatta' },
];

export const values = [
  { name: 'coffee cups', value: 42 },
  { name: 'open windows', value: 3 },
];

export const posts = [
  {
    blogId: 1,
    title: 'Good morning from the cape',
    body: 'The sun is up, the coast is clear and the tank is being filled. We are here all day: new posts appear on this page by themselves.',
    published: true,
    notes: 'Photo rights: ask the agency.',
  },
  {
    blogId: 1,
    title: 'Go for the count',
    body: 'All desks have said go. The clock runs again at nine minutes, and the wind stays under twelve knots.',
    published: true,
    notes: 'Source: the loop, second channel.',
  },
  {
    blogId: 1,
    title: 'Lift-off!',
    body: 'The tower is cleared, and she climbs into a sky without a cloud.',
    published: false,
    notes: 'Hold until the tower is cleared.',
  },
  {
    blogId: 2,
    title: 'Twenty-three boats at the line',
    body: 'A light north-westerly, a flat sea, and everybody wants the pin end. The first start is at eleven.',
    published: true,
    notes: 'Entry list is in the shared folder.',
  },
  {
    blogId: 2,
    title: 'Protest in the second race',
    body: 'The jury hears both crews at six. We wait for the decision before this goes out.',
    published: false,
    notes: 'Not before the jury has spoken.',
  },
];
