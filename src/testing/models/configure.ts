import type { Routine } from '../../engine/routine.js';
import type { Numbers } from '../../engine/state.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import { startUpHandler } from '../../kvm/accept-events.js';
import { startGuest } from '../../kvm/create-vm.js';
import { type KvmVcpu, MpState, VcpuRequest } from '../../kvm/machine.js';
import { createNestedGuest, type NestedGuest } from '../../kvm/nested/create-nested.js';
import type { NestedState } from '../../kvm/nested/nested-state.js';
import type { ModelConfiguration } from './model.js';
import { addHostTask, createModelMachine, type ModelMachine, type ModelShape } from './model-machine.js';
import { hypervisor, notificationHandler, postToL2 } from './nested-programs.js';
import { injector, lateInjector, nmiInjector, sendIpis, timerVector } from './programs.js';

/** Ways of delivery. */
export const withIpiVirtualization = { apicv: true, ipiVirtualization: true } as const;
export const withApicv = { apicv: true, ipiVirtualization: false } as const;
export const withoutApicv = { apicv: false } as const;

/** One vector, or two of different classes one after the other. */
export const oneVector = [0x41, 0] as const;
export const twoVectors = [0x41, 0x71] as const;
export type Vectors = readonly [number, number];

/** A part of a machine, put into it. */
export type Part = (machine: ModelMachine) => void;

/** A configuration of a machine of that shape with those parts. */
export function configuration(name: string, about: string, shape: ModelShape, ...parts: Part[]): ModelConfiguration {
  return {
    name,
    about,
    build: () => {
      const machine = createModelMachine(shape);
      for (const part of parts) part(machine);
      return machine;
    },
  };
}

/** The target's guest program: virtual CPU 0. */
export function target<L extends Numbers<L>>(routine: Routine<L>, operands: Partial<L> = {}): Part {
  return (machine) => {
    Object.assign(startGuest(machine, machine.vcpus[0] as KvmVcpu, routine), operands);
  };
}

/** The guest program of virtual CPU 1, where it is a target, too. */
export function secondTarget<L extends Numbers<L>>(routine: Routine<L>): Part {
  return (machine) => {
    startGuest(machine, machine.vcpus[1] as KvmVcpu, routine);
  };
}

/** Virtual CPU 1 waits to be started; then it runs a program. */
export function offline<L extends Numbers<L>>(routine: Routine<L>): Part {
  return ({ vcpus: [, vcpu] }) => {
    if (vcpu === undefined) return;
    vcpu.mpState = MpState.uninitialized;
    setHandler(vcpu.guestInterrupts, startUpHandler, routine.entry);
  };
}

/** A task of the host on processor `on` that injects. */
export function softwareSender(on: number, [first, second]: Vectors): Part {
  return (machine) => {
    Object.assign(addHostTask(machine, on, injector), { first, second });
  };
}

/** A task of the host on processor `on` that injects NMIs. */
export function nmiSender(on: number, count = 1): Part {
  return (machine) => {
    addHostTask(machine, on, nmiInjector).count = count;
  };
}

/** A task of the host on processor `on` that interrupts virtual CPU 0 once it has halted; vector 2 is an NMI. */
export function lateSender(on: number, vector: number): Part {
  return (machine) => {
    addHostTask(machine, on, lateInjector).vector = vector;
  };
}

/** There is a reason against APICv from the beginning. */
export function inhibited(mask: number): Part {
  return (machine) => {
    for (const vm of machine.vms) vm.apicvInhibits |= mask;
    for (const vcpu of machine.vcpus) vcpu.requests |= VcpuRequest.apicvUpdate;
  };
}

/** A sibling, virtual CPU `vcpu`, that sends IPIs. */
export function guestSender(vcpu: number, [first, second]: Vectors): Part {
  return (machine) => {
    Object.assign(startGuest(machine, machine.vcpus[vcpu] as KvmVcpu, sendIpis), { first, second });
  };
}

/** A task of the host on processor `on`. */
export function hostTask<L extends Numbers<L>>(on: number, routine: Routine<L>, operands: Partial<L> = {}): Part {
  return (machine) => {
    Object.assign(addHostTask(machine, on, routine), operands);
  };
}

/** A device whose interrupts are posted from the beginning. */
export function attachedDevice(...vectors: number[]): Part {
  return (machine) => {
    machine.world.posted = 1;
    machine.world.deviceInterrupts = [...vectors];
    for (const vm of machine.vms) vm.bypassCount = 1;
  };
}

/** The guest has set its APIC timer to TSC-deadline mode. */
export const timerVectorSet: Part = ({ vcpus: [vcpu] }) => {
  if (vcpu !== undefined) vcpu.page.lvtTimer = 0x4_0000 | timerVector;
};

/** The halt-polling window of virtual CPU 0 is open. */
export const polls: Part = (machine) => {
  const [vcpu] = machine.vcpus;
  if (vcpu !== undefined) vcpu.haltPoll = machine.vms[vcpu.vm]?.haltPollMax ?? 0;
};

/** The vector with which L1 notifies its L2, and the one of an interrupt of L1's own. */
const notificationVector = 0x71;
export const vectorOfL1 = 0x51;

/**
 * Virtual CPU 0 is a hypervisor, and its guest runs `routine`.
 *
 * @param halted - 1 if L1 enters it in HLT state first
 */
export function l2<L extends Numbers<L>>(routine: Routine<L>, guest: NestedGuest = {}, halted = 0): Part {
  return (machine) => {
    const l1 = machine.vcpus[0] as KvmVcpu;
    const inner = createNestedGuest(machine, l1, { notificationVector, ...guest }, l1.descriptorLine);
    startGuest(machine, l1, hypervisor).halted = halted;
    startGuest(machine, inner, routine);
  };
}

/** L1 looks at what is posted for L2 in the handler of its notification vector alone. */
export function looksWhenNotified(vector: number): Part {
  return ({ vcpus: [vcpu], threads }) => {
    const frame = threads[vcpu?.thread ?? -1]?.[0];
    if (vcpu === undefined || frame === undefined) return;
    frame.locals['waits'] = 1;
    setHandler(vcpu.guestInterrupts, vector, notificationHandler.entry);
  };
}

/** A sibling, virtual CPU `vcpu`, that posts to the L2 of virtual CPU 0. */
export function l2Poster(vcpu: number, [first, second]: Vectors): Part {
  return (machine) => {
    const { l2: target, vmcs12 } = machine.nested[0] as NestedState;
    Object.assign(startGuest(machine, machine.vcpus[vcpu] as KvmVcpu, postToL2), {
      l2: target,
      first,
      second,
      notification: vmcs12.postedInterruptNotificationVector,
    });
  };
}

/** A configuration that shows a finding. */
export function shows(finding: string, configured: ModelConfiguration): ModelConfiguration {
  return { ...configured, finding };
}
