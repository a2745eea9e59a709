import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import type { Routine } from '../../engine/routine.js';
import type { Frame } from '../../engine/state.js';
import { deviceIsr } from '../../guest/device.js';
import { busyLoop, haltLoop } from '../../guest/smp.js';
import { testVector } from '../../guest/vmexit.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import { addTimer, TimerKind } from '../../hardware/timer-uses.js';
import { addTask } from '../../host/create-host.js';
import { SystemVector } from '../../host/machine.js';
import { hrtimerWakeup } from '../../host/sleep.js';
import { startGuest } from '../../kvm/create-vm.js';
import { writeRedirection } from '../../kvm/ioapic.js';
import { irqfdInject, vfioInterruptHandler, vfioThread } from '../../kvm/irqfd.js';
import { vmOf } from '../../kvm/machine.js';
import { count, nonNegative, positive, vcpuNumber } from '../schema-values.js';
import { setUnitTestHandlers } from './unit-test-guest.js';
import { allIterations, measured, requireVcpu, workloadKind } from './workload.js';

/** The host's vector of the device. */
const hostVector = 0x51;
const levelTriggered = 0x8000;

const schema = v.strictObject({
  kind: v.literal('device-interrupt'),
  /** How it comes to the guest: by a line of the I/O APIC, level-triggered; by a message through the host; by a message that the IOMMU posts. */
  path: v.optional(v.picklist(['ioapic-level', 'msi', 'posted-msi']), 'msi'),
  /** The virtual CPU that gets it first. */
  to: v.optional(vcpuNumber, 0),
  /** What the virtual CPUs do meanwhile. */
  targetIdle: v.optional(v.picklist(['loop', 'hlt']), 'hlt'),
  /** From the driver's acknowledgement to the next interrupt. */
  intervalNs: v.optional(positive, 50_000),
  /** When the device is attached. */
  attachNs: v.optional(nonNegative, 0),
  /** The interrupt moves to the next virtual CPU this often; never, if not given. */
  affinityNs: v.optional(positive),
  /** The logical processor that takes the device's interrupt for the host, where it is not posted. */
  processor: v.optional(count(0, 65_535), 0),
  ...measured,
});

/** An assigned device's interrupts: from the device to the guest's handler. */
export const deviceInterrupt = workloadKind({
  schema,
  start(workload, setting) {
    const { path, to, targetIdle, intervalNs, attachNs, affinityNs, processor } = workload;
    requireVcpu(setting, to, 'workload.to');
    const { plan, vcpus, index } = setting;
    const { machine } = plan;
    const posted = path === 'posted-msi';
    if (processor >= machine.processors.length) {
      throw new InputError('workload.processor', `logical processor ${processor} does not exist`);
    }
    const first = vcpus[to];
    if (first === undefined) return;
    const { apicv, svm } = vmOf(machine, first);
    if (posted && (apicv === 0 || svm === 1)) {
      throw new InputError('workload.path', 'an IOMMU posts to virtual CPUs with apicv on an Intel host');
    }
    const device = machine.devices.length;
    const timer = addTimer(machine, {
      kind: posted ? TimerKind.postedDevice : TimerKind.device,
      owner: posted ? first.pid : device,
      processor: posted ? -1 : processor,
      vector: posted ? testVector : hostVector,
    });
    const line = path === 'ioapic-level';
    const interval = setting.cycles(intervalNs);
    const total = allIterations(workload);
    setHandler(machine.hostInterrupts, hostVector, vfioInterruptHandler.entry);
    const worker = line ? addThread(machine, irqfdInject as unknown as Routine, { device }, [processor]) : -1;
    machine.devices.push({
      vm: index,
      timer,
      interval,
      posted: posted ? 1 : 0,
      low: 0x4000 | testVector,
      target: first.id,
      pin: line ? 11 : -1,
      processor,
      hostVector,
      worker,
      pending: 0,
    });
    const memory = machine.guests[index];
    if (memory !== undefined) memory.device = { timer, interval, handled: 0, total, line: line ? 1 : 0 };
    if (line) {
      const pin = vmOf(machine, first).ioapic[11];
      if (pin !== undefined) pin.resample = 1;
      writeRedirection(machine, index, 11, levelTriggered | testVector, first.vcpuId);
    }
    const sleeper = addTimer(machine, {
      kind: TimerKind.localTimer,
      vector: SystemVector.localTimer,
      handler: hrtimerWakeup.entry,
    });
    const task = addThread(machine, vfioThread as unknown as Routine, {
      device,
      timer: sleeper,
      delay: setting.cycles(attachNs),
      period: affinityNs === undefined || line ? 0 : setting.cycles(affinityNs),
      first: vcpus[0]?.id ?? 0,
      next: to,
      count: vcpus.length,
    });
    const use = machine.timerUses[sleeper];
    if (use !== undefined) use.owner = task;
    for (const vcpu of vcpus) {
      setUnitTestHandlers(vcpu);
      setHandler(vcpu.guestInterrupts, testVector, deviceIsr.entry);
      startGuest(machine, vcpu, targetIdle === 'hlt' ? haltLoop : busyLoop);
    }
  },
  measuredBy: ({ to }) => to,
});

function addThread(
  machine: Parameters<typeof addTask>[0],
  routine: Routine,
  locals: Record<string, number>,
  allowed: number[] = [],
): number {
  const task = addTask(machine, routine, { allowed });
  const frame = machine.threads[machine.tasks[task]?.thread ?? -1]?.[0] as Frame;
  Object.assign(frame.locals, locals);
  return task;
}
