import type { Capabilities } from '../capabilities.js';
import { type ControlWordName, controlWords, maskOf, wordOf } from '../control-words.js';
import { mark } from '../mark.js';
import type { Vmcs } from '../vmcs.js';
import type { Report } from './failure.js';

/** The low and the high 32 bits of the field that holds `word`. */
function bitsOf(vmcs: Vmcs, word: ControlWordName): readonly [number, number] {
  const value = vmcs[controlWords[word].field];
  return typeof value === 'number' ? [value, 0] : value;
}

/** Whether a word counts at all: the words that activate it are activated, and the control is 1. */
function isActive(vmcs: Vmcs, word: ControlWordName): boolean {
  const { activatedBy } = controlWords[word];
  if (activatedBy === null) return true;
  const parent = wordOf(activatedBy).name;
  return (bitsOf(vmcs, parent)[0] & maskOf(activatedBy)) !== 0 && isActive(vmcs, parent);
}

function isAllowed(vmcs: Vmcs, word: ControlWordName, capabilities: Capabilities): boolean {
  const settings = capabilities[word];
  const [low, high] = bitsOf(vmcs, word);
  if (Array.isArray(settings)) return (low & ~settings[0]) === 0 && (high & ~settings[1]) === 0;
  return (low & ~settings.mayBeOne) === 0 && (~low & settings.mustBeOne) === 0;
}

/**
 * VM-entry checks of some words of controls against the allowed settings that the capability MSRs report; the TRUE MSRs rule
 * where they exist. A word that is not activated is not checked. SDM vol. 3C, 29.2.1, "Checks on VMX Controls".
 */
export function checkAllowedSettings(
  vmcs: Vmcs,
  capabilities: Capabilities,
  words: readonly ControlWordName[],
  report: Report,
): void {
  for (const word of words) {
    if (!isActive(vmcs, word)) {
      mark('allowed settings not activated');
      continue;
    }
    if (isAllowed(vmcs, word, capabilities)) continue;
    mark('allowed settings');
    const { title, field } = controlWords[word];
    report('allowed settings', [field], `${title}: a setting is not among those that the capability MSRs allow`);
  }
}
