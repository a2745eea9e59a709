import { ApicMode } from '../arch/apic-mode.js';
import { highestBit } from '../arch/bits256.js';
import { apicId } from '../arch/destination.js';
import { setSvi } from '../arch/guest-interrupt-status.js';
import { call } from '../engine/frames.js';
import { done, shared } from '../engine/routine.js';
import { ApicPageMapping, currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { kvmVcpuKick } from './kick.js';
import {
  type KvmMachine,
  type KvmVcpu,
  type KvmVm,
  kvm,
  LogicalMode,
  makeRequest,
  VcpuRequest,
  vcpuOf,
  vmOf,
} from './machine.js';
import { nestedOf } from './nested/guest-mode.js';
import { applyApicvControls } from './set-up.js';
import { updateCr8Intercept } from './svm-cr8.js';

const { program, stage, glue } = kvm;

/** Reasons against APICv, as masks; the last one against AVIC alone. Linux `enum kvm_apicv_inhibit`. */
export const ApicvInhibit = {
  disabled: 0x1,
  hyperv: 0x2,
  absent: 0x4,
  blockIrq: 0x8,
  physicalIdAliased: 0x10,
  apicIdModified: 0x20,
  apicBaseModified: 0x40,
  logicalIdAliased: 0x80,
} as const;

/** Whether APICv should be active on a virtual CPU: no reason against it, and its local APIC enabled. Linux `kvm_vcpu_apicv_activated`. */
function shouldActivate(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const vm = vmOf(machine, vcpu);
  return vm.apicv === 1 && vm.apicvInhibits === 0 && vcpu.apicMode !== ApicMode.disabled;
}

/** Those that follow from the APIC IDs. */
const byIds = ApicvInhibit.physicalIdAliased | ApicvInhibit.apicIdModified | ApicvInhibit.logicalIdAliased;

/** Which of them stand against APICv now. */
export function standingIdInhibits(vm: KvmVm): number {
  return vm.apicvInhibits & byIds;
}

/**
 * The inhibits that follow from the APIC IDs: two alike, or one that is not the virtual CPU's number (xAPIC mode only); and logical ones that AVIC's
 * table cannot hold. The maps are up to date. Linux `kvm_recalculate_apic_map`.
 */
export function idInhibits(machine: KvmMachine, vm: KvmVm): number {
  let inhibits =
    vm.inhibitsAliases === 1 && vm.logicalMode === LogicalMode.mapDisabled ? ApicvInhibit.logicalIdAliased : 0;
  const seen: number[] = [];
  for (const id of vm.vcpus) {
    const vcpu = vcpuOf(machine, id);
    if (vcpu.apicMode === ApicMode.disabled) continue;
    const physical = apicId({ mode: vcpu.apicMode, registers: vcpu.page });
    if (seen.includes(physical)) inhibits |= ApicvInhibit.physicalIdAliased;
    seen.push(physical);
    if (vcpu.apicMode === ApicMode.xapic && physical !== (vcpu.vcpuId & 0xff)) inhibits |= ApicvInhibit.apicIdModified;
  }
  return inhibits;
}

/**
 * Sets or clears a reason against APICv. If that changes whether there is any, every virtual CPU is told to look; and if there now is one,
 * the APIC-access page is unmapped (since 5.15; before, it stayed, and its accesses exited as such). Linux `__kvm_set_or_clear_apicv_inhibit`.
 */
export const kvmSetOrClearApicvInhibit = program(
  '__kvm_set_or_clear_apicv_inhibit',
  () => ({ vm: 0, mask: 0, set: 0, next: 0 }),
  [
    stage('set', 'apicvInhibit', shared, (m, _cpu, f) => {
      const vm = m.vms[f.vm] as KvmVm;
      const before = vm.apicvInhibits;
      vm.apicvInhibits = f.set === 1 ? before | f.mask : before & ~f.mask;
      return (before === 0) === (vm.apicvInhibits === 0) ? done : undefined;
    }),
    // The old way of delivery stays in use until each virtual CPU has looked: it does before it runs the guest again.
    stage(
      'kvm_make_all_cpus_request',
      'makeRequest',
      shared,
      (m, cpu, f) => {
        const target = (m.vms[f.vm] as KvmVm).vcpus[f.next++];
        if (target === undefined) return 'kvm_zap_gfn_range';
        makeRequest(vcpuOf(m, target), VcpuRequest.apicvUpdate);
        call(m, cpu, kvmVcpuKick).target = target;
        return undefined;
      },
      { to: ['kvm_zap_gfn_range'] },
    ),
    glue('next', () => 'kvm_make_all_cpus_request', { to: ['kvm_make_all_cpus_request'] }),
    // Who accesses the page from now on finds it gone. Once the last reason is cleared, the first access maps it again.
    stage('kvm_zap_gfn_range', 'zapApicPage', shared, (m, _cpu, f) => {
      const vm = m.vms[f.vm] as KvmVm;
      if (vm.apicvInhibits !== 0 && vm.hidesApicPage === 1) m.apicPageMapping[f.vm] = ApicPageMapping.notPresent;
    }),
  ],
);

/**
 * AVIC goes on or off on a virtual CPU that is loaded: doorbells come here from now on, or no longer; and CR8 is intercepted by need again.
 * Linux `avic_refresh_apicv_exec_ctrl`, `avic_activate_vmcb`, `avic_deactivate_vmcb`.
 */
function refreshAvic(machine: KvmMachine, processor: LogicalProcessor, vcpu: KvmVcpu): void {
  updateCr8Intercept(vcpu);
  const entry = machine.avicTables[vcpu.vm]?.physical[vcpu.avicIndex];
  if (entry !== undefined) {
    entry.hostApicId = processor.apic.id;
    entry.isRunning = vcpu.apicvActive;
  }
  if (vcpu.apicvActive === 0) makeRequest(vcpu, VcpuRequest.event);
}

/** Controls, SVI and RVI after APICv has become active or inactive; they are L1's, so while L2 is active that is put off. Linux `vmx_refresh_apicv_exec_ctrl`. */
export function refreshApicvExecCtrl(machine: KvmMachine, vcpu: KvmVcpu): void {
  if (vcpu.guestMode === 1) {
    nestedOf(machine, vcpu).updateVmcs01ApicvStatus = 1;
    return;
  }
  applyApicvControls(machine, vcpu);
  const inService = highestBit(vcpu.page.isr);
  // Without APICv RVI does not drive delivery.
  if (vcpu.apicvActive === 1) setSvi(vcpu.vmcs, inService < 0 ? 0 : inService);
  else vcpu.vmcs.guestInterruptStatus = 0;
}

/** A virtual CPU takes over what was decided about APICv. Linux `__kvm_vcpu_update_apicv`. */
export const kvmVcpuUpdateApicv = program('__kvm_vcpu_update_apicv', () => ({}), [
  stage('refresh_apicv_exec_ctrl', 'apicvRefresh', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const active = shouldActivate(m, vcpu) ? 1 : 0;
    if (active === vcpu.apicvActive) return;
    vcpu.apicvActive = active;
    // Whoever delivered without looking may have put something into IRR.
    vcpu.irrPending = 1;
    if (vcpu.svm === 1) {
      applyApicvControls(m, vcpu);
      refreshAvic(m, cpu, vcpu);
      return;
    }
    refreshApicvExecCtrl(m, vcpu);
    // KVM has to look at IRR itself.
    if (active === 0) makeRequest(vcpu, VcpuRequest.event);
  }),
]);
