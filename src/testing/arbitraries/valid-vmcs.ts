import {
  type Capabilities,
  capabilitiesOf,
  createVmcs,
  Entry,
  Exit,
  PinBased,
  Primary,
  Secondary,
  Tertiary,
  type Vmcs,
  type VmEntryContext,
} from '../../arch/index.js';

/** A VMCS as a hypervisor sets it up that uses every control of APIC virtualization: it passes all checks. */
export function validVmcs(capabilities: Capabilities = capabilitiesOf()): Vmcs {
  const vmcs = createVmcs();
  const { pinBased, primary, secondary, exit, entry } = capabilities;
  vmcs.pinBasedControls =
    pinBased.mustBeOne |
    PinBased.externalInterruptExiting |
    PinBased.nmiExiting |
    PinBased.virtualNmis |
    PinBased.processPostedInterrupts;
  vmcs.primaryControls =
    (primary.mustBeOne |
      Primary.useTprShadow |
      Primary.useMsrBitmaps |
      Primary.activateSecondaryControls |
      Primary.activateTertiaryControls) >>>
    0;
  vmcs.secondaryControls =
    secondary.mustBeOne |
    Secondary.virtualizeX2apicMode |
    Secondary.apicRegisterVirtualization |
    Secondary.virtualInterruptDelivery;
  vmcs.tertiaryControls = [Tertiary.ipiVirtualization | Tertiary.apicTimerVirtualization, 0];
  vmcs.exitControls = exit.mustBeOne | Exit.hostAddressSpaceSize | Exit.acknowledgeInterruptOnExit;
  vmcs.entryControls = entry.mustBeOne | Entry.ia32eModeGuest;
  vmcs.virtualApicAddress = [0x5000, 0];
  vmcs.apicAccessAddress = [0x6000, 0];
  vmcs.addressOfMsrBitmaps = [0x7000, 0];
  vmcs.postedInterruptNotificationVector = 0xf2;
  vmcs.postedInterruptDescriptorAddress = [0x8040, 0];
  vmcs.pidPointerTableAddress = [0x9008, 1];
  vmcs.lastPidPointerIndex = 0xffff;
  vmcs.virtualTimerVector = 0xec;
  vmcs.hostCsSelector = 0x10;
  vmcs.hostSsSelector = 0x18;
  vmcs.hostTrSelector = 0x40;
  vmcs.guestRflags = [0x202, 0];
  vmcs.guestCr0 = [0x8000_0031, 0];
  return vmcs;
}

/** Surroundings in which {@link validVmcs} passes. */
export function validContext(capabilities: Capabilities = capabilitiesOf()): VmEntryContext {
  return { capabilities, virtualTpr: 0 };
}
