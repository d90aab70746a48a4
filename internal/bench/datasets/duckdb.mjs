// Materialises columns of parquet files with DuckDB on one thread. Reads one
// request a line from standard input, {"sql": "..."}, and answers each with
// {"seconds": n, "cpu": n, "peak": bytes}. The times are those of the statement
// alone, by the clock and of the processor.
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const connection = await instance.connect();

function peak() {
  const m = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return m ? Number(m[1]) * 1024 : 0;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { sql } = JSON.parse(line);
  const start = process.hrtime.bigint();
  const before = process.cpuUsage();
  await connection.run(sql);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const used = process.cpuUsage(before);
  console.log(JSON.stringify({ seconds, cpu: (used.user + used.system) / 1e6, peak: peak() }));
}
