/** VM-function controls, as masks of bits 31:0 (64 bits): bit `n` allows VM function `n`. SDM vol. 3C, table of the same name. */
export const VmFunction = {
  /** EPTP switching. */
  eptpSwitching: 0x1,
} as const;
