import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findings } from '../../src/testing/findings.js';
import { invariants } from '../../src/testing/invariants.js';
import { models } from '../../src/testing/models/catalogue.js';
import { mutants } from '../../src/testing/mutants/index.js';

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');

/** The cells of the tables of a page, without code marks. */
const cells = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[-| ]*$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', '')),
    );

describe('the pages say what there is', () => {
  test('models.md has every model and configuration, and no other', () => {
    const text = page('models');
    for (const { title, about } of models) {
      expect(text).toContain(title);
      expect(text).toContain(about);
    }
    const shown = cells(text).map(([name, about]) => [name, about]);
    const there = models.flatMap((model) =>
      model.configurations.map(({ name, about }) => [`${model.name}/${name}`, about]),
    );
    expect(shown.filter(([name]) => name?.includes('/'))).toEqual(there);
  });

  test('models.md has every invariant', () => {
    const shown = cells(page('models')).map(([id, statement]) => [id, statement]);
    expect(shown.filter(([id]) => /^INV\d/.test(id ?? ''))).toEqual(
      invariants.map(({ id, statement }) => [id, statement]),
    );
  });

  test('mutants.md has every mutant', () => {
    const shown = cells(page('mutants')).map(([id, title]) => [id, title]);
    for (const { id, title } of mutants) expect(shown).toContainEqual([id, title]);
  });

  test('findings.md has every finding', () => {
    const text = page('findings');
    for (const { id, title, closes, source } of findings) {
      for (const part of [id, title, closes, source]) expect(text).toContain(part);
    }
  });
});
