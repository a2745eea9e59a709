import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformSync } from 'esbuild';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Block, blocksOf, pages, root, sources } from '../../scripts/docs-blocks.mjs';

// Every `ts` block of the docs and of TSDoc comments is a module that imports the built package by its name. It is written
// to a file inside the package (whose own exports then resolve that name), below as many empty lines as stand above it in
// the page: so compiler and stack traces name the line of the page.

const folder = join(import.meta.dirname, '.examples');
const blocks = [...pages(), ...sources()].flatMap(blocksOf);
const examples = blocks.filter((block) => block.language === 'ts');

const where = (block: Block) => `${block.file}:${block.line}`;
const fileOf = (block: Block, extension: string) => join(folder, block.file, `${block.line}${extension}`);

/** Problems by block, as `file:line: what`. */
const problems = new Map<string, string[]>(examples.map((block) => [where(block), []]));

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const block of examples) {
    const text = '\n'.repeat(block.line - 1) + block.code;
    mkdirSync(dirname(fileOf(block, '.ts')), { recursive: true });
    writeFileSync(fileOf(block, '.ts'), text);
    if (block.flags.includes('no-run')) continue;
    try {
      const { code } = transformSync(text, { loader: 'ts', sourcemap: 'inline', sourcefile: fileOf(block, '.ts') });
      writeFileSync(fileOf(block, '.mjs'), code);
    } catch (error) {
      report(block, String(error));
    }
  }
  check();
  run(examples.filter((block) => !block.flags.includes('no-run') && problems.get(where(block))?.length === 0));
  rmSync(folder, { recursive: true, force: true });
});

function report(block: Block, problem: string) {
  problems.get(where(block))?.push(problem);
}

/** Type-checks all examples, with the settings of a strict user. */
function check() {
  const program = ts.createProgram(
    examples.map((block) => fileOf(block, '.ts')),
    {
      strict: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      moduleDetection: ts.ModuleDetectionKind.Force,
      types: ['node'],
    },
  );
  for (const block of examples) {
    const source = program.getSourceFile(fileOf(block, '.ts'));
    for (const { start = 0, messageText } of ts.getPreEmitDiagnostics(program, source)) {
      const line = source ? source.getLineAndCharacterOfPosition(start).line + 1 : block.line;
      report(block, `${block.file}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
    }
  }
}

/** Runs examples in one process; after one that never ended, the others in a new one. */
function run(list: Block[]) {
  if (list.length === 0) return;
  const files = list.map((block) => fileOf(block, '.mjs'));
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--enable-source-maps', join(import.meta.dirname, 'run-examples.mjs'), ...files],
    { encoding: 'utf8', timeout: 60_000 },
  );
  const lines: { file: string; error?: string; started?: true }[] = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  for (const [i, block] of list.entries()) {
    const done = lines.find((line) => line.file === files[i] && !line.started);
    if (!done) {
      report(block, `${where(block)}: ended the process or did not end\n${stderr}`);
      run(list.slice(i + 1));
      return;
    }
    if (done.error !== undefined) report(block, `${where(block)}: ${inThePage(done.error)}`);
  }
}

/** A stack trace that names pages, not the files written for them. */
function inThePage(stack: string) {
  return stack.replaceAll(`file://${folder}`, folder).replaceAll(new RegExp(`${folder}/(.*?)/\\d+\\.ts:`, 'g'), '$1:');
}

describe('examples in the docs', () => {
  test('every block of code is in a language that is checked', () => {
    const unchecked = ['js', 'javascript', 'mjs', 'cjs', 'typescript', 'tsx', 'bash', 'shell', 'console', ''];
    const wrong = blocks.filter((block) => unchecked.includes(block.language));
    expect(wrong.map((block) => `${where(block)}: "${block.language}", use ts, sh or text`)).toEqual([]);
  });

  test.each(examples.map((block) => [where(block)]))('%s compiles and runs', (place) => {
    expect(problems.get(place)?.join('\n')).toBe('');
  });
});

test('the package itself is built', () => {
  expect(ts.sys.fileExists(join(root, 'dist', 'index.d.ts')), 'npm run build').toBe(true);
});
