import { Exit, hasExit } from '../controls.js';
import { mark } from '../mark.js';
import type { Vmcs } from '../vmcs.js';
import type { Report } from './failure.js';

const selectors = [
  'hostEsSelector',
  'hostCsSelector',
  'hostSsSelector',
  'hostDsSelector',
  'hostFsSelector',
  'hostGsSelector',
  'hostTrSelector',
] as const;

/** VM-entry checks on the host's selectors, the only host state covered. SDM vol. 3C, 29.2.3, "Checks on Host Segment and Descriptor-Table Registers". */
export function checkHostState(vmcs: Vmcs, report: Report): void {
  for (const field of selectors) {
    if ((vmcs[field] & 7) !== 0) {
      mark('host selector');
      report('host selector', [field], 'RPL and TI of a host selector are not 0');
    }
  }
  for (const field of ['hostCsSelector', 'hostTrSelector'] as const) {
    if (vmcs[field] === 0) {
      mark('host selector null');
      report('host selector null', [field], 'the selectors for CS and TR can not be 0');
    }
  }
  if (vmcs.hostSsSelector === 0 && !hasExit(vmcs, Exit.hostAddressSpaceSize)) {
    mark('host selector null');
    report('host selector null', ['hostSsSelector'], 'the selector for SS can not be 0 for a 32-bit host');
  }
}
