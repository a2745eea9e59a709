import type { Capabilities } from './capabilities.js';
import { type ControlName, type ControlWordName, controlWords, maskOf, titleOf } from './control-words.js';
import type { U64 } from './virtual-processor.js';

/** Thrown by {@link adjustControls}: the processor lacks controls that the hypervisor can't do without. */
export class MissingControlsError extends Error {
  override readonly name = 'MissingControlsError';
  /** The word that was adjusted. */
  readonly word: ControlWordName;
  /** The controls that were required and are not supported. */
  readonly missing: readonly ControlName[];

  constructor(word: ControlWordName, missing: readonly ControlName[]) {
    const { title } = controlWords[word];
    super(`the processor does not support ${missing.map((control) => `"${titleOf(control)}"`).join(', ')} (${title})`);
    this.word = word;
    this.missing = missing;
  }
}

/** The names of the controls of one word. */
export type ControlIn<Word extends ControlWordName> = Extract<ControlName, `${Word}.${string}`>;

/**
 * Chooses the value of a word of controls as a hypervisor does at set-up (KVM's `adjust_vmx_controls`): what is
 * required, what is optional as far as the processor has it, and what the processor demands.
 *
 * @param word - which word.
 * @param required - controls that must be supported.
 * @param optional - controls to use where supported.
 * @param capabilities - the processor.
 * @returns bits 31:0 and 63:32 of the word (63:32 are 0 for a word of 32 bits).
 * @throws MissingControlsError if a required control is not supported; its message names each.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { adjustControls, capabilitiesOf, MissingControlsError } from 'vmx-apic/arch';
 *
 * const older = capabilitiesOf({ lacking: ['tertiary.ipiVirtualization'] });
 * assert.deepEqual(adjustControls('tertiary', [], ['tertiary.ipiVirtualization'], older), [0, 0]);
 * assert.throws(() => adjustControls('tertiary', ['tertiary.ipiVirtualization'], [], older), MissingControlsError);
 * ```
 */
export function adjustControls<Word extends ControlWordName>(
  word: Word,
  required: readonly ControlIn<Word>[],
  optional: readonly ControlIn<Word>[],
  capabilities: Capabilities,
): U64 {
  const settings = capabilities[word as ControlWordName];
  const mayBeOne = Array.isArray(settings) ? settings[0] : settings.mayBeOne;
  const mustBeOne = Array.isArray(settings) ? 0 : settings.mustBeOne;
  const missing = required.filter((control) => (mayBeOne & maskOf(control)) === 0);
  if (missing.length > 0) throw new MissingControlsError(word, missing);
  let value = mustBeOne;
  for (const control of [...required, ...optional]) value |= maskOf(control) & mayBeOne;
  return [value >>> 0, 0];
}
