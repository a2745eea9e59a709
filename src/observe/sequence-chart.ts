import { InputError } from '../engine/errors.js';
import { criticalPath } from './critical-path.js';
import { lanesOf } from './sequence-chart/lane.js';
import { type ChartNote, drawNotes, notesHeight } from './sequence-chart/notes.js';
import { drawPanel, type Frame, type Panel, panelHeight, panelSummary } from './sequence-chart/panel.js';
import { categories, size, styleSheet } from './sequence-chart/style.js';
import { element, escapeXml, text, textWidth } from './svg.js';
import { formatNumber } from './table.js';
import type { Trace } from './trace.js';

export type { ChartNote } from './sequence-chart/notes.js';

/** One trace of a chart. */
export interface ChartPanel {
  /** What the trace is of: the name of a variant. */
  readonly title: string;
  readonly trace: Trace;
  /** First and last cycle of what is measured: the chart begins at one and draws a line at the other. */
  readonly from: number;
  readonly to: number;
  /** The processor whose time from `from` to `to` is explained by its critical path; without it no path is drawn. */
  readonly processor?: number;
  /** What to say of moments, in their order; what belongs to a stage is in its tooltip, too. None by default. */
  readonly notes?: readonly ChartNote[];
}

/** Options of {@link sequenceChart}. */
export interface ChartOptions {
  /** What time counts: TSC cycles, unless given, or the steps of a run without time. */
  readonly unit?: 'cycles' | 'steps';
  /** Over all panels; none by default. */
  readonly title?: string;
  /** The most rows of routines and stages in a lane, 1 or more: 8 by default. What is deeper is not drawn. */
  readonly rows?: number;
  /** Width of the picture in its own unit, 400 or more: 1000 by default. Type is of a fixed size in that unit. */
  readonly width?: number;
  /** Identifier of the picture in a page that has several, a letter and letters, digits, `-`: `chart` by default. */
  readonly id?: string;
}

const margin = 18;
const labels = 84;

/** Part of the longest panel that is drawn after its end: what others still have to do. */
const afterwards = 0.08;

/**
 * Draws traces as an SVG picture: a panel per trace, all at one scale; in it a lane per processor, shaded by whether it was in the guest
 * or in the hypervisor; in that, bars for routines and, inside them, stages; arrows for interrupts on their way and for waits that
 * another processor ended. What is not on the critical path is pale.
 *
 * The text is the same for the same traces. It has no scripts and needs no fonts from elsewhere, brings its own background, and says in
 * words (title, description, a tooltip per bar) what it shows.
 *
 * @throws InputError if an option is out of its range or there is nothing to draw
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createTrace, sequenceChart } from 'vmx-apic/observe';
 *
 * const trace = createTrace(2, [{ vm: 0, number: 0 }]);
 * trace.activations.push({ routine: 'ipi_entry', kind: 'program', caller: -1 });
 * const where = { processor: 0, vcpu: 0, guest: true, activation: 0 };
 * trace.stages.push({ ...where, stage: 'ipi_entry.function', start: 0, end: 120, finished: true });
 *
 * const svg = sequenceChart([{ title: 'one handler', trace, from: 0, to: 120 }]);
 * assert.match(svg, /^<svg .*<title .*<desc /s);
 * assert.match(svg, /120 cycles, 0\.06 µs, no VM exit/);
 * ```
 */
export function sequenceChart(panels: readonly ChartPanel[], options: ChartOptions = {}): string {
  const { title = '', rows = 8, width = 1000, id = 'chart', unit = 'cycles' } = options;
  if (!(rows >= 1)) throw new InputError('rows', `${rows} is not a number of rows, 1 or more`);
  if (!(width >= 400)) throw new InputError('width', `${width} is not a width of 400 or more`);
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(id)) throw new InputError('id', `'${id}' is not a letter and letters, digits, -`);
  if (panels.length === 0) throw new InputError('panels', 'there is none');
  panels.forEach(({ from, to }, index) => {
    if (!(to > from)) throw new InputError(`panels[${index}].to`, `${to} is not after 'from', ${from}`);
  });
  const longest = Math.max(...panels.map(({ from, to }) => to - from));
  const drawn = panels.map((panel): Panel => {
    const { trace, from, to, processor, notes = [] } = panel;
    const last = to + afterwards * longest;
    const path = processor === undefined ? [] : criticalPath(trace, processor, from, to);
    return { title: panel.title, trace, from, to, last, path, lanes: lanesOf(trace, from, last, rows), unit, notes };
  });
  const left = margin + labels;
  const right = width - margin;
  const frame: Frame = { id, left, right, cyclesPerUnit: ((1 + afterwards) * longest) / (right - left) };

  const parts: string[] = [];
  let y = margin;
  if (title !== '') {
    parts.push(text(margin, y + size.title, 'title', title));
    y += size.title + 14;
  }
  const [legend, legendHeight] = drawLegend(
    margin,
    y,
    right,
    drawn.some((panel) => panel.path.length > 0),
  );
  parts.push(...legend);
  y += legendHeight + 12;
  const gridTop = y;
  const bodies: string[] = [];
  for (const panel of drawn) {
    bodies.push(...drawPanel(panel, frame, y));
    y += panelHeight(panel) + 26;
  }
  const axis = drawAxis(frame, drawn, longest, gridTop, y - 14);
  y += 30;
  for (const panel of drawn) {
    bodies.push(...drawNotes(panel.notes, panel.title, panel.from, margin, y));
    y += notesHeight(panel.notes);
  }
  const height = y;
  const name = title === '' ? drawn.map((panel) => panel.title).join('; ') : title;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" id="${id}" role="img" aria-labelledby="${id}-title ${id}-desc" viewBox="0 0 ${width} ${height.toFixed(0)}" width="${width}" height="${height.toFixed(0)}">`,
    element('title', { id: `${id}-title` }, escapeXml(name)),
    element('desc', { id: `${id}-desc` }, escapeXml(describe(drawn))),
    element(
      'style',
      {},
      styleSheet(
        id,
        drawn.some(({ notes }) => notes.length > 0),
      ),
    ),
    hatch(id),
    element('rect', { x: 0.5, y: 0.5, width: width - 1, height: Number(height.toFixed(0)) - 1, rx: 8, class: 'card' }),
    ...axis,
    ...parts,
    ...bodies,
    '</svg>',
  ].join('\n')}\n`;
}

function hatch(id: string): string {
  const line = element('path', { d: 'M0 6L6 0', stroke: '#aab4c2', 'stroke-width': 1 });
  const pattern = { id: `${id}-hatch`, width: 6, height: 6, patternUnits: 'userSpaceOnUse' };
  return element('defs', {}, element('pattern', pattern, line));
}

/** The legend in as many lines as it needs, and their height. */
function drawLegend(left: number, top: number, right: number, path: boolean): [string[], number] {
  const parts: string[] = [];
  let x = left;
  let y = top;
  const add = (swatch: (x: number, y: number) => string, name: string): void => {
    const wide = 22 + textWidth(name, size.axis) + 16;
    if (x + wide > right && x > left) {
      x = left;
      y += 18;
    }
    parts.push(swatch(x, y), text(x + 20, y + 11, 'note', name));
    x += wide;
  };
  for (const [category, name] of categories) {
    add((at, line) => element('rect', { x: at, y: line + 1, width: 14, height: 12, rx: 2, class: category }), name);
  }
  if (path) {
    add(
      (at, line) => element('line', { x1: at, x2: at + 14, y1: line + 7, y2: line + 7, class: 'path' }),
      'critical path (pale: not on it)',
    );
  }
  return [parts, y - top + 14];
}

/** Lines across all panels at round numbers of cycles, with their numbers below. */
function drawAxis(frame: Frame, panels: readonly Panel[], longest: number, top: number, bottom: number): string[] {
  const steps = [1, 2, 5].flatMap((digit) => Array.from({ length: 12 }, (_, power) => digit * 10 ** power));
  const least = (longest * 70) / (frame.right - frame.left);
  const step = steps.sort((a, b) => a - b).find((candidate) => candidate >= least) ?? longest;
  const parts: string[] = [];
  for (let cycle = 0; cycle <= (frame.right - frame.left) * frame.cyclesPerUnit; cycle += step) {
    const x = frame.left + cycle / frame.cyclesPerUnit;
    parts.push(
      element('line', { x1: x, x2: x, y1: top, y2: bottom, class: 'grid' }),
      text(x, bottom + 15, 'note', formatNumber(cycle), { 'text-anchor': 'middle' }),
    );
  }
  const clocks = [...new Set(panels.map((panel) => panel.trace.tscGhz))];
  const cycles = clocks.length === 1 ? `TSC cycles at ${clocks[0]} GHz` : 'TSC cycles';
  const unit = panels[0]?.unit === 'steps' ? 'steps' : cycles;
  return [...parts, text(frame.right, bottom + 31, 'note', unit, { 'text-anchor': 'end' })];
}

/** The picture in words. */
function describe(panels: readonly Panel[]): string {
  return panels
    .map((panel) => {
      const steps = panel.path.map(({ stage, processor, cycles }) =>
        stage === 'flight' ? `interrupt on its way ${cycles}` : `${stage} on CPU ${processor} ${cycles}`,
      );
      const path = steps.length === 0 ? '' : ` The critical path, in cycles: ${steps.join(', ')}.`;
      return `${panel.title}: ${panelSummary(panel)}.${path}`;
    })
    .join(' ');
}
