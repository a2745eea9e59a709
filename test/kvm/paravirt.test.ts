import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExitReason } from '../../src/arch/exit-reason.js';
import { call } from '../../src/engine/frames.js';
import { type Routine, shared } from '../../src/engine/routine.js';
import { addToWindow, clearWindow, type IpiWindow } from '../../src/guest/ipi-window.js';
import { guest } from '../../src/guest/machine.js';
import { hvSendIpiMask, kvmFlushTlbMulti, kvmKickCpu, kvmSendIpiMask } from '../../src/guest/paravirt.js';
import { busyLoop, haltLoop } from '../../src/guest/smp.js';
import { testVector } from '../../src/guest/vmexit.js';
import { vmcall } from '../../src/hardware/instructions.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { MpState, vcpuOf } from '../../src/kvm/machine.js';
import { HvCall, Hypercall, HypercallError } from '../../src/kvm/paravirt.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';
import type { SystemMachine } from '../../src/scenarios/system-machine.js';
import { build, run } from './lab.js';

const { program, stage, glue } = guest;

const empty = (): IpiWindow => ({ min: -1, max: -1, word0: 0, word1: 0, word2: 0, word3: 0 });

function idsOf({ min, word0, word1, word2, word3 }: IpiWindow): number[] {
  return [word0, word1, word2, word3].flatMap((word, index) =>
    Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => ((word >>> bit) & 1) === 1)
      .map((bit) => min + 32 * index + bit),
  );
}

describe('a window of APIC IDs', () => {
  test('holds what was put in, never more than 128 apart, and refuses exactly what does not fit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 40 }), (ids) => {
        const window = empty();
        let inside: number[] = [];
        for (const id of ids) {
          const low = Math.min(id, ...inside);
          const fits = inside.every((other) => Math.abs(other - id) < 128) && (window.min < 0 || id < window.min + 128);
          const taken = addToWindow(window, id);
          expect(taken).toBe(fits);
          if (taken) {
            inside = [...new Set([...inside, id])].sort((a, b) => a - b);
            expect(window.min).toBe(low);
          } else {
            clearWindow(window);
            inside = [];
          }
          expect(idsOf(window)).toEqual(inside);
        }
      }),
      { numRuns: 200 },
    );
  });
});

// A guest that sends once and keeps what the send returned.
const sender = program('test_pv_sender', () => ({ hyperv: 0, vector: testVector, result: -1 }), [
  glue('send', (m, cpu, f) => {
    if (f.hyperv === 1) call(m, cpu, hvSendIpiMask).vector = f.vector;
    else call(m, cpu, kvmSendIpiMask).vector = f.vector;
  }),
  stage('keep', 'guestStores', shared, (_m, _cpu, f, result) => {
    f.result = result;
  }),
  stage('idle', 'guestLoop', shared, () => {}, { work: () => 1_000_000_000 }),
]);

function send(vcpus: number, targets: number[], features: object, hyperv = 0, vector = testVector) {
  const built = build({ topology: { coresPerSocket: vcpus + 1 }, vms: [{ vcpus, features }] });
  const { machine } = built;
  for (let number = 1; number < vcpus; number++)
    startGuest(machine, vcpuOf(machine, number), number % 2 === 0 ? haltLoop : busyLoop);
  const locals = startGuest(machine, vcpuOf(machine, 0), sender);
  locals.hyperv = hyperv;
  locals.vector = vector;
  if (machine.guests[0] !== undefined) machine.guests[0].ipiMask = [targets];
  const { exits, delivered } = run(built, vcpus > 100 ? 250_000 : 1_000_000);
  const reached = Object.keys(delivered)
    .filter((key) => key.endsWith(`:${vector}`))
    .map((key) => Number(key.split(':')[0]))
    .sort((a, b) => a - b);
  return { reached, calls: exits[ExitReason.Vmcall] ?? 0, result: locals.result };
}

describe.each([
  ['without APICv', { apicv: false }],
  ['with APICv', { ipiVirtualization: false }],
  ['with IPI virtualization', {}],
])('KVM_HC_SEND_IPI %s', (_name, features) => {
  test('reaches the virtual CPUs of the mask, running and halted, with one exit', () => {
    expect(send(6, [1, 2, 5], { ...features, pvIpi: true })).toEqual({ reached: [1, 2, 5], calls: 1, result: 0 });
  });

  test('takes one call for each window of 128 APIC IDs', () => {
    expect(send(140, [1, 128, 129, 139], { ...features, pvIpi: true })).toEqual({
      reached: [1, 128, 129, 139],
      calls: 2,
      result: 0,
    });
  });

  test('sends NMIs', () => {
    expect(send(3, [1, 2], { ...features, pvIpi: true }, 0, 2).reached).toEqual([1, 2]);
  });

  test('does not exist where it was not offered: the IPIs are lost', () => {
    expect(send(3, [1, 2], features)).toEqual({ reached: [], calls: 1, result: 1 });
  });
});

describe('HvCallSendSyntheticClusterIpi', () => {
  test('carries targets among the first 64 in registers, others in sparse banks', () => {
    const features = { hypervPvIpi: true };
    expect(send(4, [1, 3], features, 1)).toEqual({ reached: [1, 3], calls: 1, result: 0 });
    expect(send(40, [1, 35], features, 1)).toEqual({ reached: [1, 35], calls: 1, result: 0 });
    const targets = [1, 33, 64, 99, 129, 139];
    expect(send(140, targets, features, 1)).toEqual({ reached: targets, calls: 1, result: 0 });
  });

  test('refuses vectors below 10H', () => {
    expect(send(3, [1], { hypervPvIpi: true }, 1, 0xf)).toEqual({ reached: [], calls: 1, result: 3 });
  });
});

const caller = program(
  'test_hypercaller',
  () => ({ number: 0, a0: 0, a1: 0, a2: 0, a3: 0, a4: 0, a5: 0, result: -1 }),
  [
    glue('call', (m, cpu, f) => {
      const { number, a0, a1, a2, a3, a4, a5 } = f;
      Object.assign(call(m, cpu, vmcall), { number, a0, a1, a2, a3, a4, a5 });
    }),
    stage('keep', 'guestStores', shared, (_m, _cpu, f, result) => {
      f.result = result;
    }),
  ],
);

function hypercall(features: object, operands: object, input: number[] = []): number {
  const built = build({ vms: [{ features }] });
  const { machine } = built;
  const memory = machine.paravirt[0];
  if (memory !== undefined) memory.input = input;
  startGuest(machine, vcpuOf(machine, 1), busyLoop);
  const locals = startGuest(machine, vcpuOf(machine, 0), caller);
  Object.assign(locals, operands);
  run(built);
  return locals.result;
}

describe('what a hypercall returns', () => {
  const sendIpi = { number: Hypercall.sendIpi, a0: 2, a4: 0 };
  test.each([
    ['how many took the IPI', { pvIpi: true }, { ...sendIpi, a5: testVector }, 1],
    ['0 if the lowest ID is above all', { pvIpi: true }, { ...sendIpi, a4: 50, a5: testVector }, 0],
    [
      'an error for logical destinations',
      { pvIpi: true },
      { ...sendIpi, a5: 0x800 | testVector },
      HypercallError.invalid,
    ],
    ['an error for shorthands', { pvIpi: true }, { ...sendIpi, a5: 0x4_0000 | testVector }, HypercallError.invalid],
    ['an error for a call that was not offered', {}, { ...sendIpi, a5: testVector }, HypercallError.noSuchCall],
    ['invalid input with a repeat count', { hypervPvIpi: true }, { a0: HvCall.sendIpi | HvCall.fast, a1: 1 }, 3],
    [
      'invalid input with a variable header in the plain call',
      { hypervPvIpi: true },
      { a0: HvCall.sendIpi | (1 << 17) },
      3,
    ],
    ['invalid code for what is no call for IPIs', { hypervPvIpi: true }, { a0: 0x99 }, 2],
  ] as const)('%s', (_name, features, operands, expected) => {
    expect(hypercall(features, operands)).toBe(expected);
  });

  test("of Hyper-V's larger call: the header's size must be the number of banks; without banks nobody is meant; all means all", () => {
    const features = { hypervPvIpi: true };
    const ex = (banks: number) => ({ a0: HvCall.sendIpiEx | (banks << 17) });
    expect(hypercall(features, ex(2), [testVector, 0, 0, 0, 1, 0, 2, 0])).toBe(3);
    expect(hypercall(features, ex(1), [testVector, 0, 0, 0, 1, 0, 2, 0])).toBe(0);
    expect(hypercall(features, ex(0), [testVector, 0, 0, 0, 0, 0])).toBe(0);
    expect(hypercall(features, ex(0), [testVector, 0, 1, 0, 0, 0])).toBe(0);
  });
});

const kick = program('test_kicker', () => ({}), [
  stage('wait', 'guestLoop', shared, () => {}, { work: () => 500_000 }),
  glue('kick', (m, cpu) => {
    call(m, cpu, kvmKickCpu).target = 1;
  }),
]);

test('KVM_HC_KICK_CPU wakes a virtual CPU that halted with interrupts off', () => {
  const built = build({ vms: [{ features: { pvUnhalt: true } }] });
  const { machine } = built;
  startGuest(machine, vcpuOf(machine, 1), haltLoop);
  vcpuOf(machine, 1).interruptFlag = 0;
  startGuest(machine, vcpuOf(machine, 0), kick as unknown as Routine);
  const { exits } = run(built, 3_000_000);
  // It halts, is kicked, and halts again.
  expect(exits[ExitReason.Hlt]).toBe(2);
  expect(vcpuOf(machine, 1).mpState).toBe(MpState.halted);
});

const flusher = program('test_flusher', () => ({ deferred: 0 }), [
  // More than a slice: the other has been switched in, and out again in the middle of its loop.
  stage('wait', 'guestLoop', shared, () => {}, { work: () => 15_000_000 }),
  glue('flush', (m, cpu) => {
    call(m, cpu, kvmFlushTlbMulti);
  }),
  stage('keep', 'guestStores', shared, (_m, _cpu, f, deferred) => {
    f.deferred = deferred;
  }),
  stage('idle', 'guestLoop', shared, () => {}, { work: () => 1_000_000_000 }),
]);

test('a TLB flush leaves out who is preempted, and the hypervisor makes up for it', () => {
  const built = build({
    topology: { coresPerSocket: 1 },
    vms: [{ vcpus: 2, pinning: 'float', features: { pvTlbFlush: true } }],
  });
  const { machine } = built;
  const locals = startGuest(machine, vcpuOf(machine, 0), flusher);
  startGuest(machine, vcpuOf(machine, 1), busyLoop);
  if (machine.guests[0] !== undefined) machine.guests[0].ipiMask = [[1]];
  const { records } = run(built, 40_000_000);
  expect(locals.deferred).toBe(1);
  expect(machine.guests[0]?.ipiMask[0]).toEqual([]);
  expect(records['pv-tlb-flush']?.filter(([vcpu, needed]) => vcpu === 1 && needed === 1)).toHaveLength(1);
  expect(machine.paravirt[1]?.tlbFlushes).toBe(1);
});

describe('a hypercall that lends the processor', () => {
  // Three virtual CPUs and one processor: the second would be next, by its turn.
  const next = (features: object, operands: object, prepare: (machine: SystemMachine) => void) => {
    const built = build({ topology: { coresPerSocket: 1 }, vms: [{ vcpus: 3, pinning: [0, 0, 0], features }] });
    const { machine } = built;
    Object.assign(startGuest(machine, vcpuOf(machine, 0), caller), operands);
    prepare(machine);
    const { records } = run(built, 4_000_000);
    const entered = (records['vm-entry'] ?? []).map(([vcpu]) => vcpu);
    const call = (records['vm-exit'] ?? []).findIndex(([reason]) => reason === ExitReason.Vmcall);
    expect(call).toBeGreaterThanOrEqual(0);
    return entered.slice(call + 1).find((vcpu) => vcpu !== 0);
  };
  const others = (machine: SystemMachine) => {
    startGuest(machine, vcpuOf(machine, 1), busyLoop);
    startGuest(machine, vcpuOf(machine, 2), busyLoop);
  };

  test.each([1, 2])('KVM_HC_SCHED_YIELD: the one that was named comes next, which is %d', (target) => {
    expect(next({ pvSchedYield: true }, { number: Hypercall.schedYield, a0: target }, others)).toBe(target);
  });
});

test('KVM_HC_SCHED_YIELD returns 0, and without being offered there is no such call', () => {
  const operands = { number: Hypercall.schedYield, a0: 1 };
  expect(hypercall({ pvSchedYield: true }, operands)).toBe(0);
  expect(hypercall({}, operands)).toBe(HypercallError.noSuchCall);
});

describe('EOI by memory', () => {
  const cycles = (pvEoi: boolean, apicv: boolean) => {
    const input: ScenarioInput = {
      profile: { base: 'sapphire-rapids', set: { guestTestLoop: 60_000 } },
      vms: [{ features: { apicv, pvEoi } }],
      workload: { kind: 'vmexit', test: 'ipi', iterations: 20 },
    };
    return Object.fromEntries(
      runScenario(input).variants[0]?.exits.map(({ reason, count }) => [reason, count / 20]) ?? [],
    );
  };

  test("takes the exit of the target's EOI away without APICv, and does nothing with it", () => {
    expect(cycles(false, false)).toEqual({ MSR_WRITE: 2, EXTERNAL_INTERRUPT: 1 });
    expect(cycles(true, false)).toEqual({ MSR_WRITE: 1, EXTERNAL_INTERRUPT: 1 });
    expect(cycles(true, true)).toEqual(cycles(false, true));
  });
});

test.each([
  [
    { kernel: '4.19' },
    { hypervPvIpi: true },
    [],
    'vms[0].features.hypervPvIpi: Linux 4.19 has no Hyper-V calls for IPIs',
  ],
  [{}, { hypervPvIpi: true, pvIpi: true }, [], 'vms[0].features.pvIpi: is of the interface of KVM'],
  [{}, { pvTlbFlush: true }, ['mwait'], 'vms[0].features.pvTlbFlush: a guest that is offered MWAIT does not use it'],
] as const)('what does not go together is refused: %j %j', (host, features, disableExits, reason) => {
  const vms = [{ features, disableExits: [...disableExits] }];
  expect(() => runScenario({ host, vms, workload: { kind: 'vmexit', test: 'cpuid' } })).toThrow(reason);
});
