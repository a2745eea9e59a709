import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../index.js';
import { formatNumber } from '../observe/index.js';
import { asVectorFile, replayVectors, type VectorFile, VectorFileError } from '../testing/index.js';
import { UsageError } from './usage.js';

function readVectors(file: string): VectorFile {
  let json: unknown;
  try {
    const bytes = readFileSync(file);
    const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
    json = JSON.parse((packed ? gunzipSync(bytes) : bytes).toString('utf8'));
  } catch (error) {
    throw new InputError(file, `cannot be read as JSON (${(error as Error).message})`);
  }
  return inFile(file, () => asVectorFile(json));
}

/** What goes wrong in a vector file is said with the file's name. */
function inFile<T>(file: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof VectorFileError) throw new InputError(file, error.message);
    throw error;
  }
}

/** `vmx-apic conform`. Returns the exit status. */
export function conform(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  if (positionals.length === 0) throw new UsageError('conform: which vector files?');
  const files = positionals.map((file) => ({ file, vectors: readVectors(file) }));
  const results = files.map(({ file, vectors }) => ({ file, ...inFile(file, () => replayVectors(vectors, file)) }));
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  const failures = results.flatMap((result) => result.failures);
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ passed, failed, failures }, null, 2)}\n`);
  } else {
    for (const result of results) {
      process.stdout.write(`${result.file}: ${formatNumber(result.passed)} steps passed, ${result.failed} failed\n`);
    }
    for (const failure of failures.slice(0, 20)) {
      process.stdout.write(
        `${failure.file}: sequence ${failure.sequence}, step ${failure.step}\n` +
          `  expected ${JSON.stringify(failure.expected)}\n  actual   ${JSON.stringify(failure.actual)}\n`,
      );
    }
    if (failures.length > 20) process.stdout.write(`… and ${failures.length - 20} more (--json prints all)\n`);
  }
  return failed === 0 ? 0 : 1;
}
