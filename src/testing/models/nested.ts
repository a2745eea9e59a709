import { setBit } from '../../arch/bits256.js';
import { ApicvInhibit } from '../../kvm/apicv.js';
import {
  configuration,
  hostTask,
  inhibited,
  l2,
  l2Poster,
  lateSender,
  looksWhenNotified,
  nmiSender,
  oneVector,
  type Part,
  shows,
  softwareSender,
  twoVectors,
  vectorOfL1,
  withApicv,
  withIpiVirtualization,
  withoutApicv,
} from './configure.js';
import type { Model } from './model.js';
import { endInterruptOfL1, exitToL0 } from './nested-programs.js';
import { exitThenSpin, halt, haltWithoutInterrupts, inhibitor, spin } from './programs.js';

/** L1 has a vector in service. */
const inService: Part = ({ vcpus: [vcpu] }) => {
  if (vcpu === undefined) return;
  setBit(vcpu.page.isr, vectorOfL1);
  vcpu.page.ppr = vectorOfL1 & 0xf0;
  vcpu.vmcs.guestInterruptStatus = vectorOfL1 << 8;
};

const toL1 = [vectorOfL1, 0] as const;

/** A hypervisor in a guest, and what is posted to its guest and to itself. */
export const nested: Model = {
  name: 'nested',
  title: 'A guest hypervisor\u2019s posts against entries and exits of its guest',
  about:
    'The target is a hypervisor (L1) with a guest (L2). A sibling of L1\u2019s posts to L2 and sends L1\u2019s notification vector; others interrupt L1. What is for L2 comes to L2 without an exit to L1; what is for L1 makes L2 exit.',
  configurations: [
    configuration(
      'software',
      'a sibling posts, its notification exits; L2 runs on',
      { processors: 2, vcpus: 2, features: withApicv },
      l2(spin),
      l2Poster(1, oneVector),
    ),
    configuration(
      'exit-to-l0',
      'the same, L2 exits once for what KVM handles alone',
      { processors: 2, vcpus: 2, features: withApicv },
      l2(exitToL0),
      l2Poster(1, oneVector),
    ),
    configuration(
      'exit-to-l1',
      'the same, L2 exits once to L1',
      { processors: 2, vcpus: 2, features: withApicv },
      l2(exitThenSpin),
      l2Poster(1, oneVector),
    ),
    configuration(
      'exit-to-l0-store-buffers',
      'L2 exits once to KVM, where plain stores are delayed',
      { processors: 2, vcpus: 2, features: withApicv, storeBuffers: true },
      l2(exitToL0),
      l2Poster(1, oneVector),
    ),
    configuration(
      'ipi-virtualization',
      'the notification is an IPI that hardware posts to L1; L2 runs on',
      { processors: 2, vcpus: 2, features: withIpiVirtualization },
      l2(spin),
      l2Poster(1, oneVector),
    ),
    configuration(
      'without-apicv',
      'L1 has no APICv, so its notification vector goes through IRR',
      { processors: 2, vcpus: 2, features: withoutApicv },
      l2(spin),
      l2Poster(1, oneVector),
    ),
    configuration(
      'halt',
      'L2 halts again and again',
      { processors: 2, vcpus: 2, features: withApicv },
      l2(halt),
      l2Poster(1, oneVector),
    ),
    configuration(
      'two-vectors',
      'two vectors one after the other, L2 runs on',
      { processors: 2, vcpus: 2, features: withApicv },
      l2(spin),
      l2Poster(1, twoVectors),
    ),
    configuration(
      'halt-ipi-virtualization',
      'the same, the notification is posted by hardware; one vector',
      { processors: 2, vcpus: 2, features: withIpiVirtualization },
      l2(halt),
      l2Poster(1, oneVector),
    ),
    configuration(
      'halted-entry',
      'L1 enters L2 in HLT state',
      { processors: 2, vcpus: 2, features: withApicv },
      l2(spin, {}, 1),
      l2Poster(1, oneVector),
    ),
    configuration(
      'interrupt-for-l1',
      'a sender in the host interrupts L1; L2 runs on',
      { processors: 2, vcpus: 1, features: withApicv },
      l2(spin),
      softwareSender(1, toL1),
    ),
    configuration(
      'interrupt-for-l1-halt',
      'the same, L2 halts',
      { processors: 2, vcpus: 1, features: withApicv },
      l2(halt),
      softwareSender(1, toL1),
    ),
    configuration(
      'interrupt-for-l1-without-apicv',
      'the same without APICv, L2 runs on',
      { processors: 2, vcpus: 1, features: withoutApicv },
      l2(spin),
      softwareSender(1, toL1),
    ),
    configuration(
      'both',
      'a sibling posts by IPI virtualization, and a sender in the host interrupts L1',
      { processors: 3, vcpus: 2, features: withIpiVirtualization },
      l2(spin),
      l2Poster(1, oneVector),
      softwareSender(2, toL1),
    ),
    configuration(
      'apic-of-l1',
      'L2 has L1\u2019s local APIC and ends an interrupt that L1 has in service; then one of a lower class comes',
      { processors: 2, vcpus: 1, features: withApicv },
      inService,
      l2(endInterruptOfL1, { apicv: false, exitsOnInterrupt: false }),
      softwareSender(1, oneVector),
    ),
    configuration(
      'inhibit',
      'a reason against APICv comes while L1 and L2 run, and a sender in the host interrupts L1',
      { processors: 3, vcpus: 1, features: withApicv },
      l2(spin),
      hostTask(1, inhibitor, { mask: ApicvInhibit.blockIrq }),
      softwareSender(2, toL1),
    ),
    configuration(
      'inhibit-ends',
      'the same, the reason has been there and goes',
      { processors: 3, vcpus: 1, features: withApicv },
      inhibited(ApicvInhibit.blockIrq),
      l2(spin),
      hostTask(1, inhibitor, { mask: ApicvInhibit.blockIrq, begins: 0, clear: 1 }),
      softwareSender(2, toL1),
    ),
    configuration(
      'inhibit-in-service',
      'the reason goes while an interrupt is in service in L1; L2 exits to L1, and an interrupt of a lower class comes',
      { processors: 3, vcpus: 1, features: withApicv },
      inhibited(ApicvInhibit.blockIrq),
      inService,
      l2(endInterruptOfL1, { apicv: false, exitsOnInterrupt: false }),
      hostTask(1, inhibitor, { mask: ApicvInhibit.blockIrq, begins: 0, clear: 1 }),
      softwareSender(2, oneVector),
    ),
    configuration(
      'halted-without-interrupts',
      'L2 halts with interrupts disabled; then L1 is interrupted, and L2 must go on being halted',
      { processors: 2, vcpus: 1, features: withApicv },
      l2(haltWithoutInterrupts),
      lateSender(1, vectorOfL1),
    ),
    configuration(
      'halted-entry-interrupt-for-l1',
      'L1 enters L2 in HLT state, and is interrupted',
      { processors: 2, vcpus: 1, features: withApicv },
      l2(spin, {}, 1),
      softwareSender(1, toL1),
    ),
    configuration(
      'nmi',
      'two NMIs for L1; L2 runs on',
      { processors: 2, vcpus: 1, features: withApicv },
      l2(spin),
      nmiSender(1, 2),
    ),
    configuration(
      'nmi-and-interrupt',
      'an NMI and an interrupt for L1; L2 exits once to L1',
      { processors: 3, vcpus: 1, features: withApicv },
      l2(exitThenSpin),
      nmiSender(1),
      softwareSender(2, toL1),
    ),
    shows(
      'FIND-04',
      configuration(
        'halts-with-interrupt',
        'L2 halts with interrupts disabled while L1 is interrupted',
        { processors: 2, vcpus: 1, features: withApicv },
        l2(haltWithoutInterrupts),
        softwareSender(1, toL1),
      ),
    ),
    shows(
      'FIND-05',
      configuration(
        'nmi-halt',
        'L2 halts with interrupts disabled; then an NMI comes for L1',
        { processors: 2, vcpus: 1, features: withApicv },
        l2(haltWithoutInterrupts),
        lateSender(1, 2),
      ),
    ),
    shows(
      'FIND-03',
      configuration(
        'notified-alone',
        'L1 looks at what is posted only when it is notified; L2 exits once to L1',
        { processors: 2, vcpus: 2, features: withApicv },
        l2(exitThenSpin, { notificationVector: 0x81 }),
        looksWhenNotified(0x81),
        l2Poster(1, oneVector),
      ),
    ),
  ],
};
