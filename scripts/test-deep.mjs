// `npm run test:deep -- --minutes N` (or VMX_APIC_MINUTES=N): every property suite again and again, each round with another seed and, as long as
// a round takes less than a third of what is left, twice the runs (from then on the models are explored to their ends, too). Prints each round's
// seed, and at last what was covered; a failing round prints its counterexample and how to run it again.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const usage = 'usage: npm run test:deep -- [--minutes N] [--seed N] [file…]';

/** @param {string} name @param {number} otherwise @param {string[]} args */
function take(name, otherwise, args) {
  const at = args.indexOf(name);
  if (at < 0) return otherwise;
  const [, text = ''] = args.splice(at, 2);
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) {
    console.error(`${name}: ${text || 'nothing'} is not a number of 0 or more\n${usage}`);
    process.exit(2);
  }
  return value;
}

const files = process.argv.slice(2);
const minutes = take('--minutes', Number(process.env['VMX_APIC_MINUTES'] ?? 10), files);
let seed = take('--seed', Math.floor(Date.now() / 1000), files);
if (files.some((file) => file.startsWith('-'))) {
  console.error(usage);
  process.exit(2);
}

const firstSeed = seed;
const scratch = mkdtempSync(join(tmpdir(), 'vmx-apic-deep-'));
const suites = files.length > 0 ? files : ['test/testing', 'test/arch', 'test/engine', 'test/kvm/apic-map.test.ts'];
const counts = join(scratch, 'counts');
/** By file: tests, and cases that properties were tried on. @type {Map<string, { tests: number, cases: number, ms: number }>} */
const covered = new Map();
const until = Date.now() + minutes * 60_000;
let factor = 1;
let rounds = 0;
let properties = 0;
let failed = 0;

/** @param {string} file */
function coveredOf(file) {
  const name = relative(root, file);
  const known = covered.get(name) ?? { tests: 0, cases: 0, ms: 0 };
  covered.set(name, known);
  return known;
}

/**
 * One round: how many tests passed and failed, and what it printed.
 * @param {number} times
 */
function round(times) {
  const report = join(scratch, 'report.json');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      ...['run', '--project', 'source', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
      ...[`--testTimeout=${Math.max(60_000, minutes * 60_000)}`, ...suites],
    ],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        NO_COLOR: '1',
        FAST_CHECK_SEED: String(seed),
        FAST_CHECK_FACTOR: String(times),
        FAST_CHECK_COUNTS: counts,
      },
    },
  );
  const results = status === null ? {} : JSON.parse(readFileSync(report, 'utf8'));
  const { numPassedTests = 0, numFailedTests = 0 } = results;
  for (const { name, assertionResults, startTime, endTime } of results.testResults ?? []) {
    const of = coveredOf(name);
    of.tests += assertionResults.length;
    of.ms += endTime - startTime;
  }
  return { passed: numPassedTests, failed: numFailedTests || (status === 0 ? 0 : 1), output: stdout + stderr };
}

for (;;) {
  const began = Date.now();
  const result = round(factor);
  const took = Date.now() - began;
  rounds++;
  properties += result.passed + result.failed;
  failed += result.failed;
  const verdict = result.failed === 0 ? 'ok' : `${result.failed} FAILED`;
  console.log(
    `round ${rounds}: seed ${seed}, ${factor} × the usual runs, ${result.passed} passed, ${verdict} (${(took / 1000).toFixed(0)} s)`,
  );
  if (result.failed > 0) {
    console.log(`${result.output.slice(result.output.indexOf('Failed Tests')).trim()}\n`);
    console.log(
      `again: FAST_CHECK_SEED=${seed} FAST_CHECK_FACTOR=${factor} npx vitest run --project source ${suites.join(' ')}`,
    );
  }
  const left = until - Date.now();
  if (left <= 0) break;
  if (took < left / 3) factor *= 2;
  if (took > left && factor > 1) factor = Math.max(1, Math.floor((factor * left) / took));
  seed++;
}
if (existsSync(counts)) {
  for (const line of readFileSync(counts, 'utf8').trim().split('\n')) {
    const [, runs, file] = /** @type {string[]} */ (/** @type {unknown} */ (/^(\d+) (.*)$/.exec(line)));
    coveredOf(/** @type {string} */ (file)).cases += Number(runs);
  }
}
rmSync(scratch, { recursive: true, force: true });
const byTime = [...covered].sort(([, a], [, b]) => b.ms - a.ms);
const wide = Math.max(4, ...byTime.map(([name]) => name.length));
console.log(`\n${'covered'.padEnd(wide)}    tests       cases        s`);
for (const [name, { tests, cases, ms }] of byTime) {
  const cells = [String(tests).padStart(8), String(cases).padStart(11), (ms / 1000).toFixed(0).padStart(8)];
  console.log(`${name.padEnd(wide)} ${cells.join(' ')}`);
}
const cases = byTime.reduce((sum, [, of]) => sum + of.cases, 0);
console.log(
  `\n${rounds} round${rounds === 1 ? '' : 's'}, seed ${firstSeed}${rounds === 1 ? '' : ` to ${firstSeed + rounds - 1}`}, ${properties} tests, ${cases} cases, ${failed} failed`,
);
process.exitCode = failed === 0 ? 0 : 1;
