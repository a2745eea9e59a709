import { type Processor, profileOfProcessor } from './processor.js';
import { broadwell } from './processors/broadwell.js';
import { cascadeLake } from './processors/cascade-lake.js';
import { emeraldRapids } from './processors/emerald-rapids.js';
import { epyc } from './processors/epyc.js';
import { epycMilan } from './processors/epyc-milan.js';
import { epycRome } from './processors/epyc-rome.js';
import { graniteRapids } from './processors/granite-rapids.js';
import { haswell } from './processors/haswell.js';
import { iceLakeSp } from './processors/ice-lake-sp.js';
import { ivyBridge } from './processors/ivy-bridge.js';
import { sandyBridge } from './processors/sandy-bridge.js';
import { sapphireRapids } from './processors/sapphire-rapids.js';
import { skylakeSp } from './processors/skylake-sp.js';
import type { Profile } from './profile.js';

/** The processors that there are numbers for. To add one: a file of numbers with their sources, and a line here. */
export const processors: readonly Processor[] = [
  sandyBridge,
  ivyBridge,
  haswell,
  broadwell,
  skylakeSp,
  cascadeLake,
  iceLakeSp,
  sapphireRapids,
  emeraldRapids,
  graniteRapids,
  epycRome,
  epycMilan,
  epyc,
];

/** The profiles of the library by name. */
export const profiles: Readonly<Record<string, Profile>> = Object.fromEntries(
  processors.map((processor) => [processor.name, profileOfProcessor(processor)]),
);
