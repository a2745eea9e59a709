// `npm run mutation:routines`: changes KVM's and the processor's routines one stage at a time (skips it, bends its branches, swaps it with its
// neighbour) and looks whether the models, laws and tests notice. What survives has to be explained in test/mutations/survivors.json; what
// is explained there has to survive. `-- --only TEXT` for mutations whose names contain it, `-- --file TEXT` for the routines of source files
// whose paths contain it, `-- --jobs N` for N processes, `-- --long` for a second look, a long one, at what the first one leaves, `-- --list` to print
// every one. What has been tried is kept until something changes, so it can be interrupted.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
/** @type {Record<string, string>} */
const explained = JSON.parse(readFileSync(join(root, 'test', 'mutations', 'survivors.json'), 'utf8'));

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    file: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    long: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});
const { only, file, list } = values;
const jobs = Number(values.jobs);
/** A process from which nothing is heard for so long is ended, and what it tried counts as noticed; a round ends what hangs itself, and sooner. */
const patienceMs = 600_000;
/** A look at every mutation, and if asked for a long one at what that leaves. */
const looks = [
  { states: 4000, cases: 40, steps: 12, work: 2_000_000 },
  { states: 50_000, cases: 200, steps: 80, work: 1e12 },
].slice(0, values.long ? 2 : 1);

/** @param {string} folder @param {string} end */
function filesOf(folder, end) {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(end))
    .sort()
    .map((path) => `${folder}/${path}`);
}

/** The routines of the files. */
const routines =
  file === undefined
    ? undefined
    : ['src/kvm', 'src/hardware']
        .flatMap((folder) => filesOf(folder, '.ts'))
        .filter((path) => path.includes(file))
        .flatMap((path) =>
          [...readFileSync(join(root, path), 'utf8').matchAll(/(?:program|microcode|instruction)\(\s*'([^']+)'/g)].map(
            ([, name]) => name,
          ),
        );

/** The tests that look, too; those of laws have their inputs here. */
const tests = ['kvm', 'host', 'guest']
  .flatMap((room) => filesOf(`test/${room}`, '.test.ts'))
  .filter((path) => !path.endsWith('laws.test.ts'));
const entry = `
import './test/setup.js';
import { round } from './test/mutations/round.js';
let text = '';
for await (const chunk of process.stdin) text += chunk;
await round(JSON.parse(text), {
${tests.map((path) => `  '${path}': () => import('./${path}'),`).join('\n')}
});
`;
const cache = join(root, 'node_modules', '.cache');
mkdirSync(cache, { recursive: true });
const out = join(cache, `vmx-apic-mutations-${process.pid}.mjs`);
const built = await build({
  stdin: { contents: entry, resolveDir: root, sourcefile: 'round.mjs' },
  outfile: out,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  packages: 'external',
  // The set-up of the tests is an import for its effect.
  ignoreAnnotations: true,
  alias: { vitest: join(root, 'test', 'mutations', 'vitest.ts') },
  write: false,
});
const [bundle] = built.outputFiles;
if (bundle === undefined) throw new Error('esbuild made nothing');
writeFileSync(out, bundle.contents);

/**
 * What is known from before. `hints`: who noticed a mutation; it is asked first. `looks`: verdicts of this very bundle; null for a survivor.
 * @typedef {{ by: string, wrong: string } | null} Verdict
 * @type {{ hints: Record<string, string>, bundle: string, looks: Record<string, Verdict>[] }}
 */
let known = { hints: {}, bundle: '', looks: [] };
const knownFile = join(cache, 'vmx-apic-mutations.json');
try {
  known = JSON.parse(readFileSync(knownFile, 'utf8'));
} catch {
  // The first time.
}
const hash = createHash('sha256').update(bundle.contents).digest('hex');
if (known.bundle !== hash) known = { hints: known.hints, bundle: hash, looks: [] };
function keep() {
  writeFileSync(knownFile, JSON.stringify(known));
}

/**
 * One process; resolves to true if it came to its end, to false if it has to go on behind a mutation that hung.
 * @param {object} order @param {(line: any) => void} take
 * @returns {Promise<boolean>}
 */
function go(order, take) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [out], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(JSON.stringify(order));
    /** @type {string | undefined} */
    let trying;
    let hangs = false;
    /** @type {NodeJS.Timeout | undefined} */
    let watchdog;
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text);
      clearTimeout(watchdog);
      if (line.trying !== undefined) trying = line.trying;
      if (line.done !== undefined) trying = undefined;
      if (trying !== undefined) {
        watchdog = setTimeout(() => {
          hangs = true;
          child.kill('SIGKILL');
        }, patienceMs);
      }
      take(line);
    });
    child.on('exit', (status) => {
      clearTimeout(watchdog);
      if (trying !== undefined) {
        take({ done: trying, by: hangs ? 'the clock' : 'the process', wrong: 'it does not end' });
        resolve(false);
      } else if (status === 0) resolve(true);
      else reject(new Error(`the round ended with status ${status}`));
    });
  });
}

/** @type {Set<string>} */
const broken = new Set();
/** @type {string[] | undefined} */
let ids;
/** @type {string[]} */
let survivors = [];
let tried = 0;
for (const [look, size] of looks.entries()) {
  const verdicts = known.looks[look] ?? {};
  known.looks[look] = verdicts;
  /** @type {Record<string, Verdict>} */
  const mine = {};
  /** @param {number} part @returns {Promise<void>} */
  const work = async (part) => {
    const order = { ...size, ids, only, routines, part, of: jobs, without: Object.keys(verdicts), hints: known.hints };
    const ended = await go(order, (line) => {
      if (line.broken !== undefined) broken.add(`${line.broken}: ${line.wrong}`);
      if (line.mutations !== undefined && look === 0 && part === 0 && tried === 0) {
        tried = line.mutations;
        console.log(
          `${line.mutations} mutations of ${line.reached} stages (of ${line.stages}; the others are not reached), ${line.watches} models, inputs and tests`,
        );
      }
      if (line.all !== undefined) for (const id of line.all) if (id in verdicts) mine[id] = verdicts[id] ?? null;
      if (line.done === undefined) return;
      const { done: id, by, wrong } = line;
      verdicts[id] = by === undefined ? null : { by, wrong };
      mine[id] = verdicts[id] ?? null;
      if (by !== undefined) known.hints[id] = by;
      if (list) console.log(by === undefined ? `${id}: survives` : `${id}: ${by}: ${wrong}`);
      keep();
    });
    if (!ended) await work(part);
  };
  await Promise.all(Array.from({ length: jobs }, (_, part) => work(part)));
  survivors = Object.keys(mine).filter((id) => mine[id] === null);
  if (survivors.length === 0) break;
  ids = survivors;
}
rmSync(out, { force: true });

for (const line of broken) console.log(`without any mutation: ${line}`);
survivors.sort();
const unexplained = survivors.filter((id) => explained[id] === undefined);
for (const id of unexplained) console.log(`survives, and nothing says why: ${id}`);
/** @param {string} id */
const isMine = (id) => id.includes(only) && (routines === undefined || routines.includes(id.split('.')[0]));
const stale = Object.keys(explained).filter((id) => isMine(id) && !survivors.includes(id));
for (const id of stale) console.log(`is noticed, although test/mutations/survivors.json explains why not: ${id}`);
console.log(
  `${tried} mutations, ${tried - survivors.length} noticed, ${survivors.length - unexplained.length} explained, ${unexplained.length} not`,
);
process.exitCode = broken.size + unexplained.length + stale.length === 0 ? 0 : 1;
