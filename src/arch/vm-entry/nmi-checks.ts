import { hasPin, hasPrimary, PinBased, Primary } from '../controls.js';
import { Entry } from '../entry-controls.js';
import { mark } from '../mark.js';
import type { Vmcs } from '../vmcs.js';
import type { Report, VmEntryContext } from './failure.js';

/** VM-entry checks on the controls for NMIs. SDM vol. 3C, 29.2.1.1, "VM-Execution Control Fields". */
export function checkNmiControls(vmcs: Vmcs, report: Report): void {
  const virtualNmis = hasPin(vmcs, PinBased.virtualNmis);
  if (virtualNmis && !hasPin(vmcs, PinBased.nmiExiting)) {
    mark('virtual NMIs');
    report('virtual NMIs', ['pinBasedControls'], '"virtual NMIs" needs "NMI exiting"');
  }
  if (hasPrimary(vmcs, Primary.nmiWindowExiting) && !virtualNmis) {
    mark('NMI window');
    report('NMI window', ['pinBasedControls', 'primaryControls'], '"NMI-window exiting" needs "virtual NMIs"');
  }
}

/** VM-entry checks on the controls for system-management mode. SDM vol. 3C, 29.2.1.3, "VM-Entry Control Fields". */
export function checkSmmControls(vmcs: Vmcs, context: VmEntryContext, report: Report): void {
  const entryToSmm = (vmcs.entryControls & Entry.entryToSmm) !== 0;
  const deactivate = (vmcs.entryControls & Entry.deactivateDualMonitorTreatment) !== 0;
  if ((entryToSmm || deactivate) && context.inSmm !== true) {
    mark('SMM controls');
    report(
      'SMM controls',
      ['entryControls'],
      'a VM entry outside SMM can neither enter SMM nor end dual-monitor treatment',
    );
  }
  if (entryToSmm && deactivate) {
    mark('SMM controls');
    report('SMM controls', ['entryControls'], '"entry to SMM" excludes "deactivate dual-monitor treatment"');
  }
}
