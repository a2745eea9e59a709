// `npm run docs:update`: writes what the commands print now into the blocks that show it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { blocksOf, pages, root } from './docs-blocks.mjs';
import { asBlock, workplace } from './docs-commands.mjs';

for (const page of pages()) {
  const blocks = blocksOf(page);
  const shown = blocks.filter((block) => block.output);
  if (shown.length === 0) continue;
  const place = workplace(blocks);
  const lines = readFileSync(join(root, page), 'utf8').split('\n');
  // From the last block up, so that the numbers of the lines above stay right.
  for (const { output = '', line, end } of shown.reverse()) {
    const { stdout, stderr, status } = place.run(output);
    if (status !== 0) {
      console.error(`${page}:${line}: ${output}: exit status ${status}\n${stderr}`);
      process.exitCode = 1;
      continue;
    }
    lines.splice(line - 1, end - line, ...asBlock(stdout).split('\n'));
    console.log(`${page}:${line}: ${output}`);
  }
  place.remove();
  writeFileSync(join(root, page), lines.join('\n'));
}
