import type { Profile } from './profile.js';

const series =
  'fitted to the four means of the IPI-virtualization series (kvm list, 2021-07-16: 6059, 4713.1, 4337.85, 3644.8 cycles)';

/**
 * The IPI-virtualization-capable processor of the first published series: not named there, Sapphire Rapids or a pre-production part of it,
 * at base frequency. Its four figures pin four combinations of these numbers and no more; what each group says of itself stands in `status`.
 */
export const sapphireRapids: Profile = {
  name: 'sapphire-rapids',
  title: 'Intel Xeon of the Sapphire Rapids generation, at base frequency, with KVM',
  features: { apicv: true, ipiVirtualization: true },
  tscGhz: 2,
  groups: {
    lineTransfer: {
      cycles: 130,
      range: [95, 150],
      status: 'estimated',
      source:
        'core-to-core message latency: 51 ns on Ice Lake-SP, 48 ns on Cascade Lake, 7-8 ns between siblings, 108-136 ns across sockets; none published for this part',
      keys: { lineTransfer: 1 },
      clock: 'uncore',
      byDistance: [0, 0.14, 1, 2.3],
    },
    vmExit: {
      cycles: 560,
      range: [350, 700],
      status: 'estimated',
      source: `exit and entry together 1000-1500 cycles (cpuid and vmcall round trips); ${series}`,
      keys: { vmExit: 1 },
    },
    vmEntry: {
      cycles: 520,
      range: [350, 700],
      status: 'estimated',
      source:
        'exit and entry together 1000-1500 cycles (cpuid and vmcall round trips); not on the critical path of these figures',
      keys: { vmEntry: 1 },
    },
    sendSoftware: {
      cycles: 620,
      range: [400, 800],
      status: 'fitted',
      source: `from the exit to the physical ICR write, by instruction counts; ${series}`,
      keys: {
        vcpuRunFinish: 0.14,
        fastpathDispatch: 0.07,
        icrFastpathCheck: 0.06,
        apicSendIpi: 0.13,
        apicMapLookup: 0.15,
        acceptIrq: 0.11,
        kvmPirUpdate: 0.07,
        kvmOnUpdate: 0.06,
        vcpuModeRead: 0.02,
        physicalIcrWrite: 0.19,
      },
    },
    slowExitSoftware: {
      cycles: 630,
      range: [450, 950],
      status: 'fitted',
      source: `what the ordinary exit path adds to the fastpath: 653 cycles here, 945 on Skylake (commit a9ab13ff6e84); ${series}`,
      keys: {
        vcpuModeWrite: 0.02,
        irqEnable: 0.06,
        finishSwitchFromGuest: 0.26,
        handleExitDispatch: 0.14,
        apicWriteNodecode: 0.2,
        emulateWrmsr: 0.2,
        lapicRegWrite: 0.32,
      },
    },
    entrySoftware: {
      cycles: 700,
      range: [400, 1100],
      status: 'estimated',
      source:
        'KVM dispatch from handler back to entry 300-700 cycles; overlaps delivery, so these figures do not pin it',
      keys: {
        skipInstruction: 0.06,
        exitRequestCheck: 0.04,
        pirSyncRead: 0.03,
        pirSyncTake: 0.08,
        rviWrite: 0.06,
        vcpuRunPrepare: 0.2,
        irqDisable: 0.02,
        checkRequests: 0.06,
        prepareSwitchToGuest: 0.33,
        vcpuRunLoop: 0.12,
      },
    },
    hostInterrupt: {
      cycles: 900,
      range: [500, 1700],
      status: 'estimated',
      source:
        'an external-interrupt exit to its entry takes 0.47 microseconds at least, 0.71 on average (commit 0c5f81dad46c)',
      keys: { hostInterruptHandler: 0.6, externalInterruptIrqoff: 0.3, handleExternalInterrupt: 0.1 },
    },
    ipiVirtualization: {
      cycles: 430,
      range: [200, 600],
      status: 'estimated',
      source: `microcode from the stored VICR to the notification; ${series}`,
      keys: { pidPointerRead: 0.2, pidPirSet: 0.2, pidOnSet: 0.17, notificationSend: 0.43 },
    },
    ipiFlight: {
      cycles: 760,
      range: [300, 800],
      status: 'estimated',
      source: `an IPI round trip takes 1500 cycles on a bare host (passthrough RFC, msg 0C23CC2D); ${series}`,
      keys: { ipiFlight: 1 },
      clock: 'uncore',
      byDistance: [0.5, 0.8, 1, 1.5],
    },
    postedInterruptProcessing: {
      cycles: 660,
      range: [300, 700],
      status: 'estimated',
      source: `about 500 cycles more than a native IPI (passthrough RFC); ${series}`,
      keys: {
        interruptAcknowledge: 0.2,
        pidOnClear: 0.12,
        physicalEoi: 0.16,
        pirToVirr: 0.26,
        setRvi: 0.08,
        evaluatePending: 0.18,
      },
    },
    delivery: {
      cycles: 880,
      range: [300, 900],
      status: 'fitted',
      source: `virtual-interrupt delivery and the way through the IDT; ${series}`,
      keys: { virtualInterruptUpdate: 0.2, idtVectoring: 0.8 },
    },
    interruptReturn: {
      cycles: 180,
      range: [80, 300],
      status: 'estimated',
      source: 'IRET; not on the critical path of these figures',
      keys: { iret: 1 },
    },
    eoiVirtualization: {
      cycles: 120,
      range: [50, 200],
      status: 'estimated',
      source:
        'a virtualised x2APIC WRMSR takes 50-200 cycles; after the acknowledgement, so these figures do not pin it',
      keys: { eoiVirtualization: 1 },
    },
    apicPageAccess: {
      cycles: 361,
      range: [350, 500],
      status: 'fitted',
      source: `three of them make most of the 1068 cycles between the modes with IPI virtualization; ${series}`,
      keys: { apicPageAccess: 1 },
    },
    msrAccess: {
      cycles: 100,
      range: [50, 200],
      status: 'estimated',
      source: 'a virtualised x2APIC WRMSR takes 50-200 cycles',
      keys: { msrBitmapCheck: 0.3, vicrWrite: 0.6, instructionRetire: 0.1, msrVirtualization: 0.6 },
    },
    fence: {
      cycles: 45,
      range: [30, 110],
      status: 'estimated',
      source: 'MFENCE; with LFENCE it was worth about 55 ns on Zen 4 (commit 04c3024560d3)',
      keys: { mfence: 1 },
    },
    guestCode: {
      cycles: 290,
      range: [120, 500],
      status: 'estimated',
      source: "the unit test's own instructions, by count",
      keys: {
        guestAtomic: 0.09,
        guestStores: 0.05,
        guestLoads: 0.04,
        guestCall: 0.04,
        guestHandlerEntry: 0.2,
        guestSpinExit: 0.1,
        guestLoop: 0.12,
      },
    },
  },
};
