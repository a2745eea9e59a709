import { describe, expect, test } from 'vitest';
import type { VmexitTestName } from '../../src/guest/vmexit.js';
import { kernels, kernelVersions } from '../../src/kvm/kernels.js';
import { runScenario } from '../../src/scenarios/run.js';

// VM exits per iteration, of sender and target together, by guest program and configuration. A cell is what the kernel's source and the
// SDM say; where that is not what one expects at first, it says why. The exits do not depend on the kernel's version: a fastpath makes
// an exit cheaper, it does not take it away.

/** The columns: no APICv, APICv, APICv with IPI virtualization. */
const columns = ['off', 'on', 'ipiv'] as const;
type Column = (typeof columns)[number];
type Exits = Readonly<Record<string, number>>;
/** Several, where it depends on how far the target has got. */
type Cell = Exits | readonly Exits[];
type Row = Readonly<Record<Column, Cell>>;

const none: Exits = {};
const same = (cell: Cell): Row => ({ off: cell, on: cell, ipiv: cell });

const xapic: Readonly<Record<VmexitTestName, Row>> = {
  // Off: the sender reads ICR, writes ICR2 and ICR, the target writes EOI: four accesses to the APIC-access page. The running target is
  // kicked out of the guest to have the vector injected.
  ipi: {
    off: [
      { APIC_ACCESS: 4, EXTERNAL_INTERRUPT: 1 },
      { APIC_ACCESS: 4, INTERRUPT_WINDOW: 1 },
    ],
    // Reads and the write of ICR2 go to the virtual-APIC page; the write of ICR exits after it is done.
    on: { APIC_WRITE: 1 },
    ipiv: none,
  },
  ipi_halt: { off: { APIC_ACCESS: 4, EXTERNAL_INTERRUPT: 1 }, on: { APIC_WRITE: 1 }, ipiv: none },
  // Off: the vector is pending while interrupts are off, so KVM asks for the window. On: ICR with shorthand self is self-IPI virtualization.
  self_ipi_sti_nop: { off: { APIC_ACCESS: 4, INTERRUPT_WINDOW: 1 }, on: none, ipiv: none },
  // The blocking by STI lasts until HLT has begun: HLT exits each time, and finds the interrupt pending.
  self_ipi_sti_hlt: { off: { APIC_ACCESS: 4, INTERRUPT_WINDOW: 1, HLT: 1 }, on: { HLT: 1 }, ipiv: { HLT: 1 } },
  // Off: the TPR shadow takes MOV to CR8 without an exit, but for the one that falls below the threshold KVM set for the pending vector.
  self_ipi_tpr: { off: { APIC_ACCESS: 4, TPR_BELOW_THRESHOLD: 1 }, on: none, ipiv: none },
  // IA32_TSC_DEADLINE always exits. The deadline has come: nothing is armed. Off: the handler's EOI.
  tscdeadline_immed: { off: { MSR_WRITE: 1, APIC_ACCESS: 1 }, on: { MSR_WRITE: 1 }, ipiv: { MSR_WRITE: 1 } },
  tscdeadline: {
    off: { MSR_WRITE: 1, PREEMPTION_TIMER: 1, APIC_ACCESS: 1 },
    on: { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
    ipiv: { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
  },
  cpuid: same({ CPUID: 1 }),
  vmcall: same({ VMCALL: 1 }),
  // The TPR shadow is in use without APICv, too.
  mov_to_cr8: same(none),
  mov_from_cr8: same(none),
};

const x2apic: Readonly<Record<VmexitTestName, Row>> = {
  // Off: one WRMSR to send, one for the target's EOI. Back-to-back IPIs come while the target still handles the exit of its last EOI: then
  // nobody is kicked, and because the handler has not returned yet, KVM needs the window.
  ipi: {
    off: [
      { MSR_WRITE: 2, INTERRUPT_WINDOW: 1 },
      { MSR_WRITE: 2, EXTERNAL_INTERRUPT: 1 },
    ],
    // The ICR is intercepted with APICv as well.
    on: { MSR_WRITE: 1 },
    ipiv: none,
  },
  ipi_halt: { off: { MSR_WRITE: 2, EXTERNAL_INTERRUPT: 1 }, on: { MSR_WRITE: 1 }, ipiv: none },
  self_ipi_sti_nop: { off: { MSR_WRITE: 2, INTERRUPT_WINDOW: 1 }, on: none, ipiv: none },
  self_ipi_sti_hlt: { off: { MSR_WRITE: 2, INTERRUPT_WINDOW: 1, HLT: 1 }, on: { HLT: 1 }, ipiv: { HLT: 1 } },
  self_ipi_tpr: { off: { MSR_WRITE: 2, TPR_BELOW_THRESHOLD: 1 }, on: none, ipiv: none },
  // Off: deadline and EOI are both WRMSR.
  tscdeadline_immed: { off: { MSR_WRITE: 2 }, on: { MSR_WRITE: 1 }, ipiv: { MSR_WRITE: 1 } },
  tscdeadline: {
    off: { MSR_WRITE: 2, PREEMPTION_TIMER: 1 },
    on: { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
    ipiv: { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
  },
  cpuid: same({ CPUID: 1 }),
  vmcall: same({ VMCALL: 1 }),
  mov_to_cr8: same(none),
  mov_from_cr8: same(none),
};

const featuresOf = {
  off: { apicv: false },
  on: { apicv: true, ipiVirtualization: false },
  ipiv: { apicv: true, ipiVirtualization: true },
} as const;

const iterations = 20;

/** Exits per iteration. One at the edge of what is counted may be over or under; more would be something else. */
function exitsPerIteration(exits: readonly { readonly reason: string; readonly count: number }[]): Exits {
  const cell: Record<string, number> = {};
  for (const { reason, count } of exits) {
    const each = Math.round(count / iterations);
    expect(Math.abs(count - each * iterations), `${reason}: ${count}`).toBeLessThanOrEqual(1);
    if (each > 0) cell[reason] = each;
  }
  return cell;
}

describe.each(kernelVersions)('Linux %s', (kernel) => {
  for (const [apicMode, table] of [
    ['xapic', xapic],
    ['x2apic', x2apic],
  ] as const) {
    const rows = Object.entries(table) as [VmexitTestName, Row][];
    test.each(rows)(`${apicMode}: %s`, (name, row) => {
      for (const column of columns) {
        if (column === 'ipiv' && !kernels[kernel].ipiVirtualization) continue;
        const report = runScenario({
          // The advance of a timer makes some deadlines expire while they are written.
          host: { kernel, timerAdvance: false },
          vms: [{ apicMode, features: featuresOf[column] }],
          workload: { kind: 'vmexit', test: name, targetIdle: 'loop', iterations },
        });
        const exits = report.variants[0]?.exits ?? [];
        const perIteration = exitsPerIteration(exits);
        const cell = row[column];
        expect(Array.isArray(cell) ? cell : [cell], column).toContainEqual(perIteration);
      }
    });
  }
});

describe('a target that halts', () => {
  const exitsOf = (features: object, haltPollNs: number, disableExits: ('hlt' | 'mwait')[] = []) => {
    const report = runScenario({
      host: { kernel: '6.1', haltPollNs },
      vms: [{ features, disableExits }],
      workload: { kind: 'vmexit', test: 'ipi_halt', targetIdle: 'hlt', iterations },
    });
    const [variant] = report.variants;
    return exitsPerIteration(variant?.exits ?? []);
  };

  test.each([0, 200_000])('exits once for each HLT, whether it polls or sleeps (halt_poll_ns = %d)', (haltPollNs) => {
    // Nobody has to be kicked out of the guest: it is in the host already.
    expect(exitsOf({ apicv: false }, haltPollNs)).toEqual({ MSR_WRITE: 2, HLT: 1 });
    expect(exitsOf({ ipiVirtualization: false }, haltPollNs)).toEqual({ MSR_WRITE: 1, HLT: 1 });
    // With IPI virtualization the wakeup vector replaces the wake-up by the sender's exit.
    expect(exitsOf({ ipiVirtualization: true }, haltPollNs)).toEqual({ HLT: 1 });
  });

  test('does not exit if HLT is passed through: the notification wakes it in the guest', () => {
    expect(exitsOf({ ipiVirtualization: true }, 0, ['hlt'])).toEqual({});
    expect(exitsOf({ ipiVirtualization: false }, 0, ['hlt'])).toEqual({ MSR_WRITE: 1 });
  });
});

describe('the posted timer', () => {
  const run = (kernel: '5.15' | '5.19', features: object, disableExits: ('hlt' | 'mwait')[] = []) => {
    const report = runScenario({
      host: { kernel, housekeeping: 1, timerAdvance: false },
      topology: { coresPerSocket: 3 },
      vms: [{ vcpus: 1, features, disableExits }],
      workload: { kind: 'vmexit', test: 'tscdeadline', iterations },
    });
    const [variant] = report.variants;
    return {
      exits: exitsPerIteration(variant?.exits ?? []),
      cycles: variant?.latencyCycles.mean ?? 0,
    };
  };

  test('leaves only the exit that programs it, where HLT is passed through', () => {
    expect(run('5.19', { postedTimer: true }, ['hlt']).exits).toEqual({ MSR_WRITE: 1 });
  });

  test('of older kernels took the preemption timer from guests that do not pass HLT through, a net loss', () => {
    const before = run('5.15', { postedTimer: true });
    const after = run('5.19', { postedTimer: true, ipiVirtualization: false });
    // The global condition: another processor's timer, and the slow path for the write.
    expect(before.exits['PREEMPTION_TIMER'] ?? 0).toBe(0);
    // The condition per virtual CPU gives the preemption timer and both fastpaths back.
    expect(after.exits).toEqual({ MSR_WRITE: 1, PREEMPTION_TIMER: 1 });
    expect(before.cycles).toBeGreaterThan(after.cycles);
  });
});
