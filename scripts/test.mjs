// `npm test`: every check in order, whatever fails. The last line counts vitest's tests and one for each other check.
// `npm test -- lint rooms` runs only the checks named.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {{ passed: number, failed: number, output: string }} Result
 * @typedef {{ name: string, about: string, run: () => Promise<Result> }} Check
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'vmx-apic-test-'));
const env = {
  ...process.env,
  PATH: join(root, 'node_modules', '.bin') + delimiter + process.env['PATH'],
  NO_COLOR: '1',
};

/** @type {Check[]} */
const checks = [
  check('types', 'TypeScript: everything, and src without Node', 'tsc --noEmit', 'tsc -p tsconfig.browser.json'),
  check('lint', 'Biome: formatting and lint', 'biome check --error-on-warnings'),
  check('rooms', 'dependency-cruiser: dependencies point down the rooms', 'depcruise src'),
  check('unused', 'knip: unused files, exports, packages', 'knip'),
  vitest('tests', 'vitest: the source', 'source'),
  check('build', 'tsup: ESM, CommonJS, types, command', 'npm run --silent build'),
  check('publint', 'publint: package.json against the files', 'publint --strict'),
  check('exports', 'are the types wrong: every entry from ESM and CommonJS', 'attw --pack . --profile node16'),
  check('size', 'size-limit: bytes per entry', 'size-limit'),
  check('docs', 'typedoc: undocumented exports, broken links', 'typedoc --emit none'),
  vitest('package', 'vitest: the built package, the examples and outputs in the docs', 'package'),
];

/**
 * @param {string} name
 * @param {string} about
 * @param {...string} commands
 * @returns {Check}
 */
function check(name, about, ...commands) {
  return {
    name,
    about,
    run: async () => {
      let output = '';
      for (const command of commands) {
        const done = await sh(command);
        output += done.output;
        if (done.status !== 0) return { passed: 0, failed: 1, output: `$ ${command}\n${output}` };
      }
      return { passed: 1, failed: 0, output };
    },
  };
}

/**
 * @param {string} name
 * @param {string} about
 * @param {string} project
 * @returns {Check}
 */
function vitest(name, about, project) {
  return {
    name,
    about,
    run: async () => {
      const file = join(scratch, `${project}.json`);
      const { status, output } = await sh(
        `vitest run --project ${project} --reporter=default --reporter=json --outputFile.json="${file}"`,
      );
      const { passed, failed } = count(file);
      // A run can fail without a failed test: an unhandled rejection, or no test at all.
      return { passed, failed: failed || (status === 0 && passed > 0 ? 0 : 1), output };
    },
  };
}

/**
 * Tests in a report of vitest. A skipped test counts as failed: it proves nothing. So does a file that did not load.
 * @param {string} file
 */
function count(file) {
  /** @type {{ testResults: { status: string, assertionResults: { status: string }[] }[] }} */
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1 };
  }
  const tests = report.testResults.flatMap((suite) => suite.assertionResults);
  const passed = tests.filter((test) => test.status === 'passed').length;
  const unloaded = report.testResults.filter(
    (suite) => suite.status === 'failed' && suite.assertionResults.every((test) => test.status === 'passed'),
  ).length;
  return { passed, failed: tests.length - passed + unloaded };
}

/**
 * @param {string} command
 * @returns {Promise<{ status: number | null, output: string }>}
 */
function sh(command) {
  return new Promise((resolve) => {
    const child = spawn(command, { cwd: root, env, shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('close', (status) => resolve({ status, output }));
  });
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !checks.some((each) => each.name === name));
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')} (there are ${checks.map((each) => each.name).join(', ')})`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
for (const each of checks) {
  if (wanted.length > 0 && !wanted.includes(each.name)) continue;
  process.stdout.write(`${each.name.padEnd(8)} ${each.about} … `);
  const start = Date.now();
  const result = await each.run();
  passed += result.passed;
  failed += result.failed;
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  const tests = result.passed + result.failed === 1 ? '' : `${result.passed} passed, ${result.failed} failed, `;
  console.log(`${result.failed === 0 ? 'ok' : 'FAILED'} (${tests}${seconds} s)`);
  if (result.failed > 0) console.log(`\n${result.output.trim()}\n`);
}
rmSync(scratch, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
