import { describe, expect, test } from 'vitest';
import { ExitReason } from '../../src/arch/exit-reason.js';
import { call } from '../../src/engine/frames.js';
import { shared } from '../../src/engine/routine.js';
import { guest } from '../../src/guest/machine.js';
import { faulted } from '../../src/hardware/exceptions.js';
import { movToCr8Instruction } from '../../src/hardware/instructions.js';
import { rdmsr, wrmsr } from '../../src/hardware/wrmsr.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { kernels, kernelVersions } from '../../src/kvm/kernels.js';
import { vcpuOf } from '../../src/kvm/machine.js';
import { build, run } from './lab.js';

const { program, stage, glue } = guest;

// A guest that makes one access and keeps what it got: the handler of #GP leaves a faulting instruction out.
const access = program('test_faulting_access', () => ({ what: 0, msr: 0, low: 0, high: 0, result: 0, after: 0 }), [
  glue('access', (m, cpu, f) => {
    if (f.what === 0) {
      const write = call(m, cpu, wrmsr);
      write.msr = f.msr;
      write.low = f.low;
      write.high = f.high;
    } else if (f.what === 1) {
      call(m, cpu, rdmsr).msr = f.msr;
    } else {
      call(m, cpu, movToCr8Instruction).value = f.low;
    }
  }),
  stage('keep', 'guestStores', shared, (_m, _cpu, f, result) => {
    f.result = result;
    f.after = 1;
  }),
  stage('idle', 'guestLoop', shared, () => {}, { work: () => 1_000_000_000 }),
]);

interface Access {
  what?: number;
  msr?: number;
  low?: number;
  high?: number;
}

function outcome(operands: Access, input: Parameters<typeof build>[0] = {}, features: object = {}) {
  const built = build({ host: { kernel: '6.12' }, ...input }, features);
  const { machine } = built;
  const locals = startGuest(machine, vcpuOf(machine, 0), access);
  Object.assign(locals, operands);
  const { exits, records } = run(built);
  expect(locals.after).toBe(1);
  return {
    faulted: locals.result === faulted,
    faults: machine.guests[0]?.faults,
    delivered: records['exception'],
    exits,
    records,
    interruptFlag: vcpuOf(machine, 0).interruptFlag,
  };
}

describe('a WRMSR, RDMSR or MOV to CR8 that faults', () => {
  test.each([
    ['a reserved bit in the ICR', { msr: 0x830, low: 0x10_0000 }],
    ['the upper half of TPR', { msr: 0x808, high: 1 }],
    ['a register that is read-only', { msr: 0x803 }],
    ['a register that does not exist', { msr: 0x80e }],
    ['ESR with anything but 0', { msr: 0x828, low: 1 }],
    ['a self-IPI with more than a vector', { msr: 0x83f, low: 0x100 }],
    ['an MSR that nobody has', { msr: 0x1234 }],
    ['reading EOI', { what: 1, msr: 0x80b }],
    ['reading DFR', { what: 1, msr: 0x80e }],
    ['a TPR class of five bits', { what: 2, low: 0x10 }],
  ] as [string, Access][])('goes to the handler of #GP, once: %s', (_name, operands) => {
    for (const features of [{ apicv: false }, { ipiVirtualization: false }, {}]) {
      const { interruptFlag, exits: _, records: __, ...seen } = outcome(operands, {}, features);
      expect(seen).toEqual({ faulted: true, faults: 1, delivered: [[0, 13]] });
      expect(interruptFlag).toBe(1);
    }
  });

  test('by the hardware itself where it virtualizes the access, by injection where it exits', () => {
    const icr = { msr: 0x830, low: 0x2000 };
    expect(outcome(icr).exits).toEqual({});
    expect(outcome(icr, {}, { ipiVirtualization: false }).exits).toEqual({ [ExitReason.MsrWrite]: 1 });
    expect(outcome({ what: 2, low: 0x10 }).exits).toEqual({});
    expect(outcome({ what: 2, low: 0x10 }, { host: { tprShadow: false } }).exits).toEqual({ [ExitReason.CrAccess]: 1 });
  });

  test('leaves what a trace would show', () => {
    const { records } = outcome({ msr: 0x1234, low: 7 });
    expect(records['msr-write-fault']).toEqual([[0x1234, 7]]);
    expect(records['inject-exception']).toEqual([[13, 1]]);
  });
});

describe('reserved bits of the ICR', () => {
  test.each(kernelVersions)('are minded by KVM since 6.12; hardware always minds (%s)', (kernel) => {
    const { faulted: fault } = outcome({ msr: 0x830, low: 0x2_00ef }, { host: { kernel } }, { apicv: false });
    expect(fault).toBe(kernels[kernel].icrReservedFaults);
  });
});
