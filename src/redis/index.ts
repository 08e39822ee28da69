export { redis, type RedisOptions } from './redis.ts';
export type { IORedis, IORedisCluster, NodeRedis, NodeRedisCluster, RedisClient } from './clients.ts';
