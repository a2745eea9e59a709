import { haltPollPreset } from './halt-poll.js';
import { ipiBenchPreset } from './ipi-bench.js';
import { ipiInKvmGuestPreset } from './ipi-in-kvm-guest.js';
import { ipiVirtualizationPreset } from './ipi-virtualization.js';
import type { ScenarioInput } from './schema.js';

/** The scenarios of the library by name. To add one: a file with a scenario, and a line here. */
export const presets = {
  'ipi-virtualization': ipiVirtualizationPreset as ScenarioInput,
  'ipi-in-kvm-guest': ipiInKvmGuestPreset as ScenarioInput,
  'ipi-bench': ipiBenchPreset as ScenarioInput,
  'halt-poll': haltPollPreset as ScenarioInput,
};
