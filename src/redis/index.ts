export { redis, type RedisOptions } from './redis.ts';
export type { IORedis, NodeRedis, NodeRedisCluster, RedisClient } from './clients.ts';
