import { type ControlWord, controlWords, decodeControls, maskOf, titleOf, wordOf } from './control-words.js';
import type { VmcsFieldKind } from './vmcs/field.js';
import { getVmcsField, type Vmcs } from './vmcs.js';
import { type VmcsField, vmcsFields } from './vmcs-fields.js';

const sections: readonly (readonly [VmcsFieldKind, string])[] = [
  ['control', 'Control fields'],
  ['guest', 'Guest-state area'],
  ['host', 'Host-state area'],
  ['exit-information', 'VM-exit information'],
];

const wordOfField: ReadonlyMap<string, ControlWord> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ Object.values(controlWords).map((word) => [word.field as string, word]),
);

/**
 * A VMCS as text for people: every word of controls with the names of its bits (the tertiary controls too), and every other
 * field that is not 0.
 *
 * @returns lines ending in a newline, in sections as in SDM vol. 3C, "Organization of VMCS Data".
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createVmcs, dumpVmcs, Primary, Tertiary } from 'vmx-apic/arch';
 *
 * const vmcs = createVmcs();
 * vmcs.primaryControls = Primary.activateTertiaryControls;
 * vmcs.tertiaryControls = [Tertiary.ipiVirtualization, 0];
 * assert.match(dumpVmcs(vmcs), /Tertiary processor-based VM-execution controls +0x0000000000000010 {2}IPI virtualization/);
 * ```
 */
export function dumpVmcs(vmcs: Vmcs): string {
  const lines: string[] = [];
  for (const [kind, title] of sections) {
    lines.push(`${title}:`);
    for (const field of vmcsFields) if (field.kind === kind) lines.push(...lineOf(vmcs, field));
  }
  return `${lines.join('\n')}\n`;
}

function lineOf(vmcs: Vmcs, field: VmcsField): string[] {
  const value = getVmcsField(vmcs, field.id);
  const word = wordOfField.get(field.id);
  if (word === undefined && value === 0n) return [];
  const digits = field.width === 'natural' ? 16 : field.width / 4;
  const text = `  ${field.name.padEnd(56)} 0x${value.toString(16).padStart(digits, '0')}`;
  return [word === undefined ? text : `${text}  ${describe(vmcs, word)}`.trimEnd()];
}

function describe(vmcs: Vmcs, word: ControlWord): string {
  const { controls, reserved } = decodeControls(word.name, getVmcsField(vmcs, word.field));
  const names = controls.map(titleOf);
  if (reserved !== 0n) names.push(`reserved 0x${reserved.toString(16)}`);
  if (!isActive(vmcs, word)) names.push('(not activated)');
  return names.join(', ');
}

function isActive(vmcs: Vmcs, word: ControlWord): boolean {
  if (word.activatedBy === null) return true;
  const parent = wordOf(word.activatedBy);
  const low = Number(BigInt.asUintN(32, getVmcsField(vmcs, parent.field)));
  return (low & maskOf(word.activatedBy)) !== 0 && isActive(vmcs, parent);
}
