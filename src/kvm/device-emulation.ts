import { call } from '../engine/frames.js';
import { done, local, shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { kvm } from './machine.js';
import { skipInstruction } from './skip-instruction.js';

const { program, stage, glue } = kvm;

/** Who has registered a port, or an address: a device model of the kernel, an eventfd (`KVM_IOEVENTFD`), or nobody but user space. */
const Owner = { kernel: 0, eventfd: 1, userSpace: 2 } as const;

/** Edge and level control of the PIC. */
const elcr = 0x4d0;

/** BARs of a device with an eventfd for any value written, and one for one value. */
export const Bar = { none: 0xc000, wildcard: 0xc010, datamatch: 0xc020 } as const;

/** The same in memory, as offsets from the page of the APIC's registers. */
export const DeviceMemory = { none: 0x1000, wildcard: 0x1010, datamatch: 0x1020 } as const;

function ownerOfPort(port: number): number {
  if (port === elcr) return Owner.kernel;
  return port === Bar.wildcard || port === Bar.datamatch ? Owner.eventfd : Owner.userSpace;
}

/**
 * KVM_RUN returns, the monitor finds the device and does what the guest asked, KVM_RUN is called again and completes the instruction. Linux
 * `kvm_arch_vcpu_ioctl_run`, `complete_fast_pio_in`, `complete_emulated_mmio`; QEMU `kvm_cpu_exec`.
 */
export const userSpaceIo = program('kvm_exit_io', () => ({}), [
  stage('vcpu_put', 'userSpaceReturn', local, () => {}),
  stage('address_space_rw', 'userSpaceDevice', local, () => {}),
  stage('KVM_RUN', 'userSpaceEntry', local, () => {}),
  stage('complete_userspace_io', 'skipInstruction', shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  }),
]);

/** IN or OUT without a string: done without decoding. Linux `handle_io`, `kvm_fast_pio`, `kernel_pio`. */
export const handleIo = program('handle_io', () => ({}), [
  stage(
    'kvm_fast_pio',
    'fastPio',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const owner = ownerOfPort(vcpu.exit.qualification >>> 16);
      if (owner === Owner.userSpace) {
        call(m, cpu, userSpaceIo);
        return 'done';
      }
      return owner === Owner.eventfd ? 'ioeventfd_write' : 'kvm_skip_emulated_instruction';
    },
    { to: ['done', 'ioeventfd_write', 'kvm_skip_emulated_instruction'] },
  ),
  stage('ioeventfd_write', 'eventfdSignal', shared, () => {}),
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  }),
  glue('done', () => done),
]);

/** A write to a device's memory that had to be decoded: for an eventfd, or for user space. Linux `write_mmio`, `vcpu_mmio_write`. */
export const emulateDeviceWrite = program('vcpu_mmio_write', () => ({}), [
  stage('decode', 'emulatorDecode', local, () => {}),
  stage(
    'kvm_io_bus_write',
    'apicMmio',
    shared,
    (m, cpu) => {
      if (currentVcpu(m, cpu).exit.offset !== DeviceMemory.none) return undefined;
      call(m, cpu, userSpaceIo);
      return 'done';
    },
    { to: ['done'] },
  ),
  stage('ioeventfd_write', 'eventfdSignal', shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  }),
  glue('done', () => done),
]);

/** An eventfd for any value written is found without looking at the instruction. Linux `handle_ept_misconfig`, `kvm_io_bus_write` on KVM_FAST_MMIO_BUS. */
export const signalFastMmio = program('fast_mmio', () => ({}), [
  stage('ioeventfd_write', 'eventfdSignal', shared, () => {}),
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  }),
]);

/** WBINVD and INVD of a guest without devices that bypass caches: nothing but going on. Linux `kvm_emulate_wbinvd`, `kvm_emulate_invd`. */
export const kvmEmulateWbinvd = program('kvm_emulate_wbinvd', () => ({}), [
  stage('need_emulate_wbinvd', 'emulateWbinvd', shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  }),
]);
