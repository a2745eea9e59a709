import { type Capabilities, isSupported } from './capabilities.js';
import { getVmcsField, setVmcsField, type Vmcs } from './vmcs.js';
import { type VmcsField, vmcsFieldAt } from './vmcs-fields.js';

/** VM-instruction error numbers that this library reports. SDM vol. 3C, table "VM-Instruction Error Numbers". */
export const VmInstructionError = {
  /** VM entry with invalid control field(s). */
  EntryInvalidControl: 7,
  /** VM entry with invalid host-state field(s). */
  EntryInvalidHostState: 8,
  /** VMREAD or VMWRITE from or to an unsupported VMCS component. */
  UnsupportedComponent: 12,
  /** VMWRITE to a read-only VMCS component. */
  ReadOnlyComponent: 13,
} as const;

/** A VM-instruction error number: one of {@link VmInstructionError}. */
export type VmInstructionError = (typeof VmInstructionError)[keyof typeof VmInstructionError];

/** VMsucceed: all status flags are cleared. `value` is what VMREAD read, 0 for other instructions. */
export interface VmSucceed {
  readonly kind: 'vm-succeed';
  readonly value: bigint;
}

/** VMfailInvalid: CF is set; there is no current VMCS. */
export interface VmFailInvalid {
  readonly kind: 'vm-fail-invalid';
}

/** VMfailValid: ZF is set and the VM-instruction error field of the current VMCS holds `error`. */
export interface VmFailValid {
  readonly kind: 'vm-fail-valid';
  readonly error: VmInstructionError;
}

/** What a VMX instruction came to. SDM vol. 3C, "VMX Instruction Reference", "Conventions". */
export type VmxInstructionOutcome = VmSucceed | VmFailInvalid | VmFailValid;

/** Outside 64-bit mode operands have 32 bits. */
export interface OperandMode {
  readonly mode64: boolean;
}

const inMode64: OperandMode = { mode64: true };
const vmFailInvalid: VmFailInvalid = { kind: 'vm-fail-invalid' };

function vmFailValid(vmcs: Vmcs, error: VmInstructionError): VmFailValid {
  vmcs.vmInstructionError = error;
  return { kind: 'vm-fail-valid', error };
}

/** True if a processor with these capabilities has the field. SDM vol. 3D, appendix B. */
export function hasVmcsField(capabilities: Capabilities, field: VmcsField): boolean {
  return field.existsIf.length === 0 || field.existsIf.some((control) => isSupported(capabilities, control));
}

function supportedField(capabilities: Capabilities, encoding: bigint): VmcsField | null {
  const field = vmcsFieldAt(Number(encoding));
  return field !== null && hasVmcsField(capabilities, field) ? field : null;
}

function isHigh(encoding: bigint): boolean {
  return (encoding & 1n) === 1n;
}

/**
 * VMREAD. SDM vol. 3C, "VMREAD-Read Field from Virtual-Machine Control Structure".
 *
 * @param vmcs - the current VMCS, null if there is none. On VMfailValid its VM-instruction error field is set.
 * @param encoding - the register source operand: 64 bits, of which only 31:0 count outside 64-bit mode.
 * @param capabilities - the processor, which decides what fields exist.
 * @param mode - default: 64-bit mode. Outside it a full access reads bits 31:0 only.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { capabilitiesOf, createVmcs, vmread, vmwrite } from 'vmx-apic/arch';
 *
 * const vmcs = createVmcs();
 * const processor = capabilitiesOf();
 * vmwrite(vmcs, 0x2042n, 0x1_0000_3000n, processor); // PID-pointer table address
 * assert.deepEqual(vmread(vmcs, 0x2043n, processor), { kind: 'vm-succeed', value: 1n }); // its high half
 *
 * const older = capabilitiesOf({ lacking: ['tertiary.ipiVirtualization'] });
 * assert.deepEqual(vmread(vmcs, 0x2042n, older), { kind: 'vm-fail-valid', error: 12 });
 * ```
 */
export function vmread(
  vmcs: Vmcs | null,
  encoding: bigint,
  capabilities: Capabilities,
  mode: OperandMode = inMode64,
): VmxInstructionOutcome {
  if (vmcs === null) return vmFailInvalid;
  const source = mode.mode64 ? encoding : BigInt.asUintN(32, encoding);
  const field = supportedField(capabilities, source);
  if (field === null) return vmFailValid(vmcs, VmInstructionError.UnsupportedComponent);
  const value = getVmcsField(vmcs, field.id) >> (isHigh(source) ? 32n : 0n);
  return { kind: 'vm-succeed', value: mode.mode64 ? value : BigInt.asUintN(32, value) };
}

/**
 * VMWRITE. SDM vol. 3C, "VMWRITE-Write Field to Virtual-Machine Control Structure". Nothing is checked about the value: that
 * is left to VM entry.
 *
 * @param vmcs - the current VMCS, null if there is none. On VMfailValid its VM-instruction error field is set.
 * @param encoding - the secondary source operand, see {@link vmread}.
 * @param value - the primary source operand. Bits that the field lacks are ignored; outside 64-bit mode a full access to
 *   a field of more than 32 bits clears bits 63:32.
 * @param capabilities - the processor: which fields exist, and whether read-only ones can be written.
 * @param mode - default: 64-bit mode.
 */
export function vmwrite(
  vmcs: Vmcs | null,
  encoding: bigint,
  value: bigint,
  capabilities: Capabilities,
  mode: OperandMode = inMode64,
): VmxInstructionOutcome {
  if (vmcs === null) return vmFailInvalid;
  const destination = mode.mode64 ? encoding : BigInt.asUintN(32, encoding);
  const field = supportedField(capabilities, destination);
  if (field === null) return vmFailValid(vmcs, VmInstructionError.UnsupportedComponent);
  if (field.kind === 'exit-information' && capabilities.vmwriteReadOnly === 0) {
    return vmFailValid(vmcs, VmInstructionError.ReadOnlyComponent);
  }
  const operand = BigInt.asUintN(mode.mode64 ? 64 : 32, value);
  if (isHigh(destination)) {
    const low = BigInt.asUintN(32, getVmcsField(vmcs, field.id));
    setVmcsField(vmcs, field.id, (BigInt.asUintN(32, operand) << 32n) | low);
  } else {
    setVmcsField(vmcs, field.id, operand);
  }
  return { kind: 'vm-succeed', value: 0n };
}
