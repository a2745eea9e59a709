import { InternalError } from '../../engine/errors.js';
import { ApicvInhibit } from '../../kvm/apicv.js';
import {
  attachedDevice,
  configuration,
  guestSender,
  hostTask,
  offline,
  oneVector,
  polls,
  secondTarget,
  shows,
  softwareSender,
  target,
  timerVectorSet,
  twoVectors,
  withApicv,
  withIpiVirtualization,
  withoutApicv,
} from './configure.js';
import type { Model, ModelConfiguration } from './model.js';
import type { ModelWorld } from './model-machine.js';
import { nested } from './nested.js';
import {
  armTimer,
  attach,
  detach,
  deviceVector,
  disableApic,
  exitThenSpin,
  exitWithoutInterrupts,
  halt,
  haltWithoutInterrupts,
  inhibitor,
  sendIpis,
  spin,
  startOther,
} from './programs.js';

/** Another task may become ready on processor 0 once. */
const onePreemption: Partial<ModelWorld> = { preemptions: 1, others: [0, -1, -1] };

const entry: Model = {
  name: 'entry',
  title: 'A notification against a VM entry',
  about:
    'The target exits once and enters again while something is posted to it. Either the entry finds it, or the notification reaches the guest.',
  configurations: [
    configuration(
      'software',
      'a sender in the host, one vector',
      { processors: 2, vcpus: 1, features: withApicv },
      target(exitThenSpin),
      softwareSender(1, oneVector),
    ),
    configuration(
      'software-two-vectors',
      'a sender in the host, two vectors',
      { processors: 2, vcpus: 1, features: withApicv },
      target(exitThenSpin),
      softwareSender(1, twoVectors),
    ),
    configuration(
      'software-store-buffers',
      'the same with one vector, where plain stores are delayed',
      { processors: 2, vcpus: 1, features: withApicv, storeBuffers: true },
      target(exitThenSpin),
      softwareSender(1, oneVector),
    ),
    configuration(
      'ipi-virtualization',
      'a sibling by IPI virtualization, two vectors',
      { processors: 2, vcpus: 2, features: withIpiVirtualization },
      target(exitThenSpin),
      guestSender(1, twoVectors),
    ),
    configuration(
      'icr-fastpath',
      'a sibling whose write of ICR exits, two vectors',
      { processors: 2, vcpus: 2, features: withApicv },
      target(exitThenSpin),
      guestSender(1, twoVectors),
    ),
    configuration(
      'icr-exit',
      'the same without the fastpath',
      { processors: 2, vcpus: 2, features: { ...withApicv, icrFastpath: false } },
      target(exitThenSpin),
      guestSender(1, oneVector),
    ),
    configuration(
      'interrupts-disabled',
      'the target exits twice with interrupts disabled; a sender in the host, two vectors',
      { processors: 2, vcpus: 1, features: withApicv },
      target(exitWithoutInterrupts),
      softwareSender(1, twoVectors),
    ),
    configuration(
      'self',
      'the target sends itself an IPI by a write of ICR that exits',
      { processors: 1, vcpus: 1, features: withApicv },
      target(sendIpis, { first: 0x41 }),
    ),
    configuration(
      'device',
      'two interrupts that the IOMMU posts',
      { processors: 1, vcpus: 1, features: withApicv },
      target(exitThenSpin),
      attachedDevice(deviceVector, 0x71),
    ),
  ],
};

const block: Model = {
  name: 'block',
  title: 'A post against a halt',
  about:
    'The target halts again and again while something is posted to it. It must not sleep on: the sender wakes it, or the wakeup vector does, or it sees the post when it looks the last time.',
  configurations: [
    configuration(
      'software',
      'a sender in the host, no other: the put leaves the descriptor alone',
      { processors: 2, vcpus: 1, features: withApicv },
      target(halt),
      softwareSender(1, twoVectors),
    ),
    configuration(
      'software-store-buffers',
      'the same with one vector, where plain stores are delayed',
      { processors: 2, vcpus: 1, features: withApicv, storeBuffers: true },
      target(halt),
      softwareSender(1, oneVector),
    ),
    configuration(
      'wait-queue',
      'a sender in the host, in a kernel whose virtual CPUs sleep on a wait queue with a lock',
      { processors: 2, vcpus: 1, features: withApicv, kernel: '5.4' },
      target(halt),
      softwareSender(1, twoVectors),
    ),
    configuration(
      'interrupt-handler',
      'an interrupt handler of the host on the target\u2019s processor',
      { processors: 1, vcpus: 1, features: withApicv, world: { deviceInterrupts: [deviceVector] } },
      target(halt),
    ),
    configuration(
      'ipi-virtualization',
      'a sibling by IPI virtualization, two vectors',
      { processors: 2, vcpus: 2, features: withIpiVirtualization },
      target(halt),
      guestSender(1, twoVectors),
    ),
    configuration(
      'icr-fastpath',
      'a sibling whose write of ICR exits',
      { processors: 2, vcpus: 2, features: withApicv },
      target(halt),
      guestSender(1, oneVector),
    ),
    configuration(
      'device',
      'two interrupts that the IOMMU posts',
      { processors: 1, vcpus: 1, features: withApicv },
      target(halt),
      attachedDevice(deviceVector, 0x71),
    ),
    configuration(
      'device-block-hooks',
      'the same in a kernel that changes the descriptor before the virtual CPU blocks, and not when it is switched out',
      { processors: 1, vcpus: 1, features: withApicv, kernel: '5.4' },
      target(halt),
      attachedDevice(deviceVector, 0x71),
    ),
    configuration(
      'interrupts-disabled',
      'the target halts with interrupts disabled, and the IOMMU posts',
      { processors: 1, vcpus: 1, features: withApicv },
      target(haltWithoutInterrupts),
      attachedDevice(deviceVector),
    ),
  ],
};

const wakeList: Model = {
  name: 'wake-list',
  title: 'Two who sleep on one processor',
  about:
    'Two virtual CPUs halt on one processor, and the IOMMU posts to both. Their wakeup vectors may become one; each of them must wake.',
  configurations: [
    configuration(
      'device',
      'an interrupt for each',
      { processors: 1, vcpus: 2, pinning: [0, 0], features: withApicv },
      target(halt),
      secondTarget(halt),
      attachedDevice(deviceVector, deviceVector + 0x100),
    ),
  ],
};

const preempt: Model = {
  name: 'preempt',
  title: 'A post against a preemption',
  about:
    'As the model "block"; once another task becomes ready on the target\u2019s processor. What is posted while the target waits there is announced when it is loaded.',
  configurations: [
    configuration(
      'ipi-virtualization',
      'a sibling by IPI virtualization',
      { processors: 2, vcpus: 2, features: withIpiVirtualization, world: onePreemption },
      target(halt),
      guestSender(1, oneVector),
    ),
    configuration(
      'ipi-virtualization-running',
      'the same, the target does not halt',
      { processors: 2, vcpus: 2, features: withIpiVirtualization, world: onePreemption },
      target(spin),
      guestSender(1, oneVector),
    ),
    configuration(
      'device',
      'an interrupt that the IOMMU posts',
      { processors: 1, vcpus: 1, features: withApicv, world: onePreemption },
      target(halt),
      attachedDevice(deviceVector),
    ),
    configuration(
      'device-block-hooks',
      'the same in a preemptible kernel that changes the descriptor before the virtual CPU blocks',
      { processors: 1, vcpus: 1, features: withApicv, kernel: '5.4', world: { ...onePreemption, preemptible: 1 } },
      target(halt),
      attachedDevice(deviceVector),
    ),
    shows(
      'FIND-02',
      configuration(
        'device-block-hooks-suppressed',
        'the same in one that takes who was about to sleep for preempted',
        { processors: 1, vcpus: 1, features: withApicv, kernel: '5.15', world: { ...onePreemption, preemptible: 1 } },
        target(halt),
        attachedDevice(deviceVector),
      ),
    ),
    configuration(
      'device-preemptible',
      'the same in a preemptible kernel',
      { processors: 1, vcpus: 1, features: withApicv, world: { ...onePreemption, preemptible: 1 } },
      target(halt),
      attachedDevice(deviceVector),
    ),
    configuration(
      'software',
      'a sender in the host, preemptible kernel',
      { processors: 2, vcpus: 1, features: withApicv, world: { ...onePreemption, preemptible: 1 } },
      target(halt),
      softwareSender(1, oneVector),
    ),
  ],
};

const migrate: Model = {
  name: 'migrate',
  title: 'A post against a migration',
  about:
    'The target goes from one processor to another: told so while it sleeps, or taken from the queue of the one by the other.',
  configurations: [
    configuration(
      'device',
      'an interrupt that the IOMMU posts to a target that halts',
      { processors: 2, vcpus: 1, features: withApicv, floatOn: [0, 1], world: { migrations: 1 } },
      target(halt),
      attachedDevice(deviceVector),
    ),
    configuration(
      'device-preempted',
      'an interrupt that the IOMMU posts to one that runs and is preempted',
      { processors: 2, vcpus: 1, features: withApicv, floatOn: [0, 1], world: { ...onePreemption, migrations: 1 } },
      target(spin),
      attachedDevice(deviceVector),
    ),
    configuration(
      'software',
      'a sender in the host, on a third processor, and a target that halts',
      { processors: 3, vcpus: 1, features: withApicv, floatOn: [0, 1], world: { migrations: 1 } },
      target(halt),
      softwareSender(2, oneVector),
    ),
  ],
};

const twoSenders: Model = {
  name: 'two-senders',
  title: 'Two senders at once',
  about:
    'One sender in the host and one that posts without it. A vector of both is merged or delivered twice, never lost.',
  configurations: [
    configuration(
      'same-vector',
      'software and the IOMMU, the same vector',
      { processors: 2, vcpus: 1, features: withApicv },
      target(halt),
      attachedDevice(0x41),
      softwareSender(1, oneVector),
    ),
    configuration(
      'two-vectors',
      'software and the IOMMU, two vectors',
      { processors: 2, vcpus: 1, features: withApicv },
      target(halt),
      attachedDevice(deviceVector),
      softwareSender(1, oneVector),
    ),
    configuration(
      'ipi-virtualization',
      'a sibling by IPI virtualization and software, the target runs',
      { processors: 3, vcpus: 2, features: withIpiVirtualization },
      target(exitThenSpin),
      guestSender(1, oneVector),
      softwareSender(2, [0x71, 0]),
    ),
    configuration(
      'ipi-virtualization-same-vector',
      'the same with one vector',
      { processors: 3, vcpus: 2, features: withIpiVirtualization },
      target(exitThenSpin),
      guestSender(1, oneVector),
      softwareSender(2, oneVector),
    ),
  ],
};

const haltPoll: Model = {
  name: 'halt-poll',
  title: 'Halt polling against a wake-up',
  about: 'The target polls before it sleeps. A post ends the poll, or it comes too late for it and wakes.',
  configurations: [
    configuration(
      'software',
      'a sender in the host',
      { processors: 2, vcpus: 1, features: withApicv, haltPollNs: 200_000 },
      polls,
      target(halt),
      softwareSender(1, oneVector),
    ),
    configuration(
      'ipi-virtualization',
      'a sibling by IPI virtualization',
      { processors: 2, vcpus: 2, features: withIpiVirtualization, haltPollNs: 200_000 },
      polls,
      target(halt),
      guestSender(1, oneVector),
    ),
  ],
};

const inhibit: Model = {
  name: 'inhibit',
  title: 'An APICv inhibit against posting',
  about:
    'A reason against APICv comes, and goes again. What was posted under one way of delivery is delivered under the other.',
  configurations: [
    configuration(
      'software',
      'a sender in the host; the reason stays',
      { processors: 3, vcpus: 1, features: withApicv },
      target(spin),
      hostTask(1, inhibitor, { mask: ApicvInhibit.blockIrq }),
      softwareSender(2, oneVector),
    ),
    configuration(
      'software-and-back',
      'a sender in the host; the reason goes again',
      { processors: 3, vcpus: 1, features: withApicv },
      target(spin),
      hostTask(1, inhibitor, { mask: ApicvInhibit.blockIrq, clear: 1 }),
      softwareSender(2, oneVector),
    ),
    configuration(
      'device',
      'an interrupt that the IOMMU posts; the reason stays',
      { processors: 2, vcpus: 1, features: withApicv },
      target(spin),
      hostTask(1, inhibitor, { mask: ApicvInhibit.blockIrq }),
      attachedDevice(deviceVector),
    ),
    configuration(
      'device-and-back',
      'two interrupts that the IOMMU posts; the reason goes again',
      { processors: 2, vcpus: 1, features: withApicv },
      target(spin),
      hostTask(1, inhibitor, { mask: ApicvInhibit.blockIrq, clear: 1 }),
      attachedDevice(deviceVector, 0x71),
    ),
    configuration(
      'ipi-virtualization',
      'a sibling by IPI virtualization; the reason stays',
      { processors: 3, vcpus: 2, features: withIpiVirtualization },
      target(spin),
      hostTask(2, inhibitor, { mask: ApicvInhibit.blockIrq }),
      guestSender(1, oneVector),
    ),
    configuration(
      'halted-device',
      'an interrupt that the IOMMU posts to a halted target',
      { processors: 2, vcpus: 1, features: withApicv },
      target(halt),
      hostTask(1, inhibitor, { mask: ApicvInhibit.blockIrq }),
      attachedDevice(deviceVector),
    ),
  ],
};

const device: Model = {
  name: 'attach',
  title: 'A device that is attached while its target sleeps',
  about:
    'Until a device is attached its interrupt goes to the host; from then on the IOMMU posts it. A target that went to sleep before must be woken to go to sleep again with its wakeup vector.',
  configurations: [
    configuration(
      'attach',
      'the device is attached',
      { processors: 2, vcpus: 1, features: withApicv, world: { deviceInterrupts: [deviceVector] } },
      target(halt),
      hostTask(1, attach),
    ),
    configuration(
      'interrupts-disabled',
      'the device is attached while the target halts with interrupts disabled; a sender in the host',
      { processors: 3, vcpus: 1, features: withApicv },
      target(haltWithoutInterrupts),
      hostTask(1, attach),
      softwareSender(2, oneVector),
    ),
    configuration(
      'detach-while-asleep',
      'a device that raises no interrupt is attached and detached, then a sender of the host wakes',
      { processors: 2, vcpus: 1, features: withApicv },
      target(halt),
      attachedDevice(),
      hostTask(1, detach, { vector: 0x41 }),
    ),
    configuration(
      'detach-while-preempted',
      'a device that raises no interrupt is detached, and another task becomes ready',
      { processors: 2, vcpus: 1, features: withApicv, world: onePreemption },
      target(spin),
      attachedDevice(),
      hostTask(1, detach),
    ),
  ],
};

const detached: Model = {
  name: 'detach',
  title: 'A device that is detached while its target goes to sleep',
  about:
    'The last device is detached between the target\u2019s last look and its put. What it posted before must still wake the target.',
  configurations: [
    shows(
      'FIND-01',
      configuration(
        'device',
        'an interrupt that the IOMMU posts, then the device is detached',
        { processors: 2, vcpus: 1, features: withApicv },
        target(halt),
        attachedDevice(deviceVector),
        hostTask(1, detach),
      ),
    ),
    configuration(
      'device-ipi-virtualization',
      'the same on a processor with IPI virtualization',
      { processors: 2, vcpus: 1, features: withIpiVirtualization },
      target(halt),
      attachedDevice(deviceVector),
      hostTask(1, detach),
    ),
  ],
};

const timer: Model = {
  name: 'timer',
  title: 'The guest\u2019s timer against an entry and a halt',
  about:
    'The target sets its TSC deadline, then halts or runs on. Whatever stands for the timer, and whenever it expires, the interrupt is made once.',
  configurations: [
    configuration(
      'preemption-timer',
      'the VMX-preemption timer, the target runs on',
      { processors: 1, vcpus: 1, features: withApicv },
      timerVectorSet,
      target(armTimer),
    ),
    configuration(
      'preemption-timer-halt',
      'the VMX-preemption timer, the target halts',
      { processors: 1, vcpus: 1, features: withApicv },
      timerVectorSet,
      target(armTimer, { halts: 1 }),
    ),
    configuration(
      'halt-migrate',
      'the target halts and is to wake on another processor: the host\u2019s timer expires where it was',
      { processors: 2, vcpus: 1, features: withApicv, floatOn: [0, 1], world: { migrations: 1 } },
      timerVectorSet,
      target(armTimer, { halts: 1 }),
    ),
    configuration(
      'without-apicv-halt',
      'the target halts, without APICv',
      { processors: 1, vcpus: 1, features: withoutApicv },
      timerVectorSet,
      target(armTimer, { halts: 1 }),
    ),
  ],
};

const kick: Model = {
  name: 'kick',
  title: 'A kick against an entry, without APICv',
  about:
    'The request is noted in IRR, and the target is kicked: out of its guest, out of its sleep, or off its way in.',
  configurations: [
    configuration(
      'software',
      'a sender in the host, two vectors',
      { processors: 2, vcpus: 1, features: withoutApicv },
      target(exitThenSpin),
      softwareSender(1, twoVectors),
    ),
    configuration(
      'software-store-buffers',
      'one vector, where plain stores are delayed',
      { processors: 2, vcpus: 1, features: withoutApicv, storeBuffers: true },
      target(exitThenSpin),
      softwareSender(1, oneVector),
    ),
    configuration(
      'halt',
      'the target halts, two vectors',
      { processors: 2, vcpus: 1, features: withoutApicv },
      target(halt),
      softwareSender(1, twoVectors),
    ),
    configuration(
      'interrupt-handler',
      'an interrupt handler of the host on the target\u2019s processor',
      { processors: 1, vcpus: 1, features: withoutApicv, world: { deviceInterrupts: [deviceVector] } },
      target(halt),
    ),
    configuration(
      'icr-fastpath',
      'a sibling whose write of ICR exits',
      { processors: 2, vcpus: 2, features: withoutApicv },
      target(halt),
      guestSender(1, oneVector),
    ),
  ],
};

const disable: Model = {
  name: 'disable',
  title: 'A local APIC disabled by software while something is on its way',
  about:
    'The guest clears the enable bit of SVR. What was accepted before is still delivered; what comes later is refused.',
  configurations: [
    configuration(
      'apicv',
      'a sender in the host; enabled again',
      { processors: 2, vcpus: 1, features: withApicv },
      target(disableApic, { again: 1 }),
      softwareSender(1, twoVectors),
    ),
    configuration(
      'without-apicv',
      'the same without APICv; it stays disabled',
      { processors: 2, vcpus: 1, features: withoutApicv },
      target(disableApic),
      softwareSender(1, oneVector),
    ),
  ],
};

const startUp: Model = {
  name: 'start-up',
  title: 'INIT and SIPI against a virtual CPU that sleeps',
  about: 'The first virtual CPU starts the second. However late that one looks, it starts.',
  configurations: [
    configuration(
      'ipi-virtualization',
      'with IPI virtualization, which leaves INIT and SIPI to KVM',
      { processors: 2, vcpus: 2, features: withIpiVirtualization },
      target(startOther),
      offline(spin),
    ),
    configuration(
      'without-apicv',
      'without APICv',
      { processors: 2, vcpus: 2, features: withoutApicv },
      target(startOther),
      offline(spin),
    ),
  ],
};

const amd = { profile: 'epyc', features: { avic: true } } as const;

const avic: Model = {
  name: 'avic',
  title: 'AVIC: IPIs and deliveries against a block, an entry and an inhibit',
  about:
    'An AMD host: hardware sets IRR of the target and rings the processor that runs it, or exits at the sender. KVM says who runs where, and wakes.',
  configurations: [
    configuration(
      'ipi-halt',
      'a sibling sends by AVIC, the target halts',
      { processors: 2, vcpus: 2, ...amd },
      target(halt),
      guestSender(1, oneVector),
    ),
    configuration(
      'ipi-exit',
      'a sibling sends by AVIC two vectors, the target exits once',
      { processors: 2, vcpus: 2, ...amd },
      target(exitThenSpin),
      guestSender(1, twoVectors),
    ),
    configuration(
      'software-halt',
      'a sender in the host, the target halts',
      { processors: 2, vcpus: 1, ...amd },
      target(halt),
      softwareSender(1, oneVector),
    ),
    configuration(
      'ipi-inhibit',
      'a sibling sends by AVIC while a reason against it comes',
      { processors: 3, vcpus: 2, ...amd },
      target(spin),
      guestSender(1, oneVector),
      hostTask(2, inhibitor, { mask: ApicvInhibit.blockIrq }),
    ),
    configuration(
      'software-inhibit',
      'a sender in the host while a reason against AVIC comes; plain stores are delayed',
      { processors: 3, vcpus: 1, ...amd, storeBuffers: true },
      target(spin),
      softwareSender(1, oneVector),
      hostTask(2, inhibitor, { mask: ApicvInhibit.blockIrq }),
    ),
  ],
};

/** The models that are shipped. */
export const models: readonly Model[] = [
  entry,
  block,
  wakeList,
  preempt,
  migrate,
  twoSenders,
  haltPoll,
  inhibit,
  device,
  detached,
  timer,
  kick,
  disable,
  startUp,
  avic,
  nested,
];

/** A configuration by the names of its model and its own. Throws an {@link InternalError} if there is none. */
export function findConfiguration(model: string, name: string): ModelConfiguration {
  const found = models.find((each) => each.name === model)?.configurations.find((each) => each.name === name);
  if (found === undefined) throw new InternalError(`${model}/${name}`, 'there is no such configuration');
  return found;
}
