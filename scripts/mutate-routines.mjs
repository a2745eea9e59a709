// `npm run mutation:routines`: changes KVM's and the processor's routines one stage at a time (skips it, bends its branches, swaps it with its
// neighbour) and looks whether the models and laws notice. What survives has to be explained in test/mutations/survivors.json; what is
// explained there has to survive. `-- --only TEXT` for mutations whose names contain it, `-- --list` to print every one.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'node_modules', '.cache', `vmx-apic-mutations-${process.pid}.mjs`);
/** @type {Record<string, string>} */
const explained = JSON.parse(readFileSync(join(root, 'test', 'mutations', 'survivors.json'), 'utf8'));

const args = process.argv.slice(2);
const list = args.includes('--list');
const at = args.indexOf('--only');
const only = at < 0 ? '' : (args[at + 1] ?? '');
/** A mutation that takes longer than this hangs: the machine does not come to rest, and that is noticed. */
const patienceMs = 120_000;
/** A quick look at every mutation, and a long one at what that leaves. */
const looks = [
  { states: 8000, cases: 80, steps: 30 },
  { states: 150_000, cases: 500, steps: 200 },
];

await build({
  entryPoints: [join(root, 'test', 'mutations', 'round.ts')],
  outfile: out,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  packages: 'external',
});

/**
 * One process from mutation `from` on; resolves to where to go on, or undefined at the end.
 * @param {object} order @param {number} from @param {(line: any) => void} take
 * @returns {Promise<number | undefined>}
 */
function go(order, from, take) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [out, JSON.stringify({ ...order, from })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    /** @type {{ trying: number, id: string } | undefined} */
    let trying;
    let hangs = false;
    /** @type {NodeJS.Timeout | undefined} */
    let watchdog;
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text);
      clearTimeout(watchdog);
      if (line.trying !== undefined) {
        trying = line;
        watchdog = setTimeout(() => {
          hangs = true;
          child.kill('SIGKILL');
        }, patienceMs);
      } else {
        if (line.done !== undefined) trying = undefined;
        take(line);
      }
    });
    child.on('exit', (status) => {
      clearTimeout(watchdog);
      if (trying !== undefined) {
        take({ done: trying.trying, id: trying.id, by: hangs ? 'the clock' : 'the process', wrong: 'it does not end' });
        resolve(trying.trying + 1);
      } else if (status === 0) resolve(undefined);
      else reject(new Error(`the round ended with status ${status}`));
    });
  });
}

/** @type {string[]} */
let survivors = [];
/** @type {string[]} */
let broken = [];
let tried = 0;
/** @type {string[] | undefined} */
let ids;
for (const [look, size] of looks.entries()) {
  survivors = [];
  /** @type {number | undefined} */
  let from = 0;
  while (from !== undefined) {
    from = await go({ ...size, ...(ids === undefined ? {} : { ids }), only }, from, (line) => {
      if (line.broken !== undefined) broken.push(`${line.broken}: ${line.wrong}`);
      if (line.mutations !== undefined && look === 0)
        console.log(
          `${line.mutations} mutations of ${line.reached} stages (of ${line.stages}; the others are not reached), ${line.watches} models and inputs`,
        );
      if (line.done === undefined) return;
      if (look === 0) tried++;
      if (line.by === undefined) survivors.push(line.id);
      if (list) console.log(line.by === undefined ? `${line.id}: survives` : `${line.id}: ${line.by}: ${line.wrong}`);
    });
  }
  if (survivors.length === 0) break;
  ids = survivors;
}
rmSync(out, { force: true });

broken = [...new Set(broken)];
for (const line of broken) console.log(`without any mutation: ${line}`);
const unexplained = survivors.filter((id) => explained[id] === undefined);
for (const id of unexplained) console.log(`survives, and nothing says why: ${id}`);
const stale = Object.keys(explained).filter((id) => id.includes(only) && !survivors.includes(id));
for (const id of stale) console.log(`is noticed, although test/mutations/survivors.json explains why not: ${id}`);
console.log(
  `${tried} mutations, ${tried - survivors.length} noticed, ${survivors.length - unexplained.length} explained, ${unexplained.length} not`,
);
process.exitCode = broken.length + unexplained.length + stale.length === 0 ? 0 : 1;
