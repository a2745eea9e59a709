import { describe, expect, it } from 'vitest';
import {
  apicFieldsWithoutEnlightenedField,
  capabilitiesOf,
  controlsWithoutEnlightenedField,
  controlWordNames,
  createVmcs,
  enlightenedVmcsViolations,
  filterForEnlightenedVmcs,
  hasVmcsField,
  isSupported,
  maskOf,
  PinBased,
  Primary,
  Secondary,
  Tertiary,
  vmcsField,
  wordOf,
} from '../../src/arch/index.js';

/** What Linux lets version 1 of the enlightened VMCS have (`EVMCS1_SUPPORTED_*` less the always-on bits), as masks. */
const supportedInLinux = {
  pinBased: 0x29,
  primary: 0xfbf9_9e8c,
  secondary: 0xc71998fe,
  tertiary: 0,
  exit: 0x03bc_9204,
  secondaryExit: 0,
  entry: 0x0007_e204,
  vmFunction: 0,
};

describe('the enlightened VMCS, version 1', () => {
  it('has the controls that Linux lists for it, no more and no fewer', () => {
    const lacking = new Set<string>(controlsWithoutEnlightenedField);
    for (const word of controlWordNames) {
      let left = 0;
      for (const [name, mask] of Object.entries(wordOf(`${word}.x` as never).bits)) {
        if (!lacking.has(`${word}.${name}`)) left = (left | mask) >>> 0;
      }
      expect([word, left.toString(16)]).toEqual([word, supportedInLinux[word].toString(16)]);
    }
  });

  it('takes every tertiary control from what a hypervisor may use, and IPI virtualization with them', () => {
    const processor = capabilitiesOf();
    const filtered = filterForEnlightenedVmcs(processor);
    expect(filtered.tertiary).toEqual([0, 0]);
    expect(isSupported(filtered, 'primary.activateTertiaryControls')).toBe(false);
    for (const control of controlsWithoutEnlightenedField) expect(isSupported(filtered, control)).toBe(false);
    expect(isSupported(filtered, 'primary.useTprShadow')).toBe(true);
    expect(isSupported(filtered, 'exit.acknowledgeInterruptOnExit')).toBe(true);
    expect(processor).toEqual(capabilitiesOf());
  });

  it('lacks the fields of the controls it lacks', () => {
    const filtered = filterForEnlightenedVmcs(capabilitiesOf());
    for (const id of apicFieldsWithoutEnlightenedField) expect(hasVmcsField(filtered, vmcsField(id))).toBe(false);
    expect(hasVmcsField(filtered, vmcsField('virtualApicAddress'))).toBe(true);
    expect(hasVmcsField(filtered, vmcsField('tprThreshold'))).toBe(true);
  });

  it('reports controls in a VMCS that it has no place for', () => {
    const vmcs = createVmcs();
    vmcs.pinBasedControls = PinBased.externalInterruptExiting;
    vmcs.primaryControls = (Primary.useTprShadow | Primary.activateSecondaryControls) >>> 0;
    vmcs.secondaryControls = Secondary.virtualizeX2apicMode;
    expect(enlightenedVmcsViolations(vmcs)).toEqual([]);
    vmcs.pinBasedControls |= PinBased.processPostedInterrupts;
    vmcs.secondaryControls |= Secondary.virtualInterruptDelivery;
    vmcs.tertiaryControls = [Tertiary.ipiVirtualization, 0];
    expect(enlightenedVmcsViolations(vmcs)).toEqual([
      'pinBased.processPostedInterrupts',
      'secondary.virtualInterruptDelivery',
      'tertiary.ipiVirtualization',
    ]);
  });

  it('lists each control once', () => {
    expect(new Set(controlsWithoutEnlightenedField).size).toBe(controlsWithoutEnlightenedField.length);
    for (const control of controlsWithoutEnlightenedField) expect(maskOf(control)).toBeGreaterThan(0);
  });
});
