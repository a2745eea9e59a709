import { describe, expect, it } from 'vitest';
import { createVmcs, dumpVmcs, PinBased, Primary, Secondary, Tertiary } from '../../src/arch/index.js';

describe('dumpVmcs', () => {
  it('shows the words of controls with their names, and other fields that are not 0', () => {
    const vmcs = createVmcs();
    vmcs.pinBasedControls = 0x16 | PinBased.externalInterruptExiting | PinBased.processPostedInterrupts;
    vmcs.primaryControls = (Primary.useTprShadow | Primary.activateTertiaryControls) >>> 0;
    vmcs.secondaryControls = Secondary.enableEpt;
    vmcs.tertiaryControls = [Tertiary.ipiVirtualization | 0x8000, 1];
    vmcs.lastPidPointerIndex = 0xfff;
    vmcs.pidPointerTableAddress = [0x3000, 0x1];
    vmcs.guestRip = [0x8100_0000, 0xffff_ffff];
    vmcs.hostTrSelector = 0x40;
    vmcs.exitQualification = [0x300, 0];
    expect(dumpVmcs(vmcs)).toBe(`Control fields:
  Last PID-pointer index                                   0x0fff
  VM-function controls                                     0x0000000000000000  (not activated)
  Tertiary processor-based VM-execution controls           0x0000000100008010  IPI virtualization, reserved 0x100008000
  PID-pointer table address                                0x0000000100003000
  Secondary VM-exit controls                               0x0000000000000000  (not activated)
  Pin-based VM-execution controls                          0x00000097  External-interrupt exiting, Process posted interrupts, reserved 0x16
  Primary processor-based VM-execution controls            0x00220000  Activate tertiary controls, Use TPR shadow
  Primary VM-exit controls                                 0x00000000
  VM-entry controls                                        0x00000000
  Secondary processor-based VM-execution controls          0x00000002  Enable EPT, (not activated)
Guest-state area:
  Guest RIP                                                0xffffffff81000000
Host-state area:
  Host TR selector                                         0x0040
VM-exit information:
  Exit qualification                                       0x0000000000000300
`);
  });

  it('counts VM functions as not activated while the secondary controls are not', () => {
    const vmcs = createVmcs();
    vmcs.secondaryControls = Secondary.enableVmFunctions;
    expect(dumpVmcs(vmcs)).toMatch(/VM-function controls +0x0{16} {2}\(not activated\)/);
    vmcs.primaryControls = Primary.activateSecondaryControls;
    expect(dumpVmcs(vmcs)).toMatch(/VM-function controls +0x0{16}\n/);
  });
});
