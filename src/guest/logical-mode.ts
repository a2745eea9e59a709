import { x2apicLdr } from '../arch/destination.js';
import { call } from '../engine/frames.js';
import { apicPageWrite } from '../hardware/apic-page-access.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { type GuestMachine, guest, guestMemory } from './machine.js';

const { program, glue } = guest;

/** How a guest addresses its IPIs: by physical ID, or by logical ID in one of the two models (in x2APIC mode there is one, clusters). */
export const AddressMode = { physical: 0, flat: 1, cluster: 2 } as const;

/**
 * What a guest in xAPIC mode writes to LDR and DFR of CPU `number`: in the flat model a bit each (0-7), in the cluster model clusters of
 * four (0-59). SDM vol. 3A, "Logical Destination Mode".
 */
export function xapicLogicalId(mode: number, number: number): { ldr: number; dfr: number } {
  if (mode === AddressMode.flat) return { ldr: (1 << (24 + number)) >>> 0, dfr: 0xffff_ffff };
  return { ldr: ((((number >> 2) << 4) | (1 << (number & 3))) << 24) >>> 0, dfr: 0x0fff_ffff };
}

/**
 * Programs DFR, then LDR, as a booting processor in xAPIC mode does; KVM rebuilds its map for each. Linux `default_init_apic_ldr`.
 *
 * Operands: `number`, of the CPU; `mode`, of {@link AddressMode}.
 */
export const initApicLdr = program('init_apic_ldr', () => ({ number: 0, mode: 0 }), [
  glue('write-dfr', (m, cpu, f) => {
    const write = call(m, cpu, apicPageWrite);
    write.offset = 0xe0;
    write.value = xapicLogicalId(f.mode, f.number).dfr;
  }),
  glue('write-ldr', (m, cpu, f) => {
    const write = call(m, cpu, apicPageWrite);
    write.offset = 0xd0;
    write.value = xapicLogicalId(f.mode, f.number).ldr;
  }),
]);

/** The destination mode bit and the destination for CPU `number`, whose physical APIC ID is its number. */
export function addressOfCpu(
  machine: GuestMachine,
  processor: LogicalProcessor,
  number: number,
): { mode: number; destination: number } {
  const { addressMode, x2apic } = guestMemory(machine, processor);
  if (addressMode === AddressMode.physical) return { mode: 0, destination: number };
  const destination = x2apic === 1 ? x2apicLdr(number) : xapicLogicalId(addressMode, number).ldr >>> 24;
  return { mode: 0x800, destination };
}
