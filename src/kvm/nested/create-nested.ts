import { resetRegisters } from '../../arch/apic-registers.js';
import { Exit, PinBased, Primary, Secondary } from '../../arch/controls.js';
import { emptyApicVmcs } from '../../arch/create-virtual-processor.js';
import { emptyMsrBitmap, fullMsrBitmap } from '../../arch/msr-bitmap.js';
import { descriptorAddress, toU64 } from '../../arch/physical-memory.js';
import { emptyDescriptor } from '../../arch/posted-interrupt-descriptor.js';
import type { ApicVmcs } from '../../arch/virtual-processor.js';
import { addTimer, TimerKind } from '../../hardware/timer-uses.js';
import { type KvmMachine, type KvmVcpu, MpState, VcpuMode } from '../machine.js';
import { createParavirtMemory } from '../paravirt.js';
import type { NestedState } from './nested-state.js';

/** What L1 asks for when it runs its guest. */
export interface NestedGuest {
  /** Interrupts for L1 make L2 exit, and are acknowledged by that. Default: true. */
  readonly exitsOnInterrupt?: boolean;
  /** HLT in L2 exits to L1. Default: false. */
  readonly exitsOnHlt?: boolean;
  /** APIC virtualization with virtual-interrupt delivery and posted interrupts; else L2 has L1's local APIC (x2APIC mode). Default: true. */
  readonly apicv?: boolean;
  /** L1's notification vector for L2, if it posts. */
  readonly notificationVector?: number;
}

const always = Primary.activateSecondaryControls | Primary.useMsrBitmaps;

function vmcs12Of(guest: NestedGuest, descriptor: number): ApicVmcs {
  const { exitsOnInterrupt = true, exitsOnHlt = false, apicv = true, notificationVector = -1 } = guest;
  const posts = apicv && notificationVector >= 0;
  return {
    ...emptyApicVmcs(),
    pinBasedControls:
      PinBased.nmiExiting |
      PinBased.virtualNmis |
      (exitsOnInterrupt ? PinBased.externalInterruptExiting : 0) |
      (posts ? PinBased.processPostedInterrupts : 0),
    primaryControls: (always | (exitsOnHlt ? Primary.hltExiting : 0) | (apicv ? Primary.useTprShadow : 0)) >>> 0,
    secondaryControls: apicv
      ? Secondary.virtualizeX2apicMode | Secondary.apicRegisterVirtualization | Secondary.virtualInterruptDelivery
      : 0,
    exitControls: exitsOnInterrupt ? Exit.acknowledgeInterruptOnExit : 0,
    postedInterruptNotificationVector: posts ? notificationVector : 0,
    postedInterruptDescriptorAddress: posts ? toU64(descriptor) : [0, 0],
  };
}

/**
 * Gives a virtual CPU an L2: its guest is a hypervisor, has executed VMXON, and has made a VMCS for a guest of its own, which has nothing to
 * run yet. Linux `enter_vmx_operation`.
 *
 * @param descriptorLine - the cache line of the descriptor that L1 keeps for L2
 * @returns what L2 is to the processor
 */
export function createNestedGuest(
  machine: KvmMachine,
  vcpu: KvmVcpu,
  guest: NestedGuest,
  descriptorLine: number,
): KvmVcpu {
  const id = machine.vcpus.length;
  machine.memory.descriptors.push({ ...emptyDescriptor(), nv: guest.notificationVector ?? 0 });
  const vmcs12 = vmcs12Of(guest, descriptorAddress(machine.memory, id));
  const page = resetRegisters();
  page.id = vcpu.vcpuId;
  page.svr = 0x1ff;
  const nested: NestedState = {
    l1: vcpu.id,
    l2: id,
    postedIntrNv: -1,
    piPending: 0,
    runPending: 0,
    updateVmcs01ApicvStatus: 0,
    updateVmcs01HwapicIsr: 0,
    vmcs12,
    // L1 does not want to see accesses to the x2APIC registers.
    msrBitmap12: emptyMsrBitmap(),
    activity12: 0,
    exitReason12: 0,
    exitInterruptionInformation12: 0,
  };
  vcpu.nested = machine.nested.push(nested) - 1;
  const l2: KvmVcpu = {
    ...(JSON.parse(JSON.stringify(vcpu)) as KvmVcpu),
    id,
    thread: machine.threads.push([]) - 1,
    pid: id,
    vmcs: emptyApicVmcs(),
    page,
    msrBitmap: fullMsrBitmap(),
    recognized: 0,
    interruptFlag: 1,
    interruptibility: 0,
    activity: 0,
    descriptorLine,
    guestInterrupts: [],
    entryInterruption: 0,
    pauseLoop: 0,
    pauseTimer: -1,
    preemptionTimer: addTimer(machine, { kind: TimerKind.preemption, owner: id }),
    preemptionTimerValue: 0,
    mode: VcpuMode.outsideGuestMode,
    requests: 0,
    cpu: -1,
    loaded: 0,
    apicvActive: guest.apicv === false ? 0 : 1,
    mpState: MpState.runnable,
    wakeupList: -1,
    irrPending: 1,
    injected: 0,
    exception: 0,
  };
  machine.vcpus.push(l2);
  machine.paravirt.push(createParavirtMemory(descriptorLine));
  return l2;
}
