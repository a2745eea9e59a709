import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { apicRules } from './rules/apic-rules.js';
import type { Rule } from './rules/rule.js';
import { vmcsRules } from './rules/vmcs-rules.js';

// Reads the source, so it is of no use on instrumented code: mutation testing leaves it out.
const root = new URL('../../', import.meta.url);

function textOf(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

function typescriptIn(folder: string): string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => `${folder}${name}`);
}

const sources = typescriptIn('src/arch/').map((path) => ({ path, text: textOf(path) }));

/** The files of the code that have a mark. */
function filesWith(mark: string): string[] {
  return sources.filter(({ text }) => text.includes(`'${mark}'`)).map(({ path }) => path);
}

/** Every name that the code gives to `mark`, or to a table or function that hands it on. */
function marksInCode(): Set<string> {
  const marks = new Set<string>();
  for (const { text } of sources) {
    for (const [, inside = ''] of text.matchAll(/\bmark\(([^;]*)\);/g)) {
      for (const [, name = ''] of inside.matchAll(/'([^']+)'/g)) marks.add(name);
    }
    for (const [, name = ''] of text.matchAll(/[: (]'((?:1|14) [^']+)'/g)) marks.add(name);
  }
  return marks;
}

const rules: readonly Rule[] = [...vmcsRules, ...apicRules];

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function codeOf(rule: Rule): string {
  const files = new Set((rule.marks ?? [rule.id]).flatMap(filesWith));
  return [...files].map((path) => `\`${path.replace('src/arch/', '')}\``).join(', ');
}

function page(): string {
  const sections = [...new Set(rules.map(({ section }) => section))];
  const lines = [
    '# The rules, and where they are carried out',
    '',
    'Every rule of APIC virtualization, VM entry and posted interrupts that `vmx-apic/arch` models: its name in the code',
    '(`mark`), the section of the Intel SDM that states it (volume 3C where no other is named), the file below `src/arch`, and',
    'the test below `test` that fails unless it reaches that code. The test suite writes this page and fails if it is not up to',
    'date (`npx vitest run test/arch/rules-page.test.ts -u`).',
  ];
  for (const section of sections) {
    lines.push('', `## ${section}`, '', '| rule | says | code | test |', '|---|---|---|---|');
    for (const rule of rules.filter((candidate) => candidate.section === section)) {
      const says = rule.reading === undefined ? rule.statement : `${rule.statement}. *Reading: ${rule.reading}.*`;
      lines.push(`| ${rule.id} | ${cell(says)} | ${codeOf(rule)} | \`${rule.test}\` |`);
    }
  }
  lines.push(
    '',
    '## Not modelled',
    '',
    '| what | why |',
    '|---|---|',
    '| SEAM: RVI below 31 is cleared before evaluation | no TDX module here |',
    '| Transactional execution, enclaves: aborted or left by a delivered virtual interrupt | no instruction stream that could be in one |',
    '| Page faults and EPT violations, which come before an APIC-access exit of the same access; accessed and dirty flags | no page tables |',
    '| APIC-access pages mapped by large pages or stale TLB entries | the SDM leaves the outcome open |',
    '| Physical accesses to the APIC-access page | undefined |',
    '| APIC-access exits by an operand that is not a general-purpose register | optional; a processor may do so, this one does not |',
    '| VM entry that fails may have cleared bytes 3:1 of VTPR | optional; this one does not |',
    '',
  );
  return lines.join('\n');
}

describe('the table of rules', () => {
  it('has one row each', () => {
    const ids = rules.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('and the marks in the code are the same', () => {
    const named = new Set(rules.flatMap((rule) => rule.marks ?? [rule.id]));
    const inCode = marksInCode();
    expect([...inCode].filter((mark) => !named.has(mark))).toEqual([]);
    expect([...named].filter((mark) => !inCode.has(mark))).toEqual([]);
  });

  it.each(apicRules.map(({ id, test }) => [id, test] as const))('%s: its test is in %s', (id, test) => {
    expect(textOf(`test/${test}`)).toContain(`rule('${id}'`);
  });

  it.each([...new Set(rules.map(({ test }) => test))])('%s exists', (test) => {
    expect(textOf(`test/${test}`)).toContain('expect');
  });

  it('is the page in the docs', async () => {
    await expect(page()).toMatchFileSnapshot('../../docs/rules.md');
  });
});
