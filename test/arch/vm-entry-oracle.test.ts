import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capabilitiesOf, checkVmEntry, type Vmcs } from '../../src/arch/index.js';
import { validVmcs } from '../../src/testing/arbitraries/valid-vmcs.js';
import { brokenRules, oracleRules } from './vm-entry-oracle.js';

describe('any VMCS', () => {
  const capabilities = fc.record({
    lacking: fc.subarray([
      'tertiary.apicTimerVirtualization',
      'primary.monitorTrapFlag',
      'secondaryExit.saveFred',
    ] as const),
    trueControls: fc.nat(1),
    physicalAddressWidth: fc.constantFrom(36, 39, 46, 52),
    addresses32Bit: fc.nat(1),
    anyErrorCode: fc.nat(1),
    nestedException: fc.nat(1),
    activityStates: fc.nat(7),
    zeroLengthInjection: fc.nat(1),
  });

  /** Addresses that are often, but not always, aligned and inside the width. */
  const address = fc.oneof(
    { weight: 4, arbitrary: fc.nat(0xffff).map((page): [number, number] => [page << 12, 0]) },
    fc.tuple(
      fc.nat(0xff).map((n) => n * 8),
      fc.constantFrom(0, 1, 0x10, 0x3fff, 0x4000, 0xf_ffff, 0x10_0000),
    ),
    fc.constantFrom<[number, number][]>(
      [0xffff_fff8, 0x3fff],
      [0xffff_f000, 0xf],
      [0xffff_ffc0, 0],
      [0xffff_fff0, 0x7f],
    ),
    fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)),
  );

  const sparse = (bits: readonly number[]) =>
    fc.subarray([...bits]).map((chosen) => chosen.reduce((word, bit) => (word | (1 << bit)) >>> 0, 0));

  const injected = fc.oneof(
    fc.constant(0),
    fc
      .tuple(
        fc.nat(7),
        fc.oneof(fc.constantFrom(0, 1, 2, 8, 14, 18, 31, 32), fc.nat(255)),
        fc.nat(1),
        sparse([12, 13, 14, 30]),
      )
      .map(([type, vector, code, rest]) => (0x8000_0000 | rest | (code << 11) | (type << 8) | vector) >>> 0),
    fc.nat(0x7fff_ffff),
  );

  const anyFields = fc.record({
    pinBasedControls: sparse([0, 1, 3, 5, 7]),
    primaryControls: sparse([12, 17, 21, 22, 28, 31]),
    secondaryControls: sparse([0, 4, 8, 9, 13, 29]),
    tertiaryControls: fc.tuple(sparse([4, 8, 10]), fc.constantFrom(0, 0, 0, 1)),
    exitControls: sparse([9, 15, 31]),
    secondaryExitControls: fc.tuple(sparse([0, 1, 4]), fc.constant(0)),
    entryControls: sparse([9, 10, 11, 30]),
    vmFunctionControls: fc.tuple(sparse([0, 1]), fc.constant(0)),
    virtualApicAddress: address,
    apicAccessAddress: address,
    addressOfMsrBitmaps: address,
    postedInterruptDescriptorAddress: address,
    pidPointerTableAddress: address,
    lastPidPointerIndex: fc.nat(0xffff),
    postedInterruptNotificationVector: fc.constantFrom(0, 0xf2, 0xff, 0x100),
    virtualTimerVector: fc.constantFrom(0, 0xff, 0x100),
    tprThreshold: fc.oneof(fc.nat(0x1f), fc.constant(0x8000_0000)),
    vmExitMsrStoreCount: fc.nat(3),
    vmExitMsrStoreAddress: address,
    vmExitMsrLoadCount: fc.nat(3),
    vmExitMsrLoadAddress: address,
    vmEntryMsrLoadCount: fc.nat(3),
    vmEntryMsrLoadAddress: address,
    injectedEventIdentification: injected,
    injectedEventErrorCode: fc.constantFrom(0, 0xffff, 0x1_0000),
    vmEntryInstructionLength: fc.nat(17),
    hostEsSelector: fc.constantFrom(0, 8, 4),
    hostCsSelector: fc.constantFrom(0, 8, 3),
    hostSsSelector: fc.constantFrom(0, 8),
    hostDsSelector: fc.constantFrom(0, 1),
    hostFsSelector: fc.constantFrom(0, 2),
    hostGsSelector: fc.constantFrom(0, 16),
    hostTrSelector: fc.constantFrom(0, 8, 12),
    guestActivityState: fc.oneof(fc.nat(5), fc.constant(0x8000_0001)),
    guestInterruptibilityState: fc.oneof(sparse([0, 1, 2, 3, 4, 5]), fc.constant(0)),
    guestRflags: fc.constantFrom<[number, number][]>([2, 0], [0x202, 0]),
    guestCr0: fc.constantFrom<[number, number][]>([0, 0], [1, 0]),
    guestSsAccessRights: fc.constantFrom(0x93, 0xb3, 0xf3),
  });

  /** Few changes at a time, so that some VMCSs pass and most rules are broken alone too; or many. */
  const changes = fc.oneof(
    anyFields,
    fc
      .tuple(anyFields, fc.nat(50), fc.integer({ min: 1, max: 3 }))
      .map(([fields, from, count]) => Object.fromEntries(Object.entries(fields).slice(from).slice(0, count))),
  );

  const msrLoad = fc.array(
    fc.record({
      index: fc.constantFrom(0x10, 0x7ff, 0x800, 0x8ff, 0x900, 0x9b, 0xc000_0100, 0xc000_0101),
      reserved: fc.constantFrom(0, 0, 0, 1),
      data: fc.constant(0n),
    }),
    { maxLength: 2 },
  );

  const surroundings = fc.record({
    virtualTpr: fc.nat(0xff),
    inSmm: fc.boolean(),
    sgx: fc.boolean(),
    msrLoad,
  });

  it('fails by exactly the rules that the oracle names, and passes if it names none', () => {
    let passed = 0;
    const reached = new Set<string>();
    fc.assert(
      fc.property(capabilities, changes, surroundings, fc.boolean(), (options, changed, rest, keepControls) => {
        const processor = capabilitiesOf(options);
        const vmcs: Vmcs = { ...validVmcs(processor), ...changed };
        for (const word of ['pinBased', 'primary', 'exit', 'entry'] as const) {
          // Arbitrary controls rarely hold the reserved bits that must be 1: give them those half of the time.
          if (keepControls) vmcs[`${word}Controls`] = (vmcs[`${word}Controls`] | processor[word].mustBeOne) >>> 0;
        }
        const context = { capabilities: processor, ...rest };
        const rules = [...new Set(checkVmEntry(vmcs, context).map(({ rule }) => rule))].toSorted();
        expect(rules).toEqual(brokenRules(vmcs, context));
        if (rules.length === 0) passed++;
        for (const rule of rules) reached.add(rule);
      }),
      { numRuns: 4000 },
    );
    // The property means something only if both outcomes, and every rule, occurred.
    expect(passed).toBeGreaterThan(10);
    expect([...reached].toSorted()).toEqual(oracleRules.map(({ rule }) => rule).toSorted());
  });
});
