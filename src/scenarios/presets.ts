import { ipiVirtualizationPreset } from './ipi-virtualization.js';
import type { ScenarioInput } from './schema.js';

/** The scenarios of the library by name. To add one: a file with a scenario, and a line here. */
export const presets = {
  'ipi-virtualization': ipiVirtualizationPreset as ScenarioInput,
};
