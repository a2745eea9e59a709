import { call } from '../../engine/frames.js';
import { observe } from '../../engine/requests.js';
import { local, notation, shared } from '../../engine/routine.js';
import { cli, cpuid, hlt, sti } from '../../hardware/instructions.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { physicalEoi } from '../../hardware/physical-apic.js';
import { iret, iretFromNmi } from '../../hardware/virtual-interrupt-delivery.js';
import { wrmsr } from '../../hardware/wrmsr.js';
import { currentTask, TaskState } from '../../host/machine.js';
import { schedule } from '../../host/schedule.js';
import { kvmSetOrClearApicvInhibit } from '../../kvm/apicv.js';
import { MpState } from '../../kvm/machine.js';
import { vmxPiStartBypass } from '../../kvm/pi-load-put.js';
import { kvmIrqDeliveryToApic } from '../../kvm/send-ipi.js';
import { TestRecord } from '../invariants/ledger.js';
import type { ModelMachine } from './model-machine.js';

/*
 * What the guests and the other tasks of models do: a few operations each, in as few stages as they can be.
 */

const { program, stage, glue, until } = notation<ModelMachine, LogicalProcessor>();

/** A guest that runs on with interrupts enabled. */
export const spin = program('model_spin', () => ({}), [until('spin', 'guestLoop', () => false, { channel: () => -1 })]);

/** A guest that halts again and again. */
export const halt = program('model_halt', () => ({}), [
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  stage('jmp', 'guestLoop', local, () => 'hlt', { to: ['hlt'] }),
]);

/** A guest that exits `exits` times, then runs on. */
export const exitThenSpin = program('model_exit', () => ({ exits: 1 }), [
  glue('more', (_m, _cpu, f) => (f.exits-- > 0 ? undefined : 'spin'), { to: ['spin'] }),
  glue('cpuid', (m, cpu) => {
    call(m, cpu, cpuid);
  }),
  glue('again', () => 'more', { to: ['more'] }),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** A guest that exits twice with interrupts disabled, then enables them and runs on. */
export const exitWithoutInterrupts = program('model_cli_exit', () => ({}), [
  stage('cli', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('cpuid', (m, cpu) => {
    call(m, cpu, cpuid);
  }),
  glue('cpuid-again', (m, cpu) => {
    call(m, cpu, cpuid);
  }),
  stage('sti', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  stage('nop', 'guestFlag', shared, () => {}),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** A guest that disables its local APIC by software while interrupts are off, then enables interrupts; and the APIC again if told to. */
export const disableApic = program('model_disable_apic', () => ({ again: 0 }), [
  stage('cli', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('wrmsr-svr', (m, cpu) => {
    const write = call(m, cpu, wrmsr);
    write.msr = 0x80f;
    write.low = 0xff;
  }),
  stage('sti', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  stage('nop', 'guestFlag', shared, () => {}),
  glue('stay', (_m, _cpu, f) => (f.again === 1 ? undefined : 'spin'), { to: ['spin'] }),
  glue('wrmsr-svr-again', (m, cpu) => {
    const write = call(m, cpu, wrmsr);
    write.msr = 0x80f;
    write.low = 0x1ff;
  }),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** A guest that starts virtual CPU 1: INIT, then SIPI with vector 8. */
export const startOther = program('model_start_other', () => ({ sent: 0 }), [
  glue('wrmsr-icr', (m, cpu, f) => {
    const write = call(m, cpu, wrmsr);
    write.msr = 0x830;
    write.low = f.sent === 0 ? 0x4500 : 0x4608;
    write.high = 1;
    f.sent++;
  }),
  glue('more', (_m, _cpu, f) => (f.sent < 2 ? 'wrmsr-icr' : undefined), { to: ['wrmsr-icr'] }),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** The handler of every vector: EOI, IRET. */
export const handler = program('model_handler', () => ({}), [
  glue('eoi', (m, cpu) => {
    call(m, cpu, wrmsr).msr = 0x80b;
  }),
  stage('iretq', 'iret', shared, (m, cpu) => {
    iret(m, cpu);
  }),
]);

/** The handler of NMIs: IRET, which lets the next one in. */
export const nmiHandler = program('model_nmi_handler', () => ({}), [
  stage('iretq', 'iret', shared, (m, cpu) => {
    observe(m, TestRecord.nmiEnds, cpu.vcpu);
    iretFromNmi(m, cpu);
  }),
]);

/** A guest that sends fixed IPIs to virtual CPU 0: `first`, then `second` unless it is 0. Then it runs on. */
export const sendIpis = program('model_send_ipis', () => ({ target: 0, first: 0, second: 0 }), [
  glue('wrmsr-icr', (m, cpu, f) => {
    const write = call(m, cpu, wrmsr);
    write.msr = 0x830;
    write.low = 0x4000 | f.first;
    write.high = f.target;
    observe(m, TestRecord.intended, f.target, f.first);
    f.first = f.second;
    f.second = 0;
  }),
  glue('more', (_m, _cpu, f) => (f.first === 0 ? undefined : 'wrmsr-icr'), { to: ['wrmsr-icr'] }),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** A guest that halts with interrupts disabled: nothing that models send ends that. */
export const haltWithoutInterrupts = program('model_cli_hlt', () => ({}), [
  stage('cli', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  stage('unexpected', 'guestFlag', shared, (m, cpu) => {
    observe(m, TestRecord.unexpected, cpu.vcpu);
  }),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** A task of the host that injects fixed interrupts, as a device in software does: `first`, then `second` unless it is 0. */
export const injector = program('model_injector', () => ({ vm: 0, target: 0, first: 0, second: 0 }), [
  stage('inject', 'deliveryLoop', shared, (m, cpu, f) => {
    observe(m, TestRecord.intended, f.target, f.first);
    const delivery = call(m, cpu, kvmIrqDeliveryToApic);
    delivery.vm = f.vm;
    delivery.low = f.first | 0x4000;
    delivery.destination = f.target;
    f.first = f.second;
    f.second = 0;
  }),
  glue('more', (_m, _cpu, f) => (f.first === 0 ? undefined : 'inject'), { to: ['inject'] }),
]);

/** A task of the host that interrupts virtual CPU 0 once that has halted: with `vector`, or an NMI if it is 2. */
export const lateInjector = program('model_late_injector', () => ({ vector: 0 }), [
  until('halted', 'guestLoop', (m) => m.vcpus[0]?.mpState === MpState.halted, {
    channel: (m) => m.vcpus[0]?.channel ?? -1,
  }),
  glue('inject', (m, cpu, f) => {
    if (f.vector === 2) call(m, cpu, nmiInjector);
    else call(m, cpu, injector).first = f.vector;
  }),
]);

/** A task of the host that injects `count` NMIs. */
export const nmiInjector = program('model_nmi_injector', () => ({ count: 1 }), [
  glue('inject', (m, cpu, f) => {
    f.count--;
    call(m, cpu, kvmIrqDeliveryToApic).low = 0x4400;
  }),
  glue('more', (_m, _cpu, f) => (f.count > 0 ? 'inject' : undefined), { to: ['inject'] }),
]);

/** The handler of a host interrupt that injects: an assigned device whose interrupt is not posted. Linux `vfio_msihandler`, `irqfd_wakeup`. */
export const deviceInterrupt = program('model_device_interrupt', () => ({}), [
  stage('eoi', 'hostInterruptHandler', shared, (m, cpu) => {
    physicalEoi(cpu);
    const delivery = call(m, cpu, kvmIrqDeliveryToApic);
    delivery.vm = 0;
    delivery.low = deviceVector | 0x4000;
    observe(m, TestRecord.intended, 0, deviceVector);
  }),
]);

/** Another task of the host: works a little, sleeps, and does so again when it is woken. */
export const otherTask = program('model_other_task', () => ({}), [
  stage('sleep', 'guestLoop', shared, (m, cpu) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
    call(m, cpu, schedule);
  }),
  glue('again', () => 'sleep', { to: ['sleep'] }),
]);

/** A task of the host that attaches a device whose interrupts an IOMMU posts. Linux `kvm_arch_irq_bypass_add_producer`. */
export const attach = program('model_attach', () => ({}), [
  glue('vmx_pi_start_bypass', (m, cpu) => {
    call(m, cpu, vmxPiStartBypass).vm = 0;
  }),
  stage('irq_set_vcpu_affinity', 'piLoad', shared, (m) => {
    m.world.posted = 1;
  }),
]);

/** A task of the host that detaches a device, then injects `vector` unless it is 0. Linux `kvm_arch_irq_bypass_del_producer`. */
export const detach = program('model_detach', () => ({ vector: 0 }), [
  stage('irq_set_vcpu_affinity', 'piLoad', shared, (m) => {
    m.world.posted = 0;
  }),
  stage('kvm_arch_irq_bypass_del_producer', 'piLoad', shared, (m) => {
    const [vm] = m.vms;
    if (vm !== undefined) vm.bypassCount--;
  }),
  glue('inject', (m, cpu, f) => {
    if (f.vector > 0) call(m, cpu, injector).first = f.vector;
  }),
]);

/** A task of the host that sets a reason against APICv, unless `begins` is 0, and takes it back if `clear` is 1. */
export const inhibitor = program('model_inhibitor', () => ({ mask: 0, begins: 1, clear: 0 }), [
  glue('set', (m, cpu, f) => {
    if (f.begins === 0) return;
    const inhibit = call(m, cpu, kvmSetOrClearApicvInhibit);
    inhibit.mask = f.mask;
    inhibit.set = 1;
  }),
  glue('keep', (_m, _cpu, f) => (f.clear === 1 ? undefined : 'done'), { to: ['done'] }),
  glue('clear', (m, cpu, f) => {
    call(m, cpu, kvmSetOrClearApicvInhibit).mask = f.mask;
  }),
  glue('done', () => undefined),
]);

/** A guest that programs its APIC timer, then halts or runs on. */
export const armTimer = program('model_timer', () => ({ halts: 0 }), [
  glue('wrmsr-tsc-deadline', (m, cpu) => {
    observe(m, TestRecord.intended, cpu.vcpu, timerVector);
    const write = call(m, cpu, wrmsr);
    write.msr = 0x6e0;
    write.low = 1_000_000;
  }),
  glue('then', (_m, _cpu, f) => (f.halts === 1 ? undefined : 'spin'), { to: ['spin'] }),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** The vector of the device of models, and the physical one that it has at the host. */
export const deviceVector = 0x51;
export const deviceHostVector = 0x31;
/** The vector of the APIC timer of guests. */
export const timerVector = 0x61;
