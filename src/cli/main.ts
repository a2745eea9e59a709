#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { InputError, InternalError, presets } from '../index.js';
import { formatTable } from '../observe/index.js';
import { analyze } from './analyze.js';
import { calibrate } from './calibrate.js';
import { conform } from './conform.js';
import { explore } from './explore.js';
import { mutantsCommand } from './mutants.js';
import { run } from './run.js';
import { sweep } from './sweep.js';
import { UsageError, usage } from './usage.js';
import { validateCommand } from './validate.js';

function listPresets(args: string[]): number {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
  process.stdout.write(
    values.json
      ? `${JSON.stringify(presets, null, 2)}\n`
      : `${formatTable(
          [
            { title: 'preset', align: 'left' },
            { title: 'what it is', align: 'left' },
          ],
          Object.entries(presets).map(([name, preset]) => [name, preset.title ?? '']),
        )}\n`,
  );
  return 0;
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

const commands: Readonly<Record<string, (args: string[]) => number | Promise<number>>> = {
  run,
  conform,
  explore,
  mutants: mutantsCommand,
  presets: listPresets,
  analyze,
  validate: validateCommand,
  calibrate,
  sweep: (args) => sweep(args, new URL('./sweep-worker.js', import.meta.url)),
};

function main(args: string[]): number | Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined)
    throw new UsageError(`which command? (${Object.keys(commands).join(', ')}; --help says more)`);
  if (name === '--help' || name === '-h' || name === 'help' || rest.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    throw new UsageError(`'${name}' is not a command (there are: ${Object.keys(commands).join(', ')})`);
  }
  return command(rest);
}

/** An error that `parseArgs` throws for options it does not know. */
function isParseArgsError(error: unknown): error is Error {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
}

// Whoever reads our output may stop early: `vmx-apic … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof InputError || error instanceof UsageError || isParseArgsError(error)) {
    process.stderr.write(`vmx-apic: ${error.message.replaceAll('\n', ' ')}\n`);
    process.exitCode = 2;
  } else if (error instanceof InternalError) {
    process.stderr.write(`vmx-apic: a defect of the simulator: ${error.message}\n`);
    if (error.reproduction !== undefined)
      process.stderr.write(`to reproduce, run this scenario: ${error.reproduction}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
