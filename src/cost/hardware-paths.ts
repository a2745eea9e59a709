import type { PathCosts } from './paths.js';

/**
 * What the processor does itself: exits, entries, APIC virtualization, delivery. A processor may have numbers of its own for a group; those it does
 * not have are these, times its scale.
 */
export const hardwarePaths: Readonly<Record<string, PathCosts>> = {
  vmExit: {
    cycles: 400,
    range: [350, 700],
    status: 'estimated',
    source:
      'exit and entry together 1000 to 1500 cycles (cpuid and vmcall round trips of the unit tests, 2020 and 2024); nothing tells the two apart',
    keys: { vmExit: 1 },
  },
  vmEntry: {
    cycles: 336,
    range: [320, 700],
    status: 'estimated',
    source: 'as vmExit: only the sum of the two is known',
    keys: { vmEntry: 1, preemptionTimerStart: 0.03 },
  },
  ipiVirtualization: {
    cycles: 344,
    range: [160, 480],
    status: 'estimated',
    source: 'microcode from the stored VICR to the notification',
    keys: { pidPointerRead: 0.2, pidPirSet: 0.2, pidOnSet: 0.17, notificationSend: 0.43 },
  },
  avicIpi: {
    cycles: 300,
    range: [120, 600],
    status: 'unconstrained',
    source:
      'microcode of an ICR write with AVIC, by its steps, as those of IPI virtualization; no figure for it was found',
    keys: { avicDecode: 0.25, avicSetIrr: 0.25, avicReadIsRunning: 0.1, avicDoorbell: 0.4 },
  },
  postedInterruptProcessing: {
    cycles: 528,
    range: [300, 700],
    status: 'estimated',
    source:
      'about 500 cycles more than a native IPI: 2000 against 1500 for a round trip (passthrough RFC, msg 0C23CC2D)',
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
    cycles: 704,
    range: [300, 900],
    status: 'estimated',
    source:
      'virtual-interrupt delivery and the way through the IDT: what timer tests with the fastpath leave beside an exit',
    keys: { virtualInterruptUpdate: 0.2, idtVectoring: 0.8 },
  },
  interruptReturn: {
    cycles: 144,
    range: [64, 240],
    status: 'estimated',
    source: 'IRET, by the cycles that instruction tables give for it',
    keys: { iret: 1 },
  },
  eoiVirtualization: {
    cycles: 96,
    range: [40, 200],
    status: 'estimated',
    source: 'a virtualised x2APIC WRMSR takes 50 to 200 cycles',
    keys: { eoiVirtualization: 1 },
  },
  apicPageAccess: {
    cycles: 289,
    range: [280, 500],
    status: 'estimated',
    source: '350 to 500 cycles where IPI virtualization was measured, in both APIC modes',
    keys: { apicPageAccess: 1 },
  },
  msrAccess: {
    cycles: 80,
    range: [40, 160],
    status: 'estimated',
    source: 'a virtualised x2APIC WRMSR takes 50-200 cycles',
    keys: { msrBitmapCheck: 0.3, vicrWrite: 0.6, instructionRetire: 0.1, msrVirtualization: 0.6 },
  },
  cr8Access: {
    cycles: 10,
    range: [6, 20],
    status: 'estimated',
    source:
      'with the TPR shadow a MOV from CR8 takes 11 cycles and a MOV to CR8 16 to 17, the loop of the unit test included (commit b7ffc44d5b2e, 2017, a client processor)',
    keys: { cr8Read: 0.7, cr8Write: 1.3 },
  },
  nativeMsrWrite: {
    cycles: 90,
    range: [40, 250],
    status: 'unconstrained',
    source: 'WRMSR of an MSR that KVM passes through, by the cycles that instruction tables give for it',
    keys: { nativeMsrWrite: 1 },
  },
  controlRegisterWrite: {
    cycles: 220,
    range: [80, 600],
    status: 'unconstrained',
    source:
      'a MOV to CR4 that the guest owns and that flushes its TLB, and one to a debug register: serializing, by instruction tables',
    keys: { controlRegisterWrite: 1, debugRegisterWrite: 0.4 },
  },
  branchPredictorBarrier: {
    cycles: 2400,
    range: [600, 8000],
    status: 'unconstrained',
    source: 'a write to IA32_PRED_CMD: one to a few microseconds, by processor and microcode',
    keys: { branchPredictorBarrier: 1 },
  },
  fence: {
    cycles: 36,
    range: [24, 88],
    status: 'estimated',
    source: 'MFENCE; with LFENCE it was worth about 55 ns on Zen 4 (commit 04c3024560d3)',
    keys: { mfence: 1 },
  },
  timeStampCounter: {
    cycles: 20,
    range: [15, 40],
    status: 'estimated',
    source: 'RDTSC takes 20 to 25 cycles',
    keys: { rdtsc: 1, ktimeGet: 1.6 },
  },
};
