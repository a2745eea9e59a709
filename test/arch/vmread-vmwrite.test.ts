import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  capabilitiesOf,
  createVmcs,
  hasVmcsField,
  type Vmcs,
  type VmcsField,
  VmInstructionError,
  vmcsField,
  vmcsFieldAt,
  vmcsFields,
  vmread,
  vmwrite,
} from '../../src/arch/index.js';

const processor = capabilitiesOf();
const mode32 = { mode64: false };
const unsupported = { kind: 'vm-fail-valid', error: VmInstructionError.UnsupportedComponent };

function read(vmcs: Vmcs, encoding: number): bigint {
  const outcome = vmread(vmcs, BigInt(encoding), processor);
  if (outcome.kind !== 'vm-succeed') throw new Error(outcome.kind);
  return outcome.value;
}

describe('VMREAD and VMWRITE', () => {
  it('fail without a current VMCS', () => {
    expect(vmread(null, 0x4000n, processor)).toEqual({ kind: 'vm-fail-invalid' });
    expect(vmwrite(null, 0x4000n, 0n, processor)).toEqual({ kind: 'vm-fail-invalid' });
  });

  it('write and read a field by its encoding', () => {
    const vmcs = createVmcs();
    expect(vmwrite(vmcs, 0x0002n, 0xf2n, processor)).toEqual({ kind: 'vm-succeed', value: 0n });
    expect(vmcs.postedInterruptNotificationVector).toBe(0xf2);
    expect(read(vmcs, 0x0002)).toBe(0xf2n);
  });

  it('read and write bits 63:32 of a 64-bit field by the high access', () => {
    const vmcs = createVmcs();
    vmwrite(vmcs, 0x2034n, 0x1234_5678_9abc_def0n, processor);
    expect(vmcs.tertiaryControls).toEqual([0x9abc_def0, 0x1234_5678]);
    expect(read(vmcs, 0x2035)).toBe(0x1234_5678n);
    vmwrite(vmcs, 0x2035n, 0xffff_ffff_0000_0001n, processor); // only bits 31:0 of the operand count
    expect(read(vmcs, 0x2034)).toBe(0x0000_0001_9abc_def0n);
  });

  it('drop bits that the field lacks', () => {
    const vmcs = createVmcs();
    vmwrite(vmcs, 0x0002n, 0x1_00f2n, processor);
    expect(read(vmcs, 0x0002)).toBe(0xf2n);
    vmwrite(vmcs, 0x401cn, 0x5_0000_0003n, processor);
    expect(read(vmcs, 0x401c)).toBe(3n);
  });

  it('handle 32 bits outside 64-bit mode, where a full write clears bits 63:32', () => {
    const vmcs = createVmcs();
    vmwrite(vmcs, 0x2012n, 0xa_0000_1000n, processor);
    expect(vmread(vmcs, 0x2012n, processor, mode32)).toEqual({ kind: 'vm-succeed', value: 0x1000n });
    expect(vmread(vmcs, 0x2013n, processor, mode32)).toEqual({ kind: 'vm-succeed', value: 0xan });
    vmwrite(vmcs, 0x2012n, 0xffff_ffff_0000_2000n, processor, mode32);
    expect(read(vmcs, 0x2012)).toBe(0x2000n);
    vmwrite(vmcs, 0x2013n, 0x7n, processor, mode32);
    expect(read(vmcs, 0x2012)).toBe(0x7_0000_2000n);
    // The upper half of the register that holds the encoding does not exist either.
    expect(vmread(vmcs, 0x1_0000_2012n, processor, mode32).kind).toBe('vm-succeed');
    vmwrite(vmcs, 0x1_0000_2012n, 1n, processor, mode32);
    expect(read(vmcs, 0x2012)).toBe(1n);
  });

  it('fail with error 12 on an encoding that names no field, and say so in the VM-instruction error field', () => {
    for (const encoding of [0x000cn, 0x0801n, 0x1000n, 0x8000n, 0x1_0000_4000n, 2n ** 63n]) {
      const vmcs = createVmcs();
      expect(vmread(vmcs, encoding, processor)).toEqual(unsupported);
      expect(vmcs).toEqual({ ...createVmcs(), vmInstructionError: 12 });
      vmcs.vmInstructionError = 0;
      expect(vmwrite(vmcs, encoding, 1n, processor)).toEqual(unsupported);
      expect(vmcs).toEqual({ ...createVmcs(), vmInstructionError: 12 });
    }
  });

  it('fail with error 12 on a field that goes with a control which the processor lacks', () => {
    const older = capabilitiesOf({ lacking: ['tertiary.ipiVirtualization', 'exit.clearUinv'] });
    const vmcs = createVmcs();
    expect(vmwrite(vmcs, 0x0008n, 1n, older)).toEqual(unsupported); // last PID-pointer index
    expect(vmread(vmcs, 0x2043n, older)).toEqual(unsupported); // PID-pointer table address, high
    expect(vmread(vmcs, 0x2034n, older).kind).toBe('vm-succeed'); // the tertiary controls themselves
    expect(vmread(vmcs, 0x0814n, older).kind).toBe('vm-succeed'); // guest UINV: "load UINV" suffices
    const neither = capabilitiesOf({ lacking: ['exit.clearUinv', 'entry.loadUinv'] });
    expect(vmread(vmcs, 0x0814n, neither)).toEqual(unsupported);
  });

  it('write read-only fields only if the processor allows it, else fail with error 13', () => {
    const vmcs = createVmcs();
    expect(vmwrite(vmcs, 0x6400n, 0x300n, processor).kind).toBe('vm-succeed');
    const older = capabilitiesOf({ vmwriteReadOnly: 0 });
    expect(vmwrite(vmcs, 0x6400n, 0n, older)).toEqual({ kind: 'vm-fail-valid', error: 13 });
    expect(vmcs.exitQualification).toEqual([0x300, 0]);
    expect(vmcs.vmInstructionError).toBe(13);
    expect(vmread(vmcs, 0x6400n, older)).toEqual({ kind: 'vm-succeed', value: 0x300n });
    expect(vmwrite(vmcs, 0x401cn, 3n, older).kind).toBe('vm-succeed'); // any other field can be written
    // The component is looked for first.
    const both = capabilitiesOf({ vmwriteReadOnly: 0, lacking: ['tertiary.enableMsrListInstructions'] });
    expect(vmwrite(vmcs, 0x2402n, 0n, both)).toEqual(unsupported);
  });

  it('read back what was written, and touch no other field', () => {
    const bits = { 16: 16, 32: 32, 64: 64, natural: 64 } as const;
    fc.assert(
      fc.property(fc.constantFrom(...vmcsFields), fc.bigInt(0n, 2n ** 64n - 1n), (field, value) => {
        const vmcs = createVmcs();
        vmwrite(vmcs, BigInt(field.encoding), value, processor);
        expect(read(vmcs, field.encoding)).toBe(BigInt.asUintN(bits[field.width], value));
        for (const other of vmcsFields) if (other !== field) expect(read(vmcs, other.encoding)).toBe(0n);
      }),
    );
  });

  it('agree with the table on any encoding at all', () => {
    const older = capabilitiesOf({
      lacking: ['primary.activateTertiaryControls', 'secondary.virtualInterruptDelivery'],
    });
    fc.assert(
      fc.property(fc.oneof(fc.nat(0x7fff), fc.constantFrom(...vmcsFields.map((f) => f.encoding))), (encoding) => {
        const field = vmcsFieldAt(encoding);
        const exists = field !== null && hasVmcsField(older, field);
        expect(vmread(createVmcs(), BigInt(encoding), older).kind).toBe(exists ? 'vm-succeed' : 'vm-fail-valid');
      }),
    );
  });
});

describe('hasVmcsField', () => {
  it('is true for a field without condition on any processor', () => {
    const field: VmcsField = vmcsField('guestRip');
    expect(hasVmcsField(capabilitiesOf({ lacking: ['primary.useTprShadow'] }), field)).toBe(true);
  });
});
