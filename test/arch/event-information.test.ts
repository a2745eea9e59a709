import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ActivityState,
  decodeEventInformation,
  EventType,
  encodeEventInformation,
  Interruptibility,
} from '../../src/arch/index.js';
import { specVmcs } from './spec-data.js';

describe('the identification of an event', () => {
  it('has the types of the sources', () => {
    expect(Object.values(EventType)).toEqual(Object.keys(specVmcs.eventInfoFormat.types).map(Number));
  });

  it('comes apart: a page fault with error code', () => {
    expect(decodeEventInformation(0x8000_0b0e)).toEqual({
      vector: 14,
      type: EventType.HardwareException,
      errorCode: true,
      nmiUnblocking: false,
      nestedException: false,
      valid: true,
    });
  });

  it('comes together again, less the bits that mean nothing', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (value) => {
        expect(encodeEventInformation(decodeEventInformation(value))).toBe((value & 0x8000_3fff) >>> 0);
      }),
    );
  });
});

describe('guest non-register state', () => {
  it('has the activity states and the interruptibility bits of the sources', () => {
    expect(Object.values(ActivityState)).toEqual(Object.keys(specVmcs.activityState.values).map(Number));
    const bits = Object.keys(specVmcs.interruptibilityState.bits).map((bit) => 1 << Number(bit));
    expect(Object.values(Interruptibility)).toEqual(bits);
  });
});
