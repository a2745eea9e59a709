import { InputError } from '../engine/errors.js';
import { type Axis, axisOf } from './axis.js';
import { kneeOf, paretoFront } from './pareto.js';
import { element, escapeXml, fitText, text, textWidth } from './svg.js';

/** A choice that was tried: what it costs one way and the other. */
export interface TradeOffPoint {
  readonly x: number;
  readonly y: number;
  /** What was chosen, as `200 000`. */
  readonly label: string;
}

/** The choices of one variant. */
export interface TradeOffSeries {
  readonly title: string;
  readonly points: readonly TradeOffPoint[];
}

/** Options of {@link tradeOffChart}. */
export interface TradeOffOptions {
  readonly title: string;
  /** What the axes are, with the unit. */
  readonly x: string;
  readonly y: string;
  /** Width and height of the picture in its own unit, 300 and 200 or more; 820 by 520 by default. */
  readonly width?: number;
  readonly height?: number;
  /** Identifier of the picture in a page that has several, a letter and letters, digits, `-`: `trade-off` by default. */
  readonly id?: string;
}

const colours = ['#2f6fb7', '#c8553d', '#2e8b68', '#8a5bb0', '#b58b1b', '#4a5564'] as const;
const size = { title: 17, axis: 11, tick: 11, label: 10.5 } as const;
const fonts = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif";

/**
 * Draws two costs of many choices against each other, as SVG: a dot per choice, a line through those that no other choice of the same series
 * beats in both (the Pareto front), a ring around the knee of that line, with what was chosen there. Less is better both ways. Axes
 * are logarithmic where values differ by a factor of 30 or more.
 *
 * The text is the same for the same points; it has no scripts and needs no fonts from elsewhere.
 *
 * @throws InputError if there is no point to draw, or a point is not finite
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { tradeOffChart } from 'vmx-apic/observe';
 *
 * const points = [{ x: 1, y: 9, label: '0' }, { x: 2, y: 2, label: '50000' }, { x: 9, y: 1, label: '200000' }];
 * const svg = tradeOffChart([{ title: 'hlt', points }], { title: 'Halt polling', x: 'CPU time, µs', y: 'latency, µs' });
 * assert.match(svg, /knee: 50000/);
 * ```
 */
export function tradeOffChart(series: readonly TradeOffSeries[], options: TradeOffOptions): string {
  const { title, width = 820, height = 520, id = 'trade-off' } = options;
  if (!(width >= 300)) throw new InputError('width', `${width} is not 300 or more`);
  if (!(height >= 200)) throw new InputError('height', `${height} is not 200 or more`);
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(id))
    throw new InputError('id', `'${id}' is not a letter and letters, digits, '-'`);
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) throw new InputError('series', 'there is no point to draw');
  const wrong = all.find(({ x, y }) => !Number.isFinite(x) || !Number.isFinite(y));
  if (wrong !== undefined) throw new InputError('series', `the point '${wrong.label}' is not finite`);
  const area = { left: 74, right: width - 24, top: 64, bottom: height - 56 };
  const xs = axisOf(
    all.map(({ x }) => x),
    area.left,
    area.right,
    8,
    'auto',
  );
  const ys = axisOf(
    all.map(({ y }) => y),
    area.bottom,
    area.top,
    7,
    'auto',
  );
  const words = series.map((one) => `${one.title}: ${summaryOf(one, options)}`).join('\n');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" id="${id}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-t ${id}-d">`,
    `<title id="${id}-t">${escapeXml(title)}</title>`,
    `<desc id="${id}-d">${escapeXml(`${options.y} against ${options.x}; less is better.\n${words}`)}</desc>`,
    `<style>${styleSheet(id)}</style>`,
    element('rect', { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 6, class: 'card' }),
    text(18, 30, 'title', fitText(title, size.title, width - 36)),
    legend(series, width),
    frame(xs, ys, area, options),
    ...series.map((one, index) => drawSeries(one, xs, ys, colours[index % colours.length] as string, area.right)),
    '</svg>\n',
  ].join('\n');
}

/** The front of a series and the place of its knee in it. */
function frontOf({ points }: TradeOffSeries): { front: TradeOffPoint[]; knee: TradeOffPoint | undefined } {
  const front = paretoFront(points.map(({ x, y }) => [x, y] as const)).map((index) => points[index] as TradeOffPoint);
  const knee = kneeOf(front.map(({ x, y }) => [x, y] as const));
  return { front, knee: knee === undefined ? undefined : front[knee] };
}

function summaryOf(series: TradeOffSeries, { x, y }: TradeOffOptions): string {
  const { front, knee } = frontOf(series);
  const best = `${front.length} of ${series.points.length} choices are not beaten in both`;
  return knee === undefined ? best : `${best}; knee at ${knee.label} (${x} ${round(knee.x)}, ${y} ${round(knee.y)})`;
}

function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function legend(series: readonly TradeOffSeries[], width: number): string {
  if (series.length < 2) return '';
  let x = 18;
  return series
    .map(({ title }, index) => {
      const label = textWidth(title, size.axis);
      if (x + label + 18 > width - 18) return '';
      const entry =
        element('circle', { cx: x + 4, cy: 45, r: 4, fill: colours[index % colours.length] as string }) +
        text(x + 12, 49, 'axis', title);
      x += label + 34;
      return entry;
    })
    .join('');
}

interface Area {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function frame(xs: Axis, ys: Axis, { left, right, top, bottom }: Area, { x, y }: TradeOffOptions): string {
  const middle = (top + bottom) / 2;
  return [
    ...xs.ticks.map(
      ({ value, label }) =>
        element('path', { d: `M${xs.at(value).toFixed(2)} ${top}V${bottom}`, class: 'grid' }) +
        text(xs.at(value), bottom + 16, 'tick', label, { 'text-anchor': 'middle' }),
    ),
    ...ys.ticks.map(
      ({ value, label }) =>
        element('path', { d: `M${left} ${ys.at(value).toFixed(2)}H${right}`, class: 'grid' }) +
        text(left - 6, ys.at(value) + 4, 'tick', label, { 'text-anchor': 'end' }),
    ),
    element('path', { d: `M${left} ${top}V${bottom}H${right}`, class: 'axis-line' }),
    text((left + right) / 2, bottom + 38, 'axis', x, { 'text-anchor': 'middle' }),
    text(20, middle, 'axis', y, { 'text-anchor': 'middle', transform: `rotate(-90 20 ${middle})` }),
  ].join('\n');
}

function drawSeries(series: TradeOffSeries, xs: Axis, ys: Axis, colour: string, right: number): string {
  const { front, knee } = frontOf(series);
  const place = ({ x, y }: TradeOffPoint): string => `${xs.at(x).toFixed(2)} ${ys.at(y).toFixed(2)}`;
  const parts: string[] = [];
  if (front.length > 1) {
    parts.push(element('path', { d: `M${front.map(place).join('L')}`, stroke: colour, class: 'front' }));
  }
  for (const point of series.points) {
    const [cx, cy] = [xs.at(point.x), ys.at(point.y)];
    const chosen = front.includes(point);
    const tip = `<title>${escapeXml(`${series.title}: ${point.label} (${round(point.x)}, ${round(point.y)})`)}</title>`;
    parts.push(element('circle', { cx, cy, r: chosen ? 4 : 3, fill: colour, opacity: chosen ? 1 : 0.4 }, tip));
  }
  if (knee !== undefined) {
    const [cx, cy] = [xs.at(knee.x), ys.at(knee.y)];
    const label = `knee: ${knee.label}`;
    const fits = cx + 12 + textWidth(label, size.label) <= right;
    parts.push(element('circle', { cx, cy, r: 8, stroke: colour, class: 'knee' }));
    parts.push(text(cx + (fits ? 12 : -12), cy - 8, 'label', label, { 'text-anchor': fits ? 'start' : 'end' }));
  }
  return element('g', {}, parts.join('\n'));
}

function styleSheet(id: string): string {
  const rules: readonly (readonly [string, string])[] = [
    ['text', `font-family:${fonts};fill:#1f2733`],
    ['.card', 'fill:#fff;stroke:#d5dae1'],
    ['.title', `font-size:${size.title}px;font-weight:700`],
    ['.axis', `font-size:${size.axis}px;fill:#566070`],
    ['.tick', `font-size:${size.tick}px;fill:#566070`],
    ['.label', `font-size:${size.label}px;stroke:#fff;stroke-width:3px;paint-order:stroke`],
    ['.grid', 'stroke:#e3e7ec;stroke-width:1;fill:none'],
    ['.axis-line', 'stroke:#8a94a3;stroke-width:1;fill:none'],
    ['.front', 'stroke-width:1.6;fill:none'],
    ['.knee', 'stroke-width:1.8;fill:none'],
  ];
  return rules.map(([selector, body]) => `#${id} ${selector}{${body}}`).join('\n');
}
