import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChartPanel, createTrace, sequenceChart } from '../../src/observe/index.js';
import { escapeXml, fitText, textWidth } from '../../src/observe/svg.js';
import { sampleTrace } from './sample.js';
import { scenarioTraces } from './scenario-traces.js';
import { elementsOf, parseXml, textOf, type XmlElement } from './xml.js';

const panel = (more: Partial<ChartPanel> = {}): ChartPanel => ({
  title: 'by hand',
  trace: sampleTrace(),
  from: 0,
  to: 400,
  processor: 0,
  ...more,
});

const number = (element: XmlElement, name: string) => Number(element.attributes[name]);
const withClass = (elements: readonly XmlElement[], name: string) =>
  elements.filter((element) => element.attributes['class']?.split(' ').includes(name));

/** Bars with what their tooltips say. */
function barsOf(root: XmlElement): { note: string; x: number; y: number; width: number; pale: boolean }[] {
  return elementsOf(root)
    .filter((element) => element.name === 'g')
    .map((group) => {
      const [title, rect] = group.children as XmlElement[];
      if (title === undefined || rect === undefined) throw new Error('a bar has a title and a rectangle');
      return {
        note: textOf(title),
        x: number(rect, 'x'),
        y: number(rect, 'y'),
        width: number(rect, 'width'),
        pale: withClass([rect], 'off').length === 1,
      };
    });
}

function check(svg: string): XmlElement {
  const root = parseXml(svg);
  const elements = elementsOf(root);
  expect(root.name).toBe('svg');
  expect(root.attributes['xmlns']).toBe('http://www.w3.org/2000/svg');
  // Nothing from elsewhere, nothing that runs.
  expect(elements.filter(({ name }) => /script|image|foreignObject|use|a$/.test(name) && name !== 'path')).toEqual([]);
  expect(
    elements.flatMap(({ attributes }) => Object.keys(attributes)).filter((name) => /^on|href|src/.test(name)),
  ).toEqual([]);
  expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(
    /https?:|@import|@font-face|NaN|undefined|Infinity/,
  );
  // Identifiers are there once, and what refers to them finds them.
  const ids = elements.flatMap(({ attributes }) => (attributes['id'] === undefined ? [] : [attributes['id']]));
  expect(new Set(ids).size).toBe(ids.length);
  const referred = [...svg.matchAll(/url\(#([^)]*)\)/g)].map(([, id]) => id);
  for (const id of [...referred, ...(root.attributes['aria-labelledby']?.split(' ') ?? [])]) expect(ids).toContain(id);
  // Every class has a rule.
  const style = elements.find(({ name }) => name === 'style');
  for (const name of new Set(elements.flatMap(({ attributes }) => attributes['class']?.split(' ') ?? []))) {
    expect(textOf(style as XmlElement)).toContain(`.${name}{`);
  }
  // All is inside the picture.
  const [, , width = 0, height = 0] = root.attributes['viewBox']?.split(' ').map(Number) ?? [];
  for (const element of elements.filter(({ name }) => name === 'rect' || name === 'text')) {
    expect(number(element, 'x')).toBeGreaterThanOrEqual(0);
    expect(number(element, 'x') + Number(element.attributes['width'] ?? 0)).toBeLessThanOrEqual(width);
    expect(number(element, 'y')).toBeLessThanOrEqual(height);
  }
  return root;
}

describe('a sequence chart', () => {
  it('of a trace written by hand is this picture', async () => {
    const svg = sequenceChart([panel()], { title: 'One interrupt' });
    check(svg);
    await expect(svg).toMatchFileSnapshot('golden/one-interrupt.svg');
  });

  it('is well-formed, stands alone and stays inside its frame', () => {
    check(sequenceChart([panel(), panel({ title: 'again' })]));
    check(sequenceChart([panel({ from: 35, to: 390 })], { rows: 1, width: 400, id: 'x' }));
    const traced = scenarioTraces();
    expect(traced.length).toBe(4);
    check(sequenceChart(traced));
  });

  it('has a bar for each routine and stage, as wide as it took long', () => {
    const root = check(sequenceChart([panel()]));
    const bars = barsOf(root);
    expect(bars.map((bar) => `${bar.note}${bar.pale ? ', pale' : ''}`)).toEqual([
      // The sender is all that runs in this guest: a lane does not repeat it.
      'sender.prepare: 10 cycles from 0 (guest code)',
      'wrmsr: 20 cycles from 10 (processor: instructions, interrupt virtualization)',
      'msr-bitmap: 20 cycles from 10 (processor: instructions, interrupt virtualization)',
      'vm-exit: 30 cycles from 30 (VM exit, VM entry)',
      'save-guest-load-host: 30 cycles from 30 (VM exit, VM entry)',
      'kvm_apic_send_ipi: 40 cycles from 60 (hypervisor code)',
      'build-irq: 10 cycles from 60 (hypervisor code)',
      'notify: 30 cycles from 70 (hypervisor code)',
      'vm-entry: 50 cycles from 100 (VM exit, VM entry), pale',
      'load-guest-state: 50 cycles from 100 (VM exit, VM entry), pale',
      'sender.spin: 230 cycles from 150 (waiting)',
      'sender.spin: 20 cycles from 380 (guest code)',
      'busy_loop.pause: 240 cycles from 0 (waiting)',
      'ipi_entry: 180 cycles from 240 (guest code)',
      'function: 140 cycles from 240 (guest code)',
      'iretq: 40 cycles from 380 (guest code), pale',
    ]);
    const scale = (bars[0]?.width ?? 0) / 10;
    for (const bar of bars) {
      const [, cycles, from] = /: (\d+) cycles from (\d+)/.exec(bar.note) ?? [];
      expect(bar.width).toBeCloseTo(scale * Number(cycles), 1);
      expect(bar.x - (bars[0]?.x ?? 0)).toBeCloseTo(scale * Number(from), 1);
    }
  });

  it('sets bars of one row side by side', () => {
    for (const traced of scenarioTraces()) {
      const rows = new Map<number, { x: number; width: number }[]>();
      for (const bar of barsOf(parseXml(sequenceChart([traced])))) rows.set(bar.y, [...(rows.get(bar.y) ?? []), bar]);
      expect(rows.size).toBeGreaterThan(5);
      for (const row of rows.values()) {
        row.sort((a, b) => a.x - b.x);
        for (const [index, bar] of row.entries()) {
          const next = row[index + 1];
          if (next !== undefined) expect(bar.x + bar.width).toBeLessThanOrEqual(next.x + 0.02);
        }
      }
    }
  });

  it('has panels at one scale, with what they come to', () => {
    const root = check(sequenceChart(scenarioTraces()));
    const elements = elementsOf(root);
    const headings = withClass(elements, 'heading').map(textOf);
    expect(headings).toEqual(scenarioTraces().map((traced) => traced.title));
    const notes = withClass(elements, 'note').map(textOf);
    const left = Math.min(...withClass(elements, 'bar').map((bar) => number(bar, 'x')));
    const ends = withClass(elements, 'end').map((line) => number(line, 'x1') - left);
    const lengths = scenarioTraces().map(({ from, to }) => to - from);
    for (const [index, { from, to, title }] of scenarioTraces().entries()) {
      const cycles = String(to - from).replace(/\B(?=(\d{3})+$)/g, ' ');
      const exits = title.includes('IPI virtualization') ? 'no VM exit' : '1 VM exit';
      expect(notes.some((note) => note.startsWith(`${cycles} cycles, `) && note.endsWith(`, ${exits}`))).toBe(true);
      expect((ends[index] as number) / (ends[0] as number)).toBeCloseTo(
        (lengths[index] as number) / (lengths[0] as number),
        2,
      );
    }
  });

  it('draws the critical path without a gap, over bars and arrows', () => {
    for (const traced of scenarioTraces()) {
      const elements = elementsOf(parseXml(sequenceChart([traced])));
      const lines = withClass(elements, 'path')
        .filter(({ name, attributes }) => name === 'line' && attributes['y1'] !== undefined)
        .map((line) => [number(line, 'x1'), number(line, 'x2')] as const)
        .filter(([from, to]) => to - from !== 14);
      const [arrow] = withClass(elements, 'arrow').map(
        ({ attributes }) => /^M([\d.]+) /.exec(attributes['d'] ?? '')?.[1],
      );
      expect(lines.length).toBe(3);
      // The first ends where the arrow begins; the second ends where the third begins.
      expect(lines[0]?.[1]).toBeCloseTo(Number(arrow), 1);
      expect(lines[1]?.[1]).toBeCloseTo(lines[2]?.[0] ?? 0, 1);
    }
  });

  it('draws no path and nothing pale without a processor to explain', () => {
    const { processor: _, ...rest } = panel();
    const root = check(sequenceChart([rest]));
    expect(barsOf(root).some((bar) => bar.pale)).toBe(false);
    expect(withClass(elementsOf(root), 'path')).toEqual([]);
  });

  it('shows an interrupt and the end of a wait, but none that is outside', () => {
    const labels = (from: number, to: number) =>
      withClass(elementsOf(check(sequenceChart([panel({ from, to })]))), 'arrow-label').map(textOf);
    expect(labels(0, 400)).toEqual(['interrupt F2H, 140 cycles', 'function']);
    expect(labels(120, 200)).toEqual([]);
  });

  it('says in words what it shows', () => {
    const elements = elementsOf(check(sequenceChart([panel()], { title: 'A & B <C>', id: 'my-chart' })));
    const [title, desc] = ['title', 'desc'].map((name) =>
      elements.find((element) => element.attributes['id'] === `my-chart-${name}`),
    );
    expect(textOf(title as XmlElement)).toBe('A & B <C>');
    expect(textOf(desc as XmlElement)).toBe(
      'by hand: 400 cycles, 0.20 µs, 1 VM exit. The critical path, in cycles: sender.prepare on CPU 0 10, wrmsr.msr-bitmap on CPU 0 20, ' +
        'vm-exit.save-guest-load-host on CPU 0 30, kvm_apic_send_ipi.build-irq on CPU 0 10, kvm_apic_send_ipi.notify on CPU 0 30, ' +
        'interrupt on its way 140, ipi_entry.function on CPU 1 140, sender.spin on CPU 0 20.',
    );
  });

  it('names processors that have no virtual CPU', () => {
    const trace = createTrace(1);
    trace.activations.push({ routine: 'idle', kind: 'program', caller: -1 });
    const where = { processor: 4, vcpu: -1, guest: false, activation: 0 };
    trace.stages.push({ ...where, stage: 'idle.poll', start: 0, end: 5, finished: true });
    const elements = elementsOf(check(sequenceChart([{ title: '', trace, from: 0, to: 5 }])));
    expect(withClass(elements, 'lane').map(textOf)).toEqual(['CPU 4']);
  });

  it('draws no more rows than asked for', () => {
    const [deep] = scenarioTraces();
    const rows = (most: number) =>
      new Set(barsOf(check(sequenceChart(deep === undefined ? [] : [deep], { rows: most }))).map((bar) => bar.y)).size;
    expect([rows(1), rows(2)]).toEqual([2, 4]);
    expect(rows(8)).toBeGreaterThan(8);
  });

  it.each([
    [[], {}, 'panels: there is none'],
    [[panel({ to: 0 })], {}, "panels[0].to: 0 is not after 'from', 0"],
    [[panel()], { rows: 0 }, 'rows: 0 is not a number of rows, 1 or more'],
    [[panel()], { width: 399 }, 'width: 399 is not a width of 400 or more'],
    [[panel()], { id: 'a"b' }, `id: 'a"b' is not a letter and letters, digits, -`],
  ])('rejects what it cannot draw', (panels, options, message) => {
    expect(() => sequenceChart(panels, options)).toThrow(message);
  });
});

describe('text in a picture', () => {
  it('is escaped so that it is read as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (content) => {
        const read = textOf(parseXml(`<t a="${escapeXml(content)}">${escapeXml(content)}</t>`));
        expect(read).toBe(content.replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, ''));
      }),
    );
  });

  it('is cut where it must be, and never wider than its place', () => {
    expect(fitText('vmx_deliver_posted_interrupt', 10, 1000)).toBe('vmx_deliver_posted_interrupt');
    expect(fitText('vmx_deliver_posted_interrupt', 10, 70)).toBe('vmx_deliver…');
    expect(fitText('vmx_deliver_posted_interrupt', 10, 12)).toBe('');
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 200 }), (content, width) => {
        const fitted = fitText(content, 10, width);
        expect(fitted === '' || textWidth(fitted, 10) <= width).toBe(true);
      }),
    );
  });
});

describe('the reader of these tests', () => {
  it.each([
    '<a>',
    '<a></b>',
    '<a b=c/>',
    '<a b="1" b="2"/>',
    '<a>&nbsp;</a>',
    '<a>x & y</a>',
    '<a/><b/>',
    '<a b="<"/>',
    '',
  ])('rejects %s', (text) => {
    expect(() => parseXml(text)).toThrow();
  });
});
