import type { Family, Histogram, Metric } from './metrics.ts';

/** What {@link exposition} is, for who asks over HTTP. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Prometheus' text format, version 0.0.4: a HELP and a TYPE line for each, then its samples. */
export function exposition(metrics: readonly Metric[]): string {
  return metrics.map((metric) => head(metric) + (metric.type === 'histogram' ? buckets(metric) : samples(metric))).join('');
}

function head({ name, help, type }: Metric): string {
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `# HELP ${name} ${text}\n# TYPE ${name} ${type}\n`;
}

function samples({ name, samples: all }: Family): string {
  return all.map(({ labels, value }) => line(name, labels, value)).join('');
}

/** A bucket holds what is at or under its bound, the ones before it included. */
function buckets({ name, bounds, counts, sum }: Histogram): string {
  let count = 0;
  let text = '';
  for (const [at, each] of counts.entries()) {
    count += each;
    text += line(`${name}_bucket`, { le: numberText(bounds[at] ?? Infinity) }, count);
  }
  return text + line(`${name}_sum`, {}, sum) + line(`${name}_count`, {}, count);
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${numberText(value)}\n`;
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}
