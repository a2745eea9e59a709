import { describe, expect, it } from 'vitest';
import { type ApicControls, apicControls, createVmcs, recordMarks, type Vmcs } from '../../src/arch/index.js';

/** The table of section 1: control, word, bit, mark. */
const rows: readonly (readonly [keyof ApicControls, keyof Vmcs, number, string])[] = [
  ['externalInterruptExiting', 'pinBasedControls', 0, '1 EIE'],
  ['processPostedInterrupts', 'pinBasedControls', 7, '1 PPI'],
  ['interruptWindowExiting', 'primaryControls', 2, '1 IWE'],
  ['cr8LoadExiting', 'primaryControls', 19, '1 CR8-load exiting'],
  ['cr8StoreExiting', 'primaryControls', 20, '1 CR8-store exiting'],
  ['useTprShadow', 'primaryControls', 21, '1 TPRS'],
  ['useMsrBitmaps', 'primaryControls', 28, '1 use MSR bitmaps'],
  ['virtualizeApicAccesses', 'secondaryControls', 0, '1 VAA'],
  ['virtualizeX2apicMode', 'secondaryControls', 4, '1 VX2'],
  ['apicRegisterVirtualization', 'secondaryControls', 8, '1 ARV'],
  ['virtualInterruptDelivery', 'secondaryControls', 9, '1 VID'],
  ['ipiVirtualization', 'tertiaryControls', 4, '1 IPIV'],
  ['apicTimerVirtualization', 'tertiaryControls', 8, '1 APIC-timer virtualization'],
  ['acknowledgeInterruptOnExit', 'exitControls', 15, '1 acknowledge interrupt on exit'],
];

const none = apicControls(createVmcs());

function withBit(word: keyof Vmcs, bit: number): Vmcs {
  const vmcs = createVmcs();
  const mask = (1 << bit) >>> 0;
  return { ...vmcs, [word]: word === 'tertiaryControls' ? [mask, 0] : mask };
}

describe('the controls of APIC virtualization', () => {
  it('are all off in an empty VMCS', () => {
    expect(Object.values(none)).toEqual(rows.map(() => false));
  });

  it.each(rows)('%s is bit %3$d of %2$s', (name, word, bit, rule) => {
    const vmcs = withBit(word, bit);
    const activator = { secondaryControls: 0x8000_0000, tertiaryControls: 0x2_0000 }[word as string];
    if (activator !== undefined) {
      expect(apicControls(vmcs)).toEqual(none);
      // The activating bit of the other word does not help.
      vmcs.primaryControls = word === 'secondaryControls' ? 0x2_0000 : 0x8000_0000;
      expect(apicControls(vmcs)).toEqual(none);
      vmcs.primaryControls = activator;
    }
    expect(apicControls(vmcs)).toEqual({ ...none, [name]: true });
    expect(recordMarks(() => apicControls(vmcs))).toContain(rule);
  });

  it('count as 0 in a word that is not activated, and say so', () => {
    const marks = recordMarks(() => apicControls(withBit('secondaryControls', 9)));
    expect(marks).toContain('1 secondary not activated');
    expect(marks).toContain('1 tertiary not activated');
  });
});
