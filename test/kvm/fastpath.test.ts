import { describe, expect, test } from 'vitest';
import { guestSmiHandler } from '../../src/guest/bring-up.js';
import { guest } from '../../src/guest/machine.js';
import { writeMsr } from '../../src/guest/msr.js';
import { busyLoop } from '../../src/guest/smp.js';
import { testIsr, testVector } from '../../src/guest/vmexit.js';
import { setHandler } from '../../src/hardware/interrupt-table.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { type KernelVersion, kernelVersions } from '../../src/kvm/kernels.js';
import { vcpuOf } from '../../src/kvm/machine.js';
import { smiHandler } from '../../src/kvm/smm.js';
import { profileOf } from '../../src/scenarios/build.js';
import { createRun, runScenario } from '../../src/scenarios/run.js';
import { parseScenario } from '../../src/scenarios/schema.js';
import { build, type Observed, run } from './lab.js';

const { program, glue } = guest;

const sapphireRapids = profileOf('sapphire-rapids');
const withImmediate = { ...sapphireRapids, features: { ...sapphireRapids.features, msrImmediate: true } };

/** One write of an MSR. */
const write = program('test_write_msr', () => ({ msr: 0, low: 0, high: 0 }), [
  glue('write', (m, cpu, f) => writeMsr(m, cpu, f.msr, f.low, f.high)),
]);

function writing(kernel: KernelVersion, msr: number, low: number, high: number, immediate = false): Observed {
  const features = { ipiVirtualization: false, ...(immediate ? { msrImmediate: true } : {}) };
  const built = build({ profile: withImmediate, host: { kernel, cStates: ['C1'] }, vms: [{ features }] });
  const { machine } = built;
  for (const vcpu of machine.vcpus) {
    setHandler(vcpu.guestInterrupts, testVector, testIsr.entry);
    setHandler(vcpu.guestInterrupts, smiHandler, guestSmiHandler.entry);
  }
  startGuest(machine, vcpuOf(machine, 1), busyLoop);
  Object.assign(startGuest(machine, vcpuOf(machine, 0), write), { msr, low, high });
  return run(built, 300_000);
}

/** Handled right after the exit, and not by the ordinary handler. */
const isFast = ({ routines }: Observed): boolean => !routines.has('kvm_emulate_wrmsr');

describe('which writes of the x2APIC ICR the fastpath takes', () => {
  const fixed = 0x4000 | testVector;
  // What is written; where it goes; whether 5.8 to 6.12 take it, and whether 6.18 does.
  test.each([
    ['fixed, physical', fixed, 1, true, true],
    ['to an ID that nobody has', fixed, 200, true, true],
    ['logical', fixed | 0x800, 2, false, true],
    ['lowest priority', fixed | 0x900, 2, false, true],
    ['NMI', 0x4400, 1, false, true],
    ['SMI', 0x4200, 1, false, true],
    ['INIT', 0xc500, 1, false, true],
    // What the map cannot tell stays with the loop over all virtual CPUs.
    ['a broadcast', fixed, 0xffff_ffff, false, false],
    ['all but self', 0xc_0000 | fixed, 0, false, false],
    // A bit that is reserved goes to the handler, which faults.
    ['with a reserved bit', 0x2000 | fixed, 1, false, false],
  ] as const)('%s', (_what, low, high, before, now) => {
    for (const kernel of ['5.8', '6.12', '6.18'] as const) {
      // Before 6.12 nobody minds a reserved bit.
      const minds = (low & 0x2000) === 0 || kernel !== '5.8';
      const expected = kernel === '6.18' ? now : before || !minds;
      const ran = writing(kernel, 0x830, low, high);
      expect(isFast(ran), kernel).toBe(expected);
    }
    // And it arrives, or does not, whichever way it takes.
    const [slow, fast] = (['5.4', '6.18'] as const).map((kernel) => writing(kernel, 0x830, low & ~0x2000, high));
    expect(fast?.delivered).toEqual(slow?.delivered);
    expect(fast?.records['send-ipi']).toEqual(slow?.records['send-ipi']);
  });

  test('the shorthand self, since 6.18', () => {
    expect(isFast(writing('6.12', 0x830, 0x4_0000 | fixed, 0))).toBe(false);
    const now = writing('6.18', 0x830, 0x4_0000 | fixed, 0);
    expect(isFast(now)).toBe(true);
    expect(now.delivered).toEqual({ [`0:${testVector}`]: 1 });
  });
});

describe('the fastpath of IA32_TSC_DEADLINE', () => {
  // MWAIT in the guest: the VMX-preemption timer may not stand for the guest's timer.
  const cyclesOf = (kernel: KernelVersion, fastpath: boolean): number =>
    runScenario({
      host: { kernel, timerAdvance: false },
      vms: [{ vcpus: 1, disableExits: ['mwait'], features: { tscDeadlineFastpath: fastpath } }],
      workload: { kind: 'vmexit', test: 'tscdeadline_immed', iterations: 10 },
    }).variants[0]?.latencyCycles.mean ?? 0;

  test('asks for the VMX-preemption timer until 6.18', () => {
    // To ask, and be refused, costs a little.
    expect(cyclesOf('6.12', true)).toBeGreaterThanOrEqual(cyclesOf('6.12', false));
    expect(cyclesOf('6.18', true)).toBeLessThan(cyclesOf('6.18', false));
  });
});

describe('a fastpath enters the guest again without the ordinary handling', () => {
  const ordinary = 100_000;
  test.each([
    ['icrFastpath', 'ipi', {}],
    ['tscDeadlineFastpath', 'tscdeadline_immed', {}],
    ['preemptionTimerFastpath', 'tscdeadline', {}],
    ['hltFastpath', 'self_ipi_sti_hlt', { apicv: false }],
  ] as const)('%s, of %s', (feature, name, features) => {
    const cyclesOf = (on: boolean) =>
      runScenario({
        profile: { base: 'sapphire-rapids', set: { handleExitDispatch: ordinary } },
        host: { kernel: '6.12', timerAdvance: false },
        vms: [{ features: { ipiVirtualization: false, ...features, [feature]: on } }],
        workload: { kind: 'vmexit', test: name, iterations: 10 },
      }).variants[0]?.latencyCycles.mean ?? 0;
    expect(cyclesOf(true)).toBeLessThan(cyclesOf(false) - 0.9 * ordinary);
  });
});

test('an AMD host has the fastpath of the ICR, too', () => {
  const ordinary = (icrFastpath: boolean) => {
    let count = 0;
    const scenario = parseScenario({
      profile: 'epyc',
      host: { kernel: '6.12' },
      vms: [{ apicMode: 'x2apic', features: { icrFastpath } }],
      workload: { kind: 'vmexit', test: 'ipi', iterations: 10, warmup: 0 },
    });
    createRun(scenario, 1, {
      plain: true,
      onStage: (_processor, { name }) => {
        if (name === 'svm_invoke_exit_handler') count++;
      },
    }).run();
    return count;
  };
  expect(ordinary(true)).toBeLessThanOrEqual(ordinary(false) - 10);
});

describe('WRMSRNS with the number of the MSR in it', () => {
  test('exits by a reason of its own, and has the same fastpath', () => {
    const plain = writing('6.18', 0x830, 0x4000 | testVector, 1);
    const immediate = writing('6.18', 0x830, 0x4000 | testVector, 1, true);
    expect(plain.exits).toEqual({ 32: 1 });
    expect(immediate.exits).toEqual({ 85: 1 });
    expect(isFast(immediate)).toBe(true);
    expect(immediate.delivered).toEqual(plain.delivered);
    // The qualification is the number.
    expect(immediate.records['vm-exit']).toEqual([[85, 0x830]]);
  });

  test('faults as WRMSR does', () => {
    const ran = writing('6.18', 0x830, 0x2000 | testVector, 1, true);
    expect(ran.records['inject-exception']).toEqual([[13, 1]]);
  });

  test.each(kernelVersions.filter((kernel) => kernel !== '6.18'))('is not offered by Linux %s', (kernel) => {
    expect(() => writing(kernel, 0x830, 0, 0, true)).toThrow(
      `vms[0].features.msrImmediate: Linux ${kernel} does not offer it to guests`,
    );
  });

  test('is refused where the processor has no such instruction', () => {
    expect(() =>
      runScenario({
        host: { kernel: '6.18' },
        vms: [{ features: { msrImmediate: true } }],
        workload: { kind: 'vmexit', test: 'ipi', iterations: 1 },
      }),
    ).toThrow("the processor of profile 'sapphire-rapids' has no WRMSRNS with an immediate");
  });
});
