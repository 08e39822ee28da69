import { createHash } from 'node:crypto';
import { RowcastError } from '../core/index.ts';

/** How a command reaches a server: over a connection of its own, or over the one that is kept. */
export interface Sender {
  send(command: readonly string[], key: string | null): Promise<unknown>;
}

/** What a ledger is kept in. One hash tag: a script touches one slot of a cluster. */
export interface Keys {
  /** Hash: term, tail, floor, entries, bytes. */
  readonly state: string;
  /** Stream: one message for each batch of entries, under the last one's position. */
  readonly log: string;
  /** List: for each message when it came, and the position and size of each entry in it. Lua need not look into the entries. */
  readonly index: string;
}

/** @param epoch any text: what it has of braces must not end the hash tag */
export function keysOf(prefix: string, epoch: string): Keys & { readonly bus: string } {
  const tag = `{${prefix}:${encodeURIComponent(epoch)}}`;
  return { state: `${tag}:state`, log: `${tag}:log`, index: `${tag}:index`, bus: `${tag}:bus` };
}

// Positions are compared for equality alone: Lua's numbers have 53 bits.
const BEGIN = `
local state, log, index = KEYS[1], KEYS[2], KEYS[3]
local held = redis.call('HMGET', state, 'term', 'tail', 'floor', 'entries', 'bytes')
local term, tail, floor = tonumber(held[1] or 0), held[2], held[3]
local entries, bytes = tonumber(held[4] or 0), tonumber(held[5] or 0)

local function empty(position)
  redis.call('DEL', log, index)
  floor, entries, bytes = position, 0, 0
end

local function keep()
  redis.call('HSET', state, 'term', string.format('%.0f', term), 'tail', tail, 'floor', floor,
    'entries', string.format('%.0f', entries), 'bytes', string.format('%.0f', bytes))
end

-- Somebody trimmed or deleted by hand: what is left proves nothing.
local function check()
  if redis.call('XLEN', log) == redis.call('LLEN', index) then return false end
  empty(tail)
  return true
end

-- A clock that is more than a minute off is not gone by: one node's must not empty the ledger of all.
local function clock(now)
  local time = redis.call('TIME')
  local here = time[1] * 1000 + math.floor(time[2] / 1000)
  if math.abs(here - now) > 60000 then return here end
  return now
end

local function trim(now, most, size, age)
  local messages, changed = 0, false
  while entries > 0 do
    local head = redis.call('LINDEX', index, messages)
    local at, count, sum, last, from = string.match(head, '^(%d+) (%d+) (%d+) (%x+) ()')
    at, count, sum = tonumber(at), tonumber(count), tonumber(sum)
    if at < now - age or entries - count >= math.max(most, 1) or (entries > count and bytes - sum >= size) then
      messages, entries, bytes, floor = messages + 1, entries - count, bytes - sum, last
    else
      local rest = from
      for position, length, after in string.gmatch(string.sub(head, from), '(%x+) (%d+) ()') do
        if entries < 2 or (entries <= most and bytes <= size) then break end
        length = tonumber(length)
        entries, bytes, floor = entries - 1, bytes - length, position
        count, sum, rest = count - 1, sum - length, from + after - 1
      end
      if rest > from then
        redis.call('LSET', index, messages, string.format('%.0f %d %.0f %s %s', at, count, sum, last, string.sub(head, rest)))
        changed = true
      end
      break
    end
  end
  if messages > 0 then
    redis.call('LTRIM', index, messages, -1)
    redis.call('XTRIM', log, 'MAXLEN', redis.call('LLEN', index))
  end
  return changed or messages > 0
end
`;

/** now, entries, bytes, age → term, floor, tail, entries, bytes; nothing where nobody has begun it. */
const LOOK = `${BEGIN}
if not tail then return {} end
local wrong = check()
if trim(clock(tonumber(ARGV[1])), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])) or wrong then keep() end
return {string.format('%.0f', term), floor, tail, string.format('%.0f', entries), string.format('%.0f', bytes)}`;

/** least, start → the new term. */
const LEAD = `${BEGIN}
if not tail then
  tail = ARGV[2]
  empty(tail)
end
term = math.max(term + 1, tonumber(ARGV[1]))
keep()
return string.format('%.0f', term)`;

/**
 * now, entries, bytes, age, term, the tail that the first entry names, the one that the first entry kept does, the new tail; then of each message
 * its id, entries, bytes, what the index has of it, and its body → '', or what is wrong and why.
 */
const APPEND = `${BEGIN}
if term == 0 or term ~= tonumber(ARGV[5]) then return {'fenced', string.format('%.0f', term)} end
if #ARGV < 9 then return {''} end
if tail ~= ARGV[6] then return {'conflict', tail} end
check()
local now = clock(tonumber(ARGV[1]))
if ARGV[7] ~= tail then empty(ARGV[7]) end
for at = 9, #ARGV, 5 do
  redis.call('XADD', log, ARGV[at], 'e', ARGV[at + 4])
  redis.call('RPUSH', index, string.format('%.0f %s %s %s', now, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]))
  entries, bytes = entries + tonumber(ARGV[at + 1]), bytes + tonumber(ARGV[at + 2])
end
tail = ARGV[8]
trim(now, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]))
keep()
return {''}`;

export interface Script {
  readonly text: string;
  readonly digest: string;
}

export const SCRIPTS: Readonly<Record<'look' | 'lead' | 'append', Script>> = {
  look: script(LOOK),
  lead: script(LEAD),
  append: script(APPEND),
};

function script(text: string): Script {
  return { text, digest: createHash('sha1').update(text).digest('hex') };
}

/** A server that has forgotten the script, or never had it, is given it again. */
export async function run(sender: Sender, { text, digest }: Script, keys: Keys, args: readonly string[]): Promise<unknown> {
  const rest = ['3', keys.state, keys.log, keys.index, ...args];
  try {
    return await sender.send(['EVALSHA', digest, ...rest], keys.state);
  } catch (error) {
    const cause = error instanceof RowcastError ? error.cause : null;
    if (!(cause instanceof Error && cause.message.startsWith('NOSCRIPT'))) throw error;
    return await sender.send(['EVAL', text, ...rest], keys.state);
  }
}
