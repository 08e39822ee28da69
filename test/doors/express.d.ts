// What the test uses of Express, which brings no types of its own.
declare module 'express' {
  interface App {
    get(path: string, handler: (request: unknown, response: { send(body: string): void }) => void): void;
    listen(port: number, host: string): import('node:http').Server;
  }
  export default function express(): App;
}
