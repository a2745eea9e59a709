import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressWidth,
  adjustControls,
  type Capabilities,
  type ControlName,
  capabilitiesFromMsrs,
  capabilitiesOf,
  capabilityMsrNames,
  checkVmxon,
  controlWordNames,
  controlWords,
  FeatureControl,
  isSupported,
  MissingControlsError,
  Primary,
  readCapabilityMsr,
  Secondary,
  Tertiary,
  writeFeatureControl,
} from '../../src/arch/index.js';
import { specVmcs } from './spec-data.js';

const allControls = controlWordNames.flatMap((word) =>
  Object.keys(controlWords[word].bits).map((name) => `${word}.${name}` as ControlName),
);

/** Lacking one of these means that it can't be 0. */
const default1: ControlName[] = [
  'primary.cr3LoadExiting',
  'primary.cr3StoreExiting',
  'exit.saveDebugControls',
  'entry.loadDebugControls',
];

const capabilityOptions = fc.record({
  lacking: fc.subarray(allControls),
  trueControls: fc.nat(1),
  physicalAddressWidth: fc.integer({ min: 32, max: 52 }),
  addresses32Bit: fc.nat(1),
  anyErrorCode: fc.nat(1),
  nestedException: fc.nat(1),
  activityStates: fc.nat(7),
  vmwriteReadOnly: fc.nat(1),
  zeroLengthInjection: fc.nat(1),
});

describe('the capability MSRs', () => {
  it('are those of the sources', () => {
    const stated = specVmcs.capabilityMsrs.map(({ msr, name }) => [String(Number(msr)), name]);
    expect(capabilityMsrNames).toEqual(Object.fromEntries(stated));
  });

  const processor = capabilitiesOf({ lacking: ['secondary.enableEpt'] });

  it('give allowed 0-settings in the low half and allowed 1-settings in the high half', () => {
    // Bits 1, 2 and 4 of the pin-based controls are the default1 class: reserved, and 1.
    expect(readCapabilityMsr(processor, 0x481)).toBe(0x0000_00ff_0000_0016n);
    expect(readCapabilityMsr(processor, 0x48b)).toBe(BigInt(0xdfff_fffd) << 32n);
  });

  it('without TRUE demand 1 for the whole default1 class, with TRUE only for its reserved bits', () => {
    const cr3 = BigInt(Primary.cr3LoadExiting | Primary.cr3StoreExiting);
    expect((readCapabilityMsr(processor, 0x482) as bigint) & 0xffff_ffffn).toBe(0x0401_e172n);
    expect((readCapabilityMsr(processor, 0x48e) as bigint) & 0xffff_ffffn).toBe(0x0401_e172n & ~cr3);
    const older = capabilitiesOf({ trueControls: 0 });
    expect(readCapabilityMsr(older, 0x48e)).toBeNull();
    expect((readCapabilityMsr(older, 0x480) as bigint) >> 55n).toBe(2n); // only bit 56
  });

  it('give 64 allowed 1-settings for the tertiary controls', () => {
    expect(readCapabilityMsr(processor, 0x492)).toBe(0x13ffn);
  });

  it('exist only if the control that activates their word does', () => {
    const none = capabilitiesOf({
      lacking: [
        'primary.activateTertiaryControls',
        'primary.activateSecondaryControls',
        'exit.activateSecondaryControls',
      ],
    });
    expect([0x48b, 0x491, 0x492, 0x493].map((msr) => readCapabilityMsr(none, msr))).toEqual([null, null, null, null]);
    expect(none.tertiary).toEqual([0, 0]);
    expect(none.vmFunction).toEqual([0, 0]);
    expect(none.secondary.mayBeOne).toBe(0);
  });

  it('give the highest index of any field in IA32_VMX_VMCS_ENUM', () => {
    expect(readCapabilityMsr(processor, 0x48a)).toBe(BigInt(41 << 1)); // injected-event data, 2052H
    expect(readCapabilityMsr(capabilitiesOf({ lacking: ['entry.loadFred'] }), 0x48a)).toBe(BigInt(41 << 1));
    const withoutFred: ControlName[] = ['secondaryExit.saveFred', 'secondaryExit.loadFred', 'entry.loadFred'];
    const older = capabilitiesOf({ lacking: [...withoutFred, 'tertiary.apicTimerVirtualization'] });
    expect(readCapabilityMsr(older, 0x48a)).toBe(BigInt(38 << 1)); // IA32_SPEC_CTRL shadow, 204CH
  });

  it('are not modelled, or do not exist, elsewhere', () => {
    for (const msr of [0x47f, 0x486, 0x487, 0x488, 0x489, 0x48c, 0x494, 0]) {
      expect(readCapabilityMsr(processor, msr)).toBeNull();
    }
  });

  it('say all there is to know: the capabilities read back from them are equal', () => {
    fc.assert(
      fc.property(capabilityOptions, (options) => {
        const capabilities = capabilitiesOf(options);
        const read = (msr: number) => {
          const value = readCapabilityMsr(capabilities, msr);
          if (value === null) throw new Error(`read of MSR ${msr.toString(16)}H, which does not exist`);
          return value;
        };
        expect(capabilitiesFromMsrs(read, capabilities.physicalAddressWidth)).toEqual(capabilities);
      }),
    );
  });
});

describe('capabilitiesOf', () => {
  it('has every control but those that are lacking and those of words that are not activated', () => {
    fc.assert(
      fc.property(capabilityOptions, (options) => {
        const capabilities = capabilitiesOf(options);
        const active = (control: ControlName): boolean => {
          if (options.lacking.includes(control) && !default1.includes(control)) return false;
          const { activatedBy } = controlWords[control.split('.')[0] as keyof typeof controlWords];
          return activatedBy === null || active(activatedBy);
        };
        for (const control of allControls) expect(isSupported(capabilities, control)).toBe(active(control));
      }),
    );
  });

  it('makes a lacking control of the default1 class a reserved bit that is 1', () => {
    const { primary } = capabilitiesOf({ lacking: ['primary.cr3LoadExiting'] });
    expect(primary.mustBeOne & Primary.cr3LoadExiting).toBe(Primary.cr3LoadExiting);
    expect(primary.mustBeOne & Primary.cr3StoreExiting).toBe(0);
    expect(primary.mayBeOne & Primary.cr3LoadExiting).toBe(Primary.cr3LoadExiting);
  });

  it('never demands what it does not allow', () => {
    fc.assert(
      fc.property(capabilityOptions, (options) => {
        const capabilities = capabilitiesOf(options);
        for (const word of ['pinBased', 'primary', 'secondary', 'exit', 'entry'] as const) {
          const { mustBeOne, mayBeOne } = capabilities[word];
          expect(mustBeOne & ~mayBeOne).toBe(0);
        }
      }),
    );
  });

  it('limits addresses to 32 bits only if the processor says so', () => {
    expect(addressWidth(capabilitiesOf())).toBe(46);
    expect(addressWidth(capabilitiesOf({ physicalAddressWidth: 52 }))).toBe(52);
    expect(addressWidth(capabilitiesOf({ addresses32Bit: 1 }))).toBe(32);
  });

  it('has the settings of a current processor by default', () => {
    expect(capabilitiesOf()).toMatchObject({
      trueControls: 1,
      addresses32Bit: 0,
      anyErrorCode: 1,
      nestedException: 0,
      activityStates: 7,
      vmwriteReadOnly: 1,
      zeroLengthInjection: 1,
      msrListLimit: 0,
      physicalAddressWidth: 46,
    });
  });

  it('is plain data', () => {
    const capabilities: Capabilities = capabilitiesOf();
    expect(JSON.parse(JSON.stringify(capabilities))).toEqual(capabilities);
  });
});

describe('adjustControls', () => {
  it('takes what is required, what is optional and there, and what the processor demands', () => {
    const older = capabilitiesOf({ lacking: ['secondary.virtualInterruptDelivery'] });
    expect(
      adjustControls(
        'secondary',
        ['secondary.enableEpt'],
        ['secondary.virtualInterruptDelivery', 'secondary.enableVpid'],
        older,
      ),
    ).toEqual([Secondary.enableEpt | Secondary.enableVpid, 0]);
    expect(adjustControls('pinBased', ['pinBased.externalInterruptExiting'], [], older)).toEqual([0x17, 0]);
    expect(adjustControls('tertiary', ['tertiary.ipiVirtualization'], [], older)).toEqual([
      Tertiary.ipiVirtualization,
      0,
    ]);
  });

  it('gives an unsigned word even with bit 31', () => {
    const [low] = adjustControls('primary', ['primary.activateSecondaryControls'], [], capabilitiesOf());
    expect(low).toBe((0x8000_0000 | 0x0400_6172) >>> 0);
  });

  it('names every missing feature', () => {
    const older = capabilitiesOf({ lacking: ['secondary.virtualInterruptDelivery', 'secondary.enablePml'] });
    const attempt = () =>
      adjustControls(
        'secondary',
        ['secondary.enableEpt', 'secondary.virtualInterruptDelivery', 'secondary.enablePml'],
        [],
        older,
      );
    expect(attempt).toThrow(MissingControlsError);
    expect(attempt).toThrow(
      'the processor does not support "Virtual-interrupt delivery", "Enable PML" (Secondary processor-based VM-execution controls)',
    );
    try {
      attempt();
    } catch (error) {
      expect((error as MissingControlsError).missing).toEqual([
        'secondary.virtualInterruptDelivery',
        'secondary.enablePml',
      ]);
      expect((error as MissingControlsError).word).toBe('secondary');
      expect((error as MissingControlsError).name).toBe('MissingControlsError');
    }
  });
});

describe('IA32_FEATURE_CONTROL', () => {
  const { lock, vmxInsideSmx, vmxOutsideSmx } = FeatureControl;

  it('lets VMXON through only when locked and enabled for where it is executed', () => {
    for (let featureControl = 0; featureControl < 8; featureControl++) {
      const outside = (featureControl & 5) === 5;
      const inside = (featureControl & 3) === 3;
      expect(checkVmxon({ featureControl }, false).kind).toBe(outside ? 'completed' : 'fault');
      expect(checkVmxon({ featureControl }, true).kind).toBe(inside ? 'completed' : 'fault');
    }
  });

  it('can be written until it is locked', () => {
    const processor = { featureControl: 0 };
    expect(writeFeatureControl(processor, BigInt(vmxInsideSmx))).toEqual({ kind: 'completed' });
    expect(processor.featureControl).toBe(vmxInsideSmx);
    writeFeatureControl(processor, BigInt(lock | vmxOutsideSmx));
    expect(writeFeatureControl(processor, 0n)).toEqual({ kind: 'fault', vector: 13, errorCode: 0 });
    expect(processor.featureControl).toBe(lock | vmxOutsideSmx);
  });

  it('has reserved bits, which fault and change nothing', () => {
    const bits = Array.from({ length: 64 }, (_, bit) => bit);
    const writable = bits.filter(
      (bit) => writeFeatureControl({ featureControl: 0 }, 1n << BigInt(bit)).kind === 'completed',
    );
    expect(writable).toEqual([0, 1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 20]);
    const processor = { featureControl: vmxOutsideSmx };
    writeFeatureControl(processor, 0x9n);
    expect(processor.featureControl).toBe(vmxOutsideSmx);
  });
});
