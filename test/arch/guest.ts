import {
  type ApicMemory,
  type ApicVmcs,
  createVirtualProcessor,
  Exit,
  emptyDescriptor,
  PinBased,
  type PostedInterruptDescriptor,
  Primary,
  pidPointerTable,
  Secondary,
  Tertiary,
  toU64,
  type VirtualProcessor,
} from '../../src/arch/index.js';

const bits = {
  externalInterruptExiting: ['pinBasedControls', PinBased.externalInterruptExiting],
  processPostedInterrupts: ['pinBasedControls', PinBased.processPostedInterrupts],
  virtualNmis: ['pinBasedControls', PinBased.virtualNmis],
  interruptWindowExiting: ['primaryControls', Primary.interruptWindowExiting],
  nmiWindowExiting: ['primaryControls', Primary.nmiWindowExiting],
  hltExiting: ['primaryControls', Primary.hltExiting],
  mwaitExiting: ['primaryControls', Primary.mwaitExiting],
  useTscOffsetting: ['primaryControls', Primary.useTscOffsetting],
  cr8LoadExiting: ['primaryControls', Primary.cr8LoadExiting],
  cr8StoreExiting: ['primaryControls', Primary.cr8StoreExiting],
  useTprShadow: ['primaryControls', Primary.useTprShadow],
  useMsrBitmaps: ['primaryControls', Primary.useMsrBitmaps],
  virtualizeApicAccesses: ['secondaryControls', Secondary.virtualizeApicAccesses],
  virtualizeX2apicMode: ['secondaryControls', Secondary.virtualizeX2apicMode],
  apicRegisterVirtualization: ['secondaryControls', Secondary.apicRegisterVirtualization],
  virtualInterruptDelivery: ['secondaryControls', Secondary.virtualInterruptDelivery],
  useTscScaling: ['secondaryControls', Secondary.useTscScaling],
  ipiVirtualization: ['tertiaryControls', Tertiary.ipiVirtualization],
  apicTimerVirtualization: ['tertiaryControls', Tertiary.apicTimerVirtualization],
  acknowledgeInterruptOnExit: ['exitControls', Exit.acknowledgeInterruptOnExit],
} as const;

/** Names of the controls that {@link guest} knows. */
export type ControlName = keyof typeof bits;

/** The VMCS words with these controls set, and secondary and tertiary controls activated. */
function vmcsWith(controls: readonly ControlName[]): Partial<ApicVmcs> {
  const vmcs = {
    pinBasedControls: 0,
    primaryControls: (Primary.activateSecondaryControls | Primary.activateTertiaryControls) >>> 0,
    secondaryControls: 0,
    tertiaryControls: [0, 0] as [number, number],
    exitControls: 0,
  };
  for (const name of controls) {
    const [word, bit] = bits[name];
    if (word === 'tertiaryControls') vmcs.tertiaryControls[0] |= bit;
    else vmcs[word] = (vmcs[word] | bit) >>> 0;
  }
  return vmcs;
}

/** A running guest with these controls. */
export function guest(...controls: ControlName[]): VirtualProcessor {
  return createVirtualProcessor(vmcsWith(controls));
}

/** Full APICv: the controls that KVM sets for an xAPIC guest, and IPI virtualization. */
export const xapicControls: readonly ControlName[] = [
  'externalInterruptExiting',
  'acknowledgeInterruptOnExit',
  'processPostedInterrupts',
  'useTprShadow',
  'virtualizeApicAccesses',
  'apicRegisterVirtualization',
  'virtualInterruptDelivery',
  'ipiVirtualization',
];

/** The same for an x2APIC guest. */
export const x2apicControls: readonly ControlName[] = xapicControls.map((name) =>
  name === 'virtualizeApicAccesses' ? 'virtualizeX2apicMode' : name,
);

export const descriptorBase = 0x1_0000;
export const tableAddress = 0x2_0000;

/** Memory with `count` descriptors (notification vector F2H to APIC ID 16 × index) and a table that points to each. */
export function memoryOf(count: number): ApicMemory {
  return {
    descriptorBase,
    descriptors: Array.from({ length: count }, (_, i) => ({ ...emptyDescriptor(), nv: 0xf2, ndst: 16 * i })),
    pidPointerTables: [
      pidPointerTable(
        tableAddress,
        Array.from({ length: count }, (_, i) => descriptorBase + 64 * i),
      ),
    ],
  };
}

/** Descriptor `index`. */
export function descriptor(memory: ApicMemory, index: number): PostedInterruptDescriptor {
  const found = memory.descriptors[index];
  if (found === undefined) throw new RangeError(`no descriptor ${index}`);
  return found;
}

/** A guest that uses the table and descriptor `own` of {@link memoryOf}. */
export function guestIn(memory: ApicMemory, own: number, controls: readonly ControlName[]): VirtualProcessor {
  const p = guest(...controls);
  p.vmcs.pidPointerTableAddress = toU64(tableAddress);
  p.vmcs.lastPidPointerIndex = memory.descriptors.length - 1;
  p.vmcs.postedInterruptDescriptorAddress = toU64(descriptorBase + 64 * own);
  p.vmcs.postedInterruptNotificationVector = 0xf2;
  return p;
}

/** A set as the list of its vectors. */
export function vectorsOf(set: readonly number[]): number[] {
  const vectors: number[] = [];
  for (let vector = 0; vector < 256; vector++)
    if ((((set[vector >> 5] ?? 0) >>> (vector & 31)) & 1) === 1) vectors.push(vector);
  return vectors;
}

/** The set of these vectors. */
export function setOf(...vectors: number[]): number[] {
  const set = [0, 0, 0, 0, 0, 0, 0, 0];
  for (const vector of vectors) set[vector >> 5] = ((set[vector >> 5] ?? 0) | (1 << (vector & 31))) >>> 0;
  return set;
}

/** Guest interrupt status of these two vectors. */
export function status(rvi: number, svi: number): number {
  return rvi | (svi << 8);
}
