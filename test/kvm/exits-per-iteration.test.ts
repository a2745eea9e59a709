import { describe, expect, test } from 'vitest';
import type { VmexitTestName } from '../../src/guest/vmexit.js';
import { kernels, kernelVersions } from '../../src/kvm/kernels.js';
import { profileOf } from '../../src/scenarios/build.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

// VM exits per iteration, of sender and target together, by guest program and configuration. A cell is what the kernel's source and the
// SDM say; where that is not what one expects at first, it says why. The exits depend on the kernel's version only where a column says so:
// a fastpath makes an exit cheaper, it does not take it away.
//
// The sender pauses between iterations, so that each finds its target back in the loop and every exit falls into its own iteration: the
// counts are exact.

type Exits = Readonly<Record<string, number>>;

const none: Exits = {};

/** The columns: what the host has. */
const columns = {
  // APICv off. The APIC-access page is there (flexpriority), but see `accessReason`.
  off: { features: { apicv: false } },
  // No APIC-access page: nothing is mapped at the address, so it is emulated as a device's registers are.
  noPage: { features: { apicv: false }, host: { flexpriority: false } },
  // Without the TPR shadow MOV to and from CR8 exits, and there is no APIC-access page either.
  noShadow: { features: { apicv: false }, host: { tprShadow: false } },
  // APICv, inhibited from the first moment on: as off.
  inhibited: { features: { ipiVirtualization: false }, apicvInhibits: [{ reason: 'blockIrq' }] },
  on: { features: { apicv: true, ipiVirtualization: false } },
  // APICv without the page: every register access exits, but what is posted arrives without a kick.
  onNoPage: { features: { apicv: true, ipiVirtualization: false }, host: { flexpriority: false } },
  ipiv: { features: { apicv: true, ipiVirtualization: true } },
  // A guest that writes MSRs by WRMSRNS with the number in the instruction: the same exits, by another name.
  immediate: { features: { apicv: true, ipiVirtualization: false, msrImmediate: true } },
} as const;
type Column = keyof typeof columns;

/**
 * How an access to the page of the xAPIC's registers exits that hardware does not virtualize. While KVM has a reason against APICv, and
 * "off" is one, it does not map the APIC-access page since 5.15: the processor never gets as far as an APIC-access exit, each access is an
 * EPT violation. Before, the page stayed mapped. And without an APIC-access page KVM marks the address as a device's, once: all
 * but the first access are EPT misconfigurations.
 */
function accessReason(column: Column, kernel: keyof typeof kernels): string {
  if (column === 'noPage' || column === 'noShadow' || column === 'onNoPage') return 'EPT_MISCONFIG';
  return kernels[kernel].hidesApicPage ? 'EPT_VIOLATION' : 'APIC_ACCESS';
}

/** A row: what it costs with registers emulated, APICv off and on; `access` stands for {@link accessReason}. */
interface Row {
  readonly off: Exits;
  /** With the shadow of TPR missing; as off, if not said. */
  readonly noShadow?: Exits;
  readonly on: Exits;
  /** Of xAPIC mode: APICv without its page. */
  readonly onNoPage?: Exits;
  readonly ipiv: Exits;
}

const same = (cell: Exits): Row => ({ off: cell, on: cell, ipiv: cell });

/** The tests that x2APIC mode alone has, and the one whose exits depend on time: that has a table of its own. */
type NotHere = `x2apic_${string}` | 'ple_round_robin';

/** Tests of other exits, the same whatever the APIC: ports and devices, MSRs that KVM does not pass through, and what does not exit at all. */
const other = {
  wbinvd: same({ WBINVD: 1 }),
  invd: same({ INVD: 1 }),
  inl_from_pmtimer: same({ IO_INSTRUCTION: 1 }),
  inl_from_qemu: same({ IO_INSTRUCTION: 1 }),
  inl_from_kernel: same({ IO_INSTRUCTION: 1 }),
  outl_to_kernel: same({ IO_INSTRUCTION: 1 }),
  mov_dr: same(none),
  wr_kernel_gs_base: same(none),
  wr_ibrs_msr: same(none),
  wr_ibpb_msr: same(none),
  toggle_cr4_pge: same(none),
  wr_tsx_ctrl_msr: same({ MSR_WRITE: 1 }),
  wr_tsc_adjust_msr: same({ MSR_WRITE: 1 }),
  rd_tsc_adjust_msr: same({ MSR_READ: 1 }),
  'mmio-no-eventfd:pci-mem': same({ EPT_MISCONFIG: 1 }),
  'mmio-wildcard-eventfd:pci-mem': same({ EPT_MISCONFIG: 1 }),
  'mmio-datamatch-eventfd:pci-mem': same({ EPT_MISCONFIG: 1 }),
  'portio-no-eventfd:pci-io': same({ IO_INSTRUCTION: 1 }),
  'portio-wildcard-eventfd:pci-io': same({ IO_INSTRUCTION: 1 }),
  'portio-datamatch-eventfd:pci-io': same({ IO_INSTRUCTION: 1 }),
} as const;

const xapic: Readonly<Record<Exclude<VmexitTestName, NotHere>, Row>> = {
  // Off: the sender reads ICR, writes ICR2 and ICR, the target writes EOI. The running target is kicked out of the guest to have the
  // vector injected. On: reads and the write of ICR2 go to the virtual-APIC page; the write of ICR exits after it is done.
  ipi: {
    off: { access: 4, EXTERNAL_INTERRUPT: 1 },
    on: { APIC_WRITE: 1 },
    onNoPage: { access: 4 },
    ipiv: none,
  },
  ipi_halt: {
    off: { access: 4, EXTERNAL_INTERRUPT: 1 },
    on: { APIC_WRITE: 1 },
    onNoPage: { access: 4 },
    ipiv: none,
  },
  // Off: the vector is pending while interrupts are off, so KVM asks for the window. On: ICR with shorthand self is self-IPI virtualization.
  self_ipi_sti_nop: {
    off: { access: 4, INTERRUPT_WINDOW: 1 },
    on: none,
    // The vector that was posted to itself comes with the next entry's RVI, and hardware waits for STI without a window.
    onNoPage: { access: 4 },
    ipiv: none,
  },
  // The blocking by STI lasts until HLT has begun: HLT exits each time, and finds the interrupt pending.
  self_ipi_sti_hlt: {
    off: { access: 4, INTERRUPT_WINDOW: 1, HLT: 1 },
    on: { HLT: 1 },
    onNoPage: { access: 4, HLT: 1 },
    ipiv: { HLT: 1 },
  },
  // Off: the TPR shadow takes MOV to CR8 without an exit, but for the one that falls below the threshold KVM set for the pending vector.
  self_ipi_tpr: {
    off: { access: 4, TPR_BELOW_THRESHOLD: 1 },
    // Both writes of CR8 exit, and the second one is KVM's occasion to inject: no threshold.
    noShadow: { access: 4, CR_ACCESS: 2 },
    on: none,
    onNoPage: { access: 4 },
    ipiv: none,
  },
  // Off: while TPR holds the vector back KVM needs to know of TPR; once it does not, RFLAGS.IF still does, and KVM needs the window.
  self_ipi_tpr_sti_nop: {
    off: { access: 4, TPR_BELOW_THRESHOLD: 1, INTERRUPT_WINDOW: 1 },
    noShadow: { access: 4, CR_ACCESS: 2, INTERRUPT_WINDOW: 1 },
    on: none,
    onNoPage: { access: 4 },
    ipiv: none,
  },
  self_ipi_tpr_sti_hlt: {
    off: { access: 4, TPR_BELOW_THRESHOLD: 1, INTERRUPT_WINDOW: 1, HLT: 1 },
    noShadow: { access: 4, CR_ACCESS: 2, INTERRUPT_WINDOW: 1, HLT: 1 },
    on: { HLT: 1 },
    onNoPage: { access: 4, HLT: 1 },
    ipiv: { HLT: 1 },
  },
  // IA32_TSC_DEADLINE always exits. The deadline has come: nothing is armed. Off: the handler's EOI.
  tscdeadline_immed: {
    off: { MSR_WRITE: 1, access: 1 },
    on: { MSR_WRITE: 1 },
    onNoPage: { MSR_WRITE: 1, access: 1 },
    ipiv: { MSR_WRITE: 1 },
  },
  tscdeadline: {
    off: { MSR_WRITE: 1, PREEMPTION_TIMER: 1, access: 1 },
    on: { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
    onNoPage: { MSR_WRITE: 1, PREEMPTION_TIMER: 1, access: 1 },
    ipiv: { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
  },
  cpuid: same({ CPUID: 1 }),
  vmcall: same({ VMCALL: 1 }),
  // The TPR shadow is in use without APICv, too.
  mov_to_cr8: { ...same(none), noShadow: { CR_ACCESS: 1 } },
  mov_from_cr8: { ...same(none), noShadow: { CR_ACCESS: 1 } },
  ...other,
};

const x2apic: Readonly<Record<Exclude<VmexitTestName, 'ple_round_robin'>, Row>> = {
  // Off: one WRMSR to send, one for the target's EOI. On: the ICR is intercepted with APICv as well.
  ipi: { off: { MSR_WRITE: 2, EXTERNAL_INTERRUPT: 1 }, on: { MSR_WRITE: 1 }, ipiv: none },
  ipi_halt: { off: { MSR_WRITE: 2, EXTERNAL_INTERRUPT: 1 }, on: { MSR_WRITE: 1 }, ipiv: none },
  // By the ICR with shorthand self, which no fastpath takes and hardware does not virtualize in x2APIC mode: with IPI virtualization it is an
  // exit all the same, after the write.
  self_ipi_sti_nop: {
    off: { MSR_WRITE: 2, INTERRUPT_WINDOW: 1 },
    on: { MSR_WRITE: 1 },
    ipiv: { APIC_WRITE: 1 },
  },
  self_ipi_sti_hlt: {
    off: { MSR_WRITE: 2, INTERRUPT_WINDOW: 1, HLT: 1 },
    on: { MSR_WRITE: 1, HLT: 1 },
    ipiv: { APIC_WRITE: 1, HLT: 1 },
  },
  self_ipi_tpr: {
    off: { MSR_WRITE: 2, TPR_BELOW_THRESHOLD: 1 },
    noShadow: { MSR_WRITE: 2, CR_ACCESS: 2 },
    on: { MSR_WRITE: 1 },
    ipiv: { APIC_WRITE: 1 },
  },
  self_ipi_tpr_sti_nop: {
    off: { MSR_WRITE: 2, TPR_BELOW_THRESHOLD: 1, INTERRUPT_WINDOW: 1 },
    noShadow: { MSR_WRITE: 2, CR_ACCESS: 2, INTERRUPT_WINDOW: 1 },
    on: { MSR_WRITE: 1 },
    ipiv: { APIC_WRITE: 1 },
  },
  self_ipi_tpr_sti_hlt: {
    off: { MSR_WRITE: 2, TPR_BELOW_THRESHOLD: 1, INTERRUPT_WINDOW: 1, HLT: 1 },
    noShadow: { MSR_WRITE: 2, CR_ACCESS: 2, INTERRUPT_WINDOW: 1, HLT: 1 },
    on: { MSR_WRITE: 1, HLT: 1 },
    ipiv: { APIC_WRITE: 1, HLT: 1 },
  },
  // By the register for it, which virtual-interrupt delivery takes without an exit.
  x2apic_self_ipi_sti_nop: { off: { MSR_WRITE: 2, INTERRUPT_WINDOW: 1 }, on: none, ipiv: none },
  x2apic_self_ipi_sti_hlt: { off: { MSR_WRITE: 2, INTERRUPT_WINDOW: 1, HLT: 1 }, on: { HLT: 1 }, ipiv: { HLT: 1 } },
  x2apic_self_ipi_tpr: {
    off: { MSR_WRITE: 2, TPR_BELOW_THRESHOLD: 1 },
    noShadow: { MSR_WRITE: 2, CR_ACCESS: 2 },
    on: none,
    ipiv: none,
  },
  x2apic_self_ipi_tpr_sti_nop: {
    off: { MSR_WRITE: 2, TPR_BELOW_THRESHOLD: 1, INTERRUPT_WINDOW: 1 },
    noShadow: { MSR_WRITE: 2, CR_ACCESS: 2, INTERRUPT_WINDOW: 1 },
    on: none,
    ipiv: none,
  },
  x2apic_self_ipi_tpr_sti_hlt: {
    off: { MSR_WRITE: 2, TPR_BELOW_THRESHOLD: 1, INTERRUPT_WINDOW: 1, HLT: 1 },
    noShadow: { MSR_WRITE: 2, CR_ACCESS: 2, INTERRUPT_WINDOW: 1, HLT: 1 },
    on: { HLT: 1 },
    ipiv: { HLT: 1 },
  },
  // Off: deadline and EOI are both WRMSR.
  tscdeadline_immed: { off: { MSR_WRITE: 2 }, on: { MSR_WRITE: 1 }, ipiv: { MSR_WRITE: 1 } },
  tscdeadline: {
    off: { MSR_WRITE: 2, PREEMPTION_TIMER: 1 },
    on: { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
    ipiv: { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
  },
  cpuid: same({ CPUID: 1 }),
  vmcall: same({ VMCALL: 1 }),
  mov_to_cr8: { ...same(none), noShadow: { CR_ACCESS: 1 } },
  mov_from_cr8: { ...same(none), noShadow: { CR_ACCESS: 1 } },
  ...other,
};

function cellOf(row: Row, column: Column): Exits {
  switch (column) {
    case 'noPage':
    case 'inhibited':
      return row.off;
    case 'noShadow':
      return row.noShadow ?? row.off;
    case 'onNoPage':
      // Without effect in x2APIC mode, which has no page.
      return row.onNoPage ?? row.on;
    case 'immediate':
      return Object.fromEntries(
        Object.entries(row.on).map(([reason, count]) => [reason === 'MSR_WRITE' ? 'MSR_WRITE_IMM' : reason, count]),
      );
    default:
      return row[column];
  }
}

const iterations = 20;

/** Sender and target have all the time between two iterations that either could need. */
const unhurried = { base: 'sapphire-rapids', set: { guestTestLoop: 60_000 } };

const unhurriedProfile = profileOf(unhurried);
/** A processor that has the instruction. */
const withImmediate = { ...unhurriedProfile, features: { ...unhurriedProfile.features, msrImmediate: true } };

/** Exits per iteration, all of them the same number in each. */
function exitsPerIteration(exits: readonly { readonly reason: string; readonly count: number }[]): Exits {
  return Object.fromEntries(exits.map(({ reason, count }) => [reason, count / iterations]));
}

function measure(scenario: ScenarioInput): Exits {
  return exitsPerIteration(runScenario(scenario).variants[0]?.exits ?? []);
}

describe.each(kernelVersions)('Linux %s', (kernel) => {
  for (const [apicMode, table] of [
    ['xapic', xapic],
    ['x2apic', x2apic],
  ] as const) {
    const rows = Object.entries(table) as [VmexitTestName, Row][];
    test.each(rows)(`${apicMode}: %s`, (name, row) => {
      for (const column of Object.keys(columns) as Column[]) {
        if (column === 'ipiv' && !kernels[kernel].ipiVirtualization) continue;
        if (column === 'immediate' && !kernels[kernel].msrImmediate) continue;
        const { host = {}, ...vm } = columns[column] as { host?: object; features: object };
        const exits = measure({
          profile: column === 'immediate' ? withImmediate : unhurried,
          topology: { coresPerSocket: 3 },
          // The advance of a timer makes some deadlines expire while they are written.
          host: { kernel, timerAdvance: false, ...host },
          vms: [{ apicMode, ...vm, features: column.startsWith('ipi') ? vm.features : { ...vm.features } }],
          workload: { kind: 'vmexit', test: name, targetIdle: 'loop', iterations },
        });
        const { access, ...rest } = cellOf(row, column);
        const expected = access === undefined ? rest : { ...rest, [accessReason(column, kernel)]: access };
        expect(exits, column).toEqual(expected);
      }
    });
  }
});

describe('a target that is not back in its loop when the next IPI comes', () => {
  // Back to back, and the emulation of the target's EOI made long: the IPI comes while the target is in the host, so nobody is kicked; and
  // because its handler has not executed IRET yet, KVM has to ask for the interrupt window.
  test.each(['xapic', 'x2apic'] as const)('is not kicked, but needs the window (%s)', (apicMode) => {
    const exits = measure({
      profile: { base: 'sapphire-rapids', set: { apicSetEoi: 60_000 } },
      vms: [{ apicMode, features: { apicv: false } }],
      workload: { kind: 'vmexit', test: 'ipi', iterations },
    });
    expect(exits['EXTERNAL_INTERRUPT'] ?? 0).toBe(0);
    expect(exits['INTERRUPT_WINDOW']).toBe(1);
  });
});

describe('a target that halts', () => {
  const exitsOf = (features: object, haltPollNs: number, disableExits: ('hlt' | 'mwait')[] = []) => {
    const report = runScenario({
      profile: unhurried,
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
      profile: unhurried,
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
