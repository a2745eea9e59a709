import { describe, expect, it } from 'vitest';
import {
  beginWrmsr,
  createVirtualProcessor,
  createVmcs,
  emptyApicVmcs,
  emptyPage,
  encodePidPointer,
  eoiExits,
  eoiVirtualization,
  hasTertiary,
  loadBytes,
  loadHighBytes,
  msrBitmapOfPage,
  msrPageIntercepts,
  nextEvent,
  physicalDeadline,
  postedInterruptProcessing,
  postInterruptBySoftware,
  postUserInterrupt,
  recordMarks,
  storeBytes,
  storeHighBytes,
  Tertiary,
  testBit,
  type U64,
  type UserInterruptMemory,
} from '../../src/arch/index.js';
import { guest, memoryOf, setOf, status, vectorsOf, x2apicControls, xapicControls } from './guest.js';

// The last value on this side of a boundary, and the first on the other: where a wrong comparison would show.

describe('the ends of the virtual-APIC page', () => {
  it('keep ISR, TMR and IRR apart, from 100H to 270H', () => {
    const page = emptyPage();
    const words = Array.from({ length: 24 }, (_, i) => 0x100 + 16 * i);
    for (const offset of words) storeBytes(page, offset, 4, offset);
    expect(page.isr).toEqual(words.slice(0, 8));
    expect(page.tmr).toEqual(words.slice(8, 16));
    expect(page.irr).toEqual(words.slice(16));
    expect(words.map((offset) => loadBytes(page, offset, 4))).toEqual(words);
    storeBytes(page, 0x104, 4, 1);
    expect(page.other).toEqual([0x104, 1]);
    expect(page.isr).toEqual(words.slice(0, 8));
  });

  it('drop what is stored past the end, which reads as 0', () => {
    const page = emptyPage();
    storeBytes(page, 0xffe, 4, 0x4433_2211);
    expect(page.other).toEqual([0xffc, 0x2211_0000]);
    expect(loadBytes(page, 0xffe, 4)).toBe(0x2211);
    storeHighBytes(page, 0xffc, 8, 0xffff_ffff);
    expect(page.other).toEqual([0xffc, 0x2211_0000]);
    expect(loadHighBytes(page, 0xffc, 8)).toBe(0);
  });

  it('have room for the last byte of a long access', () => {
    const page = emptyPage();
    storeHighBytes(page, 0xffb, 5, 0xab);
    expect(page.other).toEqual([0xffc, 0xab00_0000]);
    expect(loadHighBytes(page, 0xffb, 5)).toBe(0xab);
  });
});

describe('the EOI-exit bitmaps', () => {
  it.each([
    [0, 0],
    [63, 0],
    [64, 1],
    [127, 1],
    [128, 2],
    [191, 2],
    [192, 3],
    [255, 3],
  ] as const)('have vector %i in bitmap %i', (vector, bitmap) => {
    const vmcs = emptyApicVmcs();
    const bit = vector % 64;
    const only: U64 = bit < 32 ? [(1 << bit) >>> 0, 0] : [0, (1 << (bit - 32)) >>> 0];
    vmcs[`eoiExitBitmap${bitmap}`] = only;
    expect(eoiExits(vmcs, vector)).toBe(true);
    for (const other of [0, 63, 64, 127, 128, 191, 192, 255]) {
      if (other !== vector) expect(eoiExits(vmcs, other)).toBe(false);
    }
  });
});

describe('a new virtual processor', () => {
  it('has a VMCS of zeros, its fields of 64 bits as pairs', () => {
    const vmcs = emptyApicVmcs();
    const all = createVmcs();
    for (const [name, value] of Object.entries(vmcs))
      expect([name, value]).toEqual([name, all[name as keyof typeof all]]);
    expect(Object.keys(vmcs)).toHaveLength(15);
  });

  it('has tertiary controls only once they are activated', () => {
    const vmcs = { ...emptyApicVmcs(), tertiaryControls: [Tertiary.ipiVirtualization, 0] as U64 };
    expect(hasTertiary(vmcs, Tertiary.ipiVirtualization)).toBe(false);
    vmcs.primaryControls = 0x2_0000;
    expect(hasTertiary(vmcs, Tertiary.ipiVirtualization)).toBe(true);
    expect(hasTertiary(vmcs, Tertiary.apicTimerVirtualization)).toBe(false);
  });
});

describe('WRMSR in x2APIC mode', () => {
  it('takes a self-IPI with vector 255, and none above', () => {
    const p = guest(...x2apicControls);
    expect(beginWrmsr(p, 0x83f, 0xff, 0)).toEqual({ kind: 'completed' });
    expect(vectorsOf(p.page.irr)).toEqual([0xff]);
    expect(beginWrmsr(p, 0x83f, 0x100, 0)).toMatchObject({ kind: 'fault' });
    expect(beginWrmsr(p, 0x808, 0xff, 0)).toEqual({ kind: 'completed' });
  });

  it('tells the reasons of an ICR write apart', () => {
    const marks = (low: number) => recordMarks(() => beginWrmsr(guest(...x2apicControls), 0x830, low, 0));
    expect(marks(0x4_0031)).toContain('8.2 self shorthand');
    expect(marks(0x4_0031)).not.toContain('8.2 bit 12');
    expect(marks(0x1031)).toContain('8.2 bit 12');
    expect(marks(0x1031)).not.toContain('8.2 self shorthand');
  });

  it('leaves other MSRs to the processor', () => {
    for (const msr of [0x7ff, 0x802, 0x8ff, 0x900]) {
      expect(beginWrmsr(guest(...x2apicControls), msr, 0, 0)).toEqual({ kind: 'passthrough' });
    }
  });
});

describe('the page of MSR bitmaps', () => {
  const open = new Uint8Array(4096);

  it('knows MSRs 0-1FFFH and C0000000H-C0001FFFH; all others exit', () => {
    for (const access of ['read', 'write'] as const) {
      expect([0, 0x1fff, 0xc000_0000, 0xc000_1fff].map((msr) => msrPageIntercepts(open, msr, access))).toEqual([
        false,
        false,
        false,
        false,
      ]);
      expect([0x2000, 0xbfff_ffff, 0xc000_2000].map((msr) => msrPageIntercepts(open, msr, access))).toEqual([
        true,
        true,
        true,
      ]);
    }
  });

  it('gives up 256 bits of each kind', () => {
    const full = msrBitmapOfPage(new Uint8Array(4096).fill(0xff));
    expect(full.read).toEqual(setOf(...Array.from({ length: 256 }, (_, i) => i)));
    expect(full.write).toEqual(full.read);
    const reads = msrBitmapOfPage(new Uint8Array(4096).fill(0xff, 0, 2048));
    expect(vectorsOf(reads.write)).toEqual([]);
  });
});

describe('posting', () => {
  it('to memory without a descriptor is forgotten', () => {
    const memory = memoryOf(1);
    expect(postInterruptBySoftware(memory, -1, 0x31)).toMatchObject({ kind: 'posted', notify: false });
    expect(memory).toEqual(memoryOf(1));
  });

  it('is processed without effect where no descriptor is', () => {
    const memory = memoryOf(1);
    const p = guest(...xapicControls);
    expect(postedInterruptProcessing(p, memory)).toEqual({ kind: 'completed' });
    expect([p.vmcs.guestInterruptStatus, p.recognized]).toEqual([0, 0]);
  });

  it('refuses to encode a descriptor that is not 64-byte aligned', () => {
    expect(() => encodePidPointer({ valid: true, address: 32 })).toThrow('descriptor address 32: not a multiple of 64');
  });
});

describe('what comes next at an instruction boundary', () => {
  it('is what the processor itself has pending, named or not', () => {
    const window = guest('interruptWindowExiting');
    expect(nextEvent(window, [])).toBe('interrupt-window');
    const nmi = guest('virtualNmis');
    nmi.vmcs.primaryControls |= 0x40_0000;
    expect(nextEvent(nmi, [])).toBe('nmi-window');
    const virtual = guest(...xapicControls);
    virtual.recognized = 1;
    expect(nextEvent(virtual, [])).toBe('virtual-interrupt');
    expect(nextEvent(createVirtualProcessor({}), [])).toBeUndefined();
  });

  it('is nothing of the rest unless it is named', () => {
    const p = guest(...xapicControls);
    expect(nextEvent(p, [])).toBeUndefined();
    expect(nextEvent(p, ['debug-trap'])).toBe('debug-trap');
    expect(nextEvent(p, ['apic-write-emulation', 'debug-trap'])).toBe('apic-write-emulation');
  });
});

describe('an EOI', () => {
  it('leaves SVI 0 when nothing else is in service', () => {
    const p = guest(...xapicControls);
    p.vmcs.guestInterruptStatus = status(0, 0x31);
    p.page.isr = setOf(0x31);
    eoiVirtualization(p);
    expect(p.vmcs.guestInterruptStatus).toBe(0);
    expect(testBit(p.page.isr, 0x31)).toBe(false);
  });
});

describe('a scaled deadline', () => {
  it('is rounded up, and exact where it can be', () => {
    const p = guest('useTscOffsetting', 'useTscScaling');
    const vmcs = { ...p.vmcs, tscOffset: [0, 0] as U64, tscMultiplier: [0, 0x1_0000 * 2] as U64 }; // times 2
    expect(physicalDeadline(vmcs, [10, 0])).toEqual([5, 0]);
    expect(physicalDeadline(vmcs, [11, 0])).toEqual([6, 0]);
  });
});

describe('SENDUIPI', () => {
  it('reaches the last entry of the table and the descriptor it names', () => {
    const upid = { on: 0, sn: 0, nv: 0xe0, ndst: 7, pir: [0, 0] as U64, reserved: 0 };
    const memory: UserInterruptMemory = {
      uittSize: 1,
      uitt: [0, 1, 2].map((i) => ({ valid: 1, vector: i, upidAddress: [0x1000 + 64 * i, 0], reserved: 0 })),
      upidBase: 0x1000,
      upids: [structuredClone(upid), structuredClone(upid), structuredClone(upid)],
    };
    expect(postUserInterrupt(memory, 1)).toMatchObject({ nv: 0xe0 });
    expect(memory.upids.map(({ pir }) => pir[0])).toEqual([0, 2, 0]);
    expect(postUserInterrupt(memory, 2)).toMatchObject({ kind: 'fault' });
  });
});
