import { type Processor, profileOfProcessor } from './processor.js';
import { cascadeLake } from './processors/cascade-lake.js';
import { epyc } from './processors/epyc.js';
import { haswell } from './processors/haswell.js';
import { iceLakeSp } from './processors/ice-lake-sp.js';
import { sapphireRapids } from './processors/sapphire-rapids.js';
import { skylakeSp } from './processors/skylake-sp.js';
import type { Profile } from './profile.js';

/** The processors that there are numbers for. To add one: a file of numbers with their sources, and a line here. */
export const processors: readonly Processor[] = [haswell, skylakeSp, cascadeLake, iceLakeSp, sapphireRapids, epyc];

/** The profiles of the library by name. */
export const profiles: Readonly<Record<string, Profile>> = Object.fromEntries(
  processors.map((processor) => [processor.name, profileOfProcessor(processor)]),
);
