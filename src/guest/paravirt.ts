import { call } from '../engine/frames.js';
import { notify, observe } from '../engine/requests.js';
import { done, local, shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import { apicPageWrite } from '../hardware/apic-page-access.js';
import { cli, hlt, sti, vmcall } from '../hardware/instructions.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { Record } from '../hardware/records.js';
import { HvCall, Hypercall, HypercallError, type ParavirtMemory, Preempted } from '../kvm/paravirt.js';
import { addToWindow, clearWindow } from './ipi-window.js';
import { type GuestMachine, guest, guestMemory } from './machine.js';
import { writeMsr } from './msr.js';

const { program, stage, glue } = guest;

/** The mask of an IPI: virtual CPUs by their numbers in the guest, ascending, which are their APIC IDs and their VP indices. */
export function ipiMaskOf(machine: GuestMachine, processor: LogicalProcessor): number[] {
  const { ipiMask } = guestMemory(machine, processor);
  const { vcpuId = 0 } = machine.vcpus[processor.vcpu] ?? {};
  while (ipiMask.length <= vcpuId) ipiMask.push([]);
  return ipiMask[vcpuId] as number[];
}

function memoryOf(machine: GuestMachine, processor: LogicalProcessor, number: number): ParavirtMemory {
  const { vcpuId = 0 } = machine.vcpus[processor.vcpu] ?? {};
  return machine.paravirt[processor.vcpu - vcpuId + number] as ParavirtMemory;
}

/** Delivery mode NMI, which a vector of 2 asks for. */
const nmi = 0x400;

/**
 * Sends an IPI to every virtual CPU of this one's {@link ipiMaskOf}: a hypercall for each window of 128 APIC IDs. A call that fails loses
 * its window's IPIs. Linux `kvm_send_ipi_mask`, `__send_ipi_mask`.
 *
 * Operand: `vector`. Returns the number of hypercalls that failed.
 */
export const kvmSendIpiMask = program(
  'kvm_send_ipi_mask',
  () => ({
    vector: 0,
    next: 0,
    failed: 0,
    calls: 0,
    min: -1,
    max: -1,
    word0: 0,
    word1: 0,
    word2: 0,
    word3: 0,
    flag: 0,
  }),
  [
    stage('local_irq_save', 'guestFlag', shared, (m, cpu, f) => {
      f.flag = m.vcpus[cpu.vcpu]?.interruptFlag ?? 0;
      return cli(m, cpu);
    }),
    stage(
      'for_each_cpu',
      'guestMaskBit',
      local,
      (m, cpu, f) => {
        const target = ipiMaskOf(m, cpu)[f.next];
        if (target === undefined) return f.min < 0 ? 'local_irq_restore' : undefined;
        if (!addToWindow(f, target)) return undefined;
        f.next++;
        observe(m, Record.ipiSent, cpu.vcpu, f.vector);
        return 'for_each_cpu';
      },
      { to: ['for_each_cpu', 'local_irq_restore'] },
    ),
    glue('kvm_hypercall4', (m, cpu, f) => {
      const hypercall = call(m, cpu, vmcall);
      hypercall.number = Hypercall.sendIpi;
      hypercall.a0 = f.word0;
      hypercall.a1 = f.word1;
      hypercall.a2 = f.word2;
      hypercall.a3 = f.word3;
      hypercall.a4 = f.min;
      hypercall.a5 = f.vector === 2 ? nmi : f.vector;
    }),
    glue(
      'next-window',
      (m, cpu, f, result) => {
        f.calls++;
        if (result === HypercallError.noSuchCall || result === HypercallError.invalid) f.failed++;
        clearWindow(f);
        return f.next < ipiMaskOf(m, cpu).length ? 'for_each_cpu' : undefined;
      },
      { to: ['for_each_cpu'] },
    ),
    stage('local_irq_restore', 'guestFlag', shared, (m, cpu, f) => (f.flag === 1 ? sti(m, cpu) : undefined)),
    glue('sent', (_m, _cpu, f) => f.failed),
  ],
);

/**
 * The same on Hyper-V's interface: one call, in registers if every target is among the first 64 virtual processors, otherwise with the
 * banks that are needed in memory. Linux `hv_send_ipi_mask`, `__send_ipi_mask`, `__send_ipi_mask_ex`.
 *
 * Operand: `vector`. Returns the call's status.
 */
export const hvSendIpiMask = program('hv_send_ipi_mask', () => ({ vector: 0, next: 0, status: 0 }), [
  stage('begin', 'guestStores', shared, (m, cpu, f) => {
    memoryOf(m, cpu, m.vcpus[cpu.vcpu]?.vcpuId ?? 0).input = [f.vector, 0, 0, 0, 0, 0];
  }),
  stage(
    'for_each_cpu',
    'guestMaskBit',
    local,
    (m, cpu, f) => {
      const target = ipiMaskOf(m, cpu)[f.next];
      if (target === undefined) return undefined;
      f.next++;
      addToBanks(memoryOf(m, cpu, m.vcpus[cpu.vcpu]?.vcpuId ?? 0).input, target);
      observe(m, Record.ipiSent, cpu.vcpu, f.vector);
      return 'for_each_cpu';
    },
    { to: ['for_each_cpu'] },
  ),
  glue('hv_do_hypercall', (m, cpu, f) => {
    const { input } = memoryOf(m, cpu, m.vcpus[cpu.vcpu]?.vcpuId ?? 0);
    if (input.length === 6) return done;
    const hypercall = call(m, cpu, vmcall);
    const banks = (input.length - 6) / 2;
    if (banks === 1 && input[4] === 1) {
      hypercall.a0 = HvCall.sendIpi | HvCall.fast;
      hypercall.a2 = f.vector;
      hypercall.a4 = input[6] ?? 0;
      hypercall.a5 = input[7] ?? 0;
    } else {
      hypercall.a0 = HvCall.sendIpiEx | (banks << 17);
    }
    return undefined;
  }),
  glue('status', (_m, _cpu, _f, status) => status),
]);

/** Sets a virtual processor in the input page's set; targets come in ascending order, so a new bank is the last. */
function addToBanks(input: number[], index: number): void {
  const bank = index >> 6;
  const maskWord = 4 + (bank >> 5);
  if ((((input[maskWord] as number) >>> (bank & 31)) & 1) === 0) {
    input[maskWord] = ((input[maskWord] as number) | (1 << (bank & 31))) >>> 0;
    input.push(0, 0);
  }
  const word = input.length - 2 + ((index >> 5) & 1);
  input[word] = ((input[word] as number) | (1 << (index & 31))) >>> 0;
}

/**
 * Takes the virtual CPUs that do not run out of this one's {@link ipiMaskOf}, after asking the hypervisor to flush their TLBs before they do:
 * the mark is set only on one that is still preempted. What is left has to be sent the ordinary IPI. Linux `kvm_flush_tlb_multi`.
 *
 * Returns how many were left out.
 */
export const kvmFlushTlbMulti = program('kvm_flush_tlb_multi', () => ({ next: 0, deferred: 0 }), [
  stage(
    'try_cmpxchg',
    'guestAtomic',
    shared,
    (m, cpu, f) => {
      const mask = ipiMaskOf(m, cpu);
      const target = mask[f.next];
      if (target === undefined) return f.deferred;
      const memory = memoryOf(m, cpu, target);
      fence(m, cpu);
      if ((memory.preempted & Preempted.preempted) === 0) {
        f.next++;
        return 'try_cmpxchg';
      }
      memory.preempted |= Preempted.flushTlb;
      mask.splice(f.next, 1);
      f.deferred++;
      return 'try_cmpxchg';
    },
    {
      to: ['try_cmpxchg'],
      line: (m, cpu, f) => {
        const target = ipiMaskOf(m, cpu)[f.next];
        return target === undefined ? -1 : memoryOf(m, cpu, target).line;
      },
    },
  ),
]);

/** Ends the interrupt in service by memory, as the hypervisor has offered; it sees that at the next exit. Linux `kvm_guest_apic_eoi_write`. */
export const kvmGuestApicEoiWrite = program('kvm_guest_apic_eoi_write', () => ({}), [
  stage('__test_and_clear_bit', 'guestStores', shared, (m, cpu) => {
    const memory = m.paravirt[cpu.vcpu] as ParavirtMemory;
    // One instruction: an exit before it may have withdrawn the offer.
    if (memory.eoi === 0) return undefined;
    memory.eoi = 0;
    return done;
  }),
  glue('native_apic_eoi', (m, cpu) => {
    if (guestMemory(m, cpu).x2apic === 1) writeMsr(m, cpu, 0x80b, 0);
    else call(m, cpu, apicPageWrite).offset = 0xb0;
  }),
]);

/** Wakes a virtual CPU that waits halted for a lock. Linux `kvm_kick_cpu`. */
export const kvmKickCpu = program('kvm_kick_cpu', () => ({ target: 0 }), [
  glue('kvm_hypercall2', (m, cpu, f) => {
    const hypercall = call(m, cpu, vmcall);
    hypercall.number = Hypercall.kickCpu;
    hypercall.a2 = f.target;
  }),
]);

/** Lends the processor to a virtual CPU that was preempted. Linux `kvm_smp_send_call_func_ipi`, its second half. */
export const kvmHypercallSchedYield = program('kvm_hypercall_sched_yield', () => ({ target: 0 }), [
  glue('kvm_hypercall1', (m, cpu, f) => {
    const hypercall = call(m, cpu, vmcall);
    hypercall.number = Hypercall.schedYield;
    hypercall.a0 = f.target;
  }),
]);

/** Takes a lock with a word that its holder hands on by a kick: halts with interrupts off for as long as it is not free. Linux `kvm_wait`. */
export const kvmWait = program('kvm_wait', () => ({ flag: 0 }), [
  stage(
    'local_irq_save',
    'guestFlag',
    shared,
    (m, cpu, f) => {
      f.flag = m.vcpus[cpu.vcpu]?.interruptFlag ?? 0;
      cli(m, cpu);
      // The holder hands on first and kicks then: who sees the old word is kicked.
      return guestMemory(m, cpu).ipiLock === 0 ? 'local_irq_restore' : undefined;
    },
    { to: ['local_irq_restore'], line: (m, cpu) => guestMemory(m, cpu).line },
  ),
  glue('halt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  stage('local_irq_restore', 'guestFlag', shared, (m, cpu, f) => (f.flag === 1 ? sti(m, cpu) : undefined)),
]);

/** Gives the lock up and kicks who waits for it. Linux `__pv_queued_spin_unlock_slowpath`. */
export const pvUnlock = program('pv_unlock', () => ({ target: 0 }), [
  stage(
    'smp_store_release',
    'guestStores',
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.ipiLock = 0;
      notify(m, memory.doneChannel);
    },
    { line: (m, cpu) => guestMemory(m, cpu).line },
  ),
  glue('pv_kick', (m, cpu, f) => {
    call(m, cpu, kvmKickCpu).target = f.target;
  }),
]);
