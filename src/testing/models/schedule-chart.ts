import { element, escapeXml, fitText, text } from '../../observe/svg.js';
import type { ModelRun, ModelStep } from './run-model.js';

const row = 19;
const top = 62;
const left = 44;
const column = 286;
const gap = 14;

const styles = [
  [
    'text',
    "font-family:'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif;font-size:10.5px;fill:#14202e",
  ],
  ['.title', 'font-size:15px;font-weight:700'],
  ['.lane', 'font-size:12px;font-weight:700'],
  ['.number', 'fill:#8a94a3'],
  ['.card', 'fill:#fff;stroke:#d5dae1'],
  ['.line', 'stroke:#d5dae1;stroke-width:1'],
  ['.guest', 'fill:#9cc3ee'],
  ['.host', 'fill:#f5bd74'],
  ['.world', 'fill:#e3e7ec'],
  ['.arrives', 'fill:#d9daf5'],
  ['.arrow', 'stroke:#3b3fb6;stroke-width:1.4;fill:none'],
  ['.head', 'fill:#3b3fb6'],
  ['.broken', 'font-weight:700;fill:#b3261e'],
] as const;

/** The column of a step: processors first, the world around last. */
function columnOf(step: ModelStep, processors: number): number {
  return step.processor < 0 ? processors : step.processor;
}

/**
 * Draws a run of a model as an SVG sequence chart: a column per processor and one for the world around, a row per step, arrows for
 * interrupts from where they are sent to where they arrive. There is no time: rows are in the order in which things happen.
 *
 * @param title - what the chart is of
 */
export function scheduleChart(run: ModelRun, title: string): string {
  const processors =
    1 + Math.max(0, ...run.steps.flatMap(({ processor, sends }) => [processor, ...sends.map(({ to }) => to)]));
  const columns = run.steps.some(({ processor }) => processor < 0) ? processors + 1 : processors;
  const width = left + columns * (column + gap) + 8;
  const height = top + row * (run.steps.length + 2);
  const x = (index: number): number => left + index * (column + gap);
  const y = (index: number): number => top + row * index;
  const parts: string[] = [
    element('rect', { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 8, class: 'card' }),
    text(14, 24, 'title', title),
  ];
  for (let index = 0; index < columns; index++) {
    parts.push(
      text(x(index), 50, 'lane', index < processors ? `processor ${index}` : 'around'),
      element('line', { x1: x(index) - gap / 2, x2: x(index) - gap / 2, y1: 36, y2: height - row, class: 'line' }),
    );
  }
  /** Messages that have not arrived: where each was sent. */
  const flying: { to: number; message: number; from: number; at: number }[] = [];
  run.steps.forEach((step, index) => {
    const at = columnOf(step, processors);
    const kind = step.kind === 'arrival' ? 'arrives' : step.processor < 0 ? 'world' : step.guest ? 'guest' : 'host';
    const bar = element('rect', { x: x(at), y: y(index) + 1, width: column, height: row - 3, rx: 3, class: kind });
    const label = step.vcpu >= 0 && step.kind === 'stage' ? `vCPU ${step.vcpu}  ${step.what}` : step.what;
    parts.push(element('g', {}, `${element('title', {}, escapeXml(label))}${bar}`));
    parts.push(text(x(at) + 5, y(index) + 13, 'label', fitText(label, 10.5, column - 10)));
    if (index === 0 || run.steps[index - 1]?.action !== step.action)
      parts.push(text(12, y(index) + 13, 'number', String(step.action + 1)));
    if (step.message !== undefined) {
      const found = flying.findIndex(({ to, message }) => to === step.processor && message === step.message);
      const [flight] = found < 0 ? [] : flying.splice(found, 1);
      if (flight !== undefined) parts.push(arrow(x, y, flight, at, index));
    }
    for (const { to, message } of step.sends) flying.push({ to, message, from: at, at: index });
  });
  const end = run.broken === undefined ? `End: ${run.end}.` : `${run.broken.invariant}: ${run.broken.what}`;
  parts.push(text(14, y(run.steps.length) + 16, run.broken === undefined ? 'label' : 'broken', end));
  const sheet = styles.map(([selector, body]) => `#schedule ${selector}{${body}}`).join('\n');
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" id="schedule" role="img" aria-labelledby="schedule-title schedule-desc" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    element('title', { id: 'schedule-title' }, escapeXml(title)),
    element('desc', { id: 'schedule-desc' }, escapeXml(`${run.steps.length} steps. ${end}`)),
    element('style', {}, sheet),
    ...parts,
    '</svg>',
  ].join('\n')}\n`;
}

function arrow(
  x: (index: number) => number,
  y: (index: number) => number,
  sent: { from: number; at: number },
  to: number,
  at: number,
): string {
  const right = to > sent.from;
  const same = to === sent.from;
  const x1 = right ? x(sent.from) + column : x(sent.from);
  const x2 = right || same ? x(to) : x(to) + column;
  const y1 = y(sent.at) + row / 2;
  const y2 = y(at) + row / 2;
  const point = x2 + (right || same ? -6 : 6);
  const path = same ? `M${x1} ${y1} C${x1 - 16} ${y1} ${x2 - 16} ${y2} ${point} ${y2}` : `M${x1} ${y1} L${point} ${y2}`;
  return (
    element('path', { d: path, class: 'arrow' }) +
    element('path', { d: `M${x2} ${y2} L${point} ${y2 - 3} L${point} ${y2 + 3} Z`, class: 'head' })
  );
}
