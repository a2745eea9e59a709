import type { ApicRegisters } from './apic-registers.js';

/** A 64-bit or natural-width value in the state: its low and its high 32 bits. */
export type U64 = [low: number, high: number];

/**
 * The VMCS fields that APIC virtualization uses, by their SDM names: a part of the whole VMCS (`Vmcs`), and what a simulated
 * virtual CPU carries.
 */
export interface ApicVmcs {
  /** Pin-based VM-execution controls. */
  pinBasedControls: number;
  /** Primary processor-based VM-execution controls. */
  primaryControls: number;
  /** Secondary processor-based VM-execution controls; count as 0 unless primary bit 31 is 1. */
  secondaryControls: number;
  /** Tertiary processor-based VM-execution controls (64 bits); count as 0 unless primary bit 17 is 1. */
  tertiaryControls: U64;
  /** Primary VM-exit controls. */
  exitControls: number;
  /** TPR threshold, bits 3:0. */
  tprThreshold: number;
  /** Guest interrupt status: RVI in bits 7:0, SVI in bits 15:8. */
  guestInterruptStatus: number;
  /** EOI-exit bitmaps 0-3: vectors 64n to 64n + 63 in bitmap n. */
  eoiExitBitmap0: U64;
  eoiExitBitmap1: U64;
  eoiExitBitmap2: U64;
  eoiExitBitmap3: U64;
  /** Posted-interrupt notification vector. */
  postedInterruptNotificationVector: number;
  /** Posted-interrupt descriptor address. */
  postedInterruptDescriptorAddress: U64;
  /** PID-pointer table address. */
  pidPointerTableAddress: U64;
  /** Last PID-pointer index (16 bits): the highest index in range. */
  lastPidPointerIndex: number;
}

/**
 * One virtual CPU as APIC virtualization sees it: the fields of its VMCS, its virtual-APIC page and the parts of the
 * processor state on which recognition and delivery of virtual interrupts depend.
 */
export interface VirtualProcessor {
  vmcs: ApicVmcs;
  /** The virtual-APIC page. */
  page: ApicRegisters;
  /** 1 while a pending virtual interrupt is recognized. SDM vol. 3C, "Evaluation of Pending Virtual Interrupts". */
  recognized: number;
  /** RFLAGS.IF. */
  interruptFlag: number;
  /** Interruptibility state, as in the VMCS: bit 0 blocking by STI, bit 1 by MOV SS, bit 2 by SMI, bit 3 by NMI. */
  interruptibility: number;
  /** Activity state, as in the VMCS: 0 active, 1 HLT, 2 shutdown, 3 wait-for-SIPI. */
  activity: number;
}
