// Fits the profiles' numbers to the published figures, and writes the numbers and a report on them. Bundled and run by calibrate.mjs.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { calibrate } from '../src/index.js';
import { formatTable, heatMap, median } from '../src/observe/index.js';

const root = process.cwd();
const calibration = calibrate(undefined, {
  onProgress: (runs) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${runs} scenarios`);
  },
});
if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
const { parameters, figures, effectiveParameters, numbers, ensemble } = calibration;

/** Four digits that count. @param {number} value */
const short = (value) => Number(value.toPrecision(4));
/** @param {string} name */
const key = (name) => (/^[A-Za-z]\w*$/.test(name) ? name : `'${name}'`);

writeFileSync(
  join(root, 'src/cost/fitted-numbers.ts'),
  `/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by \`npm run calibrate\`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
${Object.entries(numbers)
  .map(([name, value]) => `  ${key(name)}: ${short(value)},\n`)
  .join('')}};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = ${short(effectiveParameters)};
`,
);

// What no figure depends on is drawn, too: others may.
const names = parameters.map(({ name }) => name);
/** @param {string} name @param {string} type @param {string[]} items */
const list = (name, type, items) => `const ${name}: ${type} = [\n${items.map((item) => `  ${item},\n`).join('')}];\n`;
writeFileSync(
  join(root, 'src/cost/fitted-ensemble.ts'),
  `// biome-ignore format: generated
${list(
  'names',
  'readonly string[]',
  names.map((name) => `'${name}'`),
)}
// biome-ignore format: generated
${list(
  'draws',
  'readonly (readonly number[])[]',
  ensemble.map((draw) => `[${names.map((name) => Number((draw[name] ?? Number.NaN).toPrecision(3))).join(', ')}]`),
)}
/**
 * Sets of numbers that agree with the published figures about as well as the fitted ones, drawn from what calibration leaves open: how far a simulated
 * figure moves over them is how uncertain it is. Written by \`npm run calibrate\`, not by hand.
 */
export const fittedEnsemble: readonly Readonly<Record<string, number>>[] = draws.map((draw) =>
  Object.fromEntries(names.map((name, index) => [name, draw[index] as number])),
);
`,
);

const moving = parameters.map((_, j) => figures.some(({ sensitivity }) => Math.abs(sensitivity[j] ?? 0) >= 0.005));
writeFileSync(
  join(root, 'docs/sensitivity.svg'),
  heatMap({
    title: 'Percent of a figure for a percent of a parameter',
    rows: figures.map(({ id }) => id),
    columns: names.filter((_, j) => moving[j]),
    values: figures.map(({ sensitivity }) => sensitivity.filter((_, j) => moving[j])),
  }),
);

/** @param {number} value */
const percent = (value) => `${value > 0 ? '+' : ''}${value.toFixed(1)} %`;
/** @param {string} title */
const left = (title) => ({ title, align: /** @type {const} */ ('left') });
/** @param {string} title */
const right = (title) => ({ title, align: /** @type {const} */ ('right') });
/** @param {(figure: typeof figures[number]) => number} of */
const sizes = (of) => figures.map((figure) => Math.abs(of(figure)));

const report = `# Calibration

Written by \`npm run calibrate\`. ${figures.length} figures, ${parameters.length} parameters with a range, of which the figures determine
${effectiveParameters.toFixed(1)}, all told (the trace of the hat matrix): ${(figures.length / effectiveParameters).toFixed(1)} figures for each.

| error of figures | median | largest |
|---|---|---|
| fitted | ${median(sizes((f) => f.errorPct)).toFixed(1)} % | ${Math.max(...sizes((f) => f.errorPct)).toFixed(1)} % |
| each left out | ${median(sizes((f) => f.leaveOneOutPct)).toFixed(1)} % | ${Math.max(...sizes((f) => f.leaveOneOutPct)).toFixed(1)} % |
| its family left out | ${median(sizes((f) => f.leaveFamilyOutPct)).toFixed(1)} % | ${Math.max(...sizes((f) => f.leaveFamilyOutPct)).toFixed(1)} % |

The fit is in logarithms, with a robust loss (Huber), and each parameter is held to its estimate as loosely as its range says. "Left out" is a fit to
the others, with the model as linear as it is where the fit ended. A family is what was measured together: one author, one machine, one way of measuring.

## Figures

\`weight\` is below 1 where a figure disagrees with the others by more than measurements should.

\`\`\`text
${formatTable(
  [
    left('figure'),
    left('family'),
    right('published'),
    right('simulated'),
    right('error'),
    right('left out'),
    right('family out'),
    right('weight'),
  ],
  figures.map((figure) => [
    figure.id,
    figure.family,
    String(short(figure.published)),
    String(short(figure.simulated)),
    percent(figure.errorPct),
    percent(figure.leaveOneOutPct),
    percent(figure.leaveFamilyOutPct),
    figure.weight.toFixed(2),
  ]),
)}
\`\`\`

## What moves what

![Sensitivity of each figure to each parameter](sensitivity.svg)

## Parameters

Shared groups are in core cycles of Skylake-SP, a processor's own in its core cycles, times of the interconnect in nanoseconds. \`open\` is how much of what
was open beforehand still is: 1 means that no figure says anything, and the number is the estimate.

\`\`\`text
${formatTable(
  [left('parameter'), right('estimate'), right('range'), right('value'), right('+-'), right('open'), left('')],
  parameters.map(({ name, estimate, range, value, spread, open, atBound }) => [
    name,
    String(short(estimate)),
    `${range[0]} … ${range[1]}`,
    String(short(value)),
    `${(100 * spread).toFixed(0)} %`,
    open.toFixed(2),
    atBound ? 'at an end of its range' : open >= 0.97 ? 'unconstrained' : '',
  ]),
)}
\`\`\`
`;
writeFileSync(join(root, 'docs/calibration.md'), `${report.replace(/[ \t]+$/gm, '')}`);
console.log(
  `${figures.length} figures, ${effectiveParameters.toFixed(1)} effective parameters: median ${median(sizes((f) => f.errorPct)).toFixed(1)} %, ` +
    `left out ${median(sizes((f) => f.leaveOneOutPct)).toFixed(1)} %, family left out ${median(sizes((f) => f.leaveFamilyOutPct)).toFixed(1)} %`,
);
