import { InputError } from '../engine/errors.js';
import { axisOf } from './axis.js';
import { element, escapeXml, text, textWidth } from './svg.js';

/** A figure of an {@link errorChart}. */
export interface ErrorChartRow {
  readonly label: string;
  /** Published value, simulated value, and where a measurement is expected, in one unit. */
  readonly published: number;
  readonly simulated: number;
  readonly interval?: readonly [number, number] | undefined;
  /** Whether the model was fitted to it: a full dot, or else a ring. */
  readonly fitted: boolean;
}

const fonts = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif";
const row = { height: 16 } as const;
const size = { title: 16, label: 10.5 } as const;
const plotWidth = 460;

/**
 * Draws how far simulated figures are from published ones, as SVG: a row for each, a dot at its error in percent (a ring if the model was not fitted to
 * it), a bar where a measurement is expected; the published values are the line at 0. The same figures give the same text.
 *
 * @throws InputError if there is no figure, or a published value is 0
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { errorChart } from 'vmx-apic/observe';
 *
 * const svg = errorChart('Errors', [{ label: 'ipi', published: 100, simulated: 103, fitted: true }]);
 * assert.match(svg, /ipi: \+3.0 %/);
 * ```
 */
export function errorChart(title: string, figures: readonly ErrorChartRow[]): string {
  if (figures.length === 0) throw new InputError('figures', 'there is none to draw');
  figures.forEach(({ published, simulated }, index) => {
    if (published === 0 || !Number.isFinite(published) || !Number.isFinite(simulated)) {
      throw new InputError(`figures[${index}]`, 'is not a published value other than 0 and a simulated one');
    }
  });
  const error = ({ published }: ErrorChartRow, value: number): number =>
    (100 * (value - published)) / Math.abs(published);
  const ends = figures.flatMap((figure) => [
    error(figure, figure.simulated),
    ...(figure.interval ?? []).map((value) => error(figure, value)),
  ]);
  const left = 24 + Math.max(...figures.map(({ label }) => textWidth(label, size.label)));
  const head = 64;
  const bottom = head + figures.length * row.height;
  // A figure that is far off is drawn at the edge; its number is in the tip.
  const bounded = ends.map((value) => Math.min(Math.max(value, -40), 40));
  const axis = axisOf([0, ...bounded], left, left + plotWidth, 9);
  const at = (value: number): number => Math.min(Math.max(axis.at(value), left), left + plotWidth);
  const parts: string[] = [text(16, 28, 'title', title)];
  for (const { value, label } of axis.ticks) {
    const x = axis.at(value);
    parts.push(element('line', { x1: x, x2: x, y1: head, y2: bottom, stroke: value === 0 ? '#1d2530' : '#dfe3e8' }));
    parts.push(text(x, head - 8, 'label', `${label} %`, { 'text-anchor': 'middle' }));
  }
  figures.forEach((figure, index) => {
    const y = head + (index + 0.5) * row.height;
    const size = error(figure, figure.simulated);
    const tip = element('title', {}, escapeXml(`${figure.label}: ${size > 0 ? '+' : ''}${size.toFixed(1)} %`));
    parts.push(text(left - 10, y + 3.5, 'label', figure.label, { 'text-anchor': 'end' }));
    if (figure.interval !== undefined) {
      const [from, to] = figure.interval.map((value) => at(error(figure, value))) as [number, number];
      parts.push(element('rect', { x: from, y: y - 4, width: to - from, height: 8, rx: 4, fill: '#bcd2ea' }));
    }
    const dot = { cx: at(size), cy: y, r: 3.6, stroke: '#2f6fb7', 'stroke-width': 1.6 };
    parts.push(element('circle', { ...dot, fill: figure.fitted ? '#2f6fb7' : '#ffffff' }, tip));
  });
  const width = Math.max(left + plotWidth + 32, 32 + textWidth(title, 16));
  const height = bottom + 40;
  const key =
    'line: published; dot: simulated, with fitted numbers; ring: not fitted to; bar: where nine in ten measurements are expected';
  parts.push(text(16, height - 14, 'label', key));
  const style = `<style>text{font-family:${fonts};fill:#1d2530}.title{font-size:${size.title}px;font-weight:600}.label{font-size:${size.label}px}</style>`;
  const body = `${style}${element('rect', { width, height, fill: '#ffffff' })}${parts.join('\n')}`;
  return `${element('svg', { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width.toFixed(0)} ${height.toFixed(0)}`, role: 'img', 'aria-label': title }, `\n${body}\n`)}\n`;
}
