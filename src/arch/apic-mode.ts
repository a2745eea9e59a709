/** The mode of a local APIC, set by bits 11 (EN) and 10 (EXTD) of IA32_APIC_BASE. SDM vol. 3A, "x2APIC State Transitions". */
export const ApicMode = {
  /** EN = 0, EXTD = 0: as if there were no local APIC. */
  disabled: 0,
  /** EN = 1, EXTD = 0: memory-mapped registers, 8-bit IDs. */
  xapic: 1,
  /** EN = 1, EXTD = 1: registers as MSRs 800H-8FFH, 32-bit IDs. */
  x2apic: 2,
} as const;

/** One of the numbers of {@link ApicMode}. */
export type ApicMode = (typeof ApicMode)[keyof typeof ApicMode];
