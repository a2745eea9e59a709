// `npm run docs:update`: writes what the commands print and draw now into the blocks and pictures that show it.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { blocksOf, drawingsOf, pages, root } from './docs-blocks.mjs';
import { asBlock, workplace } from './docs-commands.mjs';

for (const page of pages()) {
  const blocks = blocksOf(page);
  const shown = blocks.filter((block) => block.output);
  const drawn = drawingsOf(page);
  if (shown.length + drawn.length === 0) continue;
  const place = workplace(blocks);
  const lines = readFileSync(join(root, page), 'utf8').split('\n');
  // From the last block up, so that the numbers of the lines above stay right.
  for (const { output = '', line, end } of shown.reverse()) {
    const stdout = run(output, line);
    if (stdout !== undefined) lines.splice(line - 1, end - line, ...asBlock(stdout).split('\n'));
  }
  writeFileSync(join(root, page), lines.join('\n'));
  for (const { line, command, picture } of drawn) {
    if (run(command, line) === undefined) continue;
    const drawing = place.read(basename(picture));
    if (drawing !== undefined) writeFileSync(join(root, picture), drawing);
    else fail(`did not write ${basename(picture)}`);
  }
  place.remove();

  /** @param {string} command @param {number} line @returns {string | undefined} what it printed, if it succeeded */
  function run(command, line) {
    const { stdout, stderr, status } = place.run(command);
    console.log(`${page}:${line}: ${command}`);
    if (status === 0) return stdout;
    fail(`exit status ${status}\n${stderr}`);
    return undefined;
  }
}

/** @param {string} why */
function fail(why) {
  console.error(why);
  process.exitCode = 1;
}
