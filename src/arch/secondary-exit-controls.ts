/** Secondary VM-exit controls, as masks of bits 31:0 (64 bits). SDM vol. 3C, table of the same name. */
export const SecondaryExit = {
  /** Save FRED. */
  saveFred: 0x1,
  /** Load FRED. */
  loadFred: 0x2,
  /** Load IA32_SPEC_CTRL. */
  loadIa32SpecCtrl: 0x4,
  /** Prematurely busy shadow stack. */
  prematurelyBusyShadowStack: 0x8,
} as const;
