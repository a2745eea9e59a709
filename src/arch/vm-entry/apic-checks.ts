import { type ApicControls, apicControls } from '../apic-controls.js';
import { addressWidth } from '../capabilities.js';
import { hasPrimary, Primary } from '../controls.js';
import { mark } from '../mark.js';
import { addressOf } from '../physical-memory.js';
import { fitsWidth } from '../u64.js';
import type { U64 } from '../virtual-processor.js';
import type { Vmcs } from '../vmcs.js';
import type { Report, VmEntryContext } from './failure.js';

/** True if the low `bits` bits of an address are 0 and it is inside the width that the processor looks at. */
function isAddress(address: U64, bits: number, width: number): boolean {
  return (address[0] & ((1 << bits) - 1)) === 0 && fitsWidth(address, width);
}

/**
 * VM-entry checks on the VM-execution controls of APIC virtualization: E1 to E10. SDM vol. 3C, 29.2.1.1, "VM-Execution Control
 * Fields". Entries of the PID-pointer table are not looked at: bad ones show when they are used.
 */
export function checkApicControls(vmcs: Vmcs, context: VmEntryContext, report: Report): void {
  const controls = apicControls(vmcs);
  const width = addressWidth(context.capabilities);

  if (controls.useTprShadow) {
    if (!isAddress(vmcs.virtualApicAddress, 12, width)) {
      mark('E1');
      report(
        'E1',
        ['virtualApicAddress'],
        'the virtual-APIC address is not 4-KiB aligned inside the physical-address width',
      );
    }
    if (!controls.virtualInterruptDelivery) checkThreshold(vmcs, controls, context, report);
  } else {
    checkWithoutTprShadow(controls, report);
  }
  if (controls.virtualizeApicAccesses && !isAddress(vmcs.apicAccessAddress, 12, width)) {
    mark('E2');
    report(
      'E2',
      ['apicAccessAddress'],
      'the APIC-access address is not 4-KiB aligned inside the physical-address width',
    );
  }
  if (controls.virtualizeX2apicMode && controls.virtualizeApicAccesses) {
    mark('E6');
    report('E6', ['secondaryControls'], '"virtualize x2APIC mode" excludes "virtualize APIC accesses"');
  }
  if (controls.virtualInterruptDelivery && !controls.externalInterruptExiting) {
    mark('E7');
    report(
      'E7',
      ['pinBasedControls', 'secondaryControls'],
      '"virtual-interrupt delivery" needs "external-interrupt exiting"',
    );
  }
  if (controls.processPostedInterrupts) checkPostedInterrupts(vmcs, controls, width, report);
  if (controls.ipiVirtualization) checkPidPointerTable(vmcs, width, report);
  if (controls.apicTimerVirtualization) checkApicTimer(vmcs, controls, report);
}

function checkThreshold(vmcs: Vmcs, controls: ApicControls, context: VmEntryContext, report: Report): void {
  if (vmcs.tprThreshold >>> 4 !== 0) {
    mark('E3');
    report('E3', ['tprThreshold'], 'bits 31:4 of the TPR threshold are not 0');
  }
  // With "virtualize APIC accesses" the entry succeeds and the exit "TPR below threshold" follows at once.
  if (!controls.virtualizeApicAccesses && (vmcs.tprThreshold & 0xf) > ((context.virtualTpr >>> 4) & 0xf)) {
    mark('E4');
    report('E4', ['tprThreshold'], 'the TPR threshold is above bits 7:4 of VTPR');
  }
}

function checkWithoutTprShadow(controls: ApicControls, report: Report): void {
  const needing = [
    [controls.virtualizeX2apicMode, 'secondaryControls', 'virtualize x2APIC mode'],
    [controls.apicRegisterVirtualization, 'secondaryControls', 'APIC-register virtualization'],
    [controls.virtualInterruptDelivery, 'secondaryControls', 'virtual-interrupt delivery'],
    [controls.ipiVirtualization, 'tertiaryControls', 'IPI virtualization'],
  ] as const;
  for (const [on, field, name] of needing) {
    if (!on) continue;
    mark('E5');
    report('E5', ['primaryControls', field], `"${name}" needs "use TPR shadow"`);
  }
}

function checkPostedInterrupts(vmcs: Vmcs, controls: ApicControls, width: number, report: Report): void {
  if (!controls.virtualInterruptDelivery) {
    mark('E8');
    report(
      'E8',
      ['pinBasedControls', 'secondaryControls'],
      '"process posted interrupts" needs "virtual-interrupt delivery"',
    );
  }
  if (!controls.acknowledgeInterruptOnExit) {
    mark('E8');
    report(
      'E8',
      ['pinBasedControls', 'exitControls'],
      '"process posted interrupts" needs "acknowledge interrupt on exit"',
    );
  }
  if (vmcs.postedInterruptNotificationVector > 255) {
    mark('E8');
    report('E8', ['postedInterruptNotificationVector'], 'the notification vector is above 255');
  }
  if (!isAddress(vmcs.postedInterruptDescriptorAddress, 6, width)) {
    mark('E8');
    report(
      'E8',
      ['postedInterruptDescriptorAddress'],
      'the posted-interrupt descriptor is not 64-byte aligned inside the physical-address width',
    );
  }
}

function checkPidPointerTable(vmcs: Vmcs, width: number, report: Report): void {
  const table = vmcs.pidPointerTableAddress;
  if (!isAddress(table, 3, width)) {
    mark('E9');
    report(
      'E9',
      ['pidPointerTableAddress'],
      'the PID-pointer table is not 8-byte aligned inside the physical-address width',
    );
  } else if (addressOf(table) + 8 * vmcs.lastPidPointerIndex >= 2 ** width) {
    mark('E9');
    report(
      'E9',
      ['pidPointerTableAddress', 'lastPidPointerIndex'],
      'the last entry of the PID-pointer table is outside the physical-address width',
    );
  }
}

function checkApicTimer(vmcs: Vmcs, controls: ApicControls, report: Report): void {
  if (!controls.virtualInterruptDelivery) {
    mark('E10');
    report(
      'E10',
      ['secondaryControls', 'tertiaryControls'],
      '"APIC-timer virtualization" needs "virtual-interrupt delivery"',
    );
  }
  if (hasPrimary(vmcs, Primary.rdtscExiting)) {
    mark('E10');
    report('E10', ['primaryControls', 'tertiaryControls'], '"APIC-timer virtualization" excludes "RDTSC exiting"');
  }
  if (vmcs.virtualTimerVector > 255) {
    mark('E10');
    report('E10', ['virtualTimerVector'], 'the virtual timer vector is above 255');
  }
}
