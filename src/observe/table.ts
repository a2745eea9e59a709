/** A column of a text table. */
export interface Column {
  readonly title: string;
  /** Text to the left, numbers to the right. */
  readonly align: 'left' | 'right';
}

/**
 * A table as text: titles, a rule, one line a row; columns two spaces apart, no spaces at the end of a line, no line break at the
 * end. Cells that a row lacks are empty.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { formatTable } from 'vmx-apic/observe';
 *
 * const columns = [{ title: 'exit', align: 'left' }, { title: 'cycles', align: 'right' }] as const;
 * const table = formatTable(columns, [['MSR_WRITE', '2102'], ['HLT', '98']]);
 * assert.deepEqual(table.split('\n'), [
 *   'exit       cycles',
 *   '---------  ------',
 *   'MSR_WRITE    2102',
 *   'HLT            98',
 * ]);
 * ```
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, index) =>
    rows.reduce((width, row) => Math.max(width, lengthOf(row[index] ?? '')), lengthOf(column.title)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const cell = cells[index] ?? '';
        const padding = ' '.repeat((widths[index] as number) - lengthOf(cell));
        return align === 'left' ? cell + padding : padding + cell;
      })
      .join('  ')
      .trimEnd();
  return [
    line(columns.map((column) => column.title)),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...rows.map(line),
  ].join('\n');
}

/** Characters as a reader counts them, not UTF-16 code units. */
function lengthOf(text: string): number {
  return [...text].length;
}

/**
 * A number with a fixed number of decimals and its thousands apart by spaces: `12 345.6`.
 *
 * @param digits - decimals, 0 to 100
 */
export function formatNumber(value: number, digits = 0): string {
  const [whole = '', fraction] = Math.abs(value).toFixed(digits).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ' ');
  const text = fraction === undefined ? grouped : `${grouped}.${fraction}`;
  return value < 0 && /[1-9]/.test(text) ? `-${text}` : text;
}

/** A signed percentage with one decimal: `+1.3 %`. */
export function formatPercent(value: number): string {
  const text = formatNumber(value, 1);
  return `${text.startsWith('-') ? '' : '+'}${text} %`;
}
