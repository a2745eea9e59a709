import { describe, expect, test } from 'vitest';
import { blocksIn, commentsOf } from '../../scripts/docs-blocks.mjs';
import { commandsOf } from '../../scripts/docs-commands.mjs';

const page = (...lines: string[]) => blocksIn('page.md', lines.join('\n'));

describe('blocks of a page', () => {
  test('a block has its language, flags and the line of its first line of code', () => {
    expect(page('Text', '', '```ts no-run', 'one();', '', 'two();', '```')).toMatchObject([
      { line: 4, end: 7, language: 'ts', flags: ['no-run'], code: 'one();\n\ntwo();' },
    ]);
  });

  test('a block in a list loses the indentation of its fence', () => {
    expect(page('- item', '  ```ts', '  if (a) {', '    b();', '  }', '  ```')[0]?.code).toBe('if (a) {\n  b();\n}');
  });

  test('a longer fence may hold a shorter one', () => {
    expect(page('````text', '```ts', 'x', '```', '````')).toMatchObject([{ language: 'text', code: '```ts\nx\n```' }]);
  });

  test('markers name the command that prints the next block, or the file it stands for', () => {
    const [output, file] = page(
      '<!-- output: vmx-apic x -->',
      '',
      '```text',
      '```',
      '<!-- file: a.json -->',
      '```json',
      '```',
    );
    expect(output?.output).toBe('vmx-apic x');
    expect(file?.name).toBe('a.json');
  });

  test('what can never be checked is an error with its line', () => {
    expect(() => page('<!-- output: vmx-apic x -->', 'text')).toThrow('page.md:1: no fenced block follows');
    expect(() => page('', '```ts', 'x')).toThrow('page.md:2: this block is never closed');
  });
});

test('TSDoc comments keep their lines; the code around them does not count', () => {
  const source = [
    'const a = `',
    '```ts',
    '`;',
    '/**',
    ' * Adds.',
    ' * ```ts',
    ' *   add(1);',
    ' * ```',
    ' */',
    'add();',
  ];
  expect(blocksIn('a.ts', commentsOf(source.join('\n')))).toMatchObject([{ line: 7, code: '  add(1);' }]);
});

test('the commands of a block: only our own, continued lines joined, each with its line and status', () => {
  const [block] = page(
    '```sh',
    'npm ci',
    'npx vmx-apic run a \\',
    '  --json',
    'vmx-apic run b # exits 2',
    'vmx-apicx',
    '```',
  );
  expect(block && commandsOf(block)).toEqual([
    { line: 3, text: 'npx vmx-apic run a    --json', status: 0 },
    { line: 5, text: 'vmx-apic run b # exits 2', status: 2 },
  ]);
});
