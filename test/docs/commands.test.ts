import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { blocksOf, drawingsOf, pages, root } from '../../scripts/docs-blocks.mjs';
import { asBlock, commandsOf, workplace } from '../../scripts/docs-commands.mjs';

// Every line of a `sh` block that runs `vmx-apic` runs here, with the built command; every printed table and picture
// is what its command prints or draws today.

describe.each(pages().map((page) => ({ page })))('commands in $page', ({ page }) => {
  const blocks = blocksOf(page);
  const place = workplace(blocks);
  afterAll(place.remove);

  test('blocks with marked output show text', () => {
    const wrong = blocks.filter(({ output, language }) => output && !['text', 'json', 'txt'].includes(language));
    expect(wrong.map(({ line, language }) => `${page}:${line}: "${language}"`)).toEqual([]);
  });

  for (const { line, command, picture } of drawingsOf(page)) {
    test(`${page}:${line}: ${picture} is what ${command} draws`, () => {
      const done = place.run(command);
      expect(done.status, `${page}:${line}: ${command}\n${done.stderr}`).toBe(0);
      const same = place.read(basename(picture)) === readFileSync(join(root, picture), 'utf8');
      expect(same, `${page}:${line}: ${picture} is out of date (npm run docs:update)`).toBe(true);
    });
  }

  for (const block of blocks) {
    if (block.language === 'sh' && !block.flags.includes('no-run')) {
      for (const { line, text, status } of commandsOf(block)) {
        test(`${page}:${line}: ${text}`, () => {
          const done = place.run(text);
          expect(done.status, `${page}:${line}: ${text}\n${done.stderr}`).toBe(status);
        });
      }
    }
    if (block.output) {
      test(`${page}:${block.line} shows what ${block.output} prints`, () => {
        const done = place.run(block.output ?? '');
        expect(done.status, `${page}:${block.line}: ${block.output}\n${done.stderr}`).toBe(0);
        expect(asBlock(block.code), `${page}:${block.line} (npm run docs:update)`).toBe(asBlock(done.stdout));
      });
    }
  }
});
