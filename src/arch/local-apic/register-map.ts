/** How software may use a register: RW, read-only, write-only, or undefined where the mode does not have it. */
export type RegisterAccess = 'RW' | 'RO' | 'WO' | undefined;

/** One register of the local APIC. */
export interface RegisterDescription {
  /** Offset in the register page; in x2APIC mode the register is MSR 800H + offset / 16. */
  readonly offset: number;
  readonly name: string;
  readonly xapic: RegisterAccess;
  readonly x2apic: RegisterAccess;
  /** Bits that a write may set. In xAPIC mode others are ignored, in x2APIC mode a 1 in them is #GP(0). */
  readonly writable: number;
  /** Bits that are read-only but not reserved: ignored in a write in either mode. */
  readonly readOnly?: number;
}

const delivered = 0x1000;
const remoteIrr = 0x4000;
const plainLvt = 0x1_07ff;
const pinLvt = 0x1_a7ff;

function words(offset: number, name: string): RegisterDescription[] {
  return Array.from({ length: 8 }, (_, i) => ({
    offset: offset + 16 * i,
    name: `${name} bits ${32 * i + 31}:${32 * i}`,
    xapic: 'RO',
    x2apic: 'RO',
    writable: 0,
  }));
}

/** Every register, ascending by offset. SDM vol. 3A, tables "Local APIC Register Address Map" of both modes. */
export const registerMap: readonly RegisterDescription[] = [
  // Since Nehalem the ID cannot be changed by software.
  { offset: 0x020, name: 'Local APIC ID', xapic: 'RW', x2apic: 'RO', writable: 0, readOnly: 0xff00_0000 },
  { offset: 0x030, name: 'Local APIC Version', xapic: 'RO', x2apic: 'RO', writable: 0 },
  { offset: 0x080, name: 'Task Priority (TPR)', xapic: 'RW', x2apic: 'RW', writable: 0xff },
  { offset: 0x090, name: 'Arbitration Priority (APR)', xapic: 'RO', x2apic: undefined, writable: 0 },
  { offset: 0x0a0, name: 'Processor Priority (PPR)', xapic: 'RO', x2apic: 'RO', writable: 0 },
  { offset: 0x0b0, name: 'EOI', xapic: 'WO', x2apic: 'WO', writable: 0 },
  { offset: 0x0c0, name: 'Remote Read (RRD)', xapic: 'RO', x2apic: undefined, writable: 0 },
  { offset: 0x0d0, name: 'Logical Destination (LDR)', xapic: 'RW', x2apic: 'RO', writable: 0xff00_0000 },
  { offset: 0x0e0, name: 'Destination Format (DFR)', xapic: 'RW', x2apic: undefined, writable: 0xf000_0000 },
  { offset: 0x0f0, name: 'Spurious-Interrupt Vector (SVR)', xapic: 'RW', x2apic: 'RW', writable: 0x13ff },
  ...words(0x100, 'In-Service (ISR)'),
  ...words(0x180, 'Trigger Mode (TMR)'),
  ...words(0x200, 'Interrupt Request (IRR)'),
  { offset: 0x280, name: 'Error Status (ESR)', xapic: 'RW', x2apic: 'RW', writable: 0 },
  { offset: 0x2f0, name: 'LVT CMCI', xapic: 'RW', x2apic: 'RW', writable: plainLvt, readOnly: delivered },
  { offset: 0x300, name: 'ICR low', xapic: 'RW', x2apic: 'RW', writable: 0x000c_cfff, readOnly: delivered },
  { offset: 0x310, name: 'ICR high', xapic: 'RW', x2apic: undefined, writable: 0xff00_0000 },
  { offset: 0x320, name: 'LVT Timer', xapic: 'RW', x2apic: 'RW', writable: 0x7_00ff, readOnly: delivered },
  { offset: 0x330, name: 'LVT Thermal Sensor', xapic: 'RW', x2apic: 'RW', writable: plainLvt, readOnly: delivered },
  {
    offset: 0x340,
    name: 'LVT Performance Counters',
    xapic: 'RW',
    x2apic: 'RW',
    writable: plainLvt,
    readOnly: delivered,
  },
  { offset: 0x350, name: 'LVT LINT0', xapic: 'RW', x2apic: 'RW', writable: pinLvt, readOnly: delivered | remoteIrr },
  { offset: 0x360, name: 'LVT LINT1', xapic: 'RW', x2apic: 'RW', writable: pinLvt, readOnly: delivered | remoteIrr },
  { offset: 0x370, name: 'LVT Error', xapic: 'RW', x2apic: 'RW', writable: 0x1_00ff, readOnly: delivered },
  { offset: 0x380, name: 'Timer Initial Count', xapic: 'RW', x2apic: 'RW', writable: 0xffff_ffff },
  { offset: 0x390, name: 'Timer Current Count', xapic: 'RO', x2apic: 'RO', writable: 0 },
  { offset: 0x3e0, name: 'Timer Divide Configuration (DCR)', xapic: 'RW', x2apic: 'RW', writable: 0xb },
  { offset: 0x3f0, name: 'Self IPI', xapic: undefined, x2apic: 'WO', writable: 0xff },
];

const bySlot: readonly (RegisterDescription | undefined)[] = Array.from({ length: 64 }, (_, slot) =>
  registerMap.find((register) => register.offset === 16 * slot),
);

/** The register at `offset` (a multiple of 16), or undefined where none is. */
export function registerAt(offset: number): RegisterDescription | undefined {
  return bySlot[offset >> 4];
}
