import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import type { Routine } from '../../engine/routine.js';
import { createLinuxGuest } from '../../guest/linux/create-linux-guest.js';
import { guestDoIdle } from '../../guest/linux/do-idle.js';
import { linuxHandlers } from '../../guest/linux/interrupts.js';
import { guestKernels } from '../../guest/linux/kernels.js';
import { LinuxVector } from '../../guest/linux/send-ipi.js';
import { GuestIdle, type LinuxCpu, type LinuxGuest, PvIpi } from '../../guest/linux/state.js';
import { tickNohzIdleExit } from '../../guest/linux/tick.js';
import { AddressMode } from '../../guest/logical-mode.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import { addTimer } from '../../hardware/timer-uses.js';
import { startGuest } from '../../kvm/create-vm.js';
import type { KvmVcpu } from '../../kvm/machine.js';
import { vcpuNumber } from '../schema-values.js';
import { requireVcpu, type WorkloadSetting } from './workload.js';

/** Where a virtual CPU is: the logical processor it is pinned to, or -1. */
function placeOf({ plan }: WorkloadSetting, vcpu: KvmVcpu): number {
  return plan.machine.tasks[vcpu.task]?.allowed[0] ?? -1;
}

/** Boots Linux on the VM of a workload. `broadcasters` are the CPUs that call functions on many. */
export function bootLinux(setting: WorkloadSetting, broadcasters: readonly number[] = []): LinuxGuest {
  const { plan, vm, index, vcpus, cycles } = setting;
  const { machine } = plan;
  const path = `vms[${index}]`;
  const kernel = guestKernels[vm.guestKernel];
  if (vm.guestIdle === 'mwait' && !vm.disableExits.includes('mwait')) {
    throw new InputError(`${path}.guestIdle`, 'MWAIT is hidden from the guest unless disableExits contains "mwait"');
  }
  if (vm.guestIdle === 'haltpoll' && !kernel.haltpoll) {
    throw new InputError(`${path}.guestIdle`, `Linux ${vm.guestKernel} has no governor haltpoll`);
  }
  for (const name of ['pvIpi', 'pvTlbFlush', 'pvSchedYield'] as const) {
    if (vm.features[name] === true && !kernel[name]) {
      throw new InputError(`${path}.features.${name}`, `a guest of Linux ${vm.guestKernel} does not use it`);
    }
  }
  const guest = createLinuxGuest(
    {
      firstVcpu: vcpus[0]?.id ?? 0,
      nodes: [...setting.nodes],
      kernel,
      idle: GuestIdle[vm.guestIdle],
      addressMode: AddressMode[vm.logicalMode],
      x2apic: vm.apicMode === 'x2apic',
      pvIpi: vm.features.pvIpi === true ? PvIpi.kvm : vm.features.hypervPvIpi === true ? PvIpi.hyperv : PvIpi.none,
      pvTlbFlush: vm.features.pvTlbFlush === true,
      pvSchedYield: vm.features.pvSchedYield === true,
      retpolines: vm.guestMitigations.retpoline === true,
      haltPollMax: cycles(vm.guestHaltPollNs),
      haltPollGrow: vm.guestHaltPollGrow,
      haltPollGrowStart: cycles(vm.guestHaltPollGrowStart),
      haltPollShrink: vm.guestHaltPollShrink,
      tickPeriod: vm.guestTickHz === 0 ? 0 : cycles(1e9 / vm.guestTickHz),
      broadcasters,
      seed: setting.seed,
    },
    {
      lines: (count) => {
        plan.lines += count;
        return plan.lines - count;
      },
      channel: () => plan.channels++,
      timer: () => addTimer(machine),
    },
  );
  machine.linux[index] = guest;
  for (const vcpu of vcpus) {
    // A guest that polls tells the host not to: Linux `arch_haltpoll_enable`.
    if (vm.guestIdle === 'haltpoll') vcpu.pollControl = 0;
    for (const [vector, { entry }] of linuxHandlers) setHandler(vcpu.guestInterrupts, vector, entry);
    // A guest that polls itself tells KVM not to. Linux `arch_haltpoll_enable`.
    if (vm.guestIdle === 'haltpoll') vcpu.pollControl = 0;
    // TSC-deadline mode.
    vcpu.page.lvtTimer = 0x4_0000 | LinuxVector.localTimer;
  }
  return guest;
}

/** Gives a CPU a task that runs `program`; returns the program's locals. */
export function runOn<L extends { [Name in keyof L]: number }>(
  setting: WorkloadSetting,
  guest: LinuxGuest,
  number: number,
  program: Routine<L>,
): L {
  (guest.cpus[number] as LinuxCpu).queued = 1;
  const vcpu = setting.vcpus[number] as KvmVcpu;
  const locals = startGuest(setting.plan.machine, vcpu, program);
  // It has something to run, so its tick has been started.
  if (guest.tickPeriod > 0) startGuest(setting.plan.machine, vcpu, tickNohzIdleExit);
  return locals;
}

/** Lets all CPUs idle that have nothing else to run. */
export function idleOthers(setting: WorkloadSetting, guest: LinuxGuest): void {
  setting.vcpus.forEach((vcpu, number) => {
    if (guest.cpus[number]?.queued === 0) startGuest(setting.plan.machine, vcpu, guestDoIdle).forever = 1;
  });
}

/** A schema for the targets of a workload: virtual CPUs, or a word for some of them. */
export const targetsSchema = v.lazy((input) =>
  typeof input === 'string'
    ? v.picklist(['same-node', 'cross-node', 'all'])
    : v.pipe(v.array(vcpuNumber), v.minLength(1)),
);

/** What {@link targetsSchema} gives. */
export type Targets = 'same-node' | 'cross-node' | 'all' | readonly number[];

/**
 * The numbers of the virtual CPUs that a workload sends to, ascending: those listed; all but the sender; or the first on another core of the
 * sender's socket, or on another socket, for which all must be pinned.
 */
export function targetsOf(setting: WorkloadSetting, from: number, to: Targets, path = 'workload.to'): number[] {
  requireVcpu(setting, from, 'workload.from');
  const others = setting.vcpus.map((_, number) => number).filter((number) => number !== from);
  if (to === 'all') {
    if (others.length === 0) throw new InputError(path, 'there is no other virtual CPU');
    return others;
  }
  if (typeof to !== 'string') {
    to.forEach((target, index) => {
      requireVcpu(setting, target, `${path}[${index}]`);
      if (target === from) throw new InputError(`${path}[${index}]`, 'is the sender itself');
      if (to.indexOf(target) !== index)
        throw new InputError(`${path}[${index}]`, `virtual CPU ${target} is there twice`);
    });
    return [...to].sort((a, b) => a - b);
  }
  const place = (number: number): number => placeOf(setting, setting.vcpus[number] as KvmVcpu);
  if (others.some((number) => place(number) < 0)) {
    throw new InputError(path, `'${to}' needs virtual CPUs that are pinned`);
  }
  const wanted = to === 'same-node' ? 2 : 3;
  const found = others.find((number) => setting.distance(place(from), place(number)) === wanted);
  if (found === undefined) {
    const where = to === 'same-node' ? 'on another core of its socket' : 'on another socket';
    throw new InputError(path, `there is no virtual CPU ${where} than virtual CPU ${from}`);
  }
  return [found];
}
