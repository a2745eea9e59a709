import { InputError } from '../engine/errors.js';
import type { VmOptions } from '../kvm/create-vm.js';
import { kernels } from '../kvm/kernels.js';
import type { MachineConfig } from './schema.js';
import type { VmConfig } from './vm-schema.js';

const names = ['pvIpi', 'pvTlbFlush', 'pvUnhalt', 'pvSchedYield', 'pvEoi', 'hypervPvIpi'] as const;
type Name = (typeof names)[number];

/**
 * What of the paravirtual interface a VM is offered: what it asks for, and nothing by default. Throws an {@link InputError} where the kernel
 * does not have it, or the guest would not use it.
 */
export function paravirtOptions(scenario: MachineConfig, index: number): Pick<VmOptions, Name> {
  const { features, disableExits } = scenario.vms[index] as VmConfig;
  const path = (name: Name): string => `vms[${index}].features.${name}`;
  if (features.hypervPvIpi === true) {
    if (!kernels[scenario.host.kernel].hypervPvIpi) {
      throw new InputError(path('hypervPvIpi'), `Linux ${scenario.host.kernel} has no Hyper-V calls for IPIs`);
    }
    const other = names.find((name) => name !== 'hypervPvIpi' && features[name] === true);
    if (other !== undefined) {
      throw new InputError(path(other), 'is of the interface of KVM, and the guest uses that of Hyper-V (hypervPvIpi)');
    }
  }
  if (features.pvTlbFlush === true && disableExits.includes('mwait')) {
    throw new InputError(path('pvTlbFlush'), 'a guest that is offered MWAIT does not use it (disableExits)');
  }
  return Object.fromEntries(names.map((name) => [name, features[name] === true ? 1 : 0])) as Pick<VmOptions, Name>;
}

/** Pause-loop exiting of a VM. */
export function pleOptions(
  { ple }: MachineConfig['host'],
  { disableExits }: VmConfig,
): Pick<VmOptions, 'ple' | 'pauseInGuest' | 'pleWindow' | 'pleWindowGrow' | 'pleWindowShrink' | 'pleWindowMax'> {
  return {
    ple: ple.gap > 0 ? 1 : 0,
    pauseInGuest: disableExits.includes('pause') ? 1 : 0,
    pleWindow: ple.window,
    pleWindowGrow: ple.grow,
    pleWindowShrink: ple.shrink,
    pleWindowMax: ple.max,
  };
}
