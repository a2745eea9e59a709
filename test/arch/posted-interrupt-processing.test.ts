import { describe, expect, it } from 'vitest';
import {
  type ApicMemory,
  externalInterrupt,
  isPostedInterrupt,
  postedInterruptProcessing,
  postedInterruptProcessingSteps,
  type VirtualProcessor,
} from '../../src/arch/index.js';
import { type ControlName, descriptor, guestIn, memoryOf, setOf, status, vectorsOf } from './guest.js';
import { rule } from './rules/rule.js';

const controls: ControlName[] = [
  'externalInterruptExiting',
  'acknowledgeInterruptOnExit',
  'processPostedInterrupts',
  'useTprShadow',
  'virtualInterruptDelivery',
];

function notified(): { memory: ApicMemory; p: VirtualProcessor } {
  const memory = memoryOf(2);
  const p = guestIn(memory, 1, controls);
  descriptor(memory, 1).pir = setOf(0x31, 0x52);
  descriptor(memory, 1).on = 1;
  return { memory, p };
}

describe('posted-interrupt processing', () => {
  rule('12 step 1', () => {
    const { memory, p } = notified();
    p.interruptFlag = 0;
    expect(externalInterrupt(p, memory, 0xf2)).toEqual({ kind: 'completed' });
    expect(vectorsOf(p.page.irr)).toEqual([0x31, 0x52]);
  });

  rule('12 step 2', () => {
    const { memory, p } = notified();
    Object.assign(descriptor(memory, 1), { nv: 0x77, sn: 1 });
    expect(isPostedInterrupt(p, 0xf2)).toBe(true);
    expect(isPostedInterrupt(p, 0x77)).toBe(false);
    expect(externalInterrupt(p, memory, 0xf2)).toEqual({ kind: 'completed' });
  });

  rule('12 step 2 exit', () => {
    const { memory, p } = notified();
    expect(externalInterrupt(p, memory, 0xf1)).toEqual({
      kind: 'exit',
      reason: 1,
      qualification: 0,
      trapLike: false,
      interruptionInformation: 0x8000_00f1,
    });
    expect({ memory, p }).toEqual(notified());
  });

  rule('12 not processed', () => {
    const { memory } = notified();
    const p = guestIn(memory, 1, ['externalInterruptExiting']);
    expect(isPostedInterrupt(p, 0xf2)).toBe(false);
    // Without "acknowledge interrupt on exit" there is no vector either.
    expect(externalInterrupt(p, memory, 0xf2)).toEqual({ kind: 'exit', reason: 1, qualification: 0, trapLike: false });
  });

  it('does not come up without external-interrupt exiting', () => {
    const { memory } = notified();
    expect(externalInterrupt(guestIn(memory, 1, []), memory, 0xf2)).toEqual({ kind: 'passthrough' });
  });

  rule('12 step 3', () => {
    const { memory, p } = notified();
    Object.assign(descriptor(memory, 1), { sn: 1, nv: 0x77, ndst: 9 });
    postedInterruptProcessing(p, memory);
    expect(descriptor(memory, 1)).toEqual({ pir: setOf(), on: 0, sn: 1, nv: 0x77, ndst: 9 });
    expect(descriptor(memory, 0)).toEqual(descriptor(memoryOf(2), 0));
  });

  rule('12 step 4', () => {
    const { memory, p } = notified();
    const locals = { pid: -1, highest: -1 };
    for (const step of postedInterruptProcessingSteps) {
      if (step.name === 'eoi') {
        expect(descriptor(memory, 1).on).toBe(0);
        expect(vectorsOf(descriptor(memory, 1).pir)).toEqual([0x31, 0x52]);
      }
      expect(step.run(p, memory, locals)).toBeUndefined();
    }
    expect(postedInterruptProcessingSteps.map(({ name }) => name)).toEqual([
      'clear-on',
      'eoi',
      'move-pir',
      'set-rvi',
      'evaluate',
    ]);
  });

  rule('12 step 5', () => {
    const { memory, p } = notified();
    p.page.irr = setOf(0x31, 0x40);
    postedInterruptProcessing(p, memory);
    expect(vectorsOf(p.page.irr)).toEqual([0x31, 0x40, 0x52]);
    expect(vectorsOf(descriptor(memory, 1).pir)).toEqual([]);
  });

  rule('12 step 6', () => {
    const { memory, p } = notified();
    p.vmcs.guestInterruptStatus = status(0x40, 0x20);
    p.page.irr = setOf(0x99); // RVI is stale, and stays so: only PIR counts.
    postedInterruptProcessing(p, memory);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x52, 0x20));
    postedInterruptProcessing(p, memory);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x52, 0x20));
    descriptor(memory, 1).pir = setOf(0x33);
    postedInterruptProcessing(p, memory);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x52, 0x20));
  });

  rule('12 step 7', () => {
    const { memory, p } = notified();
    p.page.ppr = 0x4f;
    p.activity = 1;
    postedInterruptProcessing(p, memory);
    expect(p.recognized).toBe(1);
    expect(p.activity).toBe(1); // Back to HLT: waking up is delivery's matter.
  });

  it('lets a poster in between its steps: a bit set after ON was cleared is taken, or its poster sees ON = 0', () => {
    const { memory, p } = notified();
    const locals = { pid: -1, highest: -1 };
    for (const step of postedInterruptProcessingSteps) {
      step.run(p, memory, locals);
      if (step.name === 'clear-on') descriptor(memory, 1).pir = setOf(0x31, 0x52, 0x88);
    }
    expect(vectorsOf(p.page.irr)).toEqual([0x31, 0x52, 0x88]);
    expect(descriptor(memory, 1).on).toBe(0);
  });

  it('takes nothing where the VMCS leads to no descriptor', () => {
    const { memory, p } = notified();
    p.vmcs.postedInterruptDescriptorAddress = [0x40, 0];
    p.vmcs.guestInterruptStatus = status(0x40, 0);
    expect(postedInterruptProcessing(p, memory)).toEqual({ kind: 'completed' });
    expect(memory).toEqual(notified().memory);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x40, 0));
    expect(p.recognized).toBe(1);
  });
});
