import { createServer, type Server } from 'node:http';
import { serve } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { clientAt, listening, roundTrip, seedExample } from './served.ts';

interface Served {
  readonly server: Server;
  close?(): Promise<void>;
}

const frameworks: Readonly<Record<string, () => Promise<Served>>> = {
  'node:http': async () => ({ server: createServer((_request, response) => response.end('a page')).listen(0, '127.0.0.1') }),
  'Express 5': async () => {
    const app = express();
    app.get('/', (_request, response) => response.send('a page'));
    return { server: app.listen(0, '127.0.0.1') };
  },
  'Fastify 5': async () => {
    const app = Fastify({ forceCloseConnections: true });
    app.get('/', () => 'a page');
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { server: app.server, close: () => app.close() };
  },
  Hono: async () => {
    const app = new Hono();
    app.get('/', (context) => context.text('a page'));
    return { server: serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server };
  },
};

test.each(Object.entries(frameworks))('%s: attach serves the endpoint and leaves pages and other sockets alone', async (_name, start) => {
  const live = await seedExample();
  live.endpoint('/binding/', { connectionGroups: () => ['intval-updates'] });
  const { server, close } = await start();
  const chat = chatAt(server, '/chat');
  live.attach(server);
  const host = `127.0.0.1:${await listening(server)}`;
  const client = clientAt(`ws://${host}/binding/`);
  try {
    expect(await roundTrip(client, 'one')).toEqual({ id: 1, name: 'one', value: 7, author: 'anonymous' });
    expect(await (await fetch(`http://${host}/`)).text()).toBe('a page');
    expect(await echo(`ws://${host}/chat`, 'hello')).toBe('hello');
  } finally {
    client.close();
    await live.close();
    chat.close();
    await close?.();
    server.closeAllConnections();
    server.close();
  }
});

/** A WebSocket server of the app's own, on a path of its own. */
function chatAt(server: Server, path: string): WebSocketServer {
  const chat = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (request.url === path) chat.handleUpgrade(request, socket, head, (opened) => opened.on('message', (data) => opened.send(data)));
  });
  return chat;
}

async function echo(url: string, text: string): Promise<string> {
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send(text));
    socket.on('message', (data) => {
      socket.close();
      resolve(String(data));
    });
  });
}
