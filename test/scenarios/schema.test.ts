import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { profileOfProcessor } from '../../src/cost/processor.js';
import { sapphireRapids as processor } from '../../src/cost/processors/sapphire-rapids.js';
import { InputError } from '../../src/engine/errors.js';
import { presets } from '../../src/scenarios/presets.js';
import { runScenario } from '../../src/scenarios/run.js';
import { parseScenario, type ScenarioInput, splitPath, withValue } from '../../src/scenarios/schema.js';

const sapphireRapids = profileOfProcessor(processor);

const minimal = { workload: { kind: 'vmexit', test: 'ipi' } } as const;

/** What is wrong with a scenario, in one line. */
function complaint(input: unknown): string {
  try {
    runScenario(input as ScenarioInput);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('a scenario', () => {
  test('needs a workload and nothing else', () => {
    const scenario = parseScenario(minimal);
    expect(scenario).toMatchObject({
      profile: 'sapphire-rapids',
      topology: { sockets: 1, coresPerSocket: 2, threadsPerCore: 1 },
      host: { kernel: '6.1', haltPollNs: 200_000 },
      vms: [{ vcpus: 2, apicMode: 'x2apic' }],
      workload: { kind: 'vmexit', test: 'ipi', from: 0, to: 1, iterations: 1000 },
      seed: 1,
      jitter: 0,
      runs: 1,
    });
  });

  test('parsed twice is the same', () => {
    for (const preset of Object.values(presets)) {
      const once = parseScenario(preset);
      expect(parseScenario(JSON.parse(JSON.stringify(once)))).toEqual(once);
    }
  });

  // Each with the one line that a user sees: where, and what is wrong there.
  test.each<[string, unknown]>([
    ['workload: is missing', {}],
    ['is not an object', 'a string'],
    ['vms[0].vcpu: is not a known key', { ...minimal, vms: [{ vcpu: 2 }] }],
    ['hots: is not a known key', { ...minimal, hots: {} }],
    ['vms[0].vcpus: 0 is not 1 or more', { ...minimal, vms: [{ vcpus: 0 }] }],
    ['vms[0].vcpus: 1.5 is not a whole number', { ...minimal, vms: [{ vcpus: 1.5 }] }],
    ['vms[0].apicMode: "X2APIC" is not one of "xapic", "x2apic"', { ...minimal, vms: [{ apicMode: 'X2APIC' }] }],
    [
      'host.kernel: "2.6" is not a kernel version from 3.10 on, as one of "4.19", "5.4", "5.8", "5.15", "5.19", "6.1", "6.12", "6.18"',
      { ...minimal, host: { kernel: '2.6' } },
    ],
    ['host.kernel: 6.1 is a number; a version is text, as "6.1"', { ...minimal, host: { kernel: 6.1 } }],
    ['vms[0].guestKernel: null is not of the type string', { ...minimal, vms: [{ guestKernel: null }] }],
    [
      'vms[0].pinning[1]: logical processor 9 does not exist (8 available)',
      { ...minimal, topology: { coresPerSocket: 8 }, vms: [{ pinning: [0, 9] }] },
    ],
    [
      "host.cStates[1]: 'C9' is not a C-state of profile 'sapphire-rapids' (there are: C1, C1E, C6)",
      { ...minimal, host: { cStates: ['C1', 'C9'] } },
    ],
    [
      'host.load[0].pinning[0]: logical processor 7 does not exist (2 available)',
      { ...minimal, host: { load: [{ busyNs: 1000, pinning: [7] }] } },
    ],
    ['vms[0].pinning: has 1 logical processors for 2 virtual CPUs', { ...minimal, vms: [{ pinning: [0] }] }],
    [
      'vms[0].vcpus: 4 virtual CPUs do not fit the host (2 logical processors)',
      { ...minimal, topology: { coresPerSocket: 2 }, vms: [{ vcpus: 4 }] },
    ],
    [
      "profile: there is no profile 'core-i7' (there are: sandy-bridge, ivy-bridge, haswell, broadwell, skylake-sp, cascade-lake, ice-lake-sp, sapphire-rapids, emerald-rapids, granite-rapids, epyc-rome, epyc-milan, epyc)",
      { ...minimal, profile: 'core-i7' },
    ],
    [
      "profile.set.vmexit: the profile 'sapphire-rapids' has no cost group and no cost key of this name",
      { ...minimal, profile: { base: 'sapphire-rapids', set: { vmexit: 1 } } },
    ],
    [
      'profile.set.vmExit: -1 is not 0 or more',
      { ...minimal, profile: { base: 'sapphire-rapids', set: { vmExit: -1 } } },
    ],
    [
      'vms[0].features.ipiVirtualization: Linux 5.15 has no IPI virtualization',
      { ...minimal, host: { kernel: '5.15' }, vms: [{ features: { ipiVirtualization: true } }] },
    ],
    ['workload.to: virtual CPU 2 does not exist (2 there)', { workload: { ...minimal.workload, to: 2 } }],
    ['workload.to: is the sender itself', { workload: { ...minimal.workload, to: 0 } }],
    ['workload.iterations: 0 is not 1 or more', { workload: { ...minimal.workload, iterations: 0 } }],
    ['topology.tscGhz: 1e-9 is not 0.01 or more', { ...minimal, topology: { tscGhz: 1e-9 } }],
    ['topology.coreGhz: 2400 is not 100 or less', { ...minimal, topology: { coreGhz: 2400 } }],
    ['jitter: 2 is not 1 or less', { ...minimal, jitter: 2 }],
    [
      'vms[0].apicMode: "flat" is not one of "xapic", "x2apic" (variant \'b\')',
      {
        ...minimal,
        variants: [{ name: 'a' }, { name: 'b', set: { 'vms[0].apicMode': 'flat' } }],
      },
    ],
  ])('%s', (message, input) => {
    expect(complaint(input)).toBe(message);
  });

  test('a processor without a feature refuses it', () => {
    const profile = { ...sapphireRapids, name: 'mine', features: { apicv: true, ipiVirtualization: false } };
    expect(complaint({ ...presets['ipi-virtualization'], profile })).toBe(
      "vms[0].features.ipiVirtualization: the processor of profile 'mine' has no IPI virtualization " +
        "(variant 'xAPIC, IPI virtualization')",
    );
  });

  test('a profile must have every cost that a routine names', () => {
    const { vmExit: _, ...groups } = sapphireRapids.groups;
    expect(complaint({ ...minimal, profile: { ...sapphireRapids, groups } })).toBe(
      'profile.costs.vmExit: the profile has no cost for this key, which a routine needs',
    );
  });

  test('whatever is thrown at it, the answer is an InputError', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        expect(() => parseScenario(input)).toThrow(InputError);
      }),
    );
  });

  test('whatever is put anywhere into a good one, it is accepted or refused with a path', () => {
    const paths = [
      'seed',
      'vms',
      'vms[0]',
      'vms[0].pinning',
      'vms[0].features',
      'vms[0].features.apicv',
      'profile',
      'topology.sockets',
      'host',
      'workload.kind',
      'workload.from',
      'variants',
      'assumed',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        try {
          parseScenario(withValue(minimal, path, value));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as InputError).path.startsWith(path)).toBe(true);
        }
      }),
    );
  });
});

describe('a path', () => {
  test('leads through keys and indices', () => {
    expect(splitPath('vms[0].features.ipiVirtualization')).toEqual(['vms', 0, 'features', 'ipiVirtualization']);
  });

  test.each(['', '.', 'vms[', 'vms[x]', 'a..b', '[0]x'])('%j is none', (path) => {
    expect(() => splitPath(path)).toThrow(InputError);
  });

  test('sets one value and copies: the original stays', () => {
    const before = { vms: [{ vcpus: 2 }] };
    expect(withValue(before, 'vms[0].apicMode', 'xapic')).toEqual({ vms: [{ vcpus: 2, apicMode: 'xapic' }] });
    expect(before).toEqual({ vms: [{ vcpus: 2 }] });
  });

  test('does not lead where there is nothing to lead through', () => {
    expect(() => withValue({ vms: 3 }, 'vms[0]', 1)).toThrow('vms[0]: there is no list to take element 0 of');
    expect(() => withValue({ vms: [] }, 'vms[1].vcpus', 1)).toThrow('vms[1].vcpus: element 1 does not exist (0 there)');
    expect(() => withValue({ host: 'a' }, 'host.kernel', 1)).toThrow(
      "host.kernel: there is no object to set 'kernel' of",
    );
  });
});

test('a kernel that was written as a number is taken by its name', () => {
  expect(withValue({}, 'host.kernel', 6.1)).toEqual({ host: { kernel: '6.1' } });
  expect(withValue({ vms: [{}] }, 'vms[0].guestKernel', 5.8)).toEqual({ vms: [{ guestKernel: '5.8' }] });
});

describe('a kernel that the library does not know', () => {
  const hostKernel = (kernel: string) => parseScenario({ ...minimal, host: { kernel } }).host.kernel;

  test.each([
    ['6.6', '6.1'],
    ['5.10.0-8-amd64', '5.8'],
    ['v5.11-rc3', '5.8'],
    ['5.7', '5.8'],
    ['5.2', '5.4'],
    ['7.0', '6.18'],
    ['4.10', '4.19'],
    ['5.4', '5.4'],
  ])('%s counts as %s', (asked, counted) => {
    expect(hostKernel(asked)).toBe(counted);
  });

  test("a guest's kernel is as old as the host's, if nothing is said of it", () => {
    const guest = (kernel: string) => parseScenario({ ...minimal, host: { kernel } }).vms[0]?.guestKernel;
    expect(['4.19', '5.19', '6.18'].map(guest)).toEqual(['4.19', '6.1', '6.12']);
    expect(
      parseScenario({ ...minimal, host: { kernel: '4.19' }, vms: [{ guestKernel: '6.1' }] }).vms[0]?.guestKernel,
    ).toBe('6.1');
  });

  test('…which the report says', () => {
    const { assumed } = runScenario({
      ...minimal,
      host: { kernel: '6.6' },
      vms: [{ guestKernel: '6.1' }],
    } as ScenarioInput);
    expect(assumed).toEqual([{ path: 'host.kernel', value: '6.1', why: expect.stringContaining('6.6 is not among') }]);
  });
});

describe('a host whose size is not given', () => {
  test('has a core for each virtual CPU', () => {
    const { topology } = parseScenario({ ...minimal, vms: [{ vcpus: 3 }, { vcpus: 4 }] });
    expect(topology).toMatchObject({ sockets: 1, coresPerSocket: 7, threadsPerCore: 1 });
  });

  test('where it is given and has too few cores, virtual CPUs have a thread each', () => {
    const exits = (vcpus: number) =>
      runScenario({
        topology: { coresPerSocket: 4, threadsPerCore: 2 },
        vms: [{ vcpus }],
        workload: { kind: 'smp-call-function', to: 'all', iterations: 5 },
      }).variants[0]?.interrupts.delivered;
    expect(exits(8)).toBeGreaterThan(exits(4) ?? 0);
  });
});
