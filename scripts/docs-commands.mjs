// Runs the commands that the docs show, with the built command, in a folder of their own for each page.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { root } from './docs-blocks.mjs';

/**
 * @typedef {{ line: number, text: string, status: number }} Command a line of a `sh` block, and the exit status it promises
 */

/**
 * The lines of a `sh` block that run `vmx-apic`; others (installing, editing) are for the reader. A line that ends in
 * `# exits 1` promises that status, any other promises 0.
 * @param {import('./docs-blocks.mjs').Block} block
 * @returns {Command[]}
 */
export function commandsOf(block) {
  const commands = [];
  let line = block.line;
  for (const text of block.code.replaceAll('\\\n', '\\\0').split('\n')) {
    const command = text.replaceAll('\\\0', ' ').trim();
    if (/^(npx )?vmx-apic\b/.test(command)) {
      commands.push({ line, text: command, status: Number(/# exits (\d+)$/.exec(command)?.[1] ?? 0) });
    }
    line += text.split('\0').length;
  }
  return commands;
}

/**
 * A folder that holds the files a page names, in which its commands run one after the other.
 * @param {import('./docs-blocks.mjs').Block[]} blocks of the page
 */
export function workplace(blocks) {
  const folder = mkdtempSync(join(tmpdir(), 'vmx-apic-docs-'));
  for (const { name, code } of blocks) if (name) writeFileSync(join(folder, name), `${code}\n`);
  const bin = mkdtempSync(join(tmpdir(), 'vmx-apic-bin-'));
  const main = join(root, 'dist', 'cli', 'main.js');
  writeFileSync(join(bin, 'vmx-apic'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: bin + delimiter + process.env['PATH'], NO_COLOR: '1' };
  return {
    /** @param {string} command */
    run(command) {
      const text = command.replace(/^npx /, '');
      return spawnSync(text, { cwd: folder, env, shell: true, encoding: 'utf8', timeout: 120_000 });
    },
    /** A file that a command wrote, if it did. @param {string} name */
    read(name) {
      const file = join(folder, name);
      return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    },
    remove() {
      for (const each of [folder, bin]) rmSync(each, { recursive: true, force: true });
    },
  };
}

/** What a command printed, as a block shows it. @param {string} text */
export function asBlock(text) {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/^\n+|\n+$/g, '');
}
