import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeUittEntry,
  decodeUpid,
  deliverWithUserInterrupts,
  emptyUpid,
  encodeUittEntry,
  encodeUpid,
  postUserInterrupt,
  sendUserNotification,
  senduipi,
  type Upid,
  type UserInterruptMemory,
  userIpiForm,
  type VirtualProcessor,
} from '../../src/arch/index.js';
import {
  descriptor,
  guest,
  guestIn,
  memoryOf,
  setOf,
  status,
  vectorsOf,
  x2apicControls,
  xapicControls,
} from './guest.js';
import { rule } from './rules/rule.js';

const fault = { kind: 'fault', vector: 13, errorCode: 0 };
const upidBase = 0x4000;

/** A table with one entry: user vector 40 to the one descriptor, which notifies with E1H to `ndst`. */
function userMemory(ndst: number, upid: Partial<Upid> = {}): UserInterruptMemory {
  return {
    uittSize: 1,
    uitt: [{ valid: 1, vector: 40, upidAddress: [upidBase, 0], reserved: 0 }],
    upidBase,
    upids: [{ ...emptyUpid(), nv: 0xe1, ndst, ...upid }],
  };
}

describe('SENDUIPI', () => {
  rule('8.3 UITT fault', () => {
    for (const change of [{ valid: 0 }, { reserved: 1 }]) {
      const memory = userMemory(3);
      Object.assign(memory.uitt[0] as object, change);
      const before = structuredClone(memory);
      expect(postUserInterrupt(memory, 0)).toEqual(fault);
      expect(memory).toEqual(before);
    }
    expect(postUserInterrupt(userMemory(3), 1)).toEqual(fault); // In range, but memory there is 0.
    const short = userMemory(3);
    short.uittSize = 0;
    short.uitt.push({ valid: 1, vector: 1, upidAddress: [upidBase, 0], reserved: 0 });
    expect(postUserInterrupt(short, 1)).toEqual(fault);
  });

  rule('8.3 UPID fault', () => {
    const memory = userMemory(3, { reserved: 1 });
    expect(postUserInterrupt(memory, 0)).toEqual(fault);
    expect(memory).toEqual(userMemory(3, { reserved: 1 }));
  });

  rule('8.3 no notification', () => {
    for (const flags of [{ on: 1 }, { sn: 1 }]) {
      const memory = userMemory(3, flags);
      const p = guest(...x2apicControls);
      expect(senduipi(p, memoryOf(1), memory, 0)).toEqual({ kind: 'completed' });
      expect(memory.upids[0]).toMatchObject({ ...flags, pir: [0, 1 << 8] });
      expect(p).toEqual(guest(...x2apicControls));
    }
  });

  rule('8.3 physical', () => {
    const p = guest('ipiVirtualization');
    const memory = userMemory(0x0102_0304);
    const posted = { kind: 'posted', notify: true, vector: 0xe1, destination: 0x0102_0304 };
    expect(senduipi(p, memoryOf(1), memory, 0)).toEqual(posted);
    expect(memory.upids[0]).toMatchObject({ on: 1, pir: [0, 1 << 8] });
    expect(p).toEqual(guest('ipiVirtualization'));
  });

  rule('8.3 x2APIC', () => {
    const p = guest('useTprShadow');
    p.page.icrHigh = 5;
    expect(userIpiForm(p)).toBe('x2apic');
    sendUserNotification(p, { ...emptyUpid(), nv: 0xe1, ndst: 0x0102_0304 });
    expect(p.page).toMatchObject({ icrLow: 0xe1, icr64High: 0x0102_0304, icrHigh: 5 });
  });

  rule('8.3 xAPIC', () => {
    const p = guest('useTprShadow', 'virtualizeApicAccesses');
    p.page.icr64High = 5;
    p.page.icrHigh = 0xffff_ffff;
    expect(userIpiForm(p)).toBe('xapic');
    sendUserNotification(p, { ...emptyUpid(), nv: 0xe1, ndst: 0x0102_fe04 });
    expect(p.page).toMatchObject({ icrLow: 0xe1, icr64High: 5, icrHigh: 0xfe00_0000 });
  });

  rule('8.3 IPI virtualization', () => {
    for (const [controls, ndst] of [
      [x2apicControls, 2],
      [xapicControls, 0xff_02ff],
    ] as const) {
      const memory = memoryOf(3);
      const p = guestIn(memory, 0, controls);
      expect(senduipi(p, memory, userMemory(ndst), 0)).toMatchObject({ kind: 'posted', notify: true, destination: 32 });
      expect(vectorsOf(descriptor(memory, 2).pir)).toEqual([0xe1]);
    }
  });

  rule('8.3 exit', () => {
    const exit = { kind: 'exit', reason: 56, qualification: 0x300, trapLike: true };
    for (const p of [guest('useTprShadow'), guest('useTprShadow', 'virtualizeApicAccesses')]) {
      expect(senduipi(p, memoryOf(1), userMemory(3), 0)).toEqual(exit);
      expect(p.page.icrLow).toBe(0xe1);
    }
  });

  it('posts every user vector as its bit', () => {
    for (let vector = 0; vector < 64; vector++) {
      const memory = userMemory(3);
      Object.assign(memory.uitt[0] as object, { vector });
      postUserInterrupt(memory, 0);
      const pir = memory.upids[0]?.pir ?? [0, 0];
      expect(BigInt(pir[0]) | (BigInt(pir[1]) << 32n)).toBe(1n << BigInt(vector));
    }
  });

  it('posts into nothing where the table leads to no descriptor', () => {
    const memory = userMemory(3);
    Object.assign(memory.uitt[0] as object, { upidAddress: [upidBase + 64, 0] });
    expect(postUserInterrupt(memory, 0)).toMatchObject({ on: 1, nv: 0, ndst: 0 });
    expect(memory.upids).toEqual(userMemory(3).upids);
  });
});

describe('user-interrupt notification', () => {
  function delivering(): VirtualProcessor {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    p.page.irr = setOf(0x33, 0xe1);
    p.page.isr = setOf(0x21);
    p.vmcs.guestInterruptStatus = status(0xe1, 0x21);
    p.vmcs.eoiExitBitmap3 = [0xffff_ffff, 0xffff_ffff];
    p.recognized = 1;
    p.activity = 1;
    return p;
  }

  rule('11 user-interrupt notification', () => {
    const p = delivering();
    const upid: Upid = { ...emptyUpid(), on: 1, pir: [3, 0x100] };
    const user = { enabled: 1, uinv: 0xe1, uirr: [4, 0] as [number, number] };
    expect(deliverWithUserInterrupts(p, user, upid)).toBe(-1);
    expect(vectorsOf(p.page.isr)).toEqual([0x21]);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x33, 0x21));
    expect(p.page.ppr).toBe(0x20);
    expect(p.recognized).toBe(0); // Not evaluated, although 33H could be recognized.
    expect(p.activity).toBe(1);
    expect(user.uirr).toEqual([7, 0x100]);
    expect(upid).toEqual(emptyUpid());
  });

  it('leaves nothing in service if nothing else was', () => {
    const p = delivering();
    p.page.isr = setOf();
    p.page.tpr = 0x15;
    deliverWithUserInterrupts(p, { enabled: 1, uinv: 0xe1, uirr: [0, 0] }, emptyUpid());
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x33, 0));
    expect(p.page.ppr).toBe(0x15);
  });

  it('is an ordinary delivery for other vectors, or with user interrupts off', () => {
    for (const user of [
      { enabled: 1, uinv: 0xe0, uirr: [0, 0] as [number, number] },
      { enabled: 0, uinv: 0xe1, uirr: [0, 0] as [number, number] },
    ]) {
      const p = delivering();
      expect(deliverWithUserInterrupts(p, user, { ...emptyUpid(), pir: [1, 0] })).toBe(0xe1);
      expect(p.activity).toBe(0);
      expect(vectorsOf(p.page.isr)).toEqual([0x21, 0xe1]);
      expect(user.uirr).toEqual([0, 0]);
    }
  });
});

describe('encodings', () => {
  const word = fc.integer({ min: 0, max: 0xffff_ffff });
  const bit = fc.integer({ min: 0, max: 1 });

  it('table entries and descriptors survive a round trip', () => {
    const address = fc.tuple(word, word).map(([low, high]) => [(low & ~63) >>> 0, high] as [number, number]);
    const entry = fc.record({
      valid: bit,
      vector: fc.integer({ min: 0, max: 63 }),
      upidAddress: address,
      reserved: fc.constant(0),
    });
    fc.assert(
      fc.property(entry, (value) => {
        expect(decodeUittEntry(encodeUittEntry(value))).toEqual(value);
      }),
    );
    const upid = fc.record({
      on: bit,
      sn: bit,
      nv: fc.integer({ min: 0, max: 255 }),
      ndst: word,
      pir: fc.tuple(word, word),
      reserved: fc.constant(0),
    });
    fc.assert(
      fc.property(upid, (value) => {
        expect(decodeUpid(encodeUpid(value))).toEqual(value);
      }),
    );
  });

  it('reserved bits are seen, each of them', () => {
    const isReserved = (index: number, at: number): [uitt: boolean, upid: boolean] => [
      index === 0 ? (at >= 1 && at <= 7) || at >= 14 : index === 1 || (index === 2 && at <= 5),
      index === 0 && ((at >= 2 && at <= 15) || at >= 24),
    ];
    for (let index = 0; index < 4; index++) {
      for (let at = 0; at < 32; at++) {
        const words = [0, 0, 0, 0];
        words[index] = (1 << at) >>> 0;
        const [uitt, upid] = isReserved(index, at);
        expect([decodeUittEntry(words).reserved === 1, decodeUpid(words).reserved === 1]).toEqual([uitt, upid]);
      }
    }
    expect(decodeUittEntry([])).toEqual({ valid: 0, vector: 0, upidAddress: [0, 0], reserved: 0 });
    expect(decodeUpid([])).toEqual(emptyUpid());
  });

  it('lie where the manual has them', () => {
    expect(encodeUittEntry({ valid: 1, vector: 40, upidAddress: [0x4000, 1], reserved: 0 })).toEqual([
      0x2801, 0, 0x4000, 1,
    ]);
    expect(encodeUpid({ on: 1, sn: 1, nv: 0xe1, ndst: 7, pir: [1, 2], reserved: 0 })).toEqual([0x00e1_0003, 7, 1, 2]);
  });
});
