import type { PathSegment } from '../critical-path.js';
import type { ModeSpan } from '../slices.js';
import { element, escapeXml, fitOneOf, text, textWidth } from '../svg.js';
import { formatNumber } from '../table.js';
import { type FlightRecord, stageOnly, type Trace, vcpuLabel, type WakeRecord } from '../trace.js';
import type { Bar, Lane } from './lane.js';
import type { ChartNote } from './notes.js';
import { categories, size } from './style.js';

/** What is drawn of one trace, and where. */
export interface Panel {
  readonly title: string;
  readonly trace: Trace;
  readonly from: number;
  readonly to: number;
  /** Last cycle that is drawn. */
  readonly last: number;
  readonly lanes: readonly Lane[];
  readonly path: readonly PathSegment[];
  /** What time counts. */
  readonly unit: 'cycles' | 'steps';
  readonly notes: readonly ChartNote[];
}

/** Where things are across the picture. */
export interface Frame {
  readonly id: string;
  /** Left and right edge of the time line. */
  readonly left: number;
  readonly right: number;
  readonly cyclesPerUnit: number;
}

const rowHeight = 17;
const modeHeight = 16;
const laneGap = 36;
const headingHeight = 26;
/** A label does not reach out of a bar that is narrower. */
const narrow = 12;

function laneHeight(lane: Lane): number {
  return modeHeight + lane.rows * rowHeight + 5;
}

/** How much room a panel takes from top to bottom. */
export function panelHeight(panel: Panel): number {
  const lanes = panel.lanes.reduce((sum, lane) => sum + laneHeight(lane), 0);
  return headingHeight + lanes + laneGap * Math.max(0, panel.lanes.length - 1);
}

/** `2.17 µs` */
function inMicroseconds(cycles: number, tscGhz: number): string {
  return `${formatNumber(cycles / tscGhz / 1000, 2)} µs`;
}

/** What a panel says of itself: how long it took, and what it cost. */
export function panelSummary({ trace, from, to, unit }: Panel): string {
  const exits = trace.events.filter(
    (event) => event.kind === 'vm-exit' && event.time > from && event.time <= to,
  ).length;
  const count = exits === 0 ? 'no VM exit' : `${exits} VM exit${exits === 1 ? '' : 's'}`;
  if (unit === 'steps') return `${formatNumber(to - from)} steps, ${count}`;
  return `${formatNumber(to - from)} cycles, ${inMicroseconds(to - from, trace.tscGhz)}, ${count}`;
}

/** Where a lane is from top to bottom. */
interface Place {
  readonly lane: Lane;
  readonly top: number;
  readonly bottom: number;
}

/** A panel with its upper edge at `top`. */
export function drawPanel(panel: Panel, frame: Frame, top: number): string[] {
  const x = (cycle: number): number => frame.left + (cycle - panel.from) / frame.cyclesPerUnit;
  const places: Place[] = [];
  let y = top + headingHeight;
  for (const lane of panel.lanes) {
    places.push({ lane, top: y, bottom: y + laneHeight(lane) });
    y += laneHeight(lane) + laneGap;
  }
  const bottom = top + panelHeight(panel);
  const { heading } = size;
  return [
    text(frame.left, top + heading, 'heading', panel.title),
    text(frame.left + textWidth(panel.title, heading) * 1.06 + 12, top + heading, 'note', panelSummary(panel)),
    ...places.flatMap((place) => drawLane(panel, frame, place, x)),
    ...drawPath(panel, places, x),
    ...drawArrows(panel, places, x),
    ...panel.notes
      .filter(({ wrong }) => wrong === true)
      .map(({ time }) =>
        element('line', { x1: x(time), x2: x(time), y1: top + headingHeight - 7, y2: bottom + 4, class: 'wrong' }),
      ),
    element('line', { x1: x(panel.to), x2: x(panel.to), y1: top + headingHeight - 7, y2: bottom + 4, class: 'end' }),
  ];
}

function drawLane(panel: Panel, frame: Frame, { lane, top, bottom }: Place, x: (cycle: number) => number): string[] {
  const known = lane.vcpu >= 0;
  const name = known ? vcpuLabel(panel.trace, lane.vcpu) : `CPU ${lane.processor}`;
  return [
    text(frame.left - 12, top + modeHeight + 12, 'lane', name, { 'text-anchor': 'end' }),
    ...(known
      ? [text(frame.left - 12, top + modeHeight + 27, 'note', `on CPU ${lane.processor}`, { 'text-anchor': 'end' })]
      : []),
    ...lane.modes.flatMap((mode) => drawMode(panel, mode, top, bottom, x)),
    ...lane.bars.map((bar) => drawBar(panel, lane, bar, top + modeHeight, x)),
  ];
}

function drawMode(
  { unit }: Panel,
  mode: ModeSpan,
  top: number,
  bottom: number,
  x: (cycle: number) => number,
): string[] {
  const [left, right] = [x(mode.start), x(mode.end)];
  const long = unit === 'steps' ? '' : `, ${formatNumber(mode.end - mode.start)} cycles until VM entry`;
  const names = mode.guest
    ? ['guest']
    : [...(mode.reason === '' ? [] : [`VM exit ${mode.reason}${long}`, mode.reason]), 'root'];
  const name = fitOneOf(names, size.mode, right - left - 10);
  return [
    element('rect', {
      x: left,
      y: top,
      width: right - left,
      height: bottom - top,
      class: mode.guest ? 'in-guest' : 'in-root',
    }),
    ...(name === '' ? [] : [text(left + 5, top + 12, 'mode', name)]),
  ];
}

/** True if a critical path leads through a part of this time. */
function isOnPath(panel: Panel, processor: number, start: number, end: number): boolean {
  return panel.path.some(
    (segment) =>
      segment.processor === processor &&
      segment.stage !== 'flight' &&
      segment.start < end &&
      segment.start + segment.cycles > start,
  );
}

function drawBar(panel: Panel, lane: Lane, bar: Bar, top: number, x: (cycle: number) => number): string {
  const [left, right] = [x(bar.start), x(bar.end)];
  const y = top + bar.row * rowHeight;
  const off = panel.path.length > 0 && bar.category !== 'wait' && !isOnPath(panel, lane.processor, bar.start, bar.end);
  const room = right - left < narrow ? right : x(bar.room);
  const label = fitOneOf(bar.labels, size.bar, Math.max(right, room) - left - 6);
  const [name = ''] = bar.labels;
  const what = categories.find(([category]) => category === bar.category)?.[1] ?? '';
  const said = panel.notes
    .filter(({ time, processor }) => bar.leaf && processor === lane.processor && time > bar.start && time <= bar.end)
    .map((note) => `\n${note.text}`);
  const when =
    panel.unit === 'steps'
      ? `step ${formatNumber(bar.start - panel.from + 1)}${bar.end - bar.start > 1 ? ` to ${formatNumber(bar.end - panel.from)}` : ''}`
      : `${formatNumber(bar.end - bar.start)} cycles from ${formatNumber(bar.start - panel.from)}`;
  const note = `${name}: ${when} (${what})${said.join('')}`;
  const kind = bar.category === 'wait' ? 'label-wait' : off ? 'label-off' : 'label';
  const shape = { x: left, y, width: Math.max(right - left, 0.4), height: rowHeight - 1.5, rx: 2 };
  const parts = [
    element('title', {}, escapeXml(note)),
    element('rect', { ...shape, class: `bar ${bar.category}${off ? ' off' : ''}` }),
  ];
  if (label !== '') parts.push(text(left + 3.5, y + 11.5, kind, label));
  return element('g', {}, parts.join(''));
}

/** The critical path where it lies on a processor: a line under the lane. */
function drawPath(panel: Panel, places: readonly Place[], x: (cycle: number) => number): string[] {
  const lines: { processor: number; start: number; end: number }[] = [];
  for (const { processor, stage, start, cycles } of panel.path) {
    if (stage === 'flight') continue;
    const last = lines[lines.length - 1];
    if (last?.processor === processor && last.end === start) last.end = start + cycles;
    else lines.push({ processor, start, end: start + cycles });
  }
  return lines.flatMap(({ processor, start, end }) => {
    const place = places.find(({ lane }) => lane.processor === processor);
    if (place === undefined) return [];
    return [
      element('line', { x1: x(start), x2: x(end), y1: place.bottom - 1.3, y2: place.bottom - 1.3, class: 'path' }),
    ];
  });
}

function drawArrows(panel: Panel, places: readonly Place[], x: (cycle: number) => number): string[] {
  const at = (processor: number): Place | undefined => places.find(({ lane }) => lane.processor === processor);
  const seen = (time: number): boolean => time >= panel.from && time <= panel.last;
  const flights = panel.trace.flights.filter((flight) => seen(flight.sent) && seen(flight.arrives));
  const wakes = panel.trace.wakes.filter((wake) => wake.by >= 0 && wake.by !== wake.processor && seen(wake.time));
  return [
    ...flights.flatMap((flight) => drawFlight(panel, flight, at(flight.from), at(flight.to), x)),
    ...wakes.flatMap((wake) => drawWake(panel, wake, at(wake.by), at(wake.processor), x)),
  ];
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** An arrow with its head at `to`. */
function drawArrow(from: Point, to: Point, on: boolean): string {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const far = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / far, dy / far];
  const corner = (along: number, across: number): string =>
    `${(to.x - along * ux - across * uy).toFixed(2)} ${(to.y - along * uy + across * ux).toFixed(2)}`;
  const kind = on ? 'arrow' : 'arrow-off';
  return [
    element('path', { d: `M${from.x.toFixed(2)} ${from.y.toFixed(2)}L${corner(5, 0)}`, class: kind }),
    element('path', { d: `M${corner(0, 0)}L${corner(8, 3.6)}L${corner(8, -3.6)}Z`, class: `${kind}-head` }),
  ].join('');
}

function drawFlight(
  panel: Panel,
  flight: FlightRecord,
  from: Place | undefined,
  to: Place | undefined,
  x: (cycle: number) => number,
): string[] {
  if (from === undefined || to === undefined || from === to) return [];
  const down = to.top > from.top;
  const tail = { x: x(flight.sent), y: down ? from.bottom : from.top };
  const head = { x: x(flight.arrives), y: down ? to.top : to.bottom };
  const on =
    panel.path.length === 0 ||
    panel.path.some(
      (segment) => segment.stage === 'flight' && segment.processor === flight.from && segment.start === flight.sent,
    );
  const took = panel.unit === 'steps' ? '' : `, ${formatNumber(flight.arrives - flight.sent)} cycles`;
  const label = `interrupt ${flight.message.toString(16).toUpperCase().padStart(2, '0')}H${took}`;
  return [drawArrow(tail, head, on), text(head.x + 8, (tail.y + head.y) / 2 + 10, on ? 'arrow-label' : 'mode', label)];
}

/** A processor that waited sees what another one did. */
function drawWake(
  panel: Panel,
  wake: WakeRecord,
  by: Place | undefined,
  waiting: Place | undefined,
  x: (cycle: number) => number,
): string[] {
  if (by === undefined || waiting === undefined) return [];
  const on = panel.path.length === 0 || isOnPath(panel, wake.by, wake.time - 1, wake.time);
  const up = waiting.top < by.top;
  const tail = { x: x(wake.time), y: up ? by.top : by.bottom };
  const head = { x: x(wake.time), y: up ? waiting.bottom : waiting.top };
  const stage = panel.trace.stages.findLast(({ processor, end }) => processor === wake.by && end === wake.time);
  const label =
    stage === undefined
      ? []
      : [
          text(tail.x - 8, (tail.y + head.y) / 2 + 4, on ? 'arrow-label' : 'mode', stageOnly(stage.stage), {
            'text-anchor': 'end',
          }),
        ];
  return [drawArrow(tail, head, on), ...label];
}
