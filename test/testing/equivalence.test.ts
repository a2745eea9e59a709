import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/errors.js';
import type { MachineInput } from '../../src/scenarios/schema.js';
import {
  type ApicSystem,
  arbitraries,
  compareSystems,
  MachineSystem,
  ReferenceSystem,
  type SystemStep,
} from '../../src/testing/index.js';
import { deliveryWays, profileOfWay } from '../../src/testing/laws/ways.js';
import { runs } from '../runs.js';

const any = arbitraries(fc);
const cpus = 3;

const ways = deliveryWays.intel.map((way) => [way.name, way.features] as const);

function machineOf(
  apicMode: 'xapic' | 'x2apic',
  features: object,
  host: MachineInput['host'] = {},
  profile: Pick<MachineInput, 'profile'> = {},
): MachineInput {
  // A second VM must not be touched.
  return {
    ...profile,
    host: { kernel: '6.12', ...host },
    topology: { coresPerSocket: cpus + 2 },
    vms: [{ vcpus: cpus, apicMode, features }, { vcpus: 1 }],
  };
}

describe.each(['xapic', 'x2apic'] as const)('a whole machine does what bare local APICs do, in %s mode', (apicMode) => {
  const all = [...deliveryWays.intel, ...deliveryWays.amd];
  test.each(all.map((way) => [way.name, way] as const))(
    '%s, toggled, saved and restored, and moved to the other ways',
    (_name, way) => {
      const own = deliveryWays.amd.includes(way) ? deliveryWays.amd : deliveryWays.intel;
      const machines = [way, ...own.filter((other) => other !== way)].map((one, i) =>
        machineOf(apicMode, one.features, { haltPollNs: i === 1 ? 0 : 200_000 }, profileOfWay(one)),
      );
      fc.assert(
        fc.property(any.systemSteps({ cpus, apicMode }), fc.nat(10_000), (steps, seed) => {
          const machine = new MachineSystem({ machines, seed });
          const bystander = JSON.stringify(machine.registersOf(cpus));
          const difference = compareSystems(new ReferenceSystem({ cpus, apicMode }), machine, steps);
          expect(difference?.story).toBeUndefined();
          expect(JSON.stringify(machine.registersOf(cpus))).toBe(bystander);
        }),
        runs(60),
      );
    },
  );
});

describe('a local APIC that software disables', () => {
  const all = [...deliveryWays.intel, ...deliveryWays.amd].filter(({ accelerated }) => !accelerated);
  test.each(all.map((way) => [way.name, way] as const))(
    'delivers what it accepted, and accepts nothing: %s',
    (_name, way) => {
      const machines = [machineOf('x2apic', way.features, {}, profileOfWay(way))];
      fc.assert(
        fc.property(any.systemSteps({ cpus, disables: true }), fc.nat(10_000), (steps, seed) => {
          const reference = new ReferenceSystem({ cpus, apicMode: 'x2apic' });
          expect(compareSystems(reference, new MachineSystem({ machines, seed }), steps)?.story).toBeUndefined();
        }),
        runs(60),
      );
    },
  );
});

describe('hypercalls that send', () => {
  test.each([
    ['kvm', { pvIpi: true }],
    ['hyper-v', { hypervPvIpi: true }],
  ] as const)('to a bitmap, of %s, reach whom it names and nobody else', (hypercalls, offered) => {
    const machines = ways.map(([, features]) => machineOf('x2apic', { ...features, ...offered }));
    fc.assert(
      fc.property(any.systemSteps({ cpus, hypercalls }), fc.nat(10_000), (steps, seed) => {
        const reference = new ReferenceSystem({ cpus, apicMode: 'x2apic' });
        expect(compareSystems(reference, new MachineSystem({ machines, seed }), steps)?.story).toBeUndefined();
      }),
      runs(60),
    );
  });
});

describe('by commands', () => {
  test('a machine is the reference under another name', () => {
    const machines = [machineOf('x2apic', {}), machineOf('x2apic', { apicv: false })];
    fc.assert(
      fc.property(fc.commands(any.apicCommands({ cpus }), { maxCommands: 25, size: 'max' }), (commands) => {
        fc.modelRun(
          () => ({ model: new ReferenceSystem({ cpus, apicMode: 'x2apic' }), real: new MachineSystem({ machines }) }),
          commands,
        );
      }),
      runs(30),
    );
  });
});

describe('what is not right is noticed', () => {
  const steps: SystemStep[] = [
    { cpu: 0, operation: { op: 'send', icr: 0x4031, destination: 1 } },
    { cpu: 1, operation: { op: 'send', icr: 0x4052, destination: 1 } },
    { cpu: 1, operation: { op: 'eoi' } },
    { cpu: 1, operation: { op: 'iret' } },
  ];
  const reference = () => new ReferenceSystem({ cpus: 2, apicMode: 'x2apic' });
  const broken = (change: (system: ReferenceSystem) => ApicSystem['perform']): ApicSystem => ({
    perform: change(reference()),
  });

  test('an interrupt that does not come', () => {
    const lazy = broken((system) => (cpu, operation) => ({ ...system.perform(cpu, operation), taken: [] }));
    expect(compareSystems(reference(), lazy, steps)).toEqual({
      step: 0,
      story: '1. CPU 0 sends 31H to APIC 1\nexpected: CPU 1 takes 31H\nhappened: nothing',
    });
  });

  test('a fault that does not come, a value that is another', () => {
    const meek = broken((system) => (cpu, operation) => ({ ...system.perform(cpu, operation), fault: false }));
    const reserved: SystemStep = { cpu: 0, operation: { op: 'send', icr: 0x10_4031, destination: 1 } };
    expect(compareSystems(reference(), meek, [reserved])?.story).toContain('expected: a general-protection fault');
    const wrong = broken((system) => (cpu, operation) => ({ ...system.perform(cpu, operation), value: 7 }));
    expect(compareSystems(reference(), wrong, [{ cpu: 0, operation: { op: 'read', offset: 0x80 } }])?.story).toContain(
      'expected: 0H',
    );
  });

  test('a disturbance', () => {
    const nervous: ApicSystem = {
      ...broken((system) => system.perform.bind(system)),
      disturb: () => ({ taken: [{ cpu: 0, vector: 0x31 }], what: 'x' }),
    };
    expect(compareSystems(reference(), nervous, [{ disturb: 0 }])?.story).toContain('CPU 0 takes 31H');
  });

  test('kernels before 6.12: they accepted reserved bits of the ICR', () => {
    const old = [machineOf('x2apic', { ipiVirtualization: false }, { kernel: '6.1' })];
    const difference = compareSystems(
      new ReferenceSystem({ cpus, apicMode: 'x2apic' }),
      new MachineSystem({ machines: old }),
      [{ cpu: 0, operation: { op: 'send', icr: 0x2_4031, destination: 1 } }],
    );
    expect(difference?.story).toContain('general-protection fault');
  });
});

test('KVM ends an interrupt whatever is written to EOI; the processor faults on anything but 0', () => {
  const steps: SystemStep[] = [{ cpu: 0, operation: { op: 'write', offset: 0xb0, value: 1 } }];
  const storyOf = (features: object) =>
    compareSystems(
      new ReferenceSystem({ cpus, apicMode: 'x2apic' }),
      new MachineSystem({ machines: [machineOf('x2apic', features)] }),
      steps,
    )?.story;
  expect(storyOf({ apicv: false })).toContain('expected: a general-protection fault\nhappened: none');
  expect(storyOf({})).toBeUndefined();
});

test('machines that do not fit are an error', () => {
  const make =
    (...machines: MachineInput[]) =>
    () =>
      new MachineSystem({ machines });
  expect(make({ topology: { coresPerSocket: 2 } })).toThrow(InputError);
  expect(make(machineOf('xapic', {}), machineOf('x2apic', {}))).toThrow('machines[1].vms[0]: is another guest');
});
