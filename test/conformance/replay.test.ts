import { describe, expect, it } from 'vitest';
import { asVectorFile, replayVectors, type VectorFile, VectorFileError } from '../../src/testing/conformance.js';

const boundary = { kind: 'boundary', rflagsIF: true, blocking: 'none' };
const none = { kind: 'none' };

/** One recognized virtual interrupt, delivered; then a boundary at which nothing is left to do. */
function example(): { kind: string; sequences: Record<string, unknown>[] } {
  return {
    kind: 'virtual-interrupt',
    sequences: [
      {
        id: 'example',
        controls: { useTprShadow: true, virtualInterruptDelivery: true },
        initial: { regs: { '210': '00000002' }, rvi: 33, svi: 0, recognized: true },
        steps: [
          {
            op: boundary,
            outcome: { kind: 'virtualInterrupt', vector: 33 },
            changed: {
              regs: { '0a0': '00000020', '110': '00000002', '210': '00000000' },
              rvi: 0,
              svi: 33,
              recognized: false,
            },
          },
          { op: boundary, outcome: none, changed: {} },
        ],
      },
    ],
  };
}

function steps(file: { sequences: Record<string, unknown>[] }): Record<string, unknown>[] {
  return file.sequences[0]?.['steps'] as Record<string, unknown>[];
}

function errorOf(file: unknown): VectorFileError {
  try {
    replayVectors(asVectorFile(file));
  } catch (error) {
    if (error instanceof VectorFileError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('replayVectors', () => {
  it('counts steps', () => {
    expect(replayVectors(example())).toEqual({ passed: 2, failed: 0, failures: [] });
  });

  it('reports a step with another outcome, and goes on from what the file says', () => {
    const file = example();
    const wrong = { op: boundary, outcome: none };
    steps(file)[0] = wrong;
    // The file now says that the interrupt is still there, so the second boundary delivers it.
    const report = replayVectors(file, 'a.json');
    expect(report.failed).toBe(2);
    expect(report.failures.map(({ file, sequence, step }) => ({ file, sequence, step }))).toEqual([
      { file: 'a.json', sequence: 'example', step: 0 },
      { file: 'a.json', sequence: 'example', step: 1 },
    ]);
    expect(report.failures[0]?.expected).toEqual({ outcome: none });
    expect(report.failures[1]?.actual).toMatchObject({ outcome: { kind: 'virtualInterrupt', vector: 33 } });
  });

  it('reports a step that changed something else', () => {
    const file = example();
    const changed = steps(file)[0]?.['changed'] as Record<string, unknown>;
    changed['rvi'] = 7;
    const report = replayVectors(file);
    expect(report.failures).toHaveLength(1);
    expect(report.failures[0]?.actual).toMatchObject({ changed: { rvi: 0 } });
  });

  it('starts each step of an independent sequence from the initial state', () => {
    const file = example();
    Object.assign(file.sequences[0] as object, { independent: true });
    steps(file)[1] = steps(file)[0] as Record<string, unknown>;
    expect(replayVectors(file)).toMatchObject({ passed: 2, failed: 0 });
  });

  it.each([
    ['no object', [], ''],
    ['unknown kind', { kind: 'serial-port', sequences: [] }, 'kind'],
    ['no sequences', { kind: 'cr8' }, 'sequences'],
    ['sequence without id', { kind: 'cr8', sequences: [{}] }, 'sequences[0].id'],
  ])('%s: says where', (_what, file, path) => {
    expect(errorOf(file).path).toBe(path);
  });

  it.each([
    [{ op: { kind: 'rdmsr', msr: 'xyz' }, outcome: none }, 'sequences[0].steps[0].op.msr'],
    [{ op: { kind: 'reboot' }, outcome: none }, 'sequences[0].steps[0].op.kind'],
    [{ op: { ...boundary, blocking: 'nmi' }, outcome: none }, 'sequences[0].steps[0].op.blocking'],
    [{ op: { kind: 'read', offset: '1000', size: 4 }, outcome: none }, 'sequences[0].steps[0].op.offset'],
    [{ op: { kind: 'read', offset: '080', size: 3 }, outcome: none }, 'sequences[0].steps[0].op.size'],
    [{ op: { kind: 'vmEntry', set: { cr3: '0' } }, outcome: none }, 'sequences[0].steps[0].op.set.cr3'],
    [{ op: boundary, outcome: none, changed: { rvi: 256 } }, 'sequences[0].steps[0].changed.rvi'],
  ])('a step that makes no sense: says where (%#)', (step, path) => {
    const file = example();
    steps(file)[0] = step;
    expect(errorOf(file).path).toBe(path);
  });

  it('an unknown control is not passed over', () => {
    const file = example();
    Object.assign(file.sequences[0]?.['controls'] as object, { ipiVirtualisation: true });
    expect(errorOf(file).path).toBe('sequences[0].controls.ipiVirtualisation');
  });

  it('does not change the file', () => {
    const file = example();
    replayVectors(file as VectorFile);
    expect(file).toEqual(example());
  });
});

describe('replayVectors of local APICs', () => {
  const cpus = [
    { cpu: 0, regs: { '020': '00000000', '0e0': 'ffffffff', '0f0': '000001ff' } },
    { cpu: 1, regs: { '020': '01000000', '0e0': 'ffffffff', '0f0': '000001ff' } },
  ];
  const send = { kind: 'write', cpu: 0, offset: '300', value: '00000041' };
  const arrived = { cpus: { '0': { '300': '00000041' }, '1': { '220': '00000002' } } };
  const address = { kind: 'write', cpu: 0, offset: '310', value: '01000000' };

  function file(steps: object[], initial: object = { mode: 'xapic', cpus }): VectorFile {
    return { kind: 'local-apic', sequences: [{ id: 'example', initial, steps }] };
  }

  it('counts steps', () => {
    const steps = [
      { op: address, outcome: { kind: 'ok' }, changed: { cpus: { '0': { '310': '01000000' } } } },
      { op: send, outcome: { kind: 'ok' }, changed: arrived },
      { op: { kind: 'acknowledge', cpu: 0 }, outcome: { kind: 'none' } },
    ];
    expect(replayVectors(file(steps))).toEqual({ passed: 3, failed: 0, failures: [] });
  });

  it('goes on from what the file says', () => {
    const steps = [
      { op: address, outcome: { kind: 'ok' } }, // The destination stays 0, it says.
      { op: send, outcome: { kind: 'ok' }, changed: arrived },
    ];
    const report = replayVectors(file(steps));
    expect(report.failures.map(({ step }) => step)).toEqual([0, 1]);
    expect(report.failures[1]?.actual).toMatchObject({ changed: { cpus: { '0': { '220': '00000002' } } } });
  });

  it('applies what a failed step should have changed', () => {
    const steps = [
      { op: address, outcome: { kind: 'none' }, changed: { cpus: { '0': { '310': '01000000' } } } },
      { op: send, outcome: { kind: 'ok' }, changed: arrived },
    ];
    expect(replayVectors(file(steps)).failures.map(({ step }) => step)).toEqual([0]);
  });

  it('an access that goes past the APIC is passed through', () => {
    const steps = [{ op: send, outcome: { kind: 'passthrough' } }];
    expect(replayVectors(file(steps, { mode: 'x2apic', cpus }))).toMatchObject({ passed: 1, failed: 0 });
  });

  it.each([
    [[], { mode: 'virtual-wire', cpus }, 'sequences[0].initial.mode'],
    [[], { mode: 'xapic', cpus: [{ cpu: 1 }] }, 'sequences[0].initial.cpus[0].cpu'],
    [[], { mode: 'xapic', cpus: [{ cpu: 0, regs: { '030': '0' } }] }, 'sequences[0].initial.cpus[0].regs.030'],
    [[{ op: { kind: 'write', cpu: 2 }, outcome: {} }], { mode: 'xapic', cpus }, 'sequences[0].steps[0].op.cpu'],
    [[{ op: { kind: 'reboot', cpu: 0 }, outcome: {} }], { mode: 'xapic', cpus }, 'sequences[0].steps[0].op.kind'],
    [
      [{ op: { kind: 'message', vector: 65, deliveryMode: 0, destination: '01', trigger: 'both' }, outcome: {} }],
      { mode: 'xapic', cpus },
      'sequences[0].steps[0].op.trigger',
    ],
    [
      [{ op: send, outcome: {}, changed: { cpus: { '7': {} } } }],
      { mode: 'xapic', cpus },
      'sequences[0].steps[0].changed.cpus.7',
    ],
  ])('a file that makes no sense: says where (%#)', (steps, initial, path) => {
    expect(errorOf(file(steps, initial)).path).toBe(path);
  });
});
