import { describe, expect, it } from 'vitest';
import {
  type ApicMemory,
  emptyPage,
  type IpiVirtualizationLocals,
  ipiOf,
  ipiVirtualization,
  ipiVirtualizationSteps,
  type VirtualProcessor,
} from '../../src/arch/index.js';
import { descriptor, descriptorBase, guestIn, memoryOf, tableAddress, vectorsOf, x2apicControls } from './guest.js';
import { rule } from './rules/rule.js';

const apicWriteExit = { kind: 'exit', reason: 56, qualification: 0x300, trapLike: true };

function sender(memory: ApicMemory): VirtualProcessor {
  return guestIn(memory, 0, x2apicControls);
}

function entry(memory: ApicMemory, index: number, value: number): void {
  const table = memory.pidPointerTables[0];
  if (table !== undefined) table.entries[index] = value;
}

describe('IPI virtualization', () => {
  it('posts to the descriptor of the destination and notifies its processor', () => {
    const memory = memoryOf(4);
    expect(ipiVirtualization(sender(memory), memory, 0x41, 2)).toEqual({
      kind: 'posted',
      notify: true,
      vector: 0xf2,
      destination: 32,
    });
    expect(vectorsOf(descriptor(memory, 2).pir)).toEqual([0x41]);
    expect(descriptor(memory, 2).on).toBe(1);
    // Nothing else changed, the sender's page included: recognition at the sender is not its matter.
    const untouched = memoryOf(4);
    expect(memory.descriptors.filter((_, i) => i !== 2)).toEqual(untouched.descriptors.filter((_, i) => i !== 2));
  });

  rule('8 step 1', () => {
    const memory = memoryOf(2);
    expect(ipiVirtualization(sender(memory), memory, 15, 1)).toEqual(apicWriteExit);
    expect(memory).toEqual(memoryOf(2));
    expect(ipiVirtualization(sender(memory), memory, 16, 1)).toMatchObject({ kind: 'posted', notify: true });
  });

  rule('8 step 2', () => {
    const memory = memoryOf(3);
    const p = sender(memory);
    for (const destination of [3, 0xff, 0x1_0001, 0xffff_ffff]) {
      expect(ipiVirtualization(p, memory, 0x41, destination)).toEqual(apicWriteExit);
    }
    expect(memory).toEqual(memoryOf(3));
    expect(ipiVirtualization(p, memory, 0x41, 2)).toMatchObject({ kind: 'posted' });
  });

  rule('8 step 3', () => {
    // The table leads where its entries say, the sender's own descriptor and entry FFH included.
    const memory = memoryOf(256);
    const p = sender(memory);
    entry(memory, 1, descriptorBase + 64 * 7 + 1);
    ipiVirtualization(p, memory, 0x41, 1);
    expect(vectorsOf(descriptor(memory, 7).pir)).toEqual([0x41]);
    ipiVirtualization(p, memory, 0x42, 0);
    expect(vectorsOf(descriptor(memory, 0).pir)).toEqual([0x42]);
    ipiVirtualization(p, memory, 0x43, 0xff);
    expect(vectorsOf(descriptor(memory, 255).pir)).toEqual([0x43]);
  });

  rule('8 step 3 bits 5:0', () => {
    const memory = memoryOf(2);
    const p = sender(memory);
    for (const low of [0, 2, 3, 5, 9, 17, 33]) {
      entry(memory, 1, descriptorBase + 64 + low);
      expect(ipiVirtualization(p, memory, 0x41, 1)).toEqual(apicWriteExit);
    }
    expect(memory.descriptors).toEqual(memoryOf(2).descriptors);
    // An entry that no table has reads as 0.
    p.vmcs.lastPidPointerIndex = 9;
    expect(ipiVirtualization(p, memory, 0x41, 9)).toEqual(apicWriteExit);
    p.vmcs.pidPointerTableAddress = [tableAddress - 0x1000, 0];
    expect(ipiVirtualization(p, memory, 0x41, 0)).toEqual(apicWriteExit);
  });

  rule('8 step 3 width', () => {
    const memory = memoryOf(2);
    const p = sender(memory);
    entry(memory, 1, 2 ** 40 + 1);
    memory.physicalAddressWidth = 40;
    expect(ipiVirtualization(p, memory, 0x41, 1)).toEqual(apicWriteExit);
    memory.physicalAddressWidth = 41;
    // Memory that holds no descriptor reads as 0 and forgets: vector 0 goes to APIC ID 0.
    expect(ipiVirtualization(p, memory, 0x41, 1)).toEqual({ kind: 'posted', notify: true, vector: 0, destination: 0 });
    delete memory.physicalAddressWidth;
    entry(memory, 1, 2 ** 52 + 1);
    expect(ipiVirtualization(p, memory, 0x41, 1)).toEqual(apicWriteExit);
    expect(memory.descriptors).toEqual(memoryOf(2).descriptors);
  });

  rule('8 step 4', () => {
    const memory = memoryOf(2);
    descriptor(memory, 1).on = 1;
    ipiVirtualization(sender(memory), memory, 0x41, 1);
    expect(vectorsOf(descriptor(memory, 1).pir)).toEqual([0x41]);
  });

  rule('8 step 5', () => {
    const memory = memoryOf(2);
    expect(ipiVirtualization(sender(memory), memory, 0x41, 1)).toMatchObject({ notify: true });
    expect(descriptor(memory, 1)).toMatchObject({ on: 1, sn: 0, nv: 0xf2, ndst: 16 });
  });

  rule('8 step 5 suppressed', () => {
    for (const [on, sn] of [
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      const memory = memoryOf(2);
      Object.assign(descriptor(memory, 1), { on, sn });
      expect(ipiVirtualization(sender(memory), memory, 0x41, 1)).toMatchObject({ kind: 'posted', notify: false });
      expect(descriptor(memory, 1)).toMatchObject({ on, sn });
    }
  });

  rule('8 step 6', () => {
    const memory = memoryOf(2);
    Object.assign(descriptor(memory, 1), { nv: 0xe7, ndst: 0x0102_0304 });
    expect(ipiVirtualization(sender(memory), memory, 0x41, 1)).toEqual({
      kind: 'posted',
      notify: true,
      vector: 0xe7,
      destination: 0x0102_0304,
    });
  });

  it('lets others in between its steps: who clears ON after PIR was set has the vector, and is notified once more', () => {
    const memory = memoryOf(2);
    const p = sender(memory);
    const locals: IpiVirtualizationLocals = { vector: 0x41, destination: 1, pid: -1, nv: 0, ndst: 0 };
    const target = descriptor(memory, 1);
    target.on = 1;
    const outcomes = ipiVirtualizationSteps.map((step) => {
      const outcome = step.run(p, memory, locals);
      if (step.name === 'set-pir') {
        target.on = 0;
        expect(vectorsOf(target.pir)).toEqual([0x41]);
        target.pir.fill(0);
      }
      return outcome;
    });
    expect(ipiVirtualizationSteps.map(({ name }) => name)).toEqual(['read-pid-pointer', 'set-pir', 'set-on', 'notify']);
    expect(outcomes).toEqual([
      undefined,
      undefined,
      undefined,
      { kind: 'posted', notify: true, vector: 0xf2, destination: 16 },
    ]);
    expect(target.on).toBe(1);
  });

  it('finds tables wherever they are', () => {
    const memory = memoryOf(2);
    memory.pidPointerTables.unshift({ address: 0x100, entries: [1, 1] });
    expect(ipiVirtualization(sender(memory), memory, 0x41, 1)).toMatchObject({ notify: true, destination: 16 });
    descriptor(memory, 1).on = 0;
    const high = sender(memory);
    high.vmcs.pidPointerTableAddress = [0x1000, 5];
    memory.pidPointerTables.push({ address: 5 * 2 ** 32 + 0x1000, entries: [descriptorBase + 65] });
    expect(ipiVirtualization(high, memory, 0x41, 0)).toMatchObject({ notify: true, destination: 16 });
  });

  it('reads vector and destination from VICR in either form', () => {
    const page = { ...emptyPage(), icrLow: 0x4041, icrHigh: 0x0500_0000, icr64High: 0x0102_0304 };
    expect(ipiOf(page, false)).toEqual({ vector: 0x41, destination: 5 });
    expect(ipiOf(page, true)).toEqual({ vector: 0x41, destination: 0x0102_0304 });
  });
});
