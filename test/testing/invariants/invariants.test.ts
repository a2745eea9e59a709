import { describe, expect, test } from 'vitest';
import { setBit } from '../../../src/arch/bits256.js';
import { nestedMsrBitmap } from '../../../src/arch/nested/nested-msr-bitmap.js';
import { composeVmcs02 } from '../../../src/arch/nested/vmcs02.js';
import { call, callOn } from '../../../src/engine/frames.js';
import { AnnouncedBy, Record } from '../../../src/hardware/records.js';
import { vmxDeliverPostedInterrupt } from '../../../src/kvm/deliver.js';
import { descriptorOf, HostVector, type KvmVcpu, vcpuOf } from '../../../src/kvm/machine.js';
import { createNestedGuest } from '../../../src/kvm/nested/create-nested.js';
import { KvmRecord } from '../../../src/kvm/records.js';
import { vcpuRun } from '../../../src/kvm/run.js';
import { buildMachine } from '../../../src/scenarios/build.js';
import { parseMachine } from '../../../src/scenarios/schema.js';
import type { SystemMachine } from '../../../src/scenarios/system-machine.js';
import {
  brokenInvariants,
  finalInvariants,
  ledgerInvariants,
  machineInvariants,
} from '../../../src/testing/invariants/index.js';
import { enter, ledgerOf, TestRecord } from '../../../src/testing/invariants/ledger.js';
import type { Ledger } from '../../../src/testing/invariants/ledger-entries.js';

const { postedInterrupt, postedInterruptWakeup, postedInterruptNested } = HostVector;

/** An element that is there. */
function at<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new RangeError(`no element ${index}`);
  return element;
}

/** Two virtual CPUs that run their guests on processors 0 and 1. */
function inGuest(): { machine: SystemMachine; ledger: Ledger; vcpu: KvmVcpu } {
  const { machine } = buildMachine(parseMachine({ vms: [{ vcpus: 2 }], topology: { coresPerSocket: 2 } }));
  for (const vcpu of machine.vcpus) {
    const task = at(machine.tasks, vcpu.task);
    const processor = at(machine.processors, vcpu.id);
    const queue = at(machine.runQueues, vcpu.id);
    queue.queue.length = 0;
    at(machine.tasks, queue.idle).onCpu = 0;
    Object.assign(task, { onCpu: 1, cpu: vcpu.id });
    queue.current = task.id;
    at(machine.threads, task.thread).length = 0;
    Object.assign(processor, { vcpu: vcpu.id, nonRoot: 1, thread: vcpu.thread, hostThread: task.thread });
    Object.assign(vcpu, { cpu: vcpu.id, loaded: 1, mode: 1 });
    Object.assign(descriptorOf(machine, vcpu), { ndst: vcpu.id, sn: 0 });
  }
  return { machine, ledger: ledgerOf(machine), vcpu: vcpuOf(machine, 1) };
}

/** The same with virtual CPU 1 asleep on processor 1, on its list. */
function asleep() {
  const state = inGuest();
  const { machine, vcpu } = state;
  const queue = at(machine.runQueues, 1);
  const task = at(machine.tasks, vcpu.task);
  Object.assign(task, { state: 1, onRunQueue: 0, onCpu: 0 });
  Object.assign(at(machine.processors, 1), { vcpu: -1, nonRoot: 0, thread: at(machine.tasks, queue.idle).thread });
  queue.current = queue.idle;
  at(machine.tasks, queue.idle).onCpu = 1;
  Object.assign(vcpu, { loaded: 0, mode: 0, mpState: 3, waiter: 1, wakeupList: 1 });
  at(machine.wakeupLists, 1).push(1);
  descriptorOf(machine, vcpu).nv = HostVector.postedInterruptWakeup;
  return state;
}

/** Virtual CPU 1 is a hypervisor in its guest, which is active, posts by 71H, and is the current one. */
function inL2() {
  const state = inGuest();
  const { machine, vcpu } = state;
  const l2 = createNestedGuest(machine, vcpu, { notificationVector: 0x71 }, vcpu.descriptorLine);
  const nested = at(machine.nested, 0);
  const vmcs02 = composeVmcs02(vcpu.vmcs, nested.vmcs12, {
    virtualApic: [0, 0],
    apicAccess: [0, 0],
    descriptor: nested.vmcs12.postedInterruptDescriptorAddress,
    msrBitmap: true,
  });
  Object.assign(l2, { vmcs: vmcs02, msrBitmap: nestedMsrBitmap(nested.vmcs12, nested.msrBitmap12) });
  Object.assign(at(machine.processors, 1), { vcpu: l2.id, thread: l2.thread });
  nested.postedIntrNv = 0x71;
  vcpu.guestMode = 1;
  return { ...state, ledger: ledgerOf(machine) };
}

/** The same, asleep: L2 is halted. */
function asleepInL2() {
  const state = asleep();
  const { machine, vcpu } = state;
  createNestedGuest(machine, vcpu, { notificationVector: 0x71 }, vcpu.descriptorLine);
  at(machine.nested, 0).postedIntrNv = 0x71;
  vcpu.guestMode = 1;
  return { ...state, ledger: ledgerOf(machine) };
}

const all = [...machineInvariants, ...ledgerInvariants];
const names = (state: { machine: SystemMachine; ledger: Ledger }, which = all): string[] =>
  brokenInvariants(state.machine, state.ledger, which).map((text) => text.slice(0, text.indexOf(':')));

describe('a sound state breaks nothing', () => {
  test.each([
    ['in the guest', inGuest],
    ['asleep', asleep],
  ])('%s', (_name, state) => {
    expect(brokenInvariants(state().machine, state().ledger)).toEqual([]);
    expect(names(state(), [...finalInvariants])).toEqual([]);
  });
});

type State = ReturnType<typeof inGuest>;
const post = ({ machine, ledger, vcpu }: State, vector: number): void => {
  setBit(descriptorOf(machine, vcpu).pir, vector);
  enter(ledger, Record.posted, 1, vector, machine);
};
const deliver = ({ machine, ledger, vcpu }: State, vector: number): void => {
  setBit(vcpu.page.isr, vector);
  vcpu.vmcs.guestInterruptStatus = vector << 8;
  vcpu.page.ppr = vector & 0xf0;
  enter(ledger, Record.delivered, 1, vector, machine);
};

/** ON of virtual CPU 1 is set by somebody. */
const announce = ({ machine, ledger, vcpu }: State, by: number): void => {
  descriptorOf(machine, vcpu).on = 1;
  enter(ledger, Record.announced, 1, by, machine);
};
/** Processor 0 sends a physical interrupt. */
const notifyFrom0 = ({ machine, ledger }: State, to: number, vector: number): void =>
  enter(ledger, Record.physicalIpi, to, vector, machine, 0);
/** Processor 0, in the host, has read the mode of virtual CPU 1. */
const readMode = ({ machine, ledger }: State, what: number): void => {
  at(machine.processors, 0).nonRoot = 0;
  enter(ledger, KvmRecord.modeRead, 1, what, machine, 0);
};
/** Somebody is on his way to notify virtual CPU 1. */
const inHostSender = ({ machine }: State): void => {
  const processor = at(machine.processors, 0);
  processor.nonRoot = 0;
  Object.assign(call(machine, processor, vmxDeliverPostedInterrupt), { target: 1, vector: 0x40, pid: 1 });
  const frames = at(machine.threads, processor.thread);
  at(frames, frames.length - 1).at += 3;
};

/** What a notification must not be, by what was wrong with it. */
const wrongNotifications: Readonly<Record<string, readonly [from: () => State, how: (state: State) => void]>> = {
  'although ON was set': [inGuest, (s) => notifyFrom0(s, 1, postedInterrupt)],
  'although SN is 1': [
    inGuest,
    (s) => {
      descriptorOf(s.machine, s.vcpu).sn = 1;
      announce(s, AnnouncedBy.iommu);
      notifyFrom0(s, 1, postedInterrupt);
    },
  ],
  'to another processor than NDST': [
    inGuest,
    (s) => {
      announce(s, AnnouncedBy.ipiVirtualization);
      notifyFrom0(s, 0, postedInterrupt);
    },
  ],
  'by another vector than NV': [
    asleep,
    (s) => {
      announce(s, AnnouncedBy.iommu);
      notifyFrom0(s, 1, postedInterrupt);
    },
  ],
  'by a vector that notifies nobody': [
    inGuest,
    (s) => {
      announce(s, AnnouncedBy.iommu);
      notifyFrom0(s, 1, 0x33);
    },
  ],
  never: [inGuest, (s) => announce(s, AnnouncedBy.ipiVirtualization)],
  twice: [
    inGuest,
    (s) => {
      announce(s, AnnouncedBy.iommu);
      notifyFrom0(s, 1, postedInterrupt);
      notifyFrom0(s, 1, postedInterrupt);
    },
  ],
  'although the target is not in guest mode': [
    inGuest,
    (s) => {
      announce(s, AnnouncedBy.software);
      readMode(s, postedInterrupt + 0x100);
      notifyFrom0(s, 1, postedInterrupt);
    },
  ],
  'before the mode was read': [
    inGuest,
    (s) => {
      at(s.machine.processors, 0).nonRoot = 0;
      announce(s, AnnouncedBy.software);
      notifyFrom0(s, 1, postedInterrupt);
    },
  ],
  'by software to another processor': [
    inGuest,
    (s) => {
      announce(s, AnnouncedBy.software);
      readMode(s, postedInterrupt);
      notifyFrom0(s, 0, postedInterrupt);
    },
  ],
  'never, by software that found it in guest mode': [
    inGuest,
    (s) => {
      announce(s, AnnouncedBy.software);
      readMode(s, postedInterrupt);
    },
  ],
  'of L2, by the vector for L1': [
    inL2,
    (s) => {
      enter(s.ledger, KvmRecord.nestedNotification, 1, 0x71, s.machine);
      readMode(s, postedInterruptNested);
      notifyFrom0(s, 1, postedInterrupt);
    },
  ],
  'to wake nobody': [inGuest, (s) => notifyFrom0(s, 0, postedInterruptWakeup)],
  'to wake who has nothing posted': [
    asleep,
    ({ machine, ledger }) => enter(ledger, Record.physicalIpi, 1, postedInterruptWakeup, machine, 1),
  ],
};

/** What it may be. */
const rightNotifications: Readonly<Record<string, readonly [from: () => State, how: (state: State) => void]>> = {
  'by NV to NDST, of who sleeps': [
    asleep,
    (s) => {
      announce(s, AnnouncedBy.iommu);
      notifyFrom0(s, 1, postedInterruptWakeup);
    },
  ],
  'in spite of SN, if urgent': [
    inGuest,
    (s) => {
      descriptorOf(s.machine, s.vcpu).sn = 1;
      announce(s, AnnouncedBy.urgentIommu);
      notifyFrom0(s, 1, postedInterrupt);
    },
  ],
  'where NDST was when ON was set': [
    inGuest,
    (s) => {
      announce(s, AnnouncedBy.ipiVirtualization);
      descriptorOf(s.machine, s.vcpu).ndst = 0;
      notifyFrom0(s, 1, postedInterrupt);
    },
  ],
  'by who goes to sleep and finds ON set': [
    asleep,
    (s) => {
      announce(s, AnnouncedBy.iommu);
      notifyFrom0(s, 1, postedInterruptWakeup);
      enter(s.ledger, Record.physicalIpi, 1, postedInterruptWakeup, s.machine, 1);
    },
  ],
  'not sent, by who is not in guest mode': [
    inGuest,
    (s) => {
      announce(s, AnnouncedBy.software);
      readMode(s, postedInterrupt + 0x100);
    },
  ],
  'still to be sent': [
    inGuest,
    (s) => {
      announce(s, AnnouncedBy.software);
      inHostSender(s);
      readMode(s, postedInterrupt);
    },
  ],
  'not sent to itself by a fastpath': [
    inGuest,
    ({ machine, ledger, ...s }) => {
      announce({ machine, ledger, ...s }, AnnouncedBy.software);
      at(machine.processors, 1).nonRoot = 0;
      enter(ledger, KvmRecord.modeRead, 1, postedInterrupt, machine, 1);
    },
  ],
};

// The smallest state that breaks each invariant, made by hand.
const breaks: readonly [id: string, from: () => State, how: (state: State) => void][] = [
  ['INV7-announced', inGuest, (s) => post(s, 0x40)],
  [
    'INV12-wake-vector',
    asleep,
    ({ machine, vcpu }) => {
      descriptorOf(machine, vcpu).nv = HostVector.postedInterrupt;
    },
  ],
  [
    'INV12-wake-vector',
    inGuest,
    ({ machine, vcpu }) => {
      descriptorOf(machine, vcpu).nv = HostVector.postedInterruptWakeup;
    },
  ],
  [
    'INV7-loaded-here',
    inGuest,
    ({ machine, vcpu }) => {
      descriptorOf(machine, vcpu).ndst = 0;
    },
  ],
  [
    'INV7-suppressed',
    asleep,
    ({ machine, vcpu }) => {
      at(machine.wakeupLists, 1).length = 0;
      vcpu.wakeupList = -1;
      descriptorOf(machine, vcpu).nv = HostVector.postedInterrupt;
    },
  ],
  [
    'INV11-on-one-list',
    asleep,
    ({ machine }) => {
      at(machine.wakeupLists, 1).push(1);
    },
  ],
  [
    'INV3-interrupt-status',
    inGuest,
    (s) => {
      deliver(s, 0x43);
      s.vcpu.vmcs.guestInterruptStatus = 0;
    },
  ],
  [
    'INV3-processor-priority',
    inGuest,
    (s) => {
      s.vcpu.page.tpr = 0x50;
    },
  ],
  [
    'INV12-irr-pending',
    inGuest,
    (s) => {
      s.vcpu.irrPending = 0;
    },
  ],
  [
    'INV13-access-controls',
    inGuest,
    ({ vcpu }) => {
      vcpu.msrBitmap.write[0] = 0;
    },
  ],
  [
    'INV12-inhibit-followed',
    inGuest,
    ({ machine }) => {
      at(machine.vms, 0).apicvInhibits = 1;
    },
  ],
  [
    'INV2-being-woken',
    asleep,
    (s) => {
      post(s, 0x40);
      descriptorOf(s.machine, s.vcpu).on = 1;
    },
  ],
  [
    'INV11-one-place',
    inGuest,
    ({ machine }) => {
      at(machine.processors, 0).vcpu = 1;
    },
  ],
  [
    'INV12-marks',
    asleep,
    ({ vcpu }) => {
      vcpu.mode = 1;
    },
  ],
  [
    'INV8-interrupts-on',
    inGuest,
    ({ machine, vcpu }) => {
      const thread = at(machine.tasks, vcpu.task).thread;
      callOn(at(machine.threads, thread), vcpuRun);
      Object.assign(at(machine.processors, 1), { nonRoot: 0, thread, masked: 1 });
    },
  ],
  ['INV4-nothing-spurious', inGuest, ({ machine, ledger }) => enter(ledger, TestRecord.unexpected, 1, 0, machine)],
  [
    'INV1-nothing-lost',
    inGuest,
    (s) => {
      post(s, 0x40);
      descriptorOf(s.machine, s.vcpu).pir[2] = 0;
    },
  ],
  [
    'INV4-nothing-made-up',
    inGuest,
    ({ vcpu }) => {
      setBit(vcpu.page.irr, 0x40);
    },
  ],
  ['INV4-nothing-spurious', inGuest, (s) => deliver(s, 0x40)],
  [
    'INV4-nothing-spurious',
    inGuest,
    (s) => {
      s.ledger.intents = 1;
      enter(s.ledger, TestRecord.intended, 1, 0x40, s.machine);
      post(s, 0x40);
      post(s, 0x40);
    },
  ],
  [
    'INV3-priority-order',
    inGuest,
    (s) => {
      s.vcpu.page.tpr = 0x40;
      post(s, 0x4f);
      descriptorOf(s.machine, s.vcpu).pir[2] = 0;
      deliver(s, 0x4f);
    },
  ],
  [
    'INV5-one-eoi-each',
    inGuest,
    (s) => {
      setBit(s.vcpu.page.isr, 0x43);
    },
  ],
  [
    'INV4-no-exit-for-notification',
    inL2,
    (s) => {
      post(s, 0x71);
      enter(s.ledger, KvmRecord.nestedAcknowledge, 1, 0x71, s.machine);
    },
  ],
  ['INV7-notified-exactly', inGuest, (s) => notifyFrom0(s, 1, postedInterrupt)],
  [
    'INV3-interrupt-status',
    inL2,
    ({ machine }) => {
      setBit(at(machine.vcpus, 2).page.irr, 0x41);
    },
  ],
  [
    'INV13-access-controls',
    inL2,
    ({ machine }) => {
      at(machine.vcpus, 2).msrBitmap.write[1] = 0;
    },
  ],
  [
    'INV14-nmis-behind',
    inGuest,
    ({ vcpu }) => {
      Object.assign(vcpu, { interruptibility: 8, nmiPending: 2 });
    },
  ],
  [
    'INV14-nmis-behind',
    asleep,
    ({ vcpu }) => {
      Object.assign(vcpu, { mpState: 2, injected: 0x8000_0202 });
    },
  ],
  ...[
    { isRunning: 0, hostApicId: 1 },
    { isRunning: 1, hostApicId: 0 },
  ].map((entry): (typeof breaks)[number] => [
    'INV12-avic-entry',
    inGuest,
    ({ machine, vcpu }) => {
      vcpu.svm = 1;
      at(machine.avicTables, 0).physical = [entry, entry].map((each) => ({ ...each, valid: 1, backingPage: 1 }));
    },
  ]),
  [
    'INV12-avic-entry',
    asleep,
    ({ machine, vcpu }) => {
      vcpu.svm = 1;
      const entry = { isRunning: 1, hostApicId: 1, valid: 1, backingPage: 1 };
      at(machine.avicTables, 0).physical = [entry, { ...entry }];
    },
  ],
  ['INV1-nmi-kept', inGuest, ({ machine, ledger }) => enter(ledger, KvmRecord.acceptIrq, 1, 0x4400, machine)],
  ['INV14-nmi-once', inGuest, ({ machine, ledger }) => enter(ledger, Record.delivered, 1, 2, machine)],
  [
    'INV14-nmi-once',
    inGuest,
    ({ machine, ledger, vcpu }) => {
      ledger.intents = 1;
      enter(ledger, KvmRecord.acceptIrq, 1, 0x4400, machine);
      vcpu.nmiQueued = 1;
      enter(ledger, KvmRecord.acceptIrq, 1, 0x4400, machine);
      enter(ledger, Record.delivered, 1, 2, machine);
      enter(ledger, Record.delivered, 1, 2, machine);
    },
  ],
  [
    'INV14-entered-first',
    inL2,
    ({ machine, ledger }) => {
      enter(ledger, KvmRecord.nestedVmenter, 1, 0, machine);
      vcpuOf(machine, 1).guestMode = 0;
    },
  ],
  [
    'INV2-being-woken',
    asleepInL2,
    ({ machine }) => {
      const l2 = at(machine.vcpus, 2);
      setBit(l2.page.irr, 0x41);
    },
  ],
  [
    'INV2-being-woken',
    asleepInL2,
    ({ machine, ledger }) => {
      Object.assign(descriptorOf(machine, at(machine.vcpus, 2)), { on: 1, pir: [0, 0, 2, 0, 0, 0, 0, 0] });
      at(machine.nested, 0).piPending = 1;
      enter(ledger, Record.posted, 2, 0x41, machine);
    },
  ],
];

describe('a notification is sent', () => {
  test.each(Object.entries(wrongNotifications))('wrongly: %s', (_how, [from, how]) => {
    const state = from();
    how(state);
    expect(names(state)).toContain('INV7-notified-exactly');
  });

  test.each(Object.entries(rightNotifications))('rightly: %s', (_how, [from, how]) => {
    const state = from();
    how(state);
    expect(names(state)).not.toContain('INV7-notified-exactly');
  });
});

test.each([inL2, asleepInL2])('none is broken while a guest of a guest is active: %o', (from) => {
  expect(names(from())).toEqual([]);
});

describe('each is broken by its smallest example', () => {
  test.each(breaks)('%s', (id, from, how) => {
    const state = from();
    how(state);
    expect(names(state)).toContain(id);
  });

  test('and every one of them is tried', () => {
    expect(new Set(breaks.map(([id]) => id))).toEqual(new Set(all.map(({ id }) => id)));
  });

  test('INV2-nobody-sleeps-on and INV1-everything-delivered', () => {
    const sleeping = asleep();
    post(sleeping, 0x40);
    expect(names(sleeping, [...finalInvariants])).toEqual(['INV2-nobody-sleeps-on', 'INV1-everything-delivered']);
    const startedLate = inGuest();
    startedLate.ledger.vcpus[1] = { ...at(startedLate.ledger.vcpus, 1), started: 1 };
    startedLate.vcpu.mpState = 2;
    expect(names(startedLate, [...finalInvariants])).toEqual(['INV14-start-up-latched']);
    const running = inGuest();
    at(running.ledger.vcpus, 1).intended.push(0x40);
    expect(names(running, [...finalInvariants])).toEqual(['INV1-everything-delivered']);
  });
});

test('a poster between its PIR step and its ON step may leave ON clear for a moment', () => {
  const state = inGuest();
  post(state, 0x40);
  at(state.machine.processors, 0).nonRoot = 0;
  const thread = call(state.machine, at(state.machine.processors, 0), vmxDeliverPostedInterrupt);
  Object.assign(thread, { target: 1, vector: 0x40, pid: 1 });
  expect(names(state)).toEqual(['INV7-announced']);
  const frames = at(state.machine.threads, at(state.machine.processors, 0).thread);
  at(frames, frames.length - 1).at++;
  expect(names(state)).toEqual([]);
});
