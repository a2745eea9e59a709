import { InputError } from '../engine/errors.js';
import { element, escapeXml, text, textWidth } from './svg.js';

/** What {@link heatMap} draws. */
export interface HeatMap {
  readonly title: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** By row and column: any finite number; the largest has the strongest colour, 0 none. */
  readonly values: readonly (readonly number[])[];
}

const fonts = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif";
const cell = { width: 22, height: 15 } as const;
const size = { title: 16, label: 10.5 } as const;

/** Shades of one colour for what is positive and another for what is negative, by strength. */
function shade(value: number, largest: number): string {
  const strength = Math.sqrt(Math.min(1, Math.abs(value) / largest));
  const [r, g, b] = value >= 0 ? [47, 111, 183] : [200, 85, 61];
  const mix = (part: number): number => Math.round(255 + (part - 255) * strength);
  return `rgb(${mix(r as number)},${mix(g as number)},${mix(b as number)})`;
}

/**
 * Draws a table of numbers as colours, as SVG: a row and a column for each name, blue for positive and red for negative numbers, the stronger the larger;
 * the number itself shows when one points at a cell. The same table gives the same text.
 *
 * @throws InputError if the values are not one finite number for each row and column
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { heatMap } from 'vmx-apic/observe';
 *
 * const svg = heatMap({ title: 'what moves what', rows: ['ipi'], columns: ['vmExit', 'iret'], values: [[0.3, 0]] });
 * assert.match(svg, /ipi, vmExit: 0.300/);
 * ```
 */
export function heatMap({ title, rows, columns, values }: HeatMap): string {
  if (values.length !== rows.length) throw new InputError('values', `has ${values.length} rows, not ${rows.length}`);
  values.forEach((row, index) => {
    if (row.length !== columns.length || !row.every(Number.isFinite)) {
      throw new InputError(`values[${index}]`, `is not ${columns.length} finite numbers`);
    }
  });
  const left = 24 + Math.max(0, ...rows.map((row) => textWidth(row, size.label)));
  const head = 56 + Math.max(0, ...columns.map((column) => textWidth(column, size.label)));
  const width = Math.max(left + columns.length * cell.width + 24, 32 + textWidth(title, size.title));
  const height = head + rows.length * cell.height + 20;
  const largest = Math.max(1e-12, ...values.flat().map(Math.abs));
  const parts: string[] = [text(16, 28, 'title', title)];
  columns.forEach((column, j) => {
    const x = left + (j + 0.65) * cell.width;
    parts.push(
      text(x, head - 8, 'label', column, { transform: `rotate(-90 ${x.toFixed(2)} ${(head - 8).toFixed(2)})` }),
    );
  });
  rows.forEach((row, i) => {
    const y = head + i * cell.height;
    parts.push(text(left - 8, y + cell.height * 0.75, 'label', row, { 'text-anchor': 'end' }));
    (values[i] as readonly number[]).forEach((value, j) => {
      const box = { x: left + j * cell.width, y, width: cell.width - 1, height: cell.height - 1 };
      const tip = element('title', {}, escapeXml(`${row}, ${columns[j]}: ${value.toFixed(3)}`));
      parts.push(element('rect', { ...box, fill: value === 0 ? '#f4f5f7' : shade(value, largest) }, tip));
    });
  });
  const style = `<style>text{font-family:${fonts};fill:#1d2530}.title{font-size:${size.title}px;font-weight:600}.label{font-size:${size.label}px}</style>`;
  const background = element('rect', { width, height, fill: '#ffffff' });
  const body = `${style}${background}${parts.join('\n')}`;
  return `${element('svg', { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width.toFixed(0)} ${height.toFixed(0)}`, role: 'img', 'aria-label': title }, `\n${body}\n`)}\n`;
}
