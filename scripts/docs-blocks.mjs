// Finds the code in the project's prose: fenced blocks of Markdown files, and of TSDoc comments in source files.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A fenced block. `<!-- output: COMMAND -->` before it says that it is what the command prints; `<!-- file: NAME -->` that
 * the commands of the same page find it in a file of that name.
 * @typedef {object} Block
 * @property {string} file relative to the project
 * @property {number} line of its first line of code, from 1
 * @property {number} end line of the closing fence, from 1
 * @property {string} language what follows the opening fence, in lower case
 * @property {string[]} flags words after the language, such as `no-run`
 * @property {string} code
 * @property {string | undefined} output the command that prints it
 * @property {string | undefined} name the file it stands for
 */

export const root = fileURLToPath(new URL('..', import.meta.url));

const fence = /^( *)(`{3,})([^`]*)$/;
const marker = /^\s*<!-- (output|file): (.+?) -->\s*$/;

/** Markdown pages written by hand, relative to the project. @returns {string[]} */
export function pages() {
  const docs = walk('docs', '.md').filter((file) => !file.startsWith('docs/api/'));
  return ['README.md', 'CONTRIBUTING.md', ...docs];
}

/** Source files with TSDoc comments, relative to the project. @returns {string[]} */
export function sources() {
  return walk('src', '.ts');
}

/** Blocks of one file. @param {string} file @returns {Block[]} */
export function blocksOf(file) {
  const text = readFileSync(join(root, file), 'utf8');
  return blocksIn(file, file.endsWith('.ts') ? commentsOf(text) : text);
}

/**
 * @param {string} file
 * @param {string} text Markdown
 * @returns {Block[]}
 */
export function blocksIn(file, text) {
  const lines = text.split(/\r?\n/);
  const blocks = [];
  /** @type {RegExpExecArray | null} */
  let mark = null;
  for (let i = 0; i < lines.length; i += 1) {
    const open = fence.exec(lines[i] ?? '');
    if (!open) {
      if (mark && lines[i]?.trim()) throw new Error(`${file}:${i}: no fenced block follows "${mark[0].trim()}"`);
      mark = marker.exec(lines[i] ?? '') ?? mark;
      continue;
    }
    const [, indent = '', ticks = '', info = ''] = open;
    const closed = lines.findIndex((line, at) => at > i && line.trim() === ticks);
    if (closed < 0) throw new Error(`${file}:${i + 1}: this block is never closed`);
    const [language = '', ...flags] = info.trim().split(/\s+/);
    blocks.push({
      file,
      line: i + 2,
      end: closed + 1,
      language: language.toLowerCase(),
      flags,
      code: lines
        .slice(i + 1, closed)
        .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.trimStart()))
        .join('\n'),
      output: mark?.[1] === 'output' ? mark[2] : undefined,
      name: mark?.[1] === 'file' ? mark[2] : undefined,
    });
    mark = null;
    i = closed;
  }
  if (mark) throw new Error(`${file}: no fenced block follows "${mark[0].trim()}"`);
  return blocks;
}

/**
 * A picture that a command drew: an image after `<!-- drawn: COMMAND -->`; the command writes a file of the image's name.
 * @typedef {{ file: string, line: number, command: string, picture: string }} Drawing `picture`: path in the project
 * @param {string} file Markdown
 * @returns {Drawing[]}
 */
export function drawingsOf(file) {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^<!-- drawn: (.+?) -->\s*(!\[[^\]]*\]\(([^)]+)\))?/gm)].map((match) => {
    const [, command = '', , address] = match;
    const line = text.slice(0, match.index).split('\n').length;
    if (!address) throw new Error(`${file}:${line}: no image follows "${match[0].trim()}"`);
    return { file, line, command, picture: posix.join(posix.dirname(file), address) };
  });
}

/**
 * The text inside the TSDoc comments of a source file; every line keeps its number, all else is blank.
 * @param {string} text
 */
export function commentsOf(text) {
  let inside = false;
  return text
    .split(/\r?\n/)
    .map((line) => {
      const starts = /^\s*\/\*\*/.test(line);
      if (starts) inside = true;
      const kept = inside && !starts ? line.replace(/^\s*\*(?!\/) ?/, '').replace(/\s*\*\/.*$/, '') : '';
      if (line.includes('*/')) inside = false;
      return kept;
    })
    .join('\n');
}

/** @param {string} folder @param {string} extension @returns {string[]} */
function walk(folder, extension) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}
