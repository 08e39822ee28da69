// Plain JavaScript without imports: it has to run on the very Node it turns away.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  console.error(
    `This is Node ${process.versions.node}; the scripts of this repository need 22.13 or newer and normally find Node 24 in node_modules/.bin.\n` +
      'It comes with `npm ci`, by an install script of the package "node". If scripts were turned off, run: npm rebuild node\n' +
      'Then start scripts through npm (`npm test`, `npm start`), which puts that Node first.',
  );
  process.exit(1);
}
